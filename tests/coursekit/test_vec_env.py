"""El ambiente vectorial de ALE contra los envoltorios de SB3: cuadros, recompensas, vidas, finales y bibliotecas."""

from coursekit.evaluation import evaluate
from coursekit.training.vec_env import AleVecEnv

import ale_py
import cv2
import gymnasium
import numpy as np
import pytest
from sb3_contrib import QRDQN
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv, WarpFrame
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecTransposeImage

gymnasium.register_envs(ale_py)
FIRE = 1  # en los juegos de estas pruebas


class GreyBeforeMaximum(gymnasium.Wrapper):
    """Salto de 4 cuadros que convierte a gris antes de tomar el máximo, como ALE; SB3 lo hace después.

    Solo se nota donde dos cuadros seguidos tienen colores distintos en un píxel: en Pong, sí.
    """

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (84, 84, 1), np.uint8)

    def _warp(self, screens):
        return cv2.resize(np.max(screens, axis=0), (84, 84), interpolation=cv2.INTER_AREA)[:, :, None]

    def reset(self, **kwargs):
        _, info = self.env.reset(**kwargs)
        return self._warp([self.unwrapped.ale.getScreenGrayscale()]), info

    def step(self, action):
        total, screens = 0.0, []
        for _ in range(4):
            _, reward, terminated, truncated, info = self.env.step(action)
            screens.append(self.unwrapped.ale.getScreenGrayscale())
            total += float(reward)
            if terminated or truncated:
                break
        return self._warp(screens[-2:]), total, terminated, truncated, info


def reference(game):
    """Los envoltorios de SB3 con un comienzo que también puede dar ALE: sin FIRE ni acciones nulas."""

    def make():
        env = Monitor(gymnasium.make(f"{game}NoFrameskip-v4"))
        return GreyBeforeMaximum(env) if game == "Pong" else WarpFrame(MaxAndSkipEnv(env))

    return VecTransposeImage(VecFrameStack(DummyVecEnv([make]), 4))


def whole_games(rom, n_envs=1, seed=0, **kwargs):
    return AleVecEnv(rom, n_envs, seed, life_loss=False, clip_reward=False, **kwargs)


@pytest.mark.parametrize(
    ("game", "rom", "steps"),
    [("Breakout", "breakout", 800), ("SpaceInvaders", "space_invaders", 800), ("Pong", "pong", 1_200)],
)
def test_frames_rewards_and_scores_equal_those_of_sb3(game, rom, steps):
    theirs, ours = reference(game), whole_games(rom, noop_max=1, fire_reset=False)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    rng = np.random.default_rng(0)
    finished = 0
    for _ in range(steps):
        action = rng.integers(ours.action_space.n, size=1)
        (obs, reward, done, (info,)), (obs_b, reward_b, done_b, (info_b,)) = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(obs, obs_b)
        assert (reward, done, info["lives"]) == (reward_b, done_b, info_b["lives"])
        assert ("episode" in info) == ("episode" in info_b) == done[0]
        if done[0]:
            finished += 1
            assert (info["episode"]["r"], info["episode"]["l"]) == (info_b["episode"]["r"], info_b["episode"]["l"])
            # El último cuadro «no importa», dice MaxAndSkipEnv: en un final a mitad del salto mezcla cuadros viejos.
            np.testing.assert_array_equal(info["terminal_observation"][:-1], info_b["terminal_observation"][:-1])
            assert info["TimeLimit.truncated"] is info_b["TimeLimit.truncated"] is False
    assert finished >= 1
    ours.close()


