"""Mide coursekit contra lo que hacía el capítulo original, en una sola corrida y por turnos.

`make bench` lo ejecuta: imprime una tabla y escribe `bench.json`. Las máquinas compartidas varían mucho de un minuto a
otro; por eso cada ronda mide todo, una cosa tras otra, y se comparan las medianas de las razones de cada ronda.
El original comparte el proceso con coursekit, y también aprovecha la memoria que este reutiliza: sus razones se quedan
cortas.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from coursekit.envs import find_game, make_vec_env
from coursekit.recording import record
from coursekit.training.machine import machine, versions
from coursekit.training.model import make_dqn
from coursekit.training.replay import FrameReplayBuffer

import ale_py
import cv2
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecFrameStack

GAME = "Breakout"
ID = f"{GAME}NoFrameskip-v4"
CAPACITY = 8_000  # transiciones de las memorias que se miden


def env_rate(env, seconds: float) -> float:
    """Pasos por segundo de un ambiente vectorial con acciones al azar."""
    actions = np.random.default_rng(0).integers(env.action_space.n, size=(64, env.num_envs))
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        env.step(actions[steps // env.num_envs % 64])
        steps += env.num_envs
    return steps / elapsed


def emulate(begin: float, seconds: float, picture: bool) -> float:
    """Pasos por segundo de un emulador solo, a partir del instante `begin`; con o sin la imagen que ve el agente."""
    cv2.setNumThreads(1)
    ale = ale_py.ALEInterface()
    ale.loadROM(str(ale_py.roms.get_rom_path(find_game(GAME)[1])))
    actions = ale.getMinimalActionSet()
    rng = np.random.default_rng(0).integers(len(actions), size=1_000)
    before, newest = np.empty((210, 160), np.uint8), np.empty((210, 160), np.uint8)
    time.sleep(max(begin - time.time(), 0))
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        if ale.game_over():
            ale.reset_game()
        action = actions[rng[steps % len(rng)]]
        for frame in range(4):
            ale.act(action)
            if picture and frame >= 2:
                ale.getScreenGrayscale(before if frame == 2 else newest)
        if picture:
            cv2.resize(np.maximum(before, newest), (84, 84), interpolation=cv2.INTER_AREA)
        steps += 1
    return steps / elapsed


def emulation_limit(seconds: float, picture: bool) -> float:
    """Pasos por segundo si nada más que el emulador trabajara: uno por núcleo, todos a la vez."""
    cores = machine()["cores"]
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        list(pool.map(emulate, [0.0] * cores, [0.1] * cores, [picture] * cores))  # que ya estén todos en marcha
        return sum(pool.map(emulate, [time.time() + 1] * cores, [seconds] * cores, [picture] * cores))


def filled(buffer, env) -> None:
    """Llena una memoria con transiciones verdaderas del juego."""
    rng = np.random.default_rng(0)
    obs = env.reset()
    for _ in range(CAPACITY // env.num_envs):
        actions = rng.integers(env.action_space.n, size=env.num_envs)
        after, rewards, dones, infos = env.step(actions)
        last = after.copy()
        for i in np.flatnonzero(dones):
            last[i] = infos[i]["terminal_observation"]
        buffer.add(obs, last, actions, rewards, dones, infos)
        obs = after


def milliseconds(action: Callable[[], object], times: int) -> float:
    action()
    start = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - start) / times * 1e3


def original_dqn(env) -> DQN:
    """El entrenamiento del capítulo original: 4 ambientes y el `train_freq` de SB3, o sea 1 actualización cada 16."""
    return DQN("CnnPolicy", env, buffer_size=CAPACITY, learning_starts=100, train_freq=4, seed=0)


def training_rate(model: DQN, steps: int) -> float:
    """Pasos por segundo del entrenamiento completo, con la red ya aprendiendo."""
    model.learn(steps, log_interval=sys.maxsize, reset_num_timesteps=model.num_timesteps == 0)
    start, before = time.perf_counter(), model.num_timesteps
    model.learn(steps, log_interval=sys.maxsize, reset_num_timesteps=False)
    return (model.num_timesteps - before) / (time.perf_counter() - start)


def import_seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def measurements(seconds: float, train_steps: int, stack: ExitStack) -> Iterator[tuple[str, str, Callable[[], float]]]:
    """Lo que se mide: nombre, unidad y cómo."""
    ours = make_vec_env(GAME, 8)
    dummy = VecFrameStack(make_atari_env(ID, 8, seed=0), 4)
    subproc = VecFrameStack(make_atari_env(ID, 8, seed=0, vec_env_cls=SubprocVecEnv), 4)
    for env in (ours, dummy, subproc):
        stack.callback(env.close)
        env.reset()
    yield "ambientes, coursekit", "pasos/s", lambda: env_rate(ours, seconds)
    yield "ambientes, SB3 (un proceso)", "pasos/s", lambda: env_rate(dummy, seconds)
    yield "ambientes, SB3 (subprocesos)", "pasos/s", lambda: env_rate(subproc, seconds)
    yield "límite del emulador", "pasos/s", lambda: emulation_limit(seconds, picture=False)
    yield "límite del emulador con la imagen", "pasos/s", lambda: emulation_limit(seconds, picture=True)

    obs_space, action_space = ours.observation_space, spaces.Discrete(4)
    frames = FrameReplayBuffer(CAPACITY, obs_space, action_space, "cpu", 8)
    frames3 = FrameReplayBuffer(CAPACITY, obs_space, action_space, "cpu", 8, n_steps=3)
    stacked = ReplayBuffer(CAPACITY, obs_space, action_space, "cpu", 8)
    for buffer in (frames, frames3, stacked):
        filled(buffer, ours)
    stacked_bytes = (stacked.observations.nbytes + stacked.next_observations.nbytes) / CAPACITY
    yield "memoria, coursekit", "bytes/transición", frames.bytes_per_transition
    yield "memoria, SB3", "bytes/transición", lambda: stacked_bytes
    yield "muestra de 32, coursekit", "ms", lambda: milliseconds(lambda: frames.sample(32), 100)
    yield "muestra de 32, coursekit (3 pasos)", "ms", lambda: milliseconds(lambda: frames3.sample(32), 100)
    yield "muestra de 32, SB3", "ms", lambda: milliseconds(lambda: stacked.sample(32), 100)

    env4 = VecFrameStack(make_atari_env(ID, 4, seed=0), 4)
    stack.callback(env4.close)
    original = original_dqn(env4)
    models = {n: make_dqn(ours, 10**6, buffer_size=CAPACITY, learning_starts=100, steps_per_update=n) for n in (16, 4)}
    original.learn(256, log_interval=sys.maxsize)
    models[4].learn(256, log_interval=sys.maxsize)

    yield "actualización, coursekit", "ms", lambda: milliseconds(lambda: models[4].train(1, 32), 20)
    yield "actualización, original", "ms", lambda: milliseconds(lambda: original.train(1, 32), 20)
    yield "entrenar 1:16, coursekit", "pasos/s", lambda: training_rate(models[16], train_steps)
    yield "entrenar 1:16, original", "pasos/s", lambda: training_rate(original, train_steps)
    yield "entrenar 1:4, coursekit", "pasos/s", lambda: training_rate(models[4], train_steps)

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def recording() -> float:
        start = time.perf_counter()
        record(None, GAME, folder / "diez.gif", seconds=10)
        return time.perf_counter() - start

    yield "grabar 10 s de juego", "s", recording
    yield "tamaño de esos 10 s", "kB", lambda: (folder / "diez.gif").stat().st_size / 1e3
    empty = import_seconds("pass")
    yield "import coursekit", "s", lambda: import_seconds("import coursekit") - empty


# Qué se divide por qué, y hacia dónde es mejor.
RATIOS = {
    "ambientes: coursekit / SB3 (un proceso)": ("ambientes, coursekit", "ambientes, SB3 (un proceso)"),
    "ambientes: coursekit / SB3 (subprocesos)": ("ambientes, coursekit", "ambientes, SB3 (subprocesos)"),
    "ambientes: coursekit / límite": ("ambientes, coursekit", "límite del emulador"),
    "ambientes: coursekit / límite con la imagen": ("ambientes, coursekit", "límite del emulador con la imagen"),
    "límite con la imagen / límite": ("límite del emulador con la imagen", "límite del emulador"),
    "memoria: coursekit / SB3": ("memoria, coursekit", "memoria, SB3"),
    "muestra: coursekit / SB3": ("muestra de 32, coursekit", "muestra de 32, SB3"),
    "muestra de 3 pasos: coursekit / SB3": ("muestra de 32, coursekit (3 pasos)", "muestra de 32, SB3"),
    "actualización: coursekit / original": ("actualización, coursekit", "actualización, original"),
    "entrenar 1:16: coursekit / original": ("entrenar 1:16, coursekit", "entrenar 1:16, original"),
    "entrenar 1:4: coursekit / original a 1:16": ("entrenar 1:4, coursekit", "entrenar 1:16, original"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rondas (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="segundos por medición de ambientes (%(default)s)")
    parser.add_argument("--steps", type=int, default=1_600, help="pasos por medición de entrenamiento (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path("bench.json"), help="archivo JSON (%(default)s)")
    options = parser.parse_args()

    with ExitStack() as stack:
        measured = list(measurements(options.seconds, options.steps, stack))
        rounds = [{name: measure() for name, _, measure in measured} for _ in range(options.rounds)]
    values = {name: {"unit": unit, "median": median(r[name] for r in rounds)} for name, unit, _ in measured}
    ratios = {name: median(r[a] / r[b] for r in rounds) for name, (a, b) in RATIOS.items()}
    for name, value in values.items():
        print(f"{name:<44} {value['median']:>12,.3f} {value['unit']}")
    print()
    for name, ratio in ratios.items():
        print(f"{name:<44} {ratio:>12.3f} ×")
    content = {"values": values, "ratios": ratios, "rounds": rounds, "machine": machine(), "versions": versions()}
    content["threads"] = torch.get_num_threads()
    options.output.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
