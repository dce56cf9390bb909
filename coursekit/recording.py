"""Las grabaciones: ver jugar a un agente, o a varios lado a lado, en un GIF o un MP4 (`record`, `show`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from coursekit.envs import find_game, make_env
from coursekit.runs import atomic
from coursekit.training.recipe import FRAME_SKIP, FRAME_STACK, lost_life

import numpy as np

FRAMES_PER_SECOND = 60 / FRAME_SKIP  # el Atari 2600 dibuja 60 cuadros por segundo; el agente decide 15 veces
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
    game: str,
    path: str | Path,
    *,
    seconds: float | None = None,
    epsilon: float = 0.01,
    seed: int = 0,
    speed: float = 1.0,
    sticky: float = 0.0,
    scale: int = 1,
) -> Recording:
    """Graba una partida en color, a la velocidad del juego, y la guarda como GIF o MP4.

    Parámetros
    ----------
    agent: un agente con el `predict` de SB3, `None` para jugar al azar, o un diccionario etiqueta → agente: entonces
        todos juegan desde el mismo comienzo, lado a lado, y quien termina espera a los demás.
    game: nombre del juego.
    path: archivo que se crea; su terminación, `.gif` o `.mp4`, decide el formato.
    seconds: segundos de juego; `None` graba hasta el final de la partida.
    epsilon: probabilidad de una acción al azar en cada paso. sticky: la de repetir la acción anterior en cada cuadro.
    seed: semilla de la partida.
    speed: 1.0 es la velocidad del juego; 2.0, el doble.
    scale: agranda la pantalla de 160×210 este número entero de veces.

    Devuelve una `Recording`. Lanza `ValueError` si algo de lo pedido no es posible; en ese caso, o si algo falla a
    mitad de camino, no queda ningún archivo a medias.
    """
    path = Path(path)
    name, _ = find_game(game)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"No se puede grabar en {path.name!r}: la terminación debe ser .gif o .mp4.")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"Se pidieron {seconds} segundos de grabación; deben ser más de 0 (o None: toda la partida).")
    if not speed > 0 or scale < 1 or scale != int(scale):
        raise ValueError(f"speed={speed!r} debe ser mayor que 0 y scale={scale!r}, un entero de al menos 1.")
    for option, value in (("epsilon", epsilon), ("sticky", sticky)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{option}={value!r} no es una probabilidad: use un número entre 0.0 y 1.0.")

    agents = dict(agent) if isinstance(agent, Mapping) else {name: agent}
    if not agents:
        raise ValueError("El diccionario de agentes está vacío: ponga al menos una etiqueta con su agente.")
    players = {label: _play(player, name, seed, epsilon, sticky) for label, player in agents.items()}
    limit = None if seconds is None else max(1, round(seconds * FRAMES_PER_SECOND))
    frames, states = [], {}
    while limit is None or len(frames) < limit:
        moved = {label: state for label, player in players.items() if (state := next(player, None)) is not None}
        if not moved:
            break
        states |= moved
        frames.append(_panel(states, scale, labelled=isinstance(agent, Mapping)))
    _write(path, frames, speed)
    return Recording(
        path=path,
        seconds=len(frames) / FRAMES_PER_SECOND / speed,
        steps=len(frames),
        scores={label: score for label, (_, score, _) in states.items()},
        lives={label: lives for label, (_, _, lives) in states.items()},
    )


def _play(agent, game: str, seed: int, epsilon: float, sticky: float) -> Iterator[tuple[np.ndarray, float, int]]:
    """Juega una partida; en cada paso da la pantalla `(210, 160, 3)`, el puntaje y las vidas."""
    from coursekit.evaluation import check_agent

    from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv, NoopResetEnv, WarpFrame

    env = MaxAndSkipEnv(NoopResetEnv(make_env(game, repeat_action_probability=sticky)), FRAME_SKIP)
    warp = WarpFrame(env)
    rng = np.random.default_rng(seed)
    fire = env.unwrapped.get_action_meanings().index("FIRE") if "FIRE" in env.unwrapped.get_action_meanings() else None
    try:
        if agent is not None:
            shape = (FRAME_STACK, *warp.observation_space.shape[:2])
            check_agent(agent, np.empty(shape), env.action_space, game)
        screen, info = env.reset(seed=seed)
        stack = np.zeros((1, FRAME_STACK, *warp.observation_space.shape[:2]), dtype=np.uint8)
        score, lives, press_fire, over = 0.0, info["lives"], fire is not None, False
        while not over:
            stack = np.roll(stack, -1, axis=1)
            stack[0, -1] = warp.observation(screen)[:, :, 0]
            action = int(rng.integers(env.action_space.n))
            if agent is not None and rng.random() >= epsilon:
                action = int(agent.predict(stack, deterministic=True)[0][0])
            if press_fire:  # la misma regla que AleVecEnv
                action = fire
            screen, reward, terminated, truncated, info = env.step(action)
            over = terminated or truncated
            press_fire = fire is not None and lost_life(info["lives"], lives)
            score, lives = score + float(reward), info["lives"]
            yield screen.copy(), score, lives
    finally:
        env.close()


def _panel(states: dict[str, tuple], scale: int, labelled: bool) -> np.ndarray:
    """Una imagen con las pantallas lado a lado; con etiquetas, cada una lleva encima su nombre y su puntaje."""
    screens = [screen.repeat(scale, axis=0).repeat(scale, axis=1) for screen, _, _ in states.values()]
    if not labelled:
        return screens[0]
    from PIL import Image, ImageDraw

    height, width, _ = screens[0].shape
    header, gap = 34 * max(1, scale), 6 * scale
    image = Image.new("RGB", (len(screens) * (width + gap) - gap, height + header), "white")
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"  # letras sin grises: el GIF usa pocos colores
    for column, ((label, (_, score, _)), screen) in enumerate(zip(states.items(), screens, strict=True)):
        left = column * (width + gap)
        draw.text((left + 2, 2), label, fill="black", font=_font(13 * scale))
        draw.text((left + 2, 2 + header // 2 - scale), f"puntaje {score:g}", fill="#0072B2", font=_font(12 * scale))
        image.paste(Image.fromarray(screen), (left, header))
    return np.asarray(image)


def _font(size: int):
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)


def _write(path: Path, frames: list[np.ndarray], speed: float) -> None:
    import imageio.v3 as iio

    with atomic(path) as temporary:
        if path.suffix.lower() == ".mp4":
            # Los códecs piden lados pares; yuv420p es lo que reproducen todos los navegadores.
            height, width = (side - side % 2 for side in frames[0].shape[:2])
            frames = [frame[:height, :width] for frame in frames]
            iio.imwrite(temporary, frames, fps=FRAMES_PER_SECOND * speed, codec="libx264", macro_block_size=2)
        else:
            # Un GIF cuenta en centésimas de segundo: repartir el redondeo para que la duración total sea la del juego.
            ends = np.round(np.arange(1, len(frames) + 1) * 100 / FRAMES_PER_SECOND / speed)
            durations = np.diff(ends, prepend=0) * 10
            iio.imwrite(temporary, frames, duration=durations.tolist(), loop=0, plugin="pillow", optimize=True)


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