def test_life_loss_ends_the_transition_but_not_the_game():
    losing, whole = AleVecEnv("breakout", 1, seed=3), whole_games("breakout", seed=3)
    np.testing.assert_array_equal(losing.reset(), whole.reset())
    rng = np.random.default_rng(3)
    lost, score, length_b = 0, 0.0, None
    for _ in range(2_000):
        action = rng.integers(4, size=1)
        obs, reward, (done,), (info,) = losing.step(action)
        obs_b, reward_b, (done_b,), (info_b,) = whole.step(action)
        score += reward_b[0]
        assert reward[0] == np.sign(reward_b[0])
        if done_b:  # el final verdadero: aquí, y solo aquí, llega el puntaje de la partida
            assert done and info["episode"]["r"] == info_b["episode"]["r"] == score
            length_b = info_b["episode"]["l"]
            assert info["episode"]["l"] == length_b
            break
        assert "episode" not in info and "episode" not in info_b
        np.testing.assert_array_equal(obs[0, -1], obs_b[0, -1])  # la partida sigue igual en las dos
        if done:
            lost += 1
            assert info["lives"] == 5 - lost and not info["TimeLimit.truncated"]
            # La observación terminal es la pila completa; la siguiente comienza de nuevo.
            np.testing.assert_array_equal(info["terminal_observation"], obs_b[0])
            assert info["terminal_observation"].all(axis=(1, 2)).sum() == 0 and info["terminal_observation"][0].any()
            assert not obs[0, :-1].any() and obs[0, -1].any()
            after = 0
        elif lost and after < 3:  # los cuadros de la vida anterior no vuelven a entrar en la pila
            after += 1
            np.testing.assert_array_equal(obs[0, 3 - after :], obs_b[0, 3 - after :])
            assert not obs[0, : 3 - after].any()
    assert lost == 4 and length_b is not None


def test_raw_score_is_kept_under_clipped_rewards():
    clipped, raw = AleVecEnv("space_invaders", 2, seed=0), whole_games("space_invaders", 2)
    clipped.reset(), raw.reset()
    rng = np.random.default_rng(0)
    clipped_sum, scores = np.zeros(2), []
    for _ in range(600):
        action = rng.integers(6, size=2)
        _, reward, _, infos = clipped.step(action)
        infos_b = raw.step(action)[3]
        assert set(reward) <= {0.0, 1.0}
        clipped_sum += reward
        for i in range(2):
            assert ("episode" in infos[i]) == ("episode" in infos_b[i])
            if "episode" in infos[i]:
                assert infos[i]["episode"]["r"] == infos_b[i]["episode"]["r"] > clipped_sum[i]
                scores.append(infos[i]["episode"]["r"])
                clipped_sum[i] = 0
    assert len(scores) >= 2


@pytest.mark.parametrize("life_loss", [True, False])
def test_a_player_who_never_fires_still_loses_its_five_lives(life_loss):
    env = AleVecEnv("breakout", 1, 0, life_loss=life_loss)
    lives = []
    assert env.action_meanings[FIRE] == "FIRE"
    env.reset()
    for _ in range(400):
        _, _, (done,), (info,) = env.step([0])
        lives.append(info["lives"])
        if "episode" in info:
            break
    assert done and "episode" in info
    assert sorted(set(lives), reverse=True) == [5, 4, 3, 2, 1, 0] and lives == sorted(lives, reverse=True)


def test_without_the_fire_rule_that_player_would_wait_for_ever():
    env = AleVecEnv("breakout", 1, 0, fire_reset=False)
    env.reset()
    assert not any(env.step([0])[2][0] for _ in range(400))


def test_pong_has_no_lives_to_lose():
    env = AleVecEnv("pong", 2, 0)
    env.reset()
    rng = np.random.default_rng(0)
    rewards = np.zeros(2)
    for _ in range(600):
        _, reward, dones, infos = env.step(rng.integers(6, size=2))
        rewards += reward
        assert not dones.any() and all(info["lives"] == 0 for info in infos)
    assert (rewards <= -3).all()  # se perdieron varios puntos sin que nada terminara


def test_truncation_is_not_a_defeat():
    env = AleVecEnv("breakout", 2, 0, max_frames=200, noop_max=1, fire_reset=False)
    env.reset()
    for _ in range(49):
        before, _, dones, _ = env.step([2, 2])
        assert not dones.any()
    obs, _, dones, infos = env.step([2, 2])
    assert dones.all()
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True and info["lives"] == 5
        assert info["episode"]["l"] == 200 and info["episode"]["r"] == 0.0
        np.testing.assert_array_equal(info["terminal_observation"][:-1], before[i, 1:])
        assert info["terminal_observation"].shape == (4, 84, 84) and info["terminal_observation"][0].any()
        assert (info["terminal_observation"][-1] != obs[i, -1]).any() and not obs[i, :-1].any()


