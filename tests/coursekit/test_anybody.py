"""Lo que haría cualquiera con un modelo suyo de Stable-Baselines3: cuarenta usos comunes, cada uno de verdad.

Cada modelo se entrena unos cientos de pasos con todos los registros que SB3 sabe dejar; cada fila de la tabla elige uno
y una forma de grabarlo.
"""

from coursekit.envs import make_env, make_vec_env
from coursekit.evaluation import evaluate, load_agent
from coursekit.metrics import export_csv, plot_metrics, read_metrics
from coursekit.recording import record

import gymnasium
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sb3_contrib import QRDQN
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.env_util import make_vec_env as sb3_vec_env
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import load_results
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize

VALUE = {"buffer_size": 500, "learning_starts": 50, "batch_size": 8}
ACTOR = {"n_steps": 32}
SMALL = {DQN: VALUE, QRDQN: VALUE, PPO: {**ACTOR, "batch_size": 32}, A2C: ACTOR}

# Cada ambiente: cómo se hace, con qué política, cuántos pasos.
ENVS = {
    "cartpole": (lambda logs: sb3_vec_env("CartPole-v1", 2, monitor_dir=logs), "MlpPolicy", 400),
    "pendulum": (lambda logs: sb3_vec_env("Pendulum-v1", 2, monitor_dir=logs), "MlpPolicy", 600),
    "lago": (lambda logs: sb3_vec_env("FrozenLake-v1", 2, monitor_dir=logs), "MlpPolicy", 400),
    "breakout": (
        lambda logs: VecFrameStack(make_atari_env("BreakoutNoFrameskip-v4", 2, monitor_dir=logs), 4),
        "CnnPolicy",
        1_200,  # que termine alguna partida
    ),
    "coursekit": (lambda logs: VecMonitor(make_vec_env("Breakout", 2), f"{logs}/0"), "CnnPolicy", 500),
    "ram": (lambda logs: VecMonitor(make_vec_env("Breakout", 2, obs_type="ram"), f"{logs}/0"), "MlpPolicy", 500),
    "normalizado": (
        lambda logs: VecNormalize(sb3_vec_env("Pendulum-v1", 2, monitor_dir=logs)),
        "MlpPolicy",
        600,
    ),
}
GAMES = {"cartpole": "CartPole-v1", "pendulum": "Pendulum-v1", "lago": "FrozenLake-v1", "normalizado": "Pendulum-v1"}
GAMES |= {"breakout": "BreakoutNoFrameskip-v4", "coursekit": "Breakout", "ram": "ALE/Breakout-v5"}

