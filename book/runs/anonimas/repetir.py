"""Entrena las corridas del capítulo 5 y escribe sus curvas en esta carpeta.

    python book/runs/anonimas/repetir.py

Quien vaya a resolver el ejercicio 5.3 no debería leer más abajo: aquí está dicho qué le falló a cada una.

Todas juegan a «atrapa», el juego del capítulo 3, con el DQN de SB3. De las seis anónimas se guardan las métricas; del
experimento del ejercicio 5.4, por corrida, la media que anotaba el entrenamiento en dos momentos y la que obtiene el
agente después, congelado y voraz.
Tarda unos minutos en un núcleo.
"""

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.comparison.catch import CatchEnv
from coursekit.metrics import export_csv, read_metrics
from coursekit.runs import machine, versions

import gymnasium as gym
import numpy as np
import pandas as pd
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

HERE = Path(__file__).resolve().parent
STEPS = 24_000
SETTINGS = {
    "learning_rate": 2e-3,
    "buffer_size": 20_000,
    "learning_starts": 800,
    "batch_size": 64,
    "train_freq": 1,
    "target_update_interval": 480,
    "exploration_fraction": 0.5,
    "device": "cpu",
}
FAULTS = {
    "A": ("recompensa", {}),
    "B": ("sana", {}),
    "C": ("tasa", {"learning_rate": 1.0}),
    "D": ("reinicio", {}),
    "E": ("exploracion", {"exploration_fraction": 5.0}),
    "F": ("actualizaciones", {"learning_starts": 10 * STEPS}),
}
TRIAL = {"A": 0.5, "B": 0.05}  # la fracción del entrenamiento en que baja ε, en el ejercicio 5.4
TRIAL_STEPS, TRIAL_SEEDS = 12_000, 8


def worthless(env: gym.Env) -> gym.Env:
    """Los premios, divididos por 10 y pasados a enteros: todos quedan en 0."""
    return gym.wrappers.TransformReward(env, lambda reward: float(int(reward / 10)))


def play_and_learn(name: str, seed: int, steps: int, log: Path, **changes) -> DQN:
    wrapper = worthless if name == "recompensa" else None
    games = make_vec_env(CatchEnv, n_envs=16, seed=seed, wrapper_class=wrapper)
    model = DQN("MlpPolicy", games, seed=seed, tensorboard_log=str(log), **(SETTINGS | changes))
    parts = (steps // 4, 3 * steps // 4) if name == "reinicio" else (steps,)
    for part in parts:
        model.learn(part, log_interval=20, tb_log_name="x", reset_num_timesteps=part == parts[0])
    return model


def anonymous() -> None:
    for letter, (name, changes) in FAULTS.items():
        with tempfile.TemporaryDirectory() as folder:
            play_and_learn(name, 0, STEPS, Path(folder), **changes)
            shutil.rmtree(HERE / letter, ignore_errors=True)
            export_csv(folder, HERE / letter / "metrics", only=("rewards", "epsilon", "loss", "length"))


def trial() -> pd.DataFrame:
    rows = []
    for seed in range(TRIAL_SEEDS):
        for side, fraction in TRIAL.items():
            with tempfile.TemporaryDirectory() as folder:
                model = play_and_learn(side, seed, TRIAL_STEPS, Path(folder), exploration_fraction=fraction)
                curve = read_metrics(folder).query("metric == 'rewards'")
            quarter = curve.loc[curve["step"] <= TRIAL_STEPS / 4, "value"].iloc[-1]
            scores, _ = evaluate_policy(
                model, make_vec_env(CatchEnv, 10, seed=10_000), n_eval_episodes=100, return_episode_rewards=True
            )
            rows.append({"bando": side, "semilla": seed, "al cuarto": quarter})
            rows[-1] |= {"al final": curve["value"].iloc[-1], "voraz": np.mean(scores)}
    return pd.DataFrame(rows)


def main() -> None:
    anonymous()
    trial().to_csv(HERE / "exploracion.csv", index=False, float_format="%.4g")
    info = {
        "command": "python book/runs/anonimas/repetir.py",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "steps": STEPS,
        "settings": SETTINGS,
        "trial": {"exploration_fraction": TRIAL, "steps": TRIAL_STEPS, "seeds": TRIAL_SEEDS},
        "versions": versions(),
        "machine": machine(),
    }
    text = json.dumps(info, ensure_ascii=False, indent=2)
    (HERE / "experimento.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
