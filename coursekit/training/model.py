"""El modelo: el DQN de Stable-Baselines3 (o un pariente suyo) con los valores de la receta (`make_dqn`)."""

from __future__ import annotations

import math

from coursekit.runs import find_name
from coursekit.training import cpu, recipe
from coursekit.training.munchausen import MunchausenDQN
from coursekit.training.replay import FrameReplayBuffer

import torch
from sb3_contrib import QRDQN
from stable_baselines3 import DQN
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env import VecEnv

_CLASSES = dict(zip(recipe.ALGORITHMS, (DQN, MunchausenDQN, QRDQN), strict=True))


def make_dqn(
    env: VecEnv,
    total_steps: int,
    *,
    algorithm: str | type[OffPolicyAlgorithm] = "dqn",
    seed: int = 0,
    device: str = "auto",
    **hyperparameters,
) -> DQN | QRDQN:
    """Un `stable_baselines3.DQN` con los hiperparámetros de `recipe.DEFAULTS`, listo para `learn(total_steps)`.

    `hyperparameters` reemplaza valores de `DEFAULTS`. Es un DQN común de SB3: estas líneas traducen los pasos del
    agente a las unidades de SB3 (que cuenta `train_freq` en pasos *vectoriales*), usan la memoria que guarda cada
    cuadro una vez y eligen el Adam y el orden de los píxeles que la CPU calcula más rápido. En una CPU además cambian
    cómo pide memoria el proceso entero (`coursekit.training.cpu` dice qué y por qué).
    `algorithm` es uno de `recipe.ALGORITHMS` o una clase derivada de `DQN`; el QR-DQN es el de sb3-contrib, con sus
    200 cuantiles y el ε de Adam de su artículo (Dabney et al., 2018).

    Lanza `ValueError` si el algoritmo o un hiperparámetro no existe, no es posible o no va con los ambientes.
    """
    cls = _CLASSES[find_name(algorithm, _CLASSES, "el algoritmo")] if isinstance(algorithm, str) else algorithm
    recipe.check({**hyperparameters, "n_envs": env.num_envs})
    h = {**recipe.DEFAULTS, **hyperparameters, "n_envs": env.num_envs}
    adam = {"fused": True} | ({"eps": 0.01 / h["batch_size"]} if issubclass(cls, QRDQN) else {})
    model = cls(
        "CnnPolicy",
        env,
        learning_rate=schedule(h, total_steps),
        buffer_size=h["buffer_size"],
        learning_starts=h["learning_starts"],
        batch_size=h["batch_size"],
        gamma=h["gamma"],
        train_freq=max(h["steps_per_update"] // env.num_envs, 1),
        gradient_steps=max(env.num_envs // h["steps_per_update"], 1),
        target_update_interval=h["target_update_interval"],
        exploration_fraction=h["exploration_steps"] / total_steps,
        exploration_final_eps=h["exploration_final_eps"],
        replay_buffer_class=FrameReplayBuffer,
        replay_buffer_kwargs={"n_steps": h["n_steps"], "gamma": h["gamma"]},
        policy_kwargs={"optimizer_class": torch.optim.Adam, "optimizer_kwargs": adam},
        seed=seed,
        device=device,
    )
    model.policy.to(memory_format=torch.channels_last)
    if model.device.type == "cpu":
        cpu.speed_up(model)
    return model


def schedule(h: dict, total_steps: int) -> float | Schedule:
    """La tasa como la quiere SB3: un número, o una función de lo que falta (1 al comienzo, 0 al final)."""
    rate, name, warmup = h["learning_rate"], h["learning_rate_schedule"], h.get("learning_rate_warmup", 0)
    if name == "constant" and not warmup:
        return rate
    falls = {"constant": lambda left: 1.0, "linear": lambda left: left}
    falls["cosine"] = lambda left: (1 - math.cos(math.pi * left)) / 2

    def current(left: float) -> float:
        learning = (1 - left) * total_steps - h.get("learning_starts", 0)
        rising = min(max(learning, 0) / warmup, 1.0) if warmup else 1.0
        return rate * rising * falls[name](left)

    return current
