"""El capítulo 4 entrena antes de explicar, y no deja nada corriendo; lo que publica se puede repetir."""

import ast
import re
from pathlib import Path

import nbformat
import pandas as pd

BOOK = Path(__file__).resolve().parents[2] / "book"
CELLS = nbformat.read(BOOK / "04_entrenamiento.ipynb", as_version=4).cells
CODE = [cell.source for cell in CELLS if cell.cell_type == "code"]
PUBLISHED = BOOK / "runs" / "proporcion"


def calls(code: str) -> list[str]:
    """Las funciones y los métodos que se llaman, en el orden en que aparecen."""
    nodes = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [getattr(node, "id", getattr(node, "attr", "")) for node in nodes]


def test_the_training_starts_within_the_first_five_cells():
    assert any("Background" in calls(cell.source) for cell in CELLS[:5] if cell.cell_type == "code")


def test_the_training_is_stopped_and_followed_and_nothing_is_left_running():
    events = [name for code in CODE for name in calls(code) if name in ("Background", "stop")]
    assert events == ["Background", "stop"] * 2
    resumed = next(code for code in CODE if "--resume" in code)
    assert "Background" in calls(resumed)


def test_the_predictions_are_asked_before_their_result_and_none_is_answered():
    asked = 0
    for code in CODE:
        if code.startswith("prediccion = ..."):
            asked += 1
        if "contrastar" in calls(code):
            assert asked == 1, code
            asked = 0
    assert asked == 0 and sum(code.startswith("prediccion") for code in CODE) >= 5


def test_the_published_experiment_is_the_one_the_exercise_asks_for():
    table = pd.read_csv(PUBLISHED / "puntajes.csv")
    assert table.groupby("train_freq")["semilla"].apply(list).to_dict() == {1: [*range(8)], 4: [*range(8)]}
    script = (PUBLISHED / "repetir.py").read_text(encoding="utf-8")
    steps = int(re.search(r"PASOS = range\(8\), ([\d_]+)", script)[1])
    (asked,) = [code for code in CODE if code.startswith("def atrapadas")]
    assert f"pasos={steps:_}" in asked and f"{steps:,} pasos" in "".join(cell.source for cell in CELLS)
    for line in ('"exploration_steps": ', '"train_freq": train_freq', 'make_agent("dqn", "atrapa"', "200)"):
        assert line in script and line in asked


def test_the_appendix_is_a_page_and_the_chapter_leads_to_it():
    assert "apendice_velocidad" in (BOOK.parent / "_toc.yml").read_text(encoding="utf-8")
    assert any("(apendice_velocidad.ipynb)" in cell.source for cell in CELLS)
