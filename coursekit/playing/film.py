"""La película de una partida: cómo es cada imagen (pantallas, puntaje, letras) y cómo se escribe el GIF o el MP4."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from coursekit.playing.screens import State
from coursekit.runs import atomic

import numpy as np


class Film:
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


def write(path: Path, film: Film, speed: float) -> None:
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
