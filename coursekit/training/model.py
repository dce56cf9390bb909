"""El modelo: el DQN de Stable-Baselines3, con su paso de aprendizaje y los valores de la receta (`make_dqn`)."""

from __future__ import annotations

from coursekit.training import cpu, recipe
from coursekit.training.replay import FrameReplayBuffer

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import VecEnv


def make_dqn(env: VecEnv, total_steps: int, *, seed: int = 0, device: str = "auto", **hyperparameters) -> DQN:
    """Un `stable_baselines3.DQN` con los hiperparámetros de `recipe.DEFAULTS`, listo para `learn(total_steps)`.

    `hyperparameters` reemplaza valores de `DEFAULTS`. Es un DQN común de SB3: estas líneas traducen los pasos del
    agente a las unidades de SB3 (que cuenta `train_freq` en pasos *vectoriales*), usan la memoria que guarda cada
    cuadro una vez y eligen el Adam y el orden de los píxeles que la CPU calcula más rápido. En una CPU además cambian
    cómo pide memoria el proceso entero (`coursekit.training.cpu` dice qué y por qué).

    Lanza `ValueError` si un hiperparámetro no existe, no es posible o no es compatible con los ambientes.
    """
    recipe.check({**hyperparameters, "n_envs": env.num_envs})
    h = {**recipe.DEFAULTS, **hyperparameters, "n_envs": env.num_envs}
    model = DQN(
        "CnnPolicy",
        env,
        learning_rate=h["learning_rate"],
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
        policy_kwargs={"optimizer_kwargs": {"fused": True}},
        seed=seed,
        device=device,
    )
    model.policy.to(memory_format=torch.channels_last)
    if model.device.type == "cpu":
        cpu.speed_up(model)
    return model
