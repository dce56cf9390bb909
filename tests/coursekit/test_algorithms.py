"""Los algoritmos que se comparan, y las cuentas con las que el capítulo 8 los compara."""

import json
from pathlib import Path
from types import SimpleNamespace

from coursekit.comparison.algorithms import (
    ALGORITHMS,
    SMALL,
    SmallCNN,
    find_algorithm,
    hyperparameters,
    make_agent,
    play,
)
from coursekit.comparison.catch import GaleEnv
from coursekit.evaluation import summarize
from coursekit.metrics import read_metrics
from coursekit.runs import Run
from coursekit.training.recipe import DEFAULTS
from coursekit.training.replay import FrameReplayBuffer

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBufferSamples

BOOK = Path(__file__).parents[2] / "book"
PUBLISHED = [Run(path.parent) for path in sorted(BOOK.glob("runs/atrapa/*/run.json"))]


@pytest.fixture(scope="module")
def chapter():
    """Lo que definen las celdas del capítulo 8 con las etiquetas «double», «estadistica» y «mejor»."""
    names = {"DQN": DQN, "np": np, "torch": torch, "nn": torch.nn, "summarize": summarize}
    names |= {"prediccion": ..., "contrastar": lambda *answer, **near: None}
    for cell in nbformat.read(BOOK / "08_mas_alla_de_dqn.ipynb", as_version=4).cells:
        if {"double", "estadistica", "mejor"} & set(cell.metadata.get("tags", ())):
            exec(compile(cell.source, cell.id, "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture
def listen(monkeypatch):
    """Los objetivos que SB3 calcula en cada actualización."""
    heard, huber = [], torch.nn.functional.smooth_l1_loss

    def loss(prediction, target):
        heard.append(target.clone())
        return huber(prediction, target)

    monkeypatch.setattr("torch.nn.functional.smooth_l1_loss", loss)
    return heard


# Valores Q de tres observaciones siguientes, en la red en línea y en la objetivo.
ONLINE = [[1.0, 3.0, 2.0], [5.0, 1.0, 1.0], [0.0, 0.0, 9.0]]
TARGET = [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0], [70.0, 90.0, 80.0]]


@pytest.mark.parametrize(
    ("discounts", "by_hand"),
    [
        (None, [1 + 0.99 * 20, -1.0, 0.5 + 0.99 * 80]),  # un paso: γ
        ([[0.9**3], [0.9**2], [0.9]], [1 + 0.729 * 20, -1.0, 0.5 + 0.9 * 80]),  # n pasos: el descuento de cada muestra
    ],
)
def test_double_dqn_target_is_the_one_computed_by_hand(listen, monkeypatch, discounts, by_hand):
    agent = make_agent("double-dqn", "vendaval", 1_000)
    batch = ReplayBufferSamples(
        observations=torch.tensor([0, 1, 2]),
        actions=torch.tensor([[0], [1], [2]]),
        next_observations=torch.tensor([0, 1, 2]),
        dones=torch.tensor([[0.0], [1.0], [0.0]]),
        rewards=torch.tensor([[1.0], [-1.0], [0.5]]),
        discounts=None if discounts is None else torch.tensor(discounts),
    )
    online = torch.tensor(ONLINE, requires_grad=True)
    agent.q_net, agent.q_net_target = online.__getitem__, torch.tensor(TARGET).__getitem__
    agent._logger = SimpleNamespace(record=lambda *args, **kwargs: None)
    monkeypatch.setattr(agent.replay_buffer, "sample", lambda *args, **kwargs: batch)
    agent.train(gradient_steps=1, batch_size=3)
    [target] = listen
    assert not target.requires_grad
    torch.testing.assert_close(target, torch.tensor(by_hand)[:, None])


@pytest.mark.parametrize("n_steps", [1, 3])
def test_double_dqn_is_dqn_when_both_networks_agree_and_never_more_optimistic(listen, n_steps):
    agent = make_agent("double-dqn", "vendaval", 1_000, learning_rate=0.0, n_steps=n_steps).learn(800)
    nets = agent.q_net.state_dict()
    for noise in (0.0, 0.2):
        agent.q_net_target.load_state_dict({k: v + noise * torch.randn_like(v) for k, v in nets.items()})
        listen.clear()
        for train in (agent.train, lambda *args: DQN.train(agent, *args)):
            np.random.seed(4)
            train(1, 64)
        double, single = listen
        assert torch.equal(double, single) if noise == 0 else (double < single).any()
        assert (double <= single).all()


def test_double_dqn_gives_the_target_network_back_even_after_an_error():
    agent = make_agent("double-dqn", "vendaval", 1_000).learn(600)
    network = agent.policy.q_net_target
    assert agent.q_net_target is network
    agent.replay_buffer = None
    with pytest.raises(AttributeError):
        agent.train(1, batch_size=64)
    assert agent.q_net_target is network


def test_the_class_of_the_chapter_trains_like_the_one_of_the_package(chapter):
    ours = make_agent("double-dqn", "vendaval", 1_200, seed=5).learn(1_200)
    name = "double-dqn"
    cls, extra = ALGORITHMS[name]
    ALGORITHMS[name] = (chapter.MiDoubleDQN, extra)
    try:
        theirs = make_agent(name, "vendaval", 1_200, seed=5).learn(1_200)
    finally:
        ALGORITHMS[name] = (cls, extra)
    assert type(theirs) is chapter.MiDoubleDQN
    for mine, other in zip(ours.policy.parameters(), theirs.policy.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_n_step_return_is_the_one_computed_by_hand():
    agent = make_agent("dqn-3pasos", "atrapa", 1_000, learning_starts=10**6).learn(1_600)
    np.random.seed(0)
    batch = agent.replay_buffer.sample(400)
    gamma, seen = agent.gamma, []
    for i in range(400):
        # sin la fila de la paleta queda solo la pelota, que baja una fila por paso
        row = int(batch.observations[i, -1, :-1].nonzero()[0, 0])
        if batch.dones[i]:
            steps = 9 - row
            assert abs(batch.rewards[i].item()) == pytest.approx(gamma ** (steps - 1))
        else:
            steps = int(batch.next_observations[i, -1, :-1].nonzero()[0, 0]) - row
            assert batch.rewards[i] == 0
            seen.append(steps)
        assert 1 <= steps <= 3 and batch.discounts[i].item() == pytest.approx(gamma**steps)
    assert batch.dones.sum() > 80 and seen.count(3) > 0.9 * len(seen)  # los más nuevos todavía no tienen 3 pasos


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_has_the_same_network_and_changes_it(name):
    agent = make_agent(name, "vendaval", 1_200, seed=1)
    extractor = next(module for module in agent.policy.modules() if isinstance(module, SmallCNN))
    shapes = [tuple(parameter.shape) for parameter in extractor.parameters()]
    assert shapes == [(16, 2, 3, 3), (16,), (16, 16, 3, 3), (16,), (128, 1600), (128,)]
    outputs = {module.out_features for module in agent.policy.modules() if isinstance(module, torch.nn.Linear)} - {128}
    assert outputs == ({75} if name == "qr-dqn" else {3, 1} if name in ("ppo", "a2c") else {3})
    before = [parameter.clone() for parameter in extractor.parameters()]
    agent.learn(1_200)
    assert agent.num_timesteps == 1_200
    assert not any(torch.equal(old, new) for old, new in zip(before, extractor.parameters(), strict=True))
    assert all(parameter.isfinite().all() for parameter in agent.policy.parameters())


@pytest.mark.parametrize(("name", "game"), [("qr-dqn", "space invaders"), ("dqn-3pasos", "Breakout"), ("a2c", "Pong")])
def test_atari_agents_see_four_frames_with_the_network_of_mnih(name, game):
    small = {"n_envs": 2}
    if name != "a2c":
        small |= {"buffer_size": 200, "learning_starts": 8, "batch_size": 4}
    agent = make_agent(name, game, 40, **small).learn(40)
    assert agent.observation_space.shape == (4, 84, 84) and agent.n_envs == 2
    assert (32, 4, 8, 8) in [tuple(parameter.shape) for parameter in agent.policy.parameters()]
    if name == "dqn-3pasos":
        assert isinstance(agent.replay_buffer, FrameReplayBuffer) and agent.replay_buffer.n_steps == 3
    agent.get_env().close()


def test_on_atari_the_value_based_ones_train_with_the_recipe():
    for name in ("dqn", "dqn-3pasos", "double-dqn", "qr-dqn"):
        assert hyperparameters(name, "Breakout") == DEFAULTS
    agent = make_agent("ppo", "Breakout", 1_000, n_envs=2)
    assert [agent.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == pytest.approx([2.5e-4, 1.25e-4, 0.0])
    agent.get_env().close()


def test_the_same_seed_gives_the_same_agent_and_another_seed_another():
    first, again, other = (make_agent("ppo", "vendaval", 640, seed=seed).learn(640) for seed in (3, 3, 4))
    weights = [agent.policy.state_dict()["action_net.weight"] for agent in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("game", SMALL)
def test_play_scores_the_same_games_that_one_would_play_by_hand(game):
    agent = make_agent("dqn", game, 1_000, seed=2).learn(960)
    table = play(agent, game, 20, seed=500)
    scores, lengths = [], []
    for i in range(20):
        env, done = SMALL[game](), False
        obs, _ = env.reset(seed=500 + i)
        scores.append(0.0)
        lengths.append(0)
        while not done:
            obs, reward, done, _, _ = env.step(int(agent.predict(obs, deterministic=True)[0]))
            scores[-1] += reward
            lengths[-1] += 1
    assert table["score"].tolist() == scores and table["length"].tolist() == lengths
    assert set(lengths) == {9} if game == "atrapa" else len(set(lengths)) > 1
    assert table["episode"].tolist() == list(range(1, 21))


def test_play_on_atari_is_the_greedy_evaluation():
    class Still:
        action_space = SimpleNamespace(n=6)
        observation_space = SimpleNamespace(shape=(4, 84, 84))

        def predict(self, observations, deterministic=True):
            return np.zeros(len(observations), int), None

    assert play(Still(), "pong", 1)["score"].tolist() == [-21.0]


def test_unknown_algorithms_are_answered_with_the_nearest():
    assert find_algorithm("Double_DQN") == "double-dqn"
    with pytest.raises(ValueError, match="'doble-dqn'.*'double-dqn'"):
        make_agent("doble-dqn", "vendaval", 100)


def test_changing_hyperparameters_does_not_change_the_table():
    hyperparameters("dqn", "vendaval")["gamma"] = 0.0
    assert hyperparameters("dqn", "vendaval")["gamma"] == 0.99
    assert make_agent("dqn", "vendaval", 100, gamma=0.5).gamma == 0.5
    assert hyperparameters("dqn-3pasos", "vendaval") == {**hyperparameters("dqn", "vendaval"), "n_steps": 3}


# --- Las cuentas del capítulo ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "trimmed"),  # scipy.stats.trim_mean(scores, 0.25), de scipy 1.17.1: la IQM de rliable
    [
        ([-0.8, -1.32, -0.25, 0.42], -0.525),
        ([1.14, 0.11, -0.55, -0.78, 0.75], 0.10333333333333332),
        ([1.63, 0.27, -1.23, -0.96, 1.6, 0.2, -1.73], -0.024),
        ([-0.08, -1.16, -0.63, -0.49, -0.71, 0.55, -0.06, -0.59, 0.41, 0.83], -0.24),
        ([-1.64, -0.26, -0.98, -0.17, -1.29, 0.02, -0.04, -0.3, -1.05, -0.4, -1.09, -1.36, 0.22], -0.6071428571428571),
    ],
)
def test_interquartile_mean_is_the_one_of_scipy_and_rliable(chapter, scores, trimmed):
    assert chapter.iqm(np.array(scores)) == pytest.approx(trimmed)
    assert chapter.iqm(np.array([scores, scores]))[1] == pytest.approx(trimmed)
    assert summarize(scores)["iqm"] == pytest.approx(trimmed)


SEEDS_X_GAMES = np.array([[-1.1, 1.2, 0.7], [-2.0, 0.3, -1.1], [0.0, 0.0, -2.0], [-0.2, -0.3, 1.0], [-1.2, 0.7, -1.1]])
OTHERS = np.array([[-0.3, -0.8, 1.4], [0.6, 2.4, 0.6], [0.8, 0.8, -0.6], [-0.1, 1.4, -0.4]])
TAU = np.array([-3.0, -1.1, -0.3, 0.0, 0.65, 3.0])


def test_aggregates_profiles_and_their_intervals_are_the_ones_of_rliable(chapter):
    # Lo que da rliable 1.2.0 con pandas 2.3.3 (con pandas 3 no funciona: su arch, anterior a la 8, no se importa).
    assert chapter.intervalo(SEEDS_X_GAMES, veces=10)[0] == pytest.approx(-0.31111111111111117)  # aggregate_iqm
    improvement = chapter.probabilidad_de_mejora(SEEDS_X_GAMES.T, OTHERS.T)
    assert improvement == pytest.approx([0.15, 0.3, 0.3])  # probability_of_improvement, en cada juego
    profile = chapter.perfil(SEEDS_X_GAMES.ravel(), TAU)
    assert profile == pytest.approx([1, 9 / 15, 8 / 15, 5 / 15, 4 / 15, 0])  # score_distributions
    by_hand = [sum(score > tau for score in SEEDS_X_GAMES.ravel()) / SEEDS_X_GAMES.size for tau in TAU]
    assert profile == pytest.approx(by_hand)

    # Los intervalos salen de otros sorteos: get_interval_estimates y create_performance_profile, con sus percentiles.
    assert chapter.intervalo(SEEDS_X_GAMES, veces=20_000)[1:] == pytest.approx([-0.8333, 0.2444], abs=0.03)
    intervals = chapter.intervalo(SEEDS_X_GAMES, lambda scores: chapter.perfil(scores, TAU), veces=5_000)[1:]
    theirs = [[1.0, 0.4, 0.3333, 0.1333, 0.0667, 0.0], [1.0, 0.8, 0.7333, 0.5333, 0.4667, 0.0]]
    np.testing.assert_allclose(intervals, theirs, atol=1 / 15 + 1e-3)  # un escalón del perfil


def test_the_interval_of_the_difference_covers_zero_when_there_is_none_and_finds_a_large_one(chapter):
    rng, hits = np.random.default_rng(0), 0
    for repeat in range(200):
        _, low, high = chapter.diferencia(*rng.normal(size=(2, 20, 1)), veces=300, seed=repeat)
        hits += low <= 0 <= high
    assert 0.85 < hits / 200 <= 0.99
    centre, low, high = chapter.diferencia(SEEDS_X_GAMES + 5, OTHERS)
    assert 0 < low < centre < high and centre == pytest.approx(5 + chapter.iqm(SEEDS_X_GAMES.ravel())
                                                               - chapter.iqm(OTHERS.ravel()))  # fmt: skip


def test_bootstrap_draws_seeds_within_each_game(chapter):
    table = np.array([[0.0, 100.0], [1.0, 101.0], [2.0, 102.0]])
    samples = chapter.remuestrear(table, 4_000, np.random.default_rng(0)).reshape(-1, 3, 2)
    assert set(samples[..., 0].ravel()) == {0, 1, 2} and set(samples[..., 1].ravel()) == {100, 101, 102}
    assert (samples[..., 0] != samples[..., 1] - 100).any(), "los juegos se sortean por separado"
    assert np.mean(samples[..., 0] == 0) == pytest.approx(1 / 3, abs=0.02)


def test_interval_covers_the_truth_about_as_often_as_it_says(chapter):
    rng, hits = np.random.default_rng(0), 0
    for repeat in range(200):
        _, low, high = chapter.intervalo(rng.normal(size=(20, 1)), veces=300, seed=repeat)
        hits += low <= 0 <= high
    assert 0.85 < hits / 200 <= 0.99


def test_whoever_plays_with_the_values_of_the_chapter_gets_what_it_promises(chapter):
    def expected(row, direction, column, paddle):
        wind, total = 0.5 if row == 0 else GaleEnv.WIND, 0.0
        for way, chance in ((direction, 1 - wind), (-direction, wind)):
            jump = 2 * way if 0 <= column + 2 * way < 10 else -2 * way
            total += chance * chapter.filas_de_valor[row + 1][int(jump > 0), column + jump, paddle]
        return total

    env, caught, promised = GaleEnv(), [], []
    for seed in range(1_000, 1_700):
        env.reset(seed=seed)
        done, before = False, None
        while not done:
            row, column = env.ball_row, env.ball_col
            if row == 0:
                promised.append(chapter.filas_de_valor[0][0, column, env.paddle_col])
            direction = 1 if row == 0 else int(np.sign(column - before))  # lo que se ve, y no lo que viene
            moves = {action: min(max(env.paddle_col + action - 1, 0), 7) for action in range(3)}
            action = max(moves, key=lambda action: expected(row, direction, column, moves[action]))
            before = column
            _, _, done, _, info = env.step(action)
            caught += [info["is_success"]] if "is_success" in info else []
    assert len(caught) > 3_000 and np.mean(caught) == pytest.approx(np.mean(promised), abs=0.015)
    assert pytest.approx(sum(chapter.una**k for k in range(1, 11))) == chapter.TECHO


# --- La comparación publicada ---------------------------------------------------------------------------------


def test_the_published_comparison_is_balanced_and_nobody_reaches_the_ceiling(chapter):
    seeds = {name: {run.info["seed"] for run in PUBLISHED if run.info["algorithm"] == name} for name in ALGORITHMS}
    assert len(seeds["dqn"]) >= 5 and all(found == seeds["dqn"] for found in seeds.values())
    assert len(PUBLISHED) == len(ALGORITHMS) * len(seeds["dqn"])
    assert max(run.results["results"]["greedy"]["summary"]["mean"] for run in PUBLISHED) < chapter.TECHO


def test_every_algorithm_uses_the_best_of_its_rates_and_nobody_chose_the_edge_of_the_grid():
    grid = pd.read_csv(BOOK / "runs/atrapa/tasas.csv")
    budget = grid.groupby(["algorithm", "learning_rate"])["step"].agg(["count", "max"])
    assert len(budget) == len(ALGORITHMS) * grid["learning_rate"].nunique() and (budget == budget.iloc[0]).all().all()
    assert not set(grid["seed"]) & {run.info["seed"] for run in PUBLISHED}
    means = grid.groupby(["algorithm", "learning_rate"])["value"].mean().unstack()
    for name, best in means.idxmax(axis=1).items():
        assert hyperparameters(name, "vendaval")["learning_rate"] == best
        assert means.columns[0] < best < means.columns[-1], name


def test_the_contenders_outside_the_table_played_the_same_tournament():
    extra = pd.read_csv(BOOK / "runs/atrapa/propuestas.csv")
    runs = [run for run in PUBLISHED if run.info["algorithm"] == "dqn"]
    steps = read_metrics(runs[0]).query("metric == 'greedy'")["step"].tolist()
    for (name, _), curve in extra.groupby(["algorithm", "seed"]):
        last = 12_160 if name == "ppo-tandas-20" else 12_000  # 16 partidas × 20 pasos no dividen a 12,000
        assert curve["step"].tolist() == [*steps[:-1], last]
    assert set(extra["seed"]) == {run.info["seed"] for run in runs}
    rates = {name: set(rows) for name, rows in extra.groupby("algorithm")["learning_rate"]}
    dqn, ppo = ({hyperparameters(name, "vendaval")["learning_rate"]} for name in ("dqn", "ppo"))
    assert rates == {"double-3pasos": dqn, "dueling": dqn, "ppo-tandas-20": ppo}


@pytest.mark.parametrize("run", PUBLISHED, ids=lambda run: run.path.name)
def test_every_published_run_agrees_with_itself(run):
    info, result = run.info, run.results["results"]["greedy"]
    assert run.path.name == f"{info['game']}-{info['algorithm']}-{info['seed']}"
    assert info["steps"] == info["total_steps"] == run.results["agent_steps"] == 12_000
    assert info["hyperparameters"] == json.loads(json.dumps(hyperparameters(info["algorithm"], info["game"])))
    assert info["command"].startswith("coursekit sweep book/runs/atrapa ") and info["algorithm"] in info["command"]
    curve = read_metrics(run).query("metric == 'greedy'")
    assert len(curve) == 11 and curve["step"].iloc[[0, -1]].tolist() == [0, 12_000]
    assert curve["value"].iloc[-1] == pytest.approx(np.mean(result["scores"]))
    assert result["summary"] == pytest.approx(summarize(result["scores"]))
