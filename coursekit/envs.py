"""Los juegos por su nombre, y sus ambientes: uno para mirar (`make_env`) y varios para entrenar (`make_vec_env`)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from coursekit.runs import find_name
from coursekit.training.recipe import FRAME_SKIP, FRAME_STACK

if TYPE_CHECKING:
    import gymnasium
    from stable_baselines3.common.vec_env import VecEnv

BACKENDS = ("ale", "sb3")
STANDARD = "NoFrameskip-v4"  # cada paso es un cuadro, sin acciones pegajosas: el protocolo de este libro


@cache
def _catalogue() -> dict[str, dict[str, dict]]:
    """Juego → versión → argumentos con que gymnasium crea ese ambiente (`game` es el nombre de la ROM)."""
    import gymnasium

    found: dict[str, dict[str, dict]] = {}
    for spec in gymnasium.registry.values():
        if str(spec.entry_point).startswith("ale_py"):
            name, version = re.fullmatch(r"(?:ALE/)?(.+?)-?((?:NoFrameskip-)?v\d)", spec.id).groups()
            found.setdefault(name, {})[version] = spec.kwargs
    return dict(sorted(found.items()))


def games() -> dict[str, tuple[str, ...]]:
    """Los juegos de Atari 2600 en orden alfabético, cada uno con sus versiones: `"NoFrameskip-v4"`, `"v5"`…

    Sus ROM vienen dentro de `ale-py`: no hay nada más que descargar.
    """
    return {name: tuple(versions) for name, versions in _catalogue().items()}


def find_game(game: str) -> tuple[str, str]:
    """Nombre oficial y nombre de la ROM de `game`: `"SpaceInvaders"`, `"space invaders"` o un id de gymnasium.

    Lanza `ValueError` si el juego no existe (el mensaje propone el más parecido) y `FileNotFoundError` si su ROM
    falta o está dañada.
    """
    from ale_py import roms

    name, version = _split(game)
    rom = _catalogue()[name][version]["game"]
    try:
        roms.get_rom_path(rom)
    except OSError:
        raise FileNotFoundError(
            f"La ROM de {name} falta o está dañada: repárela con «pip install --force-reinstall --no-deps ale-py»."
        ) from None
    return name, rom


def _split(game: str) -> tuple[str, str]:
    """Juego y versión: los que dice un id o, con un nombre solo, la versión del libro si el juego la tiene."""
    match = re.fullmatch(r"(?:ALE/)?(.+?)-?((?:NoFrameskip-)?v\d+)", str(game))
    name = find_name(match[1] if match else game, _catalogue(), "el juego", "coursekit.envs.games() los lista")
    version = match[2] if match else STANDARD if STANDARD in _catalogue()[name] else "v5"
    if version not in _catalogue()[name]:
        raise ValueError(f"{name} no tiene la versión {version!r}; use una de {', '.join(_catalogue()[name])}.")
    return name, version


def is_atari(where) -> bool:
    """Si `where` es el nombre de un juego de Atari o el id con que gymnasium lo conoce."""
    import gymnasium

    spec = gymnasium.registry.get(where) if isinstance(where, str) else None
    return isinstance(where, str) and (spec is None or "ale_py" in str(spec.entry_point))


def sticky_of(game: str, sticky: float | None = None) -> float:
    """La probabilidad de acciones pegajosas con que se juega: la pedida o, si no se pide, la que dice el id.

    Lanza `ValueError` si no es una probabilidad, si contradice al id, o si el id salta cuadros al azar: el
    preprocesamiento ya salta 4.
    """
    name, version = _split(game)
    said = _catalogue()[name][version]
    if sticky is not None and not 0.0 <= sticky < 1.0:
        raise ValueError(f"sticky={sticky!r} no es una probabilidad: use un número desde 0.0 y menor que 1.0.")
    if said["frameskip"] not in (1, FRAME_SKIP):
        raise ValueError(
            f"{game!r} salta de {said['frameskip'][0]} a {said['frameskip'][1] - 1} cuadros al azar, y el "
            f"preprocesamiento salta {FRAME_SKIP} siempre: use {name!r} o un id NoFrameskip o v5."
        )
    usual = said["repeat_action_probability"]
    if sticky is None or sticky == usual:
        return usual
    if game != name and re.search(r"-v\d+$", str(game)):
        raise ValueError(f"{game!r} tiene acciones pegajosas con {usual} y se pidió {sticky}: use {name!r} con sticky.")
    return sticky


def make_env(
    game: str, *, version: str | None = None, render_mode: str | None = "rgb_array", **kwargs
) -> gymnasium.Env:
    """Un solo ambiente de gymnasium, sin preprocesar: para mirar el juego.

    Parámetros
    ----------
    game: nombre de un juego de `games()`, o el id de cualquier ambiente de gymnasium (`"ALE/Pong-v5"`,
        `"CartPole-v1"`), que se crea tal cual.
    version: con un nombre, `"NoFrameskip-v4"` (cada paso es un cuadro, sin acciones pegajosas: el protocolo de este
        libro) o `"v5"` (4 cuadros por paso y acciones pegajosas con probabilidad 0.25; la única de algunos juegos).
    render_mode: `"rgb_array"` para obtener las imágenes, `"human"` para abrir una ventana.
    kwargs: se pasan a `gymnasium.make`, por ejemplo `obs_type="ram"` o `frameskip=1`.

    Las observaciones de Atari son `uint8` de forma `(210, 160, 3)`, o `(128,)` con `obs_type="ram"`.
    Lanza `ValueError` si el juego, la versión o el id no existen.
    """
    import gymnasium

    if re.search(r"-v\d+$", str(game)):
        listing = "gymnasium.pprint_registry() los lista"
        env_id = game if game in gymnasium.registry else find_name(game, gymnasium.registry, "el ambiente", listing)
        if version is not None:
            raise ValueError(f"{game!r} ya dice su versión: quite version={version!r}.")
    else:
        name, _ = find_game(game)
        name, version = _split(game if version is None else f"{name}-{version}")
        env_id = f"ALE/{name}-v5" if version == "v5" else f"{name}-{version}".replace("-NoFrame", "NoFrame")
    if is_atari(env_id):
        find_game(env_id)  # su ROM está
    return gymnasium.make(env_id, render_mode=render_mode, **kwargs)


def make_vec_env(
    game: str,
    n_envs: int = 8,
    seed: int | None = 0,
    backend: str = "ale",
    *,
    training: bool = True,
    sticky: float | None = None,
    noop_max: int = 30,
    obs_type: str = "screen",
    stack: int = FRAME_STACK,
    threads: int = 0,
) -> VecEnv:
    """`n_envs` copias preprocesadas del juego detrás de la interfaz `VecEnv` de Stable-Baselines3.

    Preprocesamiento de Mnih et al. (2015): salto de 4 cuadros con el máximo de los dos últimos, gris, 84×84
    y los 4 últimos cuadros apilados (el más nuevo al final).

    Parámetros
    ----------
    game: nombre de un juego de `games()` o su id en gymnasium.
    n_envs: cuántas copias avanzan a la vez (al menos 1).
    seed: semilla de la primera copia; las demás usan las siguientes. `None` deja el azar libre.
    backend: `"ale"` usa el ambiente vectorizado de ALE, en C++ (rápido); `"sb3"`, los envoltorios de
        Stable-Baselines3 (la referencia; con `training=False` no aprietan FIRE al perder una vida, y un agente voraz
        puede quedarse esperando).
    training: con `True` la pérdida de una vida termina la transición y la recompensa se recorta a su signo;
        con `False` se juegan partidas completas y la recompensa es la del juego.
    sticky: probabilidad de repetir la acción anterior en cada cuadro (acciones pegajosas; Machado et al., 2018).
        `None` es lo que dice el id; con un nombre, 0.0, o 0.25 en los juegos que solo tienen la versión v5.
    noop_max: máximo de acciones nulas al comenzar cada partida.
    obs_type: `"screen"`, o `"ram"` para los 128 bytes de la memoria de la consola, sin apilar.
    stack: cuadros apilados en cada observación.
    threads: hilos del ambiente de ALE; 0, uno por núcleo (con varios entrenamientos a la vez, mejor 1 en cada uno).

    Devuelve un `VecEnv` con observaciones `uint8` de forma `(n_envs, stack, 84, 84)`, o `(n_envs, 128)`. En ambos casos
    `info["episode"]` trae, al final de cada partida completa, su puntaje sin recortar (`"r"`) y su
    duración en cuadros del emulador (`"l"`; con `"ram"`, en pasos).
    Lanza `ValueError` si algo de lo pedido no existe o contradice al preprocesamiento.
    """
    if not is_atari(game):
        raise ValueError(f"{game!r} no es de Atari: use stable_baselines3.common.env_util.make_vec_env.")
    sticky = sticky_of(game, sticky)
    name, rom = find_game(game)
    if isinstance(n_envs, bool) or not isinstance(n_envs, int) or n_envs < 1:
        raise ValueError(f"Se pidieron {n_envs!r} ambientes; hace falta un número entero de al menos 1, por ejemplo 8.")
    for value, allowed, what in ((backend, BACKENDS, "backend"), (obs_type, ("screen", "ram"), "obs_type")):
        if value not in allowed:
            raise ValueError(f"El {what} {value!r} no existe; use uno de {allowed}.")
    if backend == "ale" and obs_type == "screen":
        from coursekit.training.vec_env import AleVecEnv

        options = {"sticky": sticky, "noop_max": noop_max, "stack": stack, "threads": threads}
        return AleVecEnv(rom, n_envs, seed, life_loss=training, clip_reward=training, **options)
    from coursekit.training.sb3_env import sb3_env

    standard = STANDARD in games()[name]
    env_id, rules = f"{name}{STANDARD}" if standard else f"ALE/{name}-v5", (training, sticky, noop_max)
    return sb3_env(env_id, n_envs, seed, *rules, stack=None if obs_type == "ram" else stack)
