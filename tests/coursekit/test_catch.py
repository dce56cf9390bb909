"""«Atrapa la pelota»: las reglas, la imagen y el contrato con gymnasium."""

from itertools import pairwise

from coursekit.comparison.catch import CatchEnv, GaleEnv

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
@pytest.mark.parametrize("game", [CatchEnv, GaleEnv])
def test_passes_the_checker_of_gymnasium(game):
    check_env(game(render_mode="rgb_array"), skip_render_check=True)


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


# --- «Vendaval» ---------------------------------------------------------------------------------------------------


def forecast(env):
    """Va a donde caería la pelota si el viento parara: un buen jugador, no el mejor."""
    column, dx = env.ball_col, env.ball_dx
    for _ in range(9 - env.ball_row):
        dx = dx if 0 <= column + dx < 10 else -dx
        column += dx
    return 1 + int(np.sign(np.clip(column - 1, 0, 7) - env.paddle_col))


def test_gale_ball_crosses_two_columns_a_step_and_the_wind_turns_it_as_often_as_it_says():
    env, turns, steps = GaleEnv(), 0, 0
    for seed in range(300):
        env.reset(seed=seed)
        done = False
        while not done:
            column, dx, row = env.ball_col, env.ball_dx, env.ball_row
            _, _, done, _, _ = env.step(forecast(env))
            if env.ball_row == 0 or done:  # otra pelota
                continue
            expected = dx if 0 <= column + dx < 10 else -dx
            assert abs(dx) == 2 and env.ball_col == column + expected and env.ball_row == row + 1
            turns, steps = turns + (env.ball_dx != expected), steps + 1
    assert turns / steps == pytest.approx(GaleEnv.WIND, abs=0.01)


def test_gale_goes_on_until_a_ball_is_missed_or_ten_are_caught():
    lengths = {}
    for seed in range(400):
        _, rewards, info = play(GaleEnv(), forecast, seed)
        caught = int(sum(rewards))
        assert len(rewards) == 9 * (caught + (caught < 10)) and set(rewards) <= {0.0, 1.0}
        assert [i for i, reward in enumerate(rewards) if reward] == [9 * k + 8 for k in range(caught)]
        assert info["is_success"] == (caught == 10)
        lengths[caught] = lengths.get(caught, 0) + 1
    assert {0, 10} <= set(lengths) and len(lengths) > 8


def test_gale_is_hard_by_chance_and_cannot_be_won_every_time():
    def mean(policy):
        return np.mean([sum(play(GaleEnv(), policy, seed)[1]) for seed in range(400)])

    by_chance, forecasting = mean(random_policy()), mean(forecast)
    assert by_chance < 1 < 3 < forecasting < 6.5


def test_gale_with_the_same_seed_is_the_same_game_and_misuse_is_explained():
    one, other = (play(GaleEnv(), forecast, seed=7)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(gymnasium.error.ResetNeeded, match="llame a reset"):
        GaleEnv().step(STAY)