def trace(seed, n_envs=2, steps=60, **kwargs):
    env = AleVecEnv("breakout", n_envs, seed, **kwargs)
    rng = np.random.default_rng(0)
    frames = [env.reset()] + [env.step(rng.integers(4, size=n_envs))[0] for _ in range(steps)]
    env.close()
    return np.stack(frames)


def test_seeds_reproduce_the_game():
    # Dos semillas pueden dar el mismo número de acciones nulas: se comparan varias.
    same = trace(5, n_envs=6)
    np.testing.assert_array_equal(same, trace(5, n_envs=6))
    assert (same != trace(50, n_envs=6)).any()
    assert any((same[:, 0] != same[:, i]).any() for i in range(1, 6))  # cada copia, con su semilla
    np.testing.assert_array_equal(same[0, 1], trace(6, steps=0)[0, 0])  # la de la segunda es la siguiente
    assert trace(None, steps=3).shape == (4, 2, 4, 84, 84)


def test_seed_takes_effect_at_the_next_reset():
    env = AleVecEnv("breakout", 2, 1)
    env.reset()
    env.seed(5)
    np.testing.assert_array_equal(env.reset(), trace(5, steps=0)[0])


def test_sticky_actions_change_the_game():
    quiet = {"noop_max": 1, "fire_reset": False}
    assert (trace(5, **quiet) != trace(5, sticky=0.25, **quiet)).any()
    np.testing.assert_array_equal(trace(5, sticky=0.25, **quiet), trace(5, sticky=0.25, **quiet))


@pytest.mark.parametrize("actions", [[0, 4], [-1, 0]])
def test_an_action_of_another_game_is_explained(actions):
    env = AleVecEnv("breakout", 2, 0)
    env.reset()
    with pytest.raises(ValueError, match=r"^Las acciones .* no son todas de este juego: van de 0 a 3\.$"):
        env.step(actions)
    env.step([0, 3])  # y el ambiente sigue sirviendo


def test_vec_env_questions_are_answered():
    env = AleVecEnv("breakout", 3, 0)
    assert env.get_attr("render_mode") == [None] * 3
    assert env.get_attr("life_loss", indices=[0, 2]) == [True, True]
    assert env.env_is_wrapped(Monitor) == [True] * 3 and env.env_is_wrapped(WarpFrame, indices=0) == [False]
    with pytest.raises(NotImplementedError, match="^Las copias viven en C"):
        env.set_attr("life_loss", False)
    with pytest.raises(NotImplementedError, match="^Las copias viven en C"):
        env.env_method("reset")


def test_evaluate_policy_agrees_with_our_own_evaluation(agent):
    env = whole_games("breakout", 2, seed=50)
    scores, lengths = evaluate_policy(agent, env, n_eval_episodes=2, return_episode_rewards=True, warn=True)
    ours = evaluate(agent, "Breakout", 2, epsilon=0.0, seed=50, n_envs=2)
    assert scores == ours["score"].tolist() and lengths == ours["length"].tolist()
    # También con vidas y recompensas recortadas: SB3 toma el puntaje de info["episode"].
    clipped = AleVecEnv("breakout", 2, 50)
    assert evaluate_policy(agent, clipped, n_eval_episodes=2, return_episode_rewards=True)[0] == scores


BUFFER = {"buffer_size": 300, "learning_starts": 100, "train_freq": 10}


@pytest.mark.parametrize(
    ("algorithm", "kwargs"),
    [(DQN, BUFFER), (QRDQN, BUFFER), (PPO, {"n_steps": 50, "batch_size": 50, "n_epochs": 1})],
)
def test_algorithms_learn_on_it_unchanged(algorithm, kwargs, tmp_path):
    env = AleVecEnv("breakout", 2, 0)
    model = algorithm("CnnPolicy", env, seed=0, device="cpu", **kwargs)
    assert model.get_env() is env  # ni transpuesto ni vuelto a envolver
    before = [weights.detach().clone() for weights in model.policy.parameters()]
    model.learn(200, callback=CheckpointCallback(50, str(tmp_path)))
    assert model.num_timesteps == 200
    assert any((old != new).any() for old, new in zip(before, model.policy.parameters(), strict=True))
    assert {path.name for path in tmp_path.glob("*.zip")} == {"rl_model_100_steps.zip", "rl_model_200_steps.zip"}
