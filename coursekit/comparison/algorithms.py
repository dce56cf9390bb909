"""Más allá de DQN: Double DQN (`DoubleDQN`) y una tabla con los algoritmos que se comparan (`ALGORITHMS`)."""

from __future__ import annotations

from coursekit import evaluation
from coursekit.comparison.catch import CatchEnv, GaleEnv
from coursekit.envs import find_game, make_vec_env
from coursekit.runs import find_name
from coursekit.training.model import make_dqn, schedule
from coursekit.training.recipe import DEFAULTS

import numpy as np
import pandas as pd
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common import env_util
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

#: Los juegos pequeños (`coursekit.comparison.catch`) que este módulo acepta además de los de Atari.
SMALL = {"atrapa": CatchEnv, "vendaval": GaleEnv}


class DoubleDQN(DQN):
    """El DQN de SB3 con el objetivo de van Hasselt et al. (2016): la red en línea elige, la red objetivo valora.

    `DQN.train` usa la red objetivo para una sola cosa, el máximo de sus valores en la observación siguiente. Aquí ve,
    mientras entrena, una sola columna: el valor que la red objetivo da a la acción que elige la red en línea. Lo
    demás (retornos de n pasos, finales de partida, pérdida) es el código de SB3, sin copiarlo.
    """

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        q_net_target = self.q_net_target

        def chosen_by_online(next_observations):
            best = self.q_net(next_observations).argmax(dim=1, keepdim=True)
            return q_net_target(next_observations).gather(1, best)

        self.q_net_target = chosen_by_online
        try:
            super().train(gradient_steps, batch_size)
        finally:
            self.q_net_target = q_net_target


