"""Pedir una grabación y mostrarla (`record`, `show`): quién juega, dónde y cuánto; la imagen es de `playing.film`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from coursekit.envs import find_game, is_atari, sticky_of
from coursekit.playing.adapt import stacked_screens
from coursekit.playing.film import Film, write
from coursekit.playing.screens import play, play_atari
from coursekit.training.recipe import PROTOCOLS


@dataclass(frozen=True)
class Recording:
    """Lo que quedó grabado.

    `path`: el archivo. `seconds`: su duración. `steps`: pasos del agente que muestra. `scores` y `lives`: etiqueta →
    puntaje y vidas al final de la grabación (con un solo agente la etiqueta es el nombre del juego).
    """

    path: Path
    seconds: float
    steps: int
    scores: dict[str, float]
    lives: dict[str, int]


def record(
    agent,
    where,
    path: str | Path,
    *,
    seconds: float | None = None,
    episodes: int = 1,
    epsilon: float | None = None,
    seed: int = 0,
    speed: float = 1.0,
    sticky: float | None = None,
    scale: int = 1,
    score: bool = False,
    normalize=None,
) -> Recording:
    """Graba partidas en color, a la velocidad del juego, y las guarda como GIF o MP4.

    Parámetros
    ----------
    agent: un agente con el `predict` de SB3, `None` para jugar al azar, o un diccionario etiqueta → agente: entonces
        todos juegan desde el mismo comienzo, lado a lado, y quien termina espera a los demás.
    where: un juego de Atari, el id de cualquier ambiente de gymnasium, un ambiente con `render_mode="rgb_array"`, un
        `VecEnv` (se graba el primero) o una función que hace uno. Como en `evaluate`, se le pone la pila de cuadros que
        espera el agente, y `normalize` es su `VecNormalize`.
    path: archivo que se crea; su terminación, `.gif` o `.mp4`, decide el formato.
    seconds: segundos de juego; `None` graba `episodes` partidas completas.
    epsilon: probabilidad de una acción al azar en cada paso; `None` es 0.01 en Atari y 0.0 en lo demás.
    sticky: en Atari, la de repetir la acción anterior en cada cuadro.
    seed: semilla de la partida.
    speed: 1.0 es la velocidad del juego; 2.0, el doble.
    scale: agranda la pantalla este número entero de veces.
    score: escribe el puntaje en una esquina.

    Devuelve una `Recording`. Lanza `ValueError` si algo de lo pedido no es posible; en ese caso, o si algo falla a
    mitad de camino, no queda ningún archivo a medias.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"No se puede grabar en {path.name!r}: la terminación debe ser .gif o .mp4.")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"Se pidieron {seconds} segundos de grabación; deben ser más de 0 (o None: toda la partida).")
    if not speed > 0 or scale < 1 or scale != int(scale) or episodes < 1:
        raise ValueError(f"speed={speed!r} debe pasar de 0; scale={scale!r} y episodes={episodes!r}, enteros desde 1.")
    atari = is_atari(where)
    epsilon = PROTOCOLS["default"]["epsilon"] * atari if epsilon is None else epsilon
    for option, value in (("epsilon", epsilon), ("sticky", sticky or 0.0)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{option}={value!r} no es una probabilidad: use un número entre 0.0 y 1.0.")
    several = isinstance(agent, Mapping)
    agents = dict(agent) if several else {find_game(where)[0] if atari else "puntaje": agent}
    if not agents:
        raise ValueError("El diccionario de agentes está vacío: ponga al menos una etiqueta con su agente.")
    if len(agents) > 1 and not isinstance(where, str) and not callable(where):
        raise ValueError("Un ambiente solo sirve para un agente: para varios, dé una función que haga cada ambiente.")

    options = (where, seed, epsilon, episodes)
    if atari and all(map(stacked_screens, agents.values())):
        players = {label: play_atari(player, *options, sticky_of(where, sticky)) for label, player in agents.items()}
    else:
        players = {label: play(player, *options, sticky, normalize) for label, player in agents.items()}
    film = Film(players, several, scale, score, seconds)
    write(path, film, speed)
    return Recording(
        path=path,
        seconds=film.steps / film.rate / speed,
        steps=film.steps,
        scores={label: state.score for label, state in film.states.items()},
        lives={label: state.lives for label, state in film.states.items()},
    )


def show(path: str | Path, alt: str = ""):
    """Muestra en el cuaderno un GIF, una imagen o un MP4. `alt` dice en palabras lo que se ve.

    Lanza `FileNotFoundError` si el archivo no existe.
    """
    from IPython.display import Image, Video

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No existe {str(path)!r}: grábelo primero con record.")
    if path.suffix.lower() == ".mp4":
        return Video(str(path), embed=True, html_attributes=f'controls loop muted aria-label="{escape(alt)}"')
    return Image(filename=str(path), alt=alt or None)