# (ambiente, algoritmo, registro que se lee, cómo se da el ambiente al grabar, archivo)
TABLE = [
    ("cartpole", DQN, "tensorboard", "id", "a.gif"),
    ("cartpole", DQN, "una corrida", "función", "a.mp4"),
    ("cartpole", DQN, "evento", "ambiente", "a.gif"),
    ("cartpole", DQN, "progress", "VecEnv", "a.gif"),
    ("cartpole", DQN, "monitor", "id", "a.mp4"),
    ("cartpole", DQN, "evaluations", "función vectorizada", "a.gif"),
    ("cartpole", QRDQN, "tensorboard", "id", "a.gif"),
    ("cartpole", QRDQN, "monitor", "función", "a.gif"),
    ("cartpole", QRDQN, "progress", "lado a lado", "a.gif"),
    ("cartpole", PPO, "tensorboard", "id", "a.mp4"),
    ("cartpole", PPO, "una corrida", "ambiente", "a.gif"),
    ("cartpole", PPO, "evento", "VecEnv", "a.gif"),
    ("cartpole", PPO, "progress", "función", "a.gif"),
    ("cartpole", PPO, "monitor", "lado a lado", "a.gif"),
    ("cartpole", PPO, "evaluations", "id", "a.gif"),
    ("cartpole", A2C, "tensorboard", "función vectorizada", "a.gif"),
    ("cartpole", A2C, "monitor", "id", "a.gif"),
    ("cartpole", A2C, "progress", "id", "a.gif"),
    ("pendulum", PPO, "tensorboard", "id", "a.gif"),
    ("pendulum", PPO, "monitor", "función", "a.mp4"),
    ("pendulum", A2C, "una corrida", "VecEnv", "a.gif"),
    ("pendulum", A2C, "evaluations", "id", "a.gif"),
    ("lago", DQN, "tensorboard", "id", "a.gif"),
    ("lago", DQN, "monitor", "función", "a.gif"),
    ("lago", PPO, "progress", "VecEnv", "a.gif"),
    ("breakout", DQN, "tensorboard", "id", "a.gif"),
    ("breakout", DQN, "una corrida", "juego", "a.mp4"),
    ("breakout", DQN, "monitor", "VecEnv", "a.gif"),
    ("breakout", DQN, "progress", "función vectorizada", "a.gif"),
    ("breakout", QRDQN, "tensorboard", "juego", "a.gif"),
    ("breakout", PPO, "tensorboard", "id", "a.mp4"),
    ("breakout", PPO, "evento", "lado a lado", "a.gif"),
    ("breakout", A2C, "monitor", "juego", "a.gif"),
    ("coursekit", DQN, "tensorboard", "juego", "a.gif"),
    ("coursekit", DQN, "progress", "id", "a.mp4"),
    ("coursekit", PPO, "monitor", "id", "a.gif"),
    ("ram", PPO, "tensorboard", "id", "a.gif"),
    ("ram", DQN, "monitor", "id", "a.mp4"),
    ("normalizado", PPO, "tensorboard", "id", "a.gif"),
    ("normalizado", PPO, "monitor", "función", "a.mp4"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Una función que entrena cada pareja una sola vez: modelo, carpeta con todos sus registros y `VecNormalize`."""
    made = {}

    def get(name, algorithm):
        if (name, algorithm) not in made:
            make, policy, steps = ENVS[name]
            folder = tmp_path_factory.mktemp(f"{name}-{algorithm.__name__}")
            env = make(str(folder / "monitor"))
            if isinstance(env, VecMonitor):
                (folder / "monitor").mkdir(exist_ok=True)
            model = algorithm(policy, env, seed=0, device="cpu", **SMALL[algorithm])
            log = folder / "registros" / f"{algorithm.__name__}_1"
            model.set_logger(configure(str(log), ["csv", "tensorboard"]))
            test = GAMES[name] if name in ("cartpole", "pendulum") else None
            watch = EvalCallback(sb3_vec_env(test, 1), eval_freq=100, log_path=str(folder), verbose=0) if test else None
            model.learn(steps, watch, log_interval=1)
            model.logger.close()
            model.save(folder / "agente.zip")
            made[name, algorithm] = model, folder, env if isinstance(env, VecNormalize) else None
        return made[name, algorithm]

    return get


def log_of(folder, kind, algorithm):
    runs = folder / "registros"
    run = runs / f"{algorithm.__name__}_1"
    return {
        "tensorboard": runs,
        "una corrida": run,
        "evento": next(run.glob("*tfevents*")),
        "progress": run / "progress.csv",
        "monitor": next((folder / "monitor").glob("*monitor.csv")),
        "evaluations": folder / "evaluations.npz",
    }[kind]


def place_of(kind, name):
    game = GAMES[name]

    def one():
        return gymnasium.make(game, render_mode="rgb_array")

    def stacked():
        if name == "breakout":
            return VecFrameStack(make_atari_env(game, 1, env_kwargs={"render_mode": "rgb_array"}), 4)
        return DummyVecEnv([one])

    return {
        "id": game,
        "juego": "breakout",
        "función": one,
        "lado a lado": game,
        "ambiente": one() if kind == "ambiente" else None,
        "VecEnv": stacked() if kind == "VecEnv" else None,
        "función vectorizada": stacked,
    }[kind]


def test_the_table_has_forty_different_uses():
    assert len(TABLE) == len({(name, cls.__name__, *rest) for name, cls, *rest in TABLE}) == 40


@pytest.mark.parametrize(("name", "algorithm", "log", "where", "file"), TABLE)
def test_an_ordinary_use(trained, tmp_path, name, algorithm, log, where, file):
    model, folder, normalize = trained(name, algorithm)
    # Las métricas: se leen, se exportan (si son de TensorBoard) y se dibujan.
    source = log_of(folder, log, algorithm)
    table = read_metrics(source)
    assert list(table.columns) == ["metric", "step", "value", "wall_time", "run"] and len(table)
    if log in ("tensorboard", "una corrida", "evento"):
        written = export_csv(source, tmp_path / "csv")
        assert written and all(
            list(pd.read_csv(path).columns) == ["Wall time", "Step", "Value"] for path in written.values()
        )
    if log == "monitor" and len(list(source.parent.glob("*monitor.csv"))) == 1:
        rewards = table[table["metric"] == "rewards"]["value"]
        np.testing.assert_allclose(sorted(rewards), sorted(load_results(str(source.parent))["r"]))
    plt.close(plot_metrics(source))
    # La grabación.
    place = place_of(where, name)
    agent = {"azar": None, "entrenado": model} if where == "lado a lado" else model
    recording = record(agent, place, tmp_path / file, seconds=0.5, score=True, normalize=normalize)
    assert recording.steps >= 2 and (tmp_path / file).stat().st_size > 300
    if file.endswith("gif"):
        with Image.open(tmp_path / file) as image:
            assert max(high for _, high in image.convert("RGB").getextrema()) > 0
    # El agente en disco y sus partidas.
    loaded = load_agent(folder / "agente.zip")
    obs = np.stack([model.observation_space.sample() for _ in range(8)])
    np.testing.assert_array_equal(loaded.predict(obs, deterministic=True)[0], model.predict(obs, deterministic=True)[0])
    if name in ("cartpole", "lago", "normalizado"):
        games = evaluate(loaded, GAMES[name], 3, normalize=normalize)
        assert len(games) == 3 and (games["length"] > 0).all()
        if name == "cartpole":
            np.testing.assert_array_equal(games["score"], games["length"])  # un punto por paso


def test_make_env_is_enough_for_gymnasium_and_sb3_to_know_atari():
    env = make_env("BreakoutNoFrameskip-v4")
    assert env.spec.id == "BreakoutNoFrameskip-v4"
    env.close()
