"""La memoria de un cuadro por transición contra las memorias de SB3, muestra por muestra."""

from coursekit.training.replay import FrameReplayBuffer

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer

SHAPE = (4, 12, 10)
OBS_SPACE = spaces.Box(0, 255, SHAPE, np.uint8)
ACTION_SPACE = spaces.Discrete(4)


def traffic(n_envs, steps, seed=0, ends=0.12):
    """Transiciones al azar con finales verdaderos y truncados, apiladas como VecFrameStack."""
    rng = np.random.default_rng(seed)

    def frame():
        return rng.integers(1, 255, SHAPE[1:], dtype=np.uint8)

    def first():
        stack = np.zeros(SHAPE, np.uint8)
        stack[-1] = frame()
        return stack

    obs = np.stack([first() for _ in range(n_envs)])
    for _ in range(steps):
        terminal = np.concatenate([obs[:, 1:], np.stack([frame() for _ in range(n_envs)])[:, None]], axis=1)
        done = rng.random(n_envs) < ends
        infos = [{"TimeLimit.truncated": bool(d and rng.random() < 0.4)} for d in done]
        action, reward = rng.integers(0, 4, n_envs), rng.integers(-1, 2, n_envs).astype(np.float32)
        yield obs, terminal.copy(), action, reward, done, infos
        obs = np.stack([first() if d else nxt for d, nxt in zip(done, terminal, strict=True)])


def assert_same_samples(ours, theirs, batch=64, times=20):
    for seed in range(times):
        np.random.seed(seed)
        mine = ours.sample(batch)
        np.random.seed(seed)
        reference = theirs.sample(batch)
        for name in ("observations", "actions", "next_observations", "dones", "rewards", "discounts"):
            a, b = getattr(mine, name), getattr(reference, name)
            assert (a is None) == (b is None), name
            if a is not None:
                assert a.shape == b.shape and a.dtype == b.dtype, name
                np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("steps", [1, 7, 49, 50, 51, 137, 301])
@pytest.mark.parametrize("n_steps", [1, 3, 5])
def test_samples_equal_those_of_sb3(n_envs, steps, n_steps):
    ours = FrameReplayBuffer(50 * n_envs, OBS_SPACE, ACTION_SPACE, "cpu", n_envs, n_steps=n_steps, gamma=0.9)
    reference = (
        ReplayBuffer(50 * n_envs, OBS_SPACE, ACTION_SPACE, "cpu", n_envs)
        if n_steps == 1
        else NStepReplayBuffer(50 * n_envs, OBS_SPACE, ACTION_SPACE, "cpu", n_envs, n_steps=n_steps, gamma=0.9)
    )
    for transition in traffic(n_envs, steps, seed=steps):
        ours.add(*transition)
        reference.add(*transition)
    assert_same_samples(ours, reference)


def test_final_frames_of_replaced_transitions_are_forgotten():
    buffer = FrameReplayBuffer(20, OBS_SPACE, ACTION_SPACE, "cpu", 1)
    for transition in traffic(1, 500, ends=0.5):
        buffer.add(*transition)
    assert len(buffer.last_frames) == int(buffer.dones.sum())


def test_a_reset_in_the_middle_of_an_episode_keeps_both_episodes_apart():
    buffer = FrameReplayBuffer(20, OBS_SPACE, ACTION_SPACE, "cpu", 1, n_steps=3, gamma=0.5)
    first = list(traffic(1, 4, seed=1, ends=0.0))
    second = list(traffic(1, 4, seed=2, ends=0.0))
    for transition in first + second:
        buffer.add(*transition)
    sample = buffer._get_samples(np.array([3, 2, 4]))
    np.testing.assert_array_equal(sample.next_observations[0], first[3][1][0])
    np.testing.assert_array_equal(sample.next_observations[1], first[3][1][0])
    np.testing.assert_array_equal(sample.observations[2], second[0][0][0])
    assert sample.rewards[0].item() == first[3][3][0]  # el retorno no cruza el reinicio
    assert sample.rewards[1].item() == first[2][3][0] + 0.5 * first[3][3][0]
    np.testing.assert_array_equal(sample.discounts[:2, 0], [0.5, 0.25])
    assert sample.dones.sum() == 0


def test_a_start_with_older_frames_is_refused_and_changes_nothing():
    buffer = FrameReplayBuffer(20, OBS_SPACE, ACTION_SPACE, "cpu", 1)
    transitions = list(traffic(1, 6, ends=0.0))
    with pytest.raises(ValueError, match="reinicie los ambientes"):
        buffer.add(*transitions[5])
    buffer.add(*transitions[0])
    with pytest.raises(ValueError, match="reinicie los ambientes"):
        buffer.add(*transitions[4])
    buffer.add(*transitions[1])
    assert buffer.size() == 2 and not buffer.cuts.any()


def test_save_and_restore(tmp_path):
    ours, again = (FrameReplayBuffer(60, OBS_SPACE, ACTION_SPACE, "cpu", 2, n_steps=3) for _ in range(2))
    transitions = list(traffic(2, 120))
    for transition in transitions[:90]:
        ours.add(*transition)
    ours.save(tmp_path / "memoria.npz")
    again.restore(tmp_path / "memoria.npz")
    for transition in transitions[90:]:
        ours.add(*transition)
        again.add(*transition)
    assert_same_samples(again, ours)
    with pytest.raises(ValueError, match="buffer_size"):
        FrameReplayBuffer(40, OBS_SPACE, ACTION_SPACE, "cpu", 2).restore(tmp_path / "memoria.npz")


def test_memory_is_an_eighth():
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    buffer = FrameReplayBuffer(4_000, space, ACTION_SPACE, "cpu", 8)
    assert buffer.bytes_per_transition() < 56_448 / 7.6


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"optimize_memory_usage": True}, "optimize_memory_usage"), ({"n_steps": 0}, "n_steps=0")],
)
def test_impossible_settings_are_explained(kwargs, message):
    with pytest.raises(ValueError, match=message):
        FrameReplayBuffer(10, OBS_SPACE, ACTION_SPACE, "cpu", 1, **kwargs)


def test_unstacked_observations_are_explained():
    with pytest.raises(ValueError, match="pilas"):
        FrameReplayBuffer(10, spaces.Box(0, 255, (84, 84, 4), np.uint8), ACTION_SPACE, "cpu", 1)
