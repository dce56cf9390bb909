"""La evaluación: partidas completas, contadas sin favorecer a nadie, y resúmenes iguales a los hechos a mano."""

from pathlib import Path

from coursekit.evaluation import PROTOCOLS, agent_steps, evaluate, evaluate_run, summarize
from coursekit.training import selection
from coursekit.training.agents import average_agents, blank_dqn, load_agent, save_agent
from coursekit.training.loop import train
from coursekit.training.selection import choose_agent
from coursekit.training.vec_env import AleVecEnv

import numpy as np
import pandas as pd
import pytest
import torch
from stable_baselines3 import DQN


def games_of(agent, episodes_per_env, seed, sticky=0.0):
    """Puntaje y duración de las primeras partidas de cada ambiente, jugadas con la interfaz de SB3 y sin ε."""
    env = AleVecEnv("breakout", len(episodes_per_env), seed, life_loss=False, clip_reward=False, sticky=sticky)
    obs, score, played = env.reset(), np.zeros(env.num_envs), [[] for _ in episodes_per_env]
    while any(len(done) < wanted for done, wanted in zip(played, episodes_per_env, strict=True)):
        obs, rewards, dones, infos = env.step(agent.predict(obs, deterministic=True)[0])
        score += rewards
        for i in np.flatnonzero(dones):
            played[i].append((score[i], infos[i]["episode"]["l"]))
            score[i] = 0
    env.close()
    return [game for done, wanted in zip(played, episodes_per_env, strict=True) for game in done[:wanted]]


def test_scores_are_those_of_whole_games(agent):
    table = evaluate(agent, "Breakout", 5, epsilon=0.0, sticky=0.25, seed=30, n_envs=3)
    expected = games_of(agent, [1, 2, 2], 30, sticky=0.25)
    assert sorted(zip(table["score"], table["length"], strict=True)) == sorted(expected)
    assert len(set(table["length"])) > 1


@pytest.mark.parametrize(("episodes", "n_envs"), [(1, 10), (4, 10), (7, 3)])
def test_exactly_the_games_asked_for_are_played(episodes, n_envs):
    table = evaluate(None, "Breakout", episodes, n_envs=n_envs)
    assert list(table.columns) == ["episode", "score", "length"]
    assert table["episode"].tolist() == list(range(1, episodes + 1))
    assert (table["score"] >= 0).all() and (table["length"] > 300).all()


def test_the_same_seed_gives_the_same_table(agent):
    first, again, other = (evaluate(agent, "Breakout", 4, epsilon=0.5, seed=seed) for seed in (9, 9, 10))
    assert first.equals(again) and not first.equals(other)


