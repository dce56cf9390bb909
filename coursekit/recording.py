"""Las grabaciones: ver jugar a un agente, o a varios lado a lado, en un GIF o un MP4 (`record`, `show`)."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from coursekit.envs import find_game, is_atari, make_env, sticky_of
from coursekit.playing.adapt import stacked_screens
from coursekit.playing.screens import State, play, play_atari
from coursekit.runs import atomic
from coursekit.training.recipe import PROTOCOLS

import numpy as np

SUFFIXES = (".gif", ".mp4")


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
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"No se puede grabar en {path.name!r}: la terminación debe ser .gif o .mp4.")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"Se pidieron {seconds} segundos de grabación; deben ser más de 0 (o None: toda la partida).")
    if not speed > 0 or scale < 1 or scale != int(scale) or episodes < 1:
        raise ValueError(
            f"speed={speed!r} debe ser mayor que 0; scale={scale!r} y episodes={episodes!r}, enteros de al menos 1."
        )
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
    film = _Film(players, several, scale, score, seconds)
    _write(path, film, speed)
    return Recording(
        path=path,
        seconds=film.steps / film.rate / speed,
        steps=film.steps,
        scores={label: state.score for label, state in film.states.items()},
        lives={label: state.lives for label, state in film.states.items()},
    )


class _Film:
    """Las imágenes de la grabación, de a una: nunca están todas en la memoria."""

    def __init__(self, players: dict[str, Iterator[State]], several: bool, scale: int, score: bool, seconds):
        self.players, self.several, self.scale, self.score = players, several, scale, score
        self.states, self.steps = {label: next(player) for label, player in players.items()}, 0
        self.rate = next(iter(self.states.values())).rate
        self.limit = None if seconds is None else max(1, round(seconds * self.rate))

    def __iter__(self) -> Iterator[np.ndarray]:
        new = self.states
        while new:
            self.states |= new
            self.steps += 1
            yield _panel(self.states, self.scale, self.several, self.score)
            if self.steps == self.limit:
                return
            new = {label: state for label, player in self.players.items() if (state := next(player, None))}


def _panel(states: dict[str, State], scale: int, labelled: bool, score: bool) -> np.ndarray:
    """Una imagen con las pantallas lado a lado; con etiquetas, cada una lleva encima su nombre y su puntaje."""
    screens = [state.screen.repeat(scale, axis=0).repeat(scale, axis=1) for state in states.values()]
    if not labelled and not score:
        return screens[0]
    from PIL import Image, ImageDraw

    height, width, _ = screens[0].shape
    header, gap = 34 * max(1, scale) if labelled else 0, 6 * scale
    image = Image.new("RGB", (len(screens) * (width + gap) - gap, height + header), "white")
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"  # letras sin grises: el GIF usa pocos colores
    for column, ((label, state), screen) in enumerate(zip(states.items(), screens, strict=True)):
        left, text = column * (width + gap), f"puntaje {state.score:g}"
        image.paste(Image.fromarray(screen), (left, header))
        if labelled:
            draw.text((left + 2, 2), label, fill="black", font=_font(13 * scale))
            draw.text((left + 2, 2 + header // 2 - scale), text, fill="#0072B2", font=_font(12 * scale))
        else:
            draw.rectangle(draw.textbbox((3, 3), text, font=_font(12 * scale)), fill="black")
            draw.text((3, 3), text, fill="white", font=_font(12 * scale))
    return np.asarray(image)


@cache
def _font(size: int):
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)


def _write(path: Path, film: _Film, speed: float) -> None:
    """Escribe las imágenes a medida que llegan; si algo falla, el archivo no aparece."""
    import imageio.v2 as imageio
    from PIL import Image

    rate = film.rate * speed
    with atomic(path) as temporary:
        if path.suffix.lower() == ".mp4":
            # Los códecs piden lados pares; yuv420p es lo que reproducen todos los navegadores.
            with imageio.get_writer(temporary, fps=rate, codec="libx264", macro_block_size=2) as writer:
                for frame in film:
                    height, width = (side - side % 2 for side in frame.shape[:2])
                    writer.append_data(frame[:height, :width])
            _check_video(temporary, film.steps)
            return
        durations = []  # Pillow lee la de cada imagen después de recibirla

        def frames():
            for number, frame in enumerate(film, 1):
                # Un GIF cuenta en centésimas de segundo: el redondeo se reparte, y el total dura lo que el juego.
                ends = [round(n * 100 / rate) for n in (number - 1, number)]
                durations.append((ends[1] - ends[0]) * 10)
                yield Image.fromarray(frame)

        images = frames()
        next(images).save(
            temporary, "GIF", save_all=True, append_images=images, duration=durations, loop=0, optimize=True
        )


def _check_video(path: Path, frames: int) -> None:
    """`OSError` si el video no tiene todas sus imágenes: ffmpeg no avisa cuando se llena el disco."""
    from imageio_ffmpeg import count_frames_and_secs

    try:
        complete = count_frames_and_secs(str(path))[0] == frames
    except RuntimeError:  # ni siquiera se puede leer
        complete = False
    if not complete:
        raise OSError(errno.EIO, "ffmpeg no pudo terminar el video; ¿está lleno el disco?")


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
