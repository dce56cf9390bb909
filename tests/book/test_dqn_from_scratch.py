"""Las funciones que el capítulo 3 escribe, sacadas del propio cuaderno, contra Stable-Baselines3."""

import copy
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

from coursekit.comparison.catch import CatchEnv

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import LinearSchedule

NOTEBOOK = Path(__file__).parents[2] / "book" / "03_dqn_desde_cero.ipynb"
PIECES = NOTEBOOK.parent / "runs" / "piezas"
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
    settings = {**chapter.ajustes, "learning_starts": 10**6}  # jugar sin aprender todavía
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
    target = chapter.compute_target(batch, sb3)
    loss = chapter.compute_loss(batch, sb3.q_net, target).item()
    target_of_sb3, loss_of_sb3 = train_of_sb3(sb3, monkeypatch)
    assert not target.requires_grad
    torch.testing.assert_close(target, target_of_sb3)
    assert loss == pytest.approx(loss_of_sb3, rel=1e-5)


def test_one_update_gives_the_weights_of_sb3(chapter, sb3, batch, monkeypatch):
    ours = chapter.Agente(CatchEnv, max_grad_norm=0.01)  # para que el recorte del gradiente actúe
    ours.q_net, ours.q_net_target = copy.deepcopy(sb3.q_net), sb3.q_net_target
    ours.optimizer = torch.optim.Adam(ours.q_net.parameters(), lr=ours.ajustes["learning_rate"])
    ours.replay_buffer = SimpleNamespace(sample=lambda size: batch if size == 64 else None)
    before = [parameter.clone() for parameter in ours.q_net.parameters()]
    sb3.max_grad_norm = 0.01
    loss = chapter.train(ours)
    _, loss_of_sb3 = train_of_sb3(sb3, monkeypatch)
    assert loss == pytest.approx(loss_of_sb3, rel=1e-5)
    for old, mine, theirs in zip(before, ours.q_net.parameters(), sb3.q_net.parameters(), strict=True):
        assert not torch.equal(old, mine)
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_an_agent_has_the_optimizer_of_sb3_and_a_separate_target(chapter, sb3):
    agent = chapter.Agente(CatchEnv, seed=0)
    for name in ("lr", "betas", "eps", "weight_decay"):
        assert agent.optimizer.defaults[name] == sb3.policy.optimizer.defaults[name]
    for online, target in zip(agent.q_net.parameters(), agent.q_net_target.parameters(), strict=True):
        assert torch.equal(online, target) and online.data_ptr() != target.data_ptr()


def test_an_agent_uses_the_pieces_and_the_numbers_it_is_given(chapter):
    used = []

    def schedule(progress, settings):
        used.append(progress)
        return 1.0

    pieces = chapter.piezas | {"exploration_schedule": schedule}
    agent = chapter.Agente(CatchEnv, piezas=pieces, batch_size=16)
    chapter.learn(agent, 960, lambda agent: None)
    assert used == pytest.approx([step / 960 for step in range(0, 960, 16)])
    assert agent.ajustes["batch_size"] == 16 and chapter.ajustes["batch_size"] == 64


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
    settings = chapter.ajustes
    schedule = LinearSchedule(*(settings[f"exploration_{name}"] for name in ("initial_eps", "final_eps", "fraction")))
    for progress in np.linspace(0, 1, 21):
        assert chapter.exploration_schedule(progress, settings) == pytest.approx(schedule(1 - progress))


def test_predict_explores_with_the_rate_it_is_given(chapter):
    def prefers_right(observations):
        return torch.tensor([[0.0, 1.0, 2.0]]).repeat(len(observations), 1)

    obs = np.zeros((4_000, 2, 10, 10), np.uint8)
    assert (chapter.predict(prefers_right, obs) == 2).all()
    right = (chapter.predict(prefers_right, obs, 0.3, np.random.default_rng(0)) == 2).mean()
    assert right == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("interval", "copies"), [(16, 60), (480, 2)])
