"""Los ambientes de Atari con los envoltorios de Stable-Baselines3: la referencia, y la memoria RAM como observación."""

from __future__ import annotations

from coursekit.training.recipe import FRAME_SKIP

from stable_baselines3.common import atari_wrappers, env_util
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecTransposeImage


def sb3_env(
    env_id: str, n_envs: int, seed: int | None, training: bool, sticky: float, noop_max: int, stack: int | None
) -> VecEnv:
    """`n_envs` copias de `env_id`, con `stack` cuadros apilados o, si es `None`, con los 128 bytes de la RAM.

    Los demás argumentos son los de `coursekit.envs.make_vec_env`. `ValueError` si el juego no tiene la acción NOOP.
    """
    standard = not env_id.startswith("ALE/")
    wrappers = {"terminal_on_life_loss": training, "clip_reward": training, "noop_max": noop_max}
    if stack is None:
        options = {"obs_type": "ram", "frameskip": FRAME_SKIP, "repeat_action_probability": sticky}
        options["render_mode"] = "rgb_array"
        rules = {"wrapper_class": _ram_rules, "wrapper_kwargs": wrappers}
        return env_util.make_vec_env(env_id, n_envs, seed, env_kwargs=options, **rules)
    # Los juegos que solo tienen v5 llevan las acciones pegajosas en el emulador.
    options = {} if standard else {"frameskip": 1, "repeat_action_probability": sticky}
    wrappers["action_repeat_probability"] = sticky if standard else 0.0
    try:
        env = env_util.make_atari_env(env_id, n_envs, seed, wrapper_kwargs=wrappers, env_kwargs=options)
    except AssertionError:
        raise ValueError(f"Los envoltorios de SB3 piden NOOP y {env_id} no lo tiene: use backend='ale'.") from None
    return VecTransposeImage(VecFrameStack(env, n_stack=stack))


def _ram_rules(env, terminal_on_life_loss: bool, clip_reward: bool, noop_max: int):
    """Las reglas de `AtariWrapper` de SB3 que no tocan la imagen; el salto de cuadros lo hace ALE."""
    env = atari_wrappers.NoopResetEnv(env, noop_max) if noop_max else env
    env = atari_wrappers.EpisodicLifeEnv(env) if terminal_on_life_loss else env
    env = atari_wrappers.FireResetEnv(env) if "FIRE" in env.unwrapped.get_action_meanings() else env
    return atari_wrappers.ClipRewardEnv(env) if clip_reward else env
