"""Los parientes de DQN que también entrena `train`, y las tasas que bajan."""

import math

from coursekit.envs import make_vec_env
from coursekit.training import recipe
from coursekit.training.agents import load_agent
from coursekit.training.loop import train
from coursekit.training.model import make_dqn
from coursekit.training.munchausen import MunchausenDQN

import numpy as np
import pytest
import torch
from sb3_contrib import QRDQN
from stable_baselines3 import DQN

FEW = {"buffer_size": 400, "learning_starts": 64, "batch_size": 8}
CLASSES = {"dqn": DQN, "munchausen-dqn": MunchausenDQN, "qr-dqn": QRDQN}


@pytest.fixture(scope="module")
def env():
    return make_vec_env("Breakout", 8)


def made(env, algorithm="dqn", steps=400, **more):
    return make_dqn(env, steps, algorithm=algorithm, device="cpu", **{**FEW, **more})


@pytest.mark.parametrize("algorithm", recipe.ALGORITHMS)
def test_each_algorithm_learns_saves_and_is_loaded_to_play(env, tmp_path, algorithm):
    run = train(tmp_path / "corrida", "Breakout", 128, algorithm=algorithm, progress=False, log_every=64, **FEW)
    assert run.info["algorithm"] == algorithm
    assert ("--algorithm" in run.info["command"]) == (algorithm != "dqn")
    agent = load_agent(run)
    assert type(agent) is (DQN if algorithm == "munchausen-dqn" else CLASSES[algorithm])
    before = torch.load(run.state, weights_only=True)
    train(run.path, total_steps=256, resume=True, progress=False)
    after = torch.load(run.state, weights_only=True)
    assert after["n_updates"] == before["n_updates"] + 128 / recipe.DEFAULTS["steps_per_update"] - 8  # 64 de relleno
    assert not all(torch.equal(after["policy"][name], before["policy"][name]) for name in after["policy"])
    with pytest.raises(ValueError, match="que no puede cambiar a mitad de camino"):
        train(
            run.path, total_steps=384, resume=True, progress=False, algorithm="qr-dqn" if algorithm == "dqn" else "dqn"
        )


def test_an_unknown_algorithm_is_explained_and_nothing_is_written(env, tmp_path):
    with pytest.raises(ValueError, match="^No existe el algoritmo 'munchhausen'; el más parecido es 'munchausen-dqn'"):
        train(tmp_path / "corrida", "Breakout", 128, algorithm="munchhausen")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="'rainbow'"):
        made(env, "rainbow")


def test_the_targets_of_munchausen_are_those_of_the_article(env):
    """Contra la ecuación 1 de Vieillard et al. (2020), escrita en numpy con 64 bits."""
    model = made(env, "munchausen-dqn", gamma=0.9)
    model.learn(160)
    with torch.no_grad():  # valores que se noten: los de una red sin entrenar casi empatan
        model.q_net_target.q_net[0].weight.mul_(20)
    batch = model.replay_buffer.sample(64)
    batch = batch._replace(rewards=torch.randn(64, 1), dones=(torch.arange(64) % 3 == 0).float()[:, None])
    actions = batch.actions.long()
    with torch.no_grad():
        here, after = (model.q_net_target(o).double().numpy() for o in (batch.observations, batch.next_observations))

    def log_policy(q):
        shifted = (q - q.max(1, keepdims=True)) / 0.03
        return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))

    soft = (np.exp(log_policy(after)) * (after - 0.03 * log_policy(after))).sum(1)
    own = 0.9 * np.clip(0.03 * log_policy(here)[np.arange(64), actions[:, 0]], -1, 0)
    going = 1 - batch.dones[:, 0].numpy()
    expected = batch.rewards[:, 0].numpy() + own + going * batch.discounts[:, 0].numpy() * soft
    np.testing.assert_allclose(model.targets(batch, actions)[:, 0].numpy(), expected, atol=2e-4)
    assert own.min() < -0.05 and len(np.unique(batch.discounts)) > 1  # también cerca de un final


