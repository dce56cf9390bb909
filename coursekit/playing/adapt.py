"""Cualquier ambiente, visto como lo espera cualquier agente de Stable-Baselines3: lo usan `evaluate` y `record`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coursekit.envs import is_atari, make_env, make_vec_env

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete
from stable_baselines3.common import env_util
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecNormalize, VecTransposeImage


def check_agent(agent) -> None:
    """`ValueError` si `agent` no es `None` y le falta algo de lo que hace falta para jugar."""
    for attribute in ("predict", "action_space", "observation_space"):
        if agent is not None and not hasattr(agent, attribute):
            raise ValueError(
                f"{type(agent).__name__!r} no sirve de agente: le falta {attribute!r}; hace falta el `predict` de "
                "Stable-Baselines3, con sus espacios de acciones y observaciones."
            )


@contextmanager
def opened(
    where,
    agent=None,
    n_envs: int = 1,
    seed: int = 0,
    *,
    sticky: float | None = None,
    normalize: VecNormalize | None = None,
) -> Iterator[VecEnv]:
    """Un `VecEnv` de `where` con las observaciones de `agent`; al salir se cierra, si se hizo aquí.

    `where`: un juego o un id, un ambiente de gymnasium, un `VecEnv` o una función que hace uno de los dos.
    `normalize`: el `VecNormalize` con el que se entrenó.
    """
    check_agent(agent)
    ours = not isinstance(where, (gymnasium.Env, VecEnv))
    env = _vectorised(where, agent, n_envs, seed, sticky)
    try:
        env = _matched(env, agent, normalize)
        env.seed(seed)
        yield env
    finally:
        if ours:
            env.close()


def stacked_screens(agent) -> int | None:
    """Cuántos cuadros de 84×84 apilados espera el agente, o `None` si no espera eso (sin agente, los 4 del curso)."""
    shape = (4, 84, 84) if agent is None else agent.observation_space.shape or ()
    sides = sorted(shape)[-2:]
    return min(shape) if len(shape) == 3 and sides == [84, 84] else None


def _vectorised(where, agent, n_envs: int, seed: int, sticky: float | None) -> VecEnv:
    if is_atari(where):
        options = {"training": False, "sticky": sticky}
        if stack := stacked_screens(agent):
            return make_vec_env(where, n_envs, seed, stack=stack, **options)
        if agent.observation_space.shape == (128,):
            return make_vec_env(where, n_envs, seed, obs_type="ram", **options)
    elif sticky:
        raise ValueError(f"sticky={sticky} es de Atari, y {where!r} no lo es: quítelo.")
    if isinstance(where, VecEnv):
        return where
    if isinstance(where, gymnasium.Env):
        return DummyVecEnv([lambda: where])
    if callable(where):
        first = where()
        if isinstance(first, VecEnv):
            return first
        return DummyVecEnv([lambda env=env: env for env in (first, *(where() for _ in range(n_envs - 1)))])
    if not isinstance(where, str):
        raise ValueError(
            f"{where!r} no es un ambiente: dé un juego, un id, un ambiente de gymnasium, un VecEnv o una función."
        )
    return env_util.make_vec_env(lambda: make_env(where), n_envs, seed)


def choose_actions(agent, obs, env: VecEnv, rng: np.random.Generator, epsilon: float) -> np.ndarray:
    """Una acción por ambiente: la de `agent.predict` o, con probabilidad `epsilon` en cada uno, una al azar."""
    if isinstance(env.action_space, Discrete):
        actions = rng.integers(env.action_space.n, size=env.num_envs)
    else:
        actions = np.stack([env.action_space.sample() for _ in range(env.num_envs)])
    if agent is None:
        return actions
    greedy = agent.predict(obs, deterministic=True)[0]
    by_chance = (rng.random(env.num_envs) < epsilon).reshape(-1, *[1] * (actions.ndim - 1))
    return np.where(by_chance, actions, greedy)


def ended(env: VecEnv, info: dict) -> bool:
    """Si lo que terminó es la partida entera: con `Monitor`, perder una vida no lo es."""
    return "episode" in info or not env.env_is_wrapped(Monitor)[0]


def rewards_of(env: VecEnv, rewards: np.ndarray) -> np.ndarray:
    """Las recompensas del ambiente, sin la normalización de `VecNormalize`."""
    return env.get_original_reward() if isinstance(env, VecNormalize) else rewards


def _matched(env: VecEnv, agent, normalize: VecNormalize | None) -> VecEnv:
    """`env` con lo que le falte para dar las observaciones de `agent`: pila, canales primero, normalización."""
    if agent is None:
        return env
    wanted, given = agent.observation_space.shape, env.observation_space.shape
    if wanted != given and wanted and given and len(wanted) == len(given):
        turned = given[-1:] + given[:-1]  # una imagen de SB3 lleva los canales primero
        times, rest = divmod(wanted[0], turned[0]) if len(given) == 3 and wanted[1:] == turned[1:] else (0, 1)
        if times and not rest:
            env = VecTransposeImage(VecFrameStack(env, times, "last") if times > 1 else env)
        elif wanted[1:] == given[1:] and not wanted[0] % given[0]:
            env = VecFrameStack(env, wanted[0] // given[0], "first")
        elif wanted[:-1] == given[:-1] and not wanted[-1] % given[-1]:
            env = VecFrameStack(env, wanted[-1] // given[-1], "last")
    if normalize is not None:
        statistics, env = normalize, VecNormalize(env, training=False, norm_reward=False, norm_obs=normalize.norm_obs)
        env.obs_rms, env.clip_obs, env.epsilon = statistics.obs_rms, statistics.clip_obs, statistics.epsilon
    if wanted != env.observation_space.shape:
        raise ValueError(
            f"El agente espera observaciones de forma {wanted} y las del ambiente son {given}: cargue un agente "
            "entrenado en este ambiente, o dé el ambiente con sus envoltorios."
        )
    check_actions(agent, env.action_space)
    return env


def check_actions(agent, actions) -> None:
    """`ValueError` si las acciones de `agent` no son las del espacio `actions`."""
    check_agent(agent)
    spaces = (getattr(agent, "action_space", actions), actions)
    known, real = (space.n if hasattr(space, "n") else space.shape for space in spaces)
    if known != real:
        raise ValueError(
            f"El agente conoce {known} acciones y el ambiente tiene {real}: cargue un agente entrenado en él."
        )