class SmallCNN(BaseFeaturesExtractor):
    """La red del capítulo 3 para pantallas de 10×10: dos convoluciones de 3×3, sin zancada, y 128 unidades.

    La de Mnih et al. (2015) no cabe: su primera capa deja esa pantalla en un solo píxel.
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 128, channels: int = 16):
        super().__init__(observation_space, features_dim)
        planes, height, width = observation_space.shape
        self.layers = nn.Sequential(
            nn.Conv2d(planes, channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(channels * height * width, features_dim),
            nn.ReLU(),
        )

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.layers(observations)


#: Algoritmo → su clase y lo que lo distingue de los demás de su familia. Un DQN propio compite con solo agregarlo aquí.
ALGORITHMS = {
    "dqn": (DQN, {}),
    "dqn-3pasos": (DQN, {"n_steps": 3}),
    "double-dqn": (DoubleDQN, {}),
    "qr-dqn": (QRDQN, {}),
    "ppo": (PPO, {}),
    "a2c": (A2C, {}),
}

# Los hiperparámetros de los juegos pequeños, con los nombres de los constructores de SB3. `n_envs` es el número de
# ambientes, y `exploration_steps` (pasos en que baja ε) se traduce a la `exploration_fraction` de SB3.
_SMALL_VALUE = {
    "n_envs": 16,
    "buffer_size": 50_000,
    "learning_starts": 500,
    "batch_size": 64,
    "train_freq": 1,  # en pasos vectoriales: una actualización cada 16 transiciones
    "target_update_interval": 960,
    "exploration_steps": 6_000,
    "exploration_final_eps": 0.05,
}
_SMALL = {
    "qr-dqn": {**_SMALL_VALUE, "n_quantiles": 25},
    "ppo": {"n_envs": 16, "n_steps": 25, "batch_size": 100, "n_epochs": 4, "ent_coef": 0.01},
    "a2c": {"n_envs": 16, "n_steps": 5, "ent_coef": 0.01},
}
# La tasa de aprendizaje en los juegos pequeños: la mejor de una cuadrícula, con una semilla aparte, en «vendaval»
# (`book/runs/atrapa/tasas.csv`). Lo demás no se ajustó.
_SMALL_RATES = {"dqn": 3e-3, "dqn-3pasos": 3e-3, "double-dqn": 1e-3, "qr-dqn": 1e-2, "ppo": 3e-3, "a2c": 3e-3}
# En Atari, los que aprenden valores llevan la receta de `coursekit train`, con sus retornos de 3 pasos; PPO y A2C, los
# valores del RL Zoo de SB3 (en PPO la tasa baja a 0 en línea recta; el recorte queda fijo).
_ATARI = {
    "ppo": {
        "n_envs": 8,
        "learning_rate": 2.5e-4,
        "learning_rate_schedule": "linear",
        "n_steps": 128,
        "batch_size": 256,
        "n_epochs": 4,
        "clip_range": 0.1,
        "ent_coef": 0.01,
    },
    "a2c": {"n_envs": 16, "learning_rate": 7e-4, "n_steps": 5, "ent_coef": 0.01, "vf_coef": 0.25},
}


def find_algorithm(algorithm: str) -> str:
    """El nombre de `algorithm` en `ALGORITHMS`, o `ValueError` con el más parecido."""
    return find_name(algorithm, ALGORITHMS, "el algoritmo")


def hyperparameters(algorithm: str, game: str) -> dict[str, int | float]:
    """Los hiperparámetros de `algorithm` en `game`: unos para los juegos pequeños y otros para los de Atari."""
    name = find_algorithm(algorithm)
    if game in SMALL:
        settings = {**_SMALL.get(name, _SMALL_VALUE), "learning_rate": _SMALL_RATES.get(name, _SMALL_RATES["dqn"])}
    else:
        settings = _ATARI.get(name, DEFAULTS)
    return {**settings, "gamma": 0.99, **ALGORITHMS[name][1]}


def make_agent(algorithm: str, game: str, steps: int, *, seed: int = 0, **changes) -> BaseAlgorithm:
    """Un agente de Stable-Baselines3 sin entrenar, con sus ambientes, listo para `learn(steps)`; en CPU.

    Parámetros
    ----------
    algorithm: uno de `ALGORITHMS`.
    game: uno de `SMALL` o un juego de Atari.
    steps: pasos del agente que se piensa entrenar.
    seed: semilla de la red, de la exploración y de los ambientes.
    changes: reemplazan valores de `hyperparameters(algorithm, game)`.

    Todos los algoritmos tienen la misma red delante: `SmallCNN` en los pequeños y la de Mnih et al. (2015) en Atari.
    """
    name = find_algorithm(algorithm)
    cls, _ = ALGORITHMS[name]
    arguments = {**hyperparameters(name, game), **changes}
    n_envs = arguments.pop("n_envs")
    if game not in SMALL:
        atari = make_vec_env(game, n_envs, seed, threads=1)  # hay un proceso por núcleo
        if "steps_per_update" in arguments:
            return make_dqn(atari, steps, algorithm=cls, seed=seed, device="cpu", **arguments)
        if "learning_rate_schedule" in arguments:
            arguments |= {"learning_rate": schedule(arguments, steps)}
            del arguments["learning_rate_schedule"]
        return cls("CnnPolicy", atari, seed=seed, device="cpu", **arguments)
    env: VecEnv = env_util.make_vec_env(SMALL[game], n_envs=n_envs, seed=seed)
    policy = {"features_extractor_class": SmallCNN, "net_arch": []}
    if "n_quantiles" in arguments:
        policy["n_quantiles"] = arguments.pop("n_quantiles")
    if "exploration_steps" in arguments:
        arguments["exploration_fraction"] = min(arguments.pop("exploration_steps") / steps, 1.0)
    return cls("CnnPolicy", env, policy_kwargs=policy, seed=seed, device="cpu", **arguments)


def play(agent: BaseAlgorithm, game: str, episodes: int, *, seed: int = evaluation.SEED) -> pd.DataFrame:
    """Juega `episodes` partidas de forma voraz; devuelve una tabla como la de `coursekit.evaluation.evaluate`.

    En los juegos pequeños la partida `i` comienza con la semilla `seed + i`: todos los agentes juegan las mismas.
    """
    if game not in SMALL:
        return evaluation.evaluate(agent, find_game(game)[0], episodes, epsilon=0.0, seed=seed)
    envs = [SMALL[game]() for _ in range(episodes)]
    alive = {i: env.reset(seed=seed + i)[0] for i, env in enumerate(envs)}
    scores, lengths = np.zeros(episodes), np.zeros(episodes, int)
    while alive:
        actions, _ = agent.predict(np.stack(list(alive.values())), deterministic=True)
        for i, action in zip(list(alive), actions, strict=True):
            alive[i], reward, terminated, _, _ = envs[i].step(action)
            scores[i] += reward
            lengths[i] += 1
            if terminated:
                del alive[i]
    return pd.DataFrame({"episode": range(1, episodes + 1), "score": scores, "length": lengths})