def test_munchausen_without_its_terms_is_the_dqn_of_sb3(env, monkeypatch):
    """Con temperatura casi nula y sin el premio propio queda el máximo: las mismas actualizaciones que `DQN.train`."""
    monkeypatch.setattr("coursekit.training.munchausen.ALPHA", 0.0)
    monkeypatch.setattr("coursekit.training.munchausen.TEMPERATURE", 1e-9)
    weights = []
    for algorithm in ("dqn", "munchausen-dqn"):
        model = made(make_vec_env("Breakout", 8), algorithm, seed=3)
        model.learn(320)
        weights.append(torch.cat([w.flatten() for w in model.q_net.state_dict().values()]))
    start = torch.cat([w.flatten() for w in made(env, seed=3).q_net.state_dict().values()])
    assert (weights[0] - weights[1]).abs().max() < 0.02 * (weights[0] - start).abs().max()


def test_the_qr_dqn_has_the_quantiles_and_the_epsilon_of_its_article(env):
    model = made(env, "qr-dqn")
    assert model.n_quantiles == 200 and model.policy.optimizer.defaults["eps"] == 0.01 / FEW["batch_size"]
    assert made(env).policy.optimizer.defaults["eps"] == 1e-8


@pytest.mark.parametrize(
    ("schedule", "halfway"), [("constant", 1.0), ("linear", 0.5), ("cosine", (1 + math.cos(math.pi / 2)) / 2)]
)
def test_the_rate_falls_as_asked_and_ends_at_zero(env, schedule, halfway):
    model = made(env, learning_rate=4e-4, learning_rate_schedule=schedule, steps=320)
    seen = {}
    original = model.train

    def spy(*args, **kwargs):
        original(*args, **kwargs)
        seen[model.num_timesteps] = model.policy.optimizer.param_groups[0]["lr"]

    model.train = spy
    model.learn(320)
    assert seen[160] == pytest.approx(4e-4 * halfway)
    assert seen[320] == pytest.approx(4e-4 if schedule == "constant" else 0.0, abs=1e-12)
    assert sorted(seen.values(), reverse=True) == list(seen.values())


def test_the_rate_rises_from_zero_while_it_warms_up(env):
    model = made(env, learning_rate=4e-4, learning_rate_warmup=128, learning_starts=64, steps=320)
    rates = {step: model.lr_schedule(1 - step / 320) for step in (64, 128, 192, 256, 320)}
    assert rates == pytest.approx({64: 0.0, 128: 2e-4, 192: 4e-4, 256: 4e-4, 320: 4e-4})


def test_an_impossible_schedule_is_explained(env, tmp_path):
    with pytest.raises(ValueError, match="^learning_rate_schedule='lineal' no es posible: use uno de constant, linear"):
        train(tmp_path / "corrida", "Breakout", 128, learning_rate_schedule="lineal")
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_goes_on_with_the_rate_where_it_was(tmp_path):
    rates = {}

    def rate_of(run):
        return torch.load(run.state, weights_only=True)["optimizer"]["param_groups"][0]["lr"]

    for name, stops in (("seguida", (256,)), ("partida", (128, 256))):
        for steps in stops:
            schedule = {"learning_rate_schedule": "linear"}
            run = train(tmp_path / name, "Breakout", steps, resume=True, progress=False, **FEW, **schedule)
        rates[name] = rate_of(run)
    assert rates["seguida"] == rates["partida"] == pytest.approx(0.0, abs=1e-12)


def test_an_old_run_without_the_new_names_is_still_resumed(tmp_path):
    run = train(tmp_path / "vieja", "Breakout", 128, progress=False, **FEW)
    info = run.info
    del info["hyperparameters"]["learning_rate_schedule"]
    state = torch.load(run.state, weights_only=True)
    del state["info"]["hyperparameters"]["learning_rate_schedule"]
    torch.save(state, run.state)
    run.write_json("run.json", info)
    train(run.path, total_steps=256, resume=True, progress=False)
    assert run.info["steps"] == 256 and "changes" not in run.info
