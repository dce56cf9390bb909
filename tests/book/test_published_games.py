"""Los datos publicados de los capítulos 5 y 6 son los de sus agentes y dicen lo que el texto dice de ellos."""

import importlib.util
import json
from pathlib import Path

from coursekit.envs import make_vec_env
from coursekit.exercises.cap05 import _what_happened

import pandas as pd
import pytest

RUNS = Path(__file__).resolve().parents[2] / "book" / "runs"
GAMES = pd.read_csv(RUNS / "voraz/partidas.csv")
FOLDERS = {"Breakout": "breakout-dqn", "Pong": "pong-dqn", "SpaceInvaders": "space_invaders-dqn"}


def script(folder: str):
    """El `repetir.py` de una carpeta, importado."""
    spec = importlib.util.spec_from_file_location(f"repetir_{folder}", RUNS / folder / "repetir.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("game", FOLDERS)
def test_every_greedy_start_was_played_once_by_the_published_agent(game):
    played = GAMES[GAMES["juego"] == game]
    evaluation = json.loads((RUNS / FOLDERS[game] / "evaluation.json").read_text("utf-8"))
    about = json.loads((RUNS / "voraz/experimento.json").read_text("utf-8"))
    assert about["agents"][FOLDERS[game]] == evaluation["agent_steps"]
    assert played["nulas"].tolist() == list(range(30))
    assert set(evaluation["results"]["greedy"]["scores"]) == set(played["puntaje"])  # las mismas, sorteadas
    assert (played.groupby(played["nulas"] % 4)["puntaje"].nunique() == 1).all()


def test_the_seeds_of_the_greedy_games_draw_the_starts_that_the_table_says():
    few, repetir = GAMES[GAMES["juego"] == "Breakout"].head(4), script("voraz")
    env = make_vec_env("Breakout", len(few), 0, training=False, threads=1)
    env._seeds = few["semilla"].tolist()
    assert repetir.no_ops(env).tolist() == few["nulas"].tolist()
    env.close()


def test_each_anonymous_run_shows_the_fault_it_was_made_with():
    faults = script("anonimas").FAULTS
    assert sorted(faults) == [folder.name for folder in sorted((RUNS / "anonimas").iterdir()) if folder.is_dir()]
    assert {letter: _what_happened(letter)[0] for letter in faults} == {k: name for k, (name, _) in faults.items()}


def test_the_trial_of_exercise_5_4_has_the_seeds_that_it_says():
    about = json.loads((RUNS / "anonimas/experimento.json").read_text("utf-8"))["trial"]
    trial = pd.read_csv(RUNS / "anonimas/exploracion.csv")
    assert set(trial["bando"]) == set(about["exploration_fraction"])
    assert (trial.groupby("bando")["semilla"].nunique() == about["seeds"]).all()
    assert trial[["al cuarto", "al final", "voraz"]].abs().max().max() <= 1
