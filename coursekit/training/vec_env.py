"""El ambiente vectorial de ALE, escrito en C++, detrás de la interfaz `VecEnv` de Stable-Baselines3."""

from __future__ import annotations

import time

from coursekit.training.recipe import FRAME_SKIP, FRAME_STACK, lost_life

import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv


class AleVecEnv(VecEnv):
    """`n_envs` partidas de un juego que avanzan a la vez en hilos de C++.

    Las observaciones tienen la forma y el orden de las de SB3, `uint8` de forma `(n_envs, 4, 84, 84)`, con el cuadro
    más nuevo al final y ceros en lugar de los cuadros anteriores al comienzo del episodio. Los píxeles son los mismos
    en muchos juegos; en otros difieren unos pocos, porque ALE pasa a gris antes de tomar el máximo (capítulo 2).

    Tres reglas completan lo que ALE no da:

    * con `life_loss`, perder una vida termina el episodio del agente y no la partida;
    * con `clip_reward`, el agente recibe el signo de la recompensa, y `info["episode"]["r"]` lleva el puntaje
      verdadero de la partida, solo cuando esta termina;
    * la primera acción de cada partida, y la primera después de perder una vida, es FIRE donde el juego la tiene, al
      entrenar y al evaluar por igual: Breakout espera FIRE para sacar la pelota, y un agente voraz podría esperar
      para siempre. Va después de las acciones nulas del comienzo, como en SB3; ALE la haría antes. De una manera o de
      la otra, un agente voraz tiene 4 partidas distintas de Breakout, una por fase del saque (capítulo 6).

    `rom` es el nombre de la ROM (`"space_invaders"`); lo demás, como en `coursekit.envs.make_vec_env`.
    """

    def __init__(
        self,
        rom: str,
        n_envs: int,
        seed: int | None = None,
        *,
        life_loss: bool = True,
        clip_reward: bool = True,
        sticky: float = 0.0,
        noop_max: int = 30,
        fire_reset: bool = True,
        frame_skip: int = FRAME_SKIP,
        max_frames: int = 108_000,
        stack: int = FRAME_STACK,
        threads: int = 0,
    ):
        self._ale = AtariVectorEnv(
            rom,
            n_envs,
            num_threads=threads,
            stack_num=stack,
            frameskip=frame_skip,
            noop_max=noop_max,
            use_fire_reset=False,
            repeat_action_probability=sticky,
            max_num_frames_per_episode=max_frames,
            # ALE reiniciaría la partida entera con cada vida y recortaría también el puntaje: lo hacemos aquí.
            episodic_life=False,
            reward_clipping=False,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        self.stack = stack
        self.life_loss = life_loss
        self.clip_reward = clip_reward
        self.action_meanings = [action.name for action in self._ale.ale.get_action_set()]
        self._needs_fire = fire_reset and "FIRE" in self.action_meanings
        self._fire = self.action_meanings.index("FIRE") if self._needs_fire else 0
        super().__init__(n_envs, self._ale.single_observation_space, self._ale.single_action_space)
        if seed is not None:
            self.seed(seed)

    def reset(self) -> np.ndarray:
        """Comienza una partida nueva en cada copia; observaciones `uint8` de forma `(n_envs, 4, 84, 84)`."""
        seeds = None if self._seeds[0] is None else np.array(self._seeds, dtype=np.int64) % 2**31
        obs, info = self._ale.reset(seed=seeds)
        self._reset_seeds()
        self._lives = info["lives"]
        self._frames_before = info["frame_number"] - info["episode_frame_number"]
        self._score = np.zeros(self.num_envs, dtype=np.int64)
        self._depth = np.ones(self.num_envs, dtype=np.int64)  # cuadros de la pila que son de este episodio
        self._press_fire = np.full(self.num_envs, self._needs_fire)
        self._start = time.time()
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        actions = np.asarray(actions, dtype=np.int32).reshape(self.num_envs)
        if actions.min() < 0 or actions.max() >= self.action_space.n:  # ALE se quedaría esperando para siempre
            last = self.action_space.n - 1
            raise ValueError(f"Las acciones {actions.tolist()} no son todas de este juego: van de 0 a {last}.")
        self._ale.send(np.where(self._press_fire, np.int32(self._fire), actions))

    def step_wait(self):
        obs, rewards, terminated, truncated, ale_info = self._ale.recv()
        game_over = terminated | truncated
        lives = ale_info["lives"]
        dead = ~game_over & lost_life(lives, self._lives)
        self._press_fire = self._needs_fire & (dead | game_over)
        # En un final las de ALE son ya las de la partida siguiente.
        shown = np.where(terminated, 0, np.where(truncated, self._lives, lives))
        self._lives = lives
        self._score += rewards

        dones = game_over | dead if self.life_loss else game_over
        infos = [{"lives": n, "TimeLimit.truncated": False} for n in shown.tolist()]
        self._depth = np.minimum(self._depth + 1, self.stack)
        final_obs = ale_info.get("final_obs")
        for i in np.flatnonzero(dones | (self._depth < self.stack)):
            # Después de una vida perdida la pila de ALE conserva cuadros de la anterior.
            last = final_obs if game_over[i] else obs
            last[i, : self.stack - self._depth[i]] = 0
            if dones[i]:
                infos[i]["terminal_observation"] = last[i].copy()
                infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
                obs[i, :-1] = 0
                self._depth[i] = 1
        if game_over.any():
            frames_before = ale_info["frame_number"] - ale_info["episode_frame_number"]
            for i in np.flatnonzero(game_over):
                infos[i]["episode"] = {
                    "r": float(self._score[i]),
                    "l": int(frames_before[i] - self._frames_before[i]),
                    "t": round(time.time() - self._start, 6),
                }
            self._frames_before = frames_before
            self._score[game_over] = 0
        rewards = np.sign(rewards) if self.clip_reward else rewards
        return obs, rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        self._ale.close()

    def get_attr(self, attr_name: str, indices=None) -> list:
        if attr_name == "render_mode":  # no dibuja: para grabar, coursekit.recording usa un ambiente aparte
            return [None for _ in self._get_indices(indices)]
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value, indices=None) -> None:
        raise NotImplementedError("Las copias viven en C++ y no tienen atributos propios: cree otro AleVecEnv.")

    def env_method(self, method_name: str, *method_args, indices=None, **method_kwargs) -> list:
        raise NotImplementedError("Las copias viven en C++ y no tienen métodos propios: use los de AleVecEnv.")

    def env_is_wrapped(self, wrapper_class, indices=None) -> list[bool]:
        # `evaluate_policy` pregunta así si info["episode"] trae partidas completas: las trae.
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]
