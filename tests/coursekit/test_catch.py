"""«Atrapa la pelota»: las reglas, la imagen y el contrato con gymnasium."""

from itertools import pairwise

from coursekit.comparison import catch
from coursekit.comparison.catch import CatchEnv

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

LEFT, STAY, RIGHT = 0, 1, 2


def play(env, policy, seed=None):
    """Un episodio completo: observaciones, recompensas y el último `info`."""
    obs, info = env.reset(seed=seed)
    observations, rewards, done = [obs], [], False
    while not done:
        obs, reward, done, truncated, info = env.step(policy(env))
        assert not truncated
        observations.append(obs)
        rewards.append(reward)
    return observations, rewards, info


def random_policy(seed=0):
    rng = np.random.default_rng(seed)
    return lambda env: int(rng.integers(3))


def landing_column(env):
    """Columna en la que caerá la pelota: una recta que se pliega en las paredes."""
    straight = env.ball_col + env.ball_dx * (9 - env.ball_row)
    return 9 - abs(9 - abs(straight))


def perfect_policy(env):
    return 1 + int(np.sign(np.clip(landing_column(env) - 1, 0, 7) - env.paddle_col))


@pytest.mark.filterwarnings("error")
def test_passes_the_checker_of_gymnasium():
    env = gymnasium.make(catch.register(), render_mode="rgb_array")
    check_env(env.unwrapped)


def test_importing_registers_nothing_and_registering_twice_is_harmless():
    gymnasium.registry.pop(catch.ENV_ID, None)
    CatchEnv().reset(seed=0)
    assert catch.ENV_ID not in gymnasium.registry
    assert catch.register() == catch.register() == catch.ENV_ID
    assert isinstance(gymnasium.make(catch.ENV_ID).unwrapped, CatchEnv)


def test_observation_is_two_pictures_with_the_newest_last():
    observations, _, _ = play(CatchEnv(), random_policy(), seed=3)
    assert all(obs.shape == (2, 10, 10) and obs.dtype == np.uint8 for obs in observations)
    assert not observations[0][0].any()
    for before, after in pairwise(observations):
        np.testing.assert_array_equal(after[0], before[1])
    for row, obs in enumerate(observations[:-1]):
        assert (obs[1, row] == 255).sum() == 1 and (obs[1, 9] == 255).sum() == 3
        assert obs[1].sum() == 4 * 255


def test_earlier_observations_do_not_change_later():
    env = CatchEnv()
    first, _ = env.reset(seed=0)
    copy = first.copy()
    env.step(STAY)
    np.testing.assert_array_equal(first, copy)


def test_ball_moves_one_cell_a_step_and_bounces_off_both_walls():
    env, bounces = CatchEnv(), set()
    for seed in range(60):
        env.reset(seed=seed)
        landing = landing_column(env)
        for row in range(1, 10):
            before, dx = env.ball_col, env.ball_dx
            env.step(STAY)
            assert env.ball_row == row and abs(env.ball_col - before) == 1 and 0 <= env.ball_col <= 9
            if env.ball_dx != dx:
                bounces.add(before)
        assert env.ball_col == landing
    assert bounces == {0, 9}


def test_episode_lasts_nine_steps_and_only_the_last_one_gives_a_reward():
    for seed in range(20):
        _, rewards, info = play(CatchEnv(), random_policy(seed), seed)
        assert len(rewards) == 9 and not any(rewards[:-1])
        assert rewards[-1] == (1.0 if info["is_success"] else -1.0)


@pytest.mark.parametrize(("offset", "reward"), [(-1, -1.0), (0, 1.0), (1, 1.0), (2, 1.0), (3, -1.0)])
def test_reward_is_one_on_the_three_cells_of_the_paddle_and_minus_one_beside_it(offset, reward):
    env = CatchEnv()
    env.reset(seed=0)
    env.ball_row, env.ball_col, env.ball_dx, env.paddle_col = 8, 4 + offset - 1, 1, 4
    assert env.step(STAY)[1] == reward


def test_paddle_moves_one_cell_and_stops_at_the_walls():
    env = CatchEnv()
    env.reset(seed=0)
    env.paddle_col = 1
    positions = []
    for action in (LEFT, LEFT, STAY, RIGHT):
        env.step(action)
        positions.append(env.paddle_col)
    assert positions == [0, 0, 0, 1]
    env.paddle_col = 7
    env.step(RIGHT)
    assert env.paddle_col == 7


def test_every_ball_can_be_caught():
    for seed in range(200):
        _, rewards, _ = play(CatchEnv(), perfect_policy, seed)
        assert rewards[-1] == 1.0


def test_random_play_catches_less_than_forty_percent():
    env, policy = CatchEnv(), random_policy()
    caught = np.mean([play(env, policy, seed)[2]["is_success"] for seed in range(2_000)])
    assert 0.2 < caught < 0.4


def test_same_seed_gives_the_same_episode_and_seeds_give_all_the_starts():
    one, other = (play(CatchEnv(), random_policy(), seed=7)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    env, starts = CatchEnv(), set()
    for seed in range(2_000):
        env.reset(seed=seed)
        starts.add((env.ball_col, env.ball_dx, env.paddle_col))
    assert len(starts) == 10 * 2 * 8


def test_render_draws_the_ball_and_the_paddle_where_they_are():
    env = CatchEnv(render_mode="rgb_array")
    env.reset(seed=1)
    env.ball_row, env.ball_col, env.paddle_col = 4, 6, 2
    picture = env.render()
    assert picture.shape == (160, 160, 3) and picture.dtype == np.uint8
    cells = picture[8::16, 8::16]
    background = cells[0, 0]
    drawn = {(int(row), int(col)) for row, col in np.argwhere((cells != background).any(axis=2))}
    assert drawn == {(4, 6), (9, 2), (9, 3), (9, 4)}
    assert (cells[4, 6] != cells[9, 3]).any()
    assert CatchEnv().render() is None


def test_misuse_gets_one_sentence_in_spanish():
    env = CatchEnv(render_mode="rgb_array")
    with pytest.raises(gymnasium.error.ResetNeeded, match="llame a reset"):
        env.step(STAY)
    with pytest.raises(gymnasium.error.ResetNeeded, match="nada que dibujar"):
        env.render()
    play(env, random_policy(), seed=0)
    with pytest.raises(gymnasium.error.ResetNeeded, match="ya terminó"):
        env.step(STAY)
    env.reset()
    with pytest.raises(ValueError, match="La acción 3 no existe"):
        env.step(3)
    with pytest.raises(ValueError, match="'human' no existe; use 'rgb_array'"):
        CatchEnv(render_mode="human")
