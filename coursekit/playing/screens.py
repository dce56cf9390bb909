"""Lo que se ve en cada paso de una partida, en color: en cualquier ambiente (`play`) y en Atari (`play_atari`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coursekit.envs import find_game, is_atari, make_env
from coursekit.playing.adapt import check_actions, choose_actions, ended, opened, rewards_of, stacked_screens
from coursekit.training.recipe import FRAME_SKIP, lost_life

import numpy as np
from gymnasium.error import DependencyNotInstalled

ATARI_RATE = 60 / FRAME_SKIP  # el Atari 2600 dibuja 60 cuadros por segundo; el agente decide 15 veces


class State(NamedTuple):
    """Lo que se ve en un paso: la pantalla `(alto, ancho, 3)`, el puntaje, las vidas y los pasos por segundo."""

    screen: np.ndarray
    score: float
    lives: int
    rate: float


def play(agent, where, seed: int, epsilon: float, episodes: int, sticky, normalize) -> Iterator[State]:
    """Juega en cualquier ambiente; da un estado por paso."""
    with opened(where, agent, 1, seed, sticky=sticky, normalize=normalize) as env:
        rng = np.random.default_rng(seed)
        env.action_space.seed(seed)
        obs, score, rate = env.reset(), 0.0, env.get_attr("metadata")[0].get("render_fps") or 30
        rate = ATARI_RATE if is_atari(where) else rate
        screen = _screen(env)
        while episodes:
            obs, rewards, dones, infos = env.step(choose_actions(agent, obs, env, rng, epsilon))
            score += float(rewards_of(env, rewards)[0])
            over = dones[0] and ended(env, infos[0])
            score = float(infos[0]["episode"]["r"]) if "episode" in infos[0] else score
            screen = screen if dones[0] else _screen(env)  # después de un final ya es la de la partida siguiente
            yield State(screen, score, infos[0].get("lives", 0), rate)
            episodes, score = episodes - over, 0.0 if over else score


def _screen(env) -> np.ndarray:
    try:
        screen = env.get_images()[0] if env.get_attr("render_mode")[0] == "rgb_array" else None
    except DependencyNotInstalled as error:
        raise ModuleNotFoundError(f"Para dibujar este ambiente falta instalar algo ({error}).") from error
    if screen is None:
        raise ValueError("Este ambiente no da imágenes: créelo con render_mode='rgb_array' para poder grabarlo.")
    return np.asarray(screen)


def play_atari(agent, game: str, seed: int, epsilon: float, episodes: int, sticky: float) -> Iterator[State]:
    """Juega como `AleVecEnv`, que no dibuja, y da la pantalla en color que corresponde a cada paso."""
    from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv, NoopResetEnv, WarpFrame

    options = {"frameskip": 1, "repeat_action_probability": sticky}
    env = MaxAndSkipEnv(NoopResetEnv(make_env(find_game(game)[0], **options)), FRAME_SKIP)
    warp, rng, n_stack = WarpFrame(env), np.random.default_rng(seed), stacked_screens(agent)
    meanings = env.unwrapped.get_action_meanings()
    fire = meanings.index("FIRE") if "FIRE" in meanings else None
    try:
        check_actions(agent, env.action_space)
        for episode in range(episodes):
            screen, info = env.reset(seed=seed if episode == 0 else None)
            stack = np.zeros((1, n_stack, *warp.observation_space.shape[:2]), dtype=np.uint8)
            score, lives, press_fire, over = 0.0, info["lives"], fire is not None, False
            while not over:
                stack = np.roll(stack, -1, axis=1)
                stack[0, -1] = warp.observation(screen)[:, :, 0]
                action = int(rng.integers(env.action_space.n))
                if agent is not None and rng.random() >= epsilon:
                    action = int(agent.predict(stack, deterministic=True)[0][0])
                screen, reward, terminated, truncated, info = env.step(fire if press_fire else action)
                over = terminated or truncated
                press_fire = fire is not None and lost_life(info["lives"], lives)
                score, lives = score + float(reward), info["lives"]
                yield State(screen.copy(), score, lives, ATARI_RATE)
    finally:
        env.close()
