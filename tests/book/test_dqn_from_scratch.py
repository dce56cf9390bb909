"""Las funciones que el capítulo 3 escribe, sacadas del propio cuaderno, contra Stable-Baselines3."""

import copy
from pathlib import Path
from types import SimpleNamespace

from coursekit.comparison.catch import CatchEnv

import nbformat
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import LinearSchedule

NOTEBOOK = Path(__file__).parents[2] / "book" / "03_dqn_desde_cero.ipynb"
N_ENVS = 16


@pytest.fixture(scope="module")
def chapter():
    """Lo que definen las celdas con la etiqueta «dqn», en orden y sin las demás."""
    threads = torch.get_num_threads()
    names = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if "dqn" in cell.metadata.get("tags", ()):
            exec(compile(cell.source, f"{NOTEBOOK.name}:{cell.id}", "exec"), names)
    yield SimpleNamespace(**names)
    torch.set_num_threads(threads)


@pytest.fixture
def sb3(chapter):
    """Un DQN de SB3 como el del cuaderno, con partidas al azar en su memoria y dos redes distintas."""
    settings = {**chapter.HYPERPARAMETERS, "learning_starts": 10**6}  # jugar sin aprender todavía
    env = make_vec_env(CatchEnv, N_ENVS)
    model = DQN("MlpPolicy", env, train_freq=1, seed=3, device="cpu", **settings)
    model.learn(640)
    with torch.no_grad():
        for parameter in model.q_net_target.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def batch(sb3):
    np.random.seed(11)
    batch = sb3.replay_buffer.sample(64)
    assert 0 < batch.dones.sum() < 64 and len(batch.rewards.unique()) == 3
    return batch


def train_of_sb3(sb3, monkeypatch):
    """Una actualización de SB3 sobre el mismo lote que `batch`: los objetivos que usa y su pérdida."""
    huber, heard = torch.nn.functional.smooth_l1_loss, []

    def listen(prediction, target):
        heard.append(target.clone())
        return huber(prediction, target)

    monkeypatch.setattr("torch.nn.functional.smooth_l1_loss", listen)
    np.random.seed(11)
    sb3.train(gradient_steps=1, batch_size=64)
    [target] = heard
    return target, sb3.logger.name_to_value["train/loss"]


def test_same_batch_gives_the_target_and_the_loss_of_sb3(chapter, sb3, batch, monkeypatch):
    target = chapter.compute_target(batch, sb3.q_net_target, sb3.gamma)
    loss = chapter.compute_loss(batch, sb3.q_net, target).item()
    target_of_sb3, loss_of_sb3 = train_of_sb3(sb3, monkeypatch)
    assert not target.requires_grad
    torch.testing.assert_close(target, target_of_sb3)
    assert loss == pytest.approx(loss_of_sb3, rel=1e-5)


def test_one_update_gives_the_weights_of_sb3(chapter, sb3, batch, monkeypatch):
    ours = SimpleNamespace(**chapter.HYPERPARAMETERS)
    ours.q_net, ours.q_net_target = copy.deepcopy(sb3.q_net), sb3.q_net_target
    before = [parameter.clone() for parameter in ours.q_net.parameters()]
    ours.optimizer = torch.optim.Adam(ours.q_net.parameters(), lr=ours.learning_rate)
    ours.max_grad_norm = sb3.max_grad_norm = 0.01  # para que el recorte del gradiente actúe
    loss = chapter.train(ours, batch)
    _, loss_of_sb3 = train_of_sb3(sb3, monkeypatch)
    assert loss == pytest.approx(loss_of_sb3, rel=1e-5)
    for old, mine, theirs in zip(before, ours.q_net.parameters(), sb3.q_net.parameters(), strict=True):
        assert not torch.equal(old, mine)
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_setup_model_makes_the_optimizer_of_sb3_and_a_separate_target(chapter, sb3):
    model = chapter.setup_model(chapter.QNetwork(), seed=0)
    for name in ("lr", "betas", "eps", "weight_decay"):
        assert model.optimizer.defaults[name] == sb3.policy.optimizer.defaults[name]
    for online, target in zip(model.q_net.parameters(), model.q_net_target.parameters(), strict=True):
        assert torch.equal(online, target) and online.data_ptr() != target.data_ptr()


def test_replay_buffer_gives_the_samples_of_sb3_before_and_after_it_wraps_around(chapter):
    env = make_vec_env(CatchEnv, N_ENVS, seed=0)
    draws = SimpleNamespace(integers=np.random.randint)  # el generador de SB3
    ours = chapter.ReplayBuffer(30 * N_ENVS, N_ENVS, draws)
    theirs = ReplayBuffer(30 * N_ENVS, env.observation_space, env.action_space, "cpu", N_ENVS)
    obs, rng = env.reset(), np.random.default_rng(0)
    for step in range(75):
        actions = rng.integers(3, size=N_ENVS)
        new_obs, rewards, dones, infos = env.step(actions)
        ours.add(obs, new_obs, actions, rewards, dones)
        theirs.add(obs, new_obs, actions, rewards, dones, infos)
        obs = new_obs
        if step in (20, 29, 30, 74):
            np.random.seed(step)
            mine = ours.sample(128)
            np.random.seed(step)
            for name, expected in theirs.sample(128)._asdict().items():
                if expected is not None:
                    torch.testing.assert_close(getattr(mine, name), expected)


def test_exploration_schedule_is_the_one_of_sb3(chapter):
    settings = SimpleNamespace(**chapter.HYPERPARAMETERS)
    schedule = LinearSchedule(
        settings.exploration_initial_eps, settings.exploration_final_eps, settings.exploration_fraction
    )
    for progress in np.linspace(0, 1, 21):
        assert chapter.exploration_schedule(progress, settings) == pytest.approx(schedule(1 - progress))


def test_predict_explores_with_the_rate_it_is_given(chapter):
    def prefers_right(observations):
        return torch.tensor([[0.0, 1.0, 2.0]]).repeat(len(observations), 1)

    obs = np.zeros((4_000, 2, 10, 10), np.uint8)
    assert (chapter.predict(prefers_right, obs) == 2).all()
    right = (chapter.predict(prefers_right, obs, 0.3, np.random.default_rng(0)) == 2).mean()
    assert right == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("interval", "copies"), [(1, 60), (480, 2)])
def test_target_network_is_copied_every_interval_as_sb3_does(chapter, monkeypatch, interval, copies):
    copied = []
    monkeypatch.setattr(
        torch.nn.Module, "load_state_dict", lambda self, state: copied.append(sorted(state)), raising=True
    )
    q_net = chapter.QNetwork()
    chapter.learn(q_net, 960, target_update_interval=interval, learning_starts=10**6)
    assert copied == [sorted(q_net.state_dict())] * copies
