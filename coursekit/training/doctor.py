"""El diagnóstico: si esta máquina sirve para entrenar, y cuánto tardaría."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from coursekit.envs import find_game, games, make_vec_env
from coursekit.training.machine import machine, versions
from coursekit.training.model import make_dqn
from coursekit.training.recipe import DEFAULTS

import numpy as np
import psutil
from stable_baselines3.common.utils import get_device

BYTES_PER_TRANSITION = 7_100  # un cuadro de 84×84 y unos pocos números; se mide en coursekit.training.replay
RUN_BYTES = 700e6  # una corrida de 10 millones de pasos: unos 200 agentes de 3 MB y sus métricas


def report(game: str = "Breakout", buffer_size: int | None = None, seconds: float = 10.0) -> Iterator[str]:
    """Las líneas del diagnóstico, una por una: programas, juegos, memoria, disco y velocidad medida.

    `buffer_size` son las transiciones de la memoria de repetición que se piensa usar; `seconds`, los segundos de
    cada una de las dos mediciones (ambientes solos y entrenamiento completo).
    """
    name, _ = find_game(game)
    if seconds <= 0:
        raise ValueError(f"Se pidieron {seconds} segundos de medición; deben ser más de 0.")
    buffer_size = DEFAULTS["buffer_size"] if buffer_size is None else buffer_size

    yield from (f"{package:<18} {version}" for package, version in versions().items())
    yield _verdict(sys.version_info >= (3, 11), "Python 3.11 o más nuevo", "instale Python 3.11 o más nuevo")
    yield _verdict(True, f"{len(games())} juegos con su ROM", "")
    here = machine(str(get_device("auto")))
    yield f"máquina            {here['processor']}, {here['cores']} núcleos, dispositivo: {here['device']}"

    needed, free = buffer_size * BYTES_PER_TRANSITION, psutil.virtual_memory().available
    yield _verdict(
        needed < 0.8 * free,
        f"memoria: {buffer_size:,} transiciones ocupan {needed / 1e9:.1f} GB y hay {free / 1e9:.1f} GB libres",
        f"use --buffer-size {int(0.5 * free / BYTES_PER_TRANSITION) // 10_000 * 10_000} o menos",
    )
    disk = shutil.disk_usage(Path.cwd()).free
    yield _verdict(
        disk > needed + RUN_BYTES,
        f"disco: una corrida con su memoria ocupa {(needed + RUN_BYTES) / 1e9:.1f} GB y hay {disk / 1e9:.1f} GB libres",
        "libere espacio o entrene en otra carpeta",
    )

    yield f"midiendo {name} con {DEFAULTS['n_envs']} ambientes…"
    env = make_vec_env(name, DEFAULTS["n_envs"])
    try:
        env.reset()
        rng = np.random.default_rng(0)
        steps, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            env.step(rng.integers(env.action_space.n, size=env.num_envs))
            steps += env.num_envs
        yield f"ambientes          {steps / elapsed:,.0f} pasos por segundo"
        rate = _training_rate(env, seconds)
    finally:
        env.close()
    yield f"entrenamiento      {rate:,.0f} pasos por segundo"
    for total in (1_000_000, 10_000_000):
        yield f"                   {total // 1_000_000} millones de pasos: {total / rate / 3600:.1f} horas".replace(
            " 1 millones", " 1 millón"
        )


def _training_rate(env, seconds: float) -> float:
    """Pasos por segundo del entrenamiento completo, con la memoria ya en uso."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Clock(BaseCallback):
        def _on_step(self) -> bool:
            if not hasattr(self, "start") and self.num_timesteps > 2_000:  # sin la primera actualización
                self.start, self.first = time.perf_counter(), self.num_timesteps
            return not hasattr(self, "start") or time.perf_counter() - self.start < seconds

    clock = Clock()
    model = make_dqn(env, 1_000_000, buffer_size=20_000, learning_starts=1_000)
    model.learn(1_000_000, clock, log_interval=sys.maxsize)
    return (model.num_timesteps - clock.first) / (time.perf_counter() - clock.start)


def _verdict(good: bool, fact: str, cure: str) -> str:
    return f"[bien] {fact}" if good else f"[FALLA] {fact}: {cure}"
