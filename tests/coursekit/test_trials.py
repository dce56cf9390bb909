"""La tabla de ensayos: una fila por corrida, y nunca un valor de donde la corrida no llegó."""

import subprocess
import sys

from coursekit.comparison.trials import trials
from coursekit.metrics import COLUMNS
from coursekit.runs import HALF_WRITTEN, Run, new_info

import numpy as np
import pandas as pd
import pytest


def written(folder, name, seed, steps, values, segments=({"seconds": 7200.0},)):
    run = Run(folder / name)
    info = new_info("Breakout", "dqn", seed, {}, steps)
    run.metrics.mkdir(parents=True)
    run.write_json("run.json", {**info, "steps": steps, "segments": [*segments, {"seconds": 3600.0}, {}]})
    at = np.arange(1, len(values) + 1) * 1_000
    wall = 1e9 + at * 0.06  # un minuto cada 1,000 pasos
    pd.DataFrame(dict(zip(COLUMNS, (wall, at, values), strict=True))).to_csv(run.metrics / "rewards.csv", index=False)


def test_each_run_is_a_row_with_its_recipe_seed_hours_and_values(tmp_path):
    written(tmp_path, "tasa-1e-4-s3", 3, 10_000, range(10))
    measured = [{"seconds": 7200.0, "cpu_seconds": 1800.0}]
    written(tmp_path, "tasa-1e-4-s12", 12, 5_000, range(100, 105), measured)
    (tmp_path / "otra cosa").mkdir()
    table = trials(tmp_path, (3_000, 9_500)).set_index("seed")
    assert list(table["recipe"].unique()) == ["tasa-1e-4"] and list(table.index) == [12, 3]
    assert table.loc[3, "hours"] == table.loc[12, "hours"] == 3.0 and table.loc[3, "steps"] == 10_000
    assert table.loc[12, "core_hours"] == 0.5 and np.isnan(table.loc[3, "core_hours"])
    assert (table.loc[3, 3_000], table.loc[3, 9_500]) == (2, 8)
    assert table.loc[12, 3_000] == 102 and np.isnan(table.loc[12, 9_500])


def test_minutes_are_counted_from_the_first_point(tmp_path):
    written(tmp_path, "clase-s0", 0, 10_000, range(10))
    table = trials(tmp_path, (0, 4, 9.2, 30), x="minutes")
    assert list(table[[0, 4, 9.2]].iloc[0]) == [0, 4, 9] and 30 not in table


def test_a_run_that_a_sweep_has_not_finished_is_left_out(tmp_path):
    written(tmp_path, "pong-ppo-0", 0, 5_000, range(5))
    written(tmp_path, f"{HALF_WRITTEN}pong-ppo-1", 1, 5_000, range(5))
    assert list(trials(tmp_path)["seed"]) == [0]


def test_in_the_terminal_a_wrong_folder_gets_one_sentence(tmp_path):
    order = [sys.executable, "-m", "coursekit.comparison.trials"]
    for arguments, cwd in (([str(tmp_path / "no")], None), ([], tmp_path)):
        done = subprocess.run([*order, *arguments], capture_output=True, text=True, cwd=cwd)
        assert done.returncode == 1 and not done.stdout
        assert "no hay corridas" in done.stderr and done.stderr.count("\n") == 1


def test_a_folder_without_runs_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="no hay corridas: cada una es una carpeta con su run.json"):
        trials(tmp_path)


def test_the_published_trials_are_read(pytestconfig):
    table = trials(pytestconfig.rootpath / "book" / "runs" / "recetas", (50_000,))
    assert {"ensayo-base-0", "tasa-1e-4"} <= set(table["recipe"]) and table["hours"].gt(0).all()