def test_epsilon_is_the_probability_of_a_random_action(agent):
    player = load_agent(Path(__file__).parents[2] / "book/runs/breakout-dqn/checkpoints/agent-00100000.zip")
    tables = [evaluate(who, "Breakout", 2, epsilon=epsilon) for epsilon in (0.0, 1.0) for who in (agent, player)]
    assert not tables[0].equals(tables[1]) and tables[2].equals(tables[3])  # con ε = 1 da lo mismo quién juegue


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"episodes": 0}, "^Se pidieron 0 partidas; hace falta al menos 1"),
        ({"epsilon": 2}, "^epsilon=2 no es una probabilidad"),
        ({"epsilon": float("nan")}, "^epsilon=nan no es una probabilidad"),
        ({"sticky": 1}, "^sticky=1 no es una probabilidad"),
        ({"where": "Pog"}, "^No existe el juego 'Pog'; el más parecido es 'Pong'"),
        (
            {"agent": blank_dqn(6)},
            "^El agente conoce 6 acciones y el ambiente tiene 4: cargue un agente entrenado",
        ),
        ({"agent": blank_dqn(4, (4, 42, 42))}, r"^El agente espera observaciones de forma \(4, 42, 42\) y las"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_evaluated_is_explained(kwargs, message):
    with pytest.raises(ValueError, match=message):
        evaluate(**{"agent": None, "where": "Breakout", "episodes": 1, **kwargs})


def test_summary_of_a_known_list():
    # A mano: media 36/8; mediana (4+5)/2; mitad central 3, 4, 5, 6; desviación muestral √6.
    summary = summarize([8, 1, 2, 3, 4, 5, 6, 7])
    assert summary["games"] == 8 and summary["mean"] == 4.5 and summary["median"] == 4.5 and summary["iqm"] == 4.5
    assert summary["std"] == pytest.approx(6**0.5) and "hns" not in summary
    assert all(type(value) in (int, float) for value in summary.values())


@pytest.mark.parametrize(
    ("scores", "iqm"),
    [  # scipy.stats.trim_mean(x, 0.25)
        ([1.0], 1.0),
        ([1, 9], 5.0),
        ([1, 2, 30], 11.0),
        ([0, 1, 3, 100], 2.0),
        ([0, 1, 3, 8, 100], 4.0),
        ([100, 0, 0, 1, 2, 3, 900], 21.2),
        ([5, -5, 0, 10, 20, 30, 40, 1000, 50, 60], 155 / 6),
    ],
)
def test_interquartile_mean_is_scipys_trimmed_mean(scores, iqm):
    assert summarize(scores)["iqm"] == pytest.approx(iqm)


def test_bootstrap_interval_contains_the_mean_and_shrinks():
    rng = np.random.default_rng(0)
    small, large = rng.normal(50, 10, 20), rng.normal(50, 10, 2_000)
    widths = []
    for scores in (small, large):
        s = summarize(scores)
        assert s["ci_low"] < s["mean"] < s["ci_high"]
        normal = 1.96 * s["std"] / len(scores) ** 0.5  # con tantos puntajes, el intervalo normal
        assert s["ci_high"] - s["ci_low"] == pytest.approx(2 * normal, rel=0.12)
        widths.append(s["ci_high"] - s["ci_low"])
    assert widths[1] < widths[0] / 5
    assert summarize(small) == summarize(small) != summarize(small, seed=1)
    one = summarize([7])
    assert (one["ci_low"], one["ci_high"], one["std"]) == (7.0, 7.0, 0.0)


def test_human_normalised_score():
    assert summarize([1.7], "Breakout")["hns"] == pytest.approx(0.0)
    assert summarize([30.5], "breakout")["hns"] == pytest.approx(1.0)
    assert summarize([59.3, 59.3], "Breakout")["hns"] == pytest.approx(2.0)
    assert "hns" not in summarize([5.0], "Alien")
    with pytest.raises(ValueError, match="No existe el juego"):
        summarize([1.0], "Breakuot")


@pytest.mark.parametrize("scores", [[], [1.0, float("nan")], [float("inf")]])
def test_scores_that_are_no_numbers_are_explained(scores):
    with pytest.raises(ValueError, match="^Para resumir hace falta al menos un puntaje"):
        summarize(scores)


def test_evaluate_run_writes_every_protocol_and_the_ladder(tmp_path, tiny):
    run = train(tmp_path / "corrida", "Breakout", 64, **{**tiny, "learning_starts": 32})
    content = evaluate_run(run, 2, seed=77)
    assert run.results == content and content["agent_steps"] == agent_steps(run) == 64
    assert content["protocol"]["episodes"] == 2 and content["protocol"]["seed"] == 77
    assert {name: (r["epsilon"], r["sticky"]) for name, r in content["results"].items()} == {
        "default": (0.01, 0.0),
        "greedy": (0.0, 0.0),
        "sticky": (0.01, 0.25),
    }
    agent = load_agent(run)
    for name, result in content["results"].items():
        assert result["summary"] == summarize(result["scores"], "Breakout") and "hns" in result["summary"]
        assert len(result["lengths"]) == len(result["scores"]) == 2
        if name == "sticky":
            table = evaluate(agent, "Breakout", 2, seed=77, **PROTOCOLS[name])
            assert result["scores"] == table["score"].tolist() and result["lengths"] == table["length"].tolist()
    assert list(content["ladder"]) == ["0", "64"]
    assert content["ladder"]["64"]["scores"] == content["results"]["default"]["scores"]


def test_the_candidates_play_on_seeds_of_their_own(copied_run):
    paths = dict(list(copied_run.checkpoints().items())[-3:])
    agents = {str(steps): load_agent(path) for steps, path in paths.items()}
    agents["average"] = average_agents(paths.values())
    own = {name: evaluate(agent, "Breakout", 2, seed=500)["score"].mean() for name, agent in agents.items()}
    steps = choose_agent(copied_run, candidates=3, episodes=2, seed=500)
    selection = copied_run.info["selection"]
    again = selection.pop("again", None)
    assert selection == {"episodes": 2, "seed": 500, "average": own.pop("average"), "means": own}
    assert (again is None) == (selection["average"] > max(own.values()))
    if again:
        best = load_agent(paths[int(max(own, key=own.get))])
        new = [evaluate(agent, "Breakout", 2, seed=10_500)["score"].mean() for agent in (best, agents["average"])]
        assert again == {"seed": 10_500, "best": new[0], "average": new[1]}
    assert agent_steps(copied_run) == copied_run.info["published_steps"] == steps


@pytest.mark.parametrize(
    "average, again, published",
    [(9.0, [], "average"), (4.0, [6.0, 2.0], "average"), (4.0, [2.0, 6.0], "best"), (5.0, [2.0, 2.0], "best")],
    ids=["supera a todos", "supera al mejor cuando juegan otra vez", "pierde otra vez", "empata"],
)
def test_the_average_is_published_only_when_it_plays_better(copied_run, monkeypatch, average, again, published):
    steps = list(copied_run.checkpoints())[-3:]
    games = iter([1.0, 5.0, 3.0, average, *again])  # los tres puntos guardados, en orden, y su promedio
    monkeypatch.setattr(selection, "evaluate", lambda *args, **kwargs: pd.DataFrame({"score": [next(games)]}))
    chosen = choose_agent(copied_run, candidates=3)
    assert list(games) == []
    paths = copied_run.checkpoints()
    if published == "average":
        expected = average_agents([paths[n] for n in steps])
        assert chosen == steps[-1] and copied_run.info["averaged"] == steps
        stored = DQN.load(copied_run.agent, buffer_size=1)  # también con SB3 solo
        assert (stored.num_timesteps, stored.exploration_rate) == (steps[-1], 0.01)
    else:
        expected = load_agent(paths[steps[1]])
        assert chosen == steps[1] and "averaged" not in copied_run.info
        assert copied_run.agent.read_bytes() == paths[steps[1]].read_bytes()
    half = {name: value.half().float() for name, value in expected.policy.state_dict().items()}
    assert all(torch.equal(value, half[name]) for name, value in load_agent(copied_run).policy.state_dict().items())


def test_the_average_of_agents_is_the_mean_of_each_weight(copied_run):
    paths = list(copied_run.checkpoints().values())
    weights = [load_agent(path).policy.state_dict() for path in paths]
    for name, value in average_agents(paths).policy.state_dict().items():
        assert torch.allclose(value, sum(w[name] for w in weights) / len(weights), atol=1e-6), name
    assert not torch.equal(weights[0]["q_net.q_net.0.bias"], weights[-1]["q_net.q_net.0.bias"])


def test_only_agents_of_one_game_can_be_averaged(copied_run, tmp_path):
    save_agent(blank_dqn(6), tmp_path / "pong.zip")
    for sources in ([], [copied_run, tmp_path / "pong.zip"]):
        with pytest.raises(ValueError, match=f"promediar {len(sources)} agentes"):
            average_agents(sources)


def test_choosing_without_agents_is_explained(published_run):
    before = published_run.agent.read_bytes()
    for path in published_run.checkpoints().values():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="no tiene agentes guardados entre los que elegir"):
        choose_agent(published_run)
    assert published_run.agent.read_bytes() == before
