"""Lo que acompaña a los ejercicios: la predicción, el marcador y el dibujo de DQN."""

import xml.etree.ElementTree as ElementTree

from coursekit.exercises import anotar, contrastar, dqn_diagram, marcador
from coursekit.exercises.diagram import BOXES, PARTS
from coursekit.exercises.verdict import interval_of_difference

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(
    ("guess", "result", "fragment"),
    [
        (..., 0.56, "○ Sin predicción. Salió 0.56"),
        (..., "memoria corta", "Salió «memoria corta»"),
        (0.5, 0.56, "✔ Predijiste 0.5 y salió 0.56: bastante cerca."),
        (0.9, 0.56, "✘ Predijiste 0.9 y salió 0.56, menos de lo que esperabas"),
        (0.1, 0.56, "más de lo que esperabas"),
        (np.float32(0.5), torch.tensor(0.56), "✔"),
        (-20, -20.0, "✔"),
        (7_000, 7_387.0, "✔ Predijiste 7,000 y salió 7,387"),
        (" Memoria  CORTA ", "memoria corta", "✔ Predijiste"),
        ("sin exploracion", "sin exploración", "✔"),
        ("sin Huber", "memoria corta", "✘ Predijiste «sin Huber» y salió «memoria corta»"),
        ("mucho", 0.56, "○ No se entiende la predicción `'mucho'`: se esperaba un número, y salió 0.56."),
        (0.5, "memoria corta", "se esperaba un nombre entre comillas"),
        ([1, 2], 0.56, "○ No se entiende"),
        (None, 0.56, "○ No se entiende"),
        (True, 1.0, "○ No se entiende"),
        (float("nan"), 1.0, "○ No se entiende"),
        (np.arange(3), 1.0, "○ No se entiende"),
        (1 + 2j, 1.0, "○ No se entiende"),
    ],
)
def test_a_prediction_gets_one_line_and_never_stops_the_notebook(guess, result, fragment):
    contrast = contrastar(guess, result)
    assert fragment in repr(contrast) and contrast._repr_markdown_() == repr(contrast)
    assert "\n" not in repr(contrast)


def test_how_near_counts_as_right_can_be_chosen():
    assert "✔" in repr(contrastar(30, 32, cerca=2)) and "✘" in repr(contrastar(30, 33, cerca=2))
    assert "✘" in repr(contrastar(15, 16, cerca=0)) and "✔" in repr(contrastar(16, 16, cerca=0))


def test_the_board_keeps_each_game_apart_and_the_last_scores_of_each_agent(tmp_path):
    file = tmp_path / "salidas" / "marcador.json"
    assert marcador("Breakout", file).empty
    anotar("mi paleta", "Breakout", [3, 5], file)
    anotar("al azar", "Breakout", np.array([1.0, 2.0, 0.0]), file)
    anotar("mi DQN", "racha", [10], file)
    board = anotar("mi paleta", "Breakout", [40, 60, 50], file)
    assert board.index.tolist() == ["mi paleta", "al azar"]
    assert board.loc["mi paleta", ["partidas", "media"]].tolist() == [3, 50]
    assert 40 <= board.loc["mi paleta", "desde"] < 50 < board.loc["mi paleta", "hasta"] <= 60
    assert marcador("racha", file).index.tolist() == ["mi DQN"]


def test_a_board_refuses_scores_that_are_not_and_explains_a_broken_file(tmp_path):
    file = tmp_path / "marcador.json"
    for scores in ([], [1, float("nan")]):
        with pytest.raises(ValueError, match="al menos un puntaje"):
            anotar("nadie", "Breakout", scores, file)
    assert not file.exists()
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="está dañado"):
        marcador("Breakout", file)


def lit(diagram) -> set[str]:
    """Lo que se lee en negrita: las cajas encendidas."""
    texts = ElementTree.fromstring(diagram.data).iter("{http://www.w3.org/2000/svg}text")
    return {text.text for text in texts if text.get("font-weight") == "bold"}


def test_the_drawing_lights_the_pieces_it_is_asked_for():
    assert lit(dqn_diagram()) == set()
    for name, (*_, lines) in BOXES.items():
        assert lit(dqn_diagram(name)) == set(lines)
    assert lit(dqn_diagram("memoria", "lote")) == {"memoria de", "repetición", "lote"}
    assert len({dqn_diagram(name).data for name in PARTS}) == len(PARTS)


def test_the_drawing_names_itself_to_those_who_do_not_see_it_and_refuses_other_pieces():
    root = ElementTree.fromstring(dqn_diagram("lote").data)
    assert root.get("role") == "img" and "lote" in root.get("aria-label")
    with pytest.raises(ValueError, match="no tiene la pieza 'replay_buffer'"):
        dqn_diagram("replay_buffer")


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        low, high = interval_of_difference(rng.normal(3, 1, 20), rng.normal(1, 1, 20), resamples=1_000)
        covered += low <= 2 <= high
    assert 0.88 <= covered / 200 <= 0.99