def test_target_network_is_copied_every_interval_as_sb3_does(chapter, monkeypatch, interval, copies):
    agent = chapter.Agente(CatchEnv, target_update_interval=interval, learning_starts=10**6)
    copied = []
    monkeypatch.setattr(
        torch.nn.Module, "load_state_dict", lambda self, state: copied.append(sorted(state)), raising=True
    )
    chapter.learn(agent, 960, lambda agent: None)
    assert copied == [sorted(agent.q_net.state_dict())] * copies


# --- La racha ------------------------------------------------------------


def perfect(env):
    straight = env.ball_col + env.ball_dx * (9 - env.ball_row)
    return 1 + int(np.sign(np.clip(9 - abs(9 - abs(straight)) - 1, 0, 7) - env.paddle_col))


def game(env, policy, seed):
    env.reset(seed=seed)
    rewards, done = [], False
    while not done:
        _, reward, done, truncated, _ = env.step(policy(env.unwrapped))
        assert not truncated
        rewards.append(reward)
    return rewards


def test_a_streak_is_ten_balls_or_ends_with_the_first_miss(chapter):
    env = chapter.racha()()
    for seed in range(20):
        rewards = game(env, perfect, seed)
        assert len(rewards) == 90 and sum(rewards) == 10 and set(rewards[8::9]) == {1.0}
    ends = [game(env, lambda env: 1, seed) for seed in range(60)]
    for rewards in ends:
        assert len(rewards) % 9 == 0 and rewards[-1] in (0.0, 1.0) and sum(rewards) >= len(rewards) // 9 - 1
    assert {sum(rewards) for rewards in ends} >= {0.0, 1.0}


def test_the_decoy_pays_and_ends_the_game_only_from_the_top_row(chapter):
    env = chapter.racha(senuelo=1.0)()
    assert game(env, lambda env: 1, seed=0) == [1.0]
    assert sum(game(env, lambda env: 1 if env.ball_row else 2, seed=0)) in range(11)
    assert len(game(env, lambda env: 1 if env.ball_row else 2, seed=0)) % 9 == 0


def test_the_surprise_comes_once_in_twenty_games_and_is_fair(chapter):
    env = chapter.racha(sorpresa=20.0)()
    last = np.array([game(env, lambda env: 1, seed)[-1] for seed in range(2_000)])
    assert (np.abs(last) > 10).mean() == pytest.approx(0.05, abs=0.015)
    assert last[np.abs(last) > 10].mean() == pytest.approx(0, abs=7)


# --- Las corridas publicadas ------------------------------------------------------------


def repeat():
    spec = importlib.util.spec_from_file_location("repetir", PIECES / "repetir.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_runs_are_complete_and_come_from_these_settings(chapter):
    module, curves = repeat(), pd.read_csv(PIECES / "curvas.csv")
    wanted = {(*names, seed) for names in module.variants(vars(chapter)) for seed in range(module.SEEDS)}
    found = curves.groupby(["juego", "variante", "semilla"])["paso"]
    assert set(found.groups) == wanted and (found.count() == 11).all()
    for (game_name, *_), last in found.max().items():
        assert last == module.STEPS[game_name]
    info = json.loads((PIECES / "experimento.json").read_text(encoding="utf-8"))
    assert info["settings"] == chapter.ajustes and info["seeds"] == module.SEEDS >= 5


def test_repeating_a_published_run_gives_what_was_published(chapter):
    rows = pd.DataFrame(repeat().experiment(vars(chapter), "atrapa", "DQN", {}, seed=0))
    curves = pd.read_csv(PIECES / "curvas.csv").query("juego == 'atrapa' and variante == 'DQN' and semilla == 0")
    assert rows["paso"].tolist() == curves["paso"].tolist()
    np.testing.assert_allclose(rows["atrapadas"].iloc[0], curves["atrapadas"].iloc[0], atol=0.02)
    np.testing.assert_allclose(rows["atrapadas"].iloc[-1], curves["atrapadas"].iloc[-1], atol=0.1)
    np.testing.assert_allclose(rows["error_8"], curves["error_8"], atol=0.25)  # otra máquina redondea distinto
