"""Los ambientes: uno para mirar (`make_env`) y varios, ya preprocesados, para entrenar (`make_vec_env`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from coursekit.runs import find_name
from coursekit.training.recipe import FRAME_STACK

if TYPE_CHECKING:
    import gymnasium
    from stable_baselines3.common.vec_env import VecEnv

BACKENDS = ("ale", "sb3")
VERSIONS = ("NoFrameskip-v4", "v5")


@cache
def _roms() -> dict[str, str]:
    """Nombre de cada juego (`"SpaceInvaders"`) → nombre de su ROM (`"space_invaders"`)."""
    import ale_py
    import gymnasium

    gymnasium.register_envs(ale_py)
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # sin su saludo en inglés
    suffix = "NoFrameskip-v4"
    specs = {name: spec for name, spec in gymnasium.registry.items() if name.endswith(suffix)}
    return {name.removesuffix(suffix): spec.kwargs["game"] for name, spec in sorted(specs.items())}


def games() -> list[str]:
    """Nombres de los juegos de Atari 2600 que tienen la versión `NoFrameskip-v4`, en orden alfabético.

    Sus ROM vienen dentro de `ale-py`: no hay nada más que descargar.
    """
    return list(_roms())


def find_game(game: str) -> tuple[str, str]:
    """Nombre oficial y nombre de la ROM de `game`: acepta `"SpaceInvaders"`, `"space_invaders"` o `"space invaders"`.

    Lanza `ValueError` si el juego no existe (el mensaje propone el más parecido) y `FileNotFoundError` si su ROM
    falta o está dañada.
    """
    from ale_py import roms

    name = find_name(game, _roms(), "el juego", "coursekit.envs.games() los lista")
    rom = _roms()[name]
    try:
        roms.get_rom_path(rom)
    except OSError:
        raise FileNotFoundError(
            f"La ROM de {name} falta o está dañada: repárela con «pip install --force-reinstall --no-deps ale-py»."
        ) from None
    return name, rom


def make_env(game: str, *, version: str = "NoFrameskip-v4", render_mode: str = "rgb_array", **kwargs) -> gymnasium.Env:
    """Un solo ambiente de gymnasium, sin preprocesar: para mirar el juego.

    Parámetros
    ----------
    game: nombre del juego, uno de `games()`.
    version: `"NoFrameskip-v4"` (cada paso es un cuadro, sin acciones pegajosas: el protocolo de este libro)
        o `"v5"` (`ALE/…-v5`: 4 cuadros por paso y acciones pegajosas con probabilidad 0.25).
    render_mode: `"rgb_array"` para obtener las imágenes, `"human"` para abrir una ventana.
    kwargs: se pasan a `gymnasium.make`, por ejemplo `obs_type="ram"` o `frameskip=1`.

    Las observaciones son `uint8` de forma `(210, 160, 3)`, o `(128,)` con `obs_type="ram"`.
    """
    import gymnasium

    name, _ = find_game(game)
    if version not in VERSIONS:
        raise ValueError(f"La versión {version!r} no existe; use una de {VERSIONS}.")
    return gymnasium.make(
        f"ALE/{name}-v5" if version == "v5" else f"{name}{version}", render_mode=render_mode, **kwargs
    )


def make_vec_env(
    game: str,
    n_envs: int = 8,
    seed: int | None = 0,
    backend: str = "ale",
    *,
    training: bool = True,
    sticky: float = 0.0,
    noop_max: int = 30,
    threads: int = 0,
) -> VecEnv:
    """`n_envs` copias preprocesadas del juego detrás de la interfaz `VecEnv` de Stable-Baselines3.

    Preprocesamiento de Mnih et al. (2015): salto de 4 cuadros con el máximo de los dos últimos, gris, 84×84
    y los 4 últimos cuadros apilados (el más nuevo al final).

    Parámetros
    ----------
    game: nombre del juego, uno de `games()`.
    n_envs: cuántas copias avanzan a la vez (al menos 1).
    seed: semilla de la primera copia; las demás usan las siguientes. `None` deja el azar libre.
    backend: `"ale"` usa el ambiente vectorial de ALE, en C++ (rápido); `"sb3"`, los envoltorios de
        Stable-Baselines3 (la referencia; con `training=False` no aprietan FIRE al perder una vida, y un agente voraz
        puede quedarse esperando).
    training: con `True` la pérdida de una vida termina la transición y la recompensa se recorta a su signo;
        con `False` se juegan partidas completas y la recompensa es la del juego.
    sticky: probabilidad de repetir la acción anterior en cada cuadro (acciones pegajosas; Machado et al., 2018).
    noop_max: máximo de acciones nulas al comenzar cada partida.
    threads: hilos del ambiente de ALE; 0, uno por núcleo (con varios entrenamientos a la vez, mejor 1 en cada uno).

    Devuelve un `VecEnv` con observaciones `uint8` de forma `(n_envs, 4, 84, 84)`. En ambos casos
    `info["episode"]` trae, al final de cada partida completa, su puntaje sin recortar (`"r"`) y su
    duración en cuadros del emulador (`"l"`).
    """
    name, rom = find_game(game)
    if isinstance(n_envs, bool) or not isinstance(n_envs, int) or n_envs < 1:
        raise ValueError(f"Se pidieron {n_envs!r} ambientes; hace falta un número entero de al menos 1, por ejemplo 8.")
    if backend not in BACKENDS:
        raise ValueError(f"El backend {backend!r} no existe; use uno de {BACKENDS}.")
    if not 0.0 <= sticky < 1.0:
        raise ValueError(f"sticky={sticky!r} no es una probabilidad: use un número desde 0.0 y menor que 1.0.")

    if backend == "ale":
        from coursekit.training.vec_env import AleVecEnv

        options = {"sticky": sticky, "noop_max": noop_max, "threads": threads}
        return AleVecEnv(rom, n_envs, seed, life_loss=training, clip_reward=training, **options)

    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack, VecTransposeImage

    wrappers = {
        "terminal_on_life_loss": training,
        "clip_reward": training,
        "action_repeat_probability": sticky,
        "noop_max": noop_max,
    }
    env = make_atari_env(f"{name}NoFrameskip-v4", n_envs=n_envs, seed=seed, wrapper_kwargs=wrappers)
    return VecTransposeImage(VecFrameStack(env, n_stack=FRAME_STACK))
