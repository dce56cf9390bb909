"""Las funciones que el capítulo 7 escribe, sacadas del propio cuaderno, contra cuentas hechas a mano."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "book" / "07_que_ve_el_agente.ipynb"


@pytest.fixture(scope="module")
def chapter():
    """Lo que definen las celdas con la etiqueta «ver», que no juegan ni cargan nada."""
    names = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if "ver" in cell.metadata.get("tags", ()):
            exec(compile(cell.source, f"{NOTEBOOK.name}:{cell.id}", "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture
def screens():
    return np.random.default_rng(0).integers(1, 256, (3, 4, 84, 84), dtype=np.uint8)


def test_returns_are_discounted_and_stop_at_each_life(chapter):
    rewards = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    ends = np.array([[False, False], [True, False], [False, False], [False, False]])
    g = 0.9
    expected = [[g, 1 + g**3], [1, g**2], [g, g], [1, 1]]
    assert np.allclose(chapter.retornos(rewards, ends, g), expected)


def test_every_mask_blanks_its_zone_in_the_four_frames_and_nothing_else(chapter, screens):
    for zone, pieces in chapter.ZONAS.items():
        inside = np.zeros((84, 84), dtype=bool)
        for rows, columns in pieces:
            inside[rows, columns] = True
        masked = chapter.sin(zone)(screens.copy())
        assert not masked[..., inside].any() and inside.any(), zone
        assert np.array_equal(masked[..., ~inside], screens[..., ~inside]), zone


def test_zones_do_not_overlap(chapter):
    times = np.zeros((84, 84), dtype=int)
    for rows, columns in (piece for pieces in chapter.ZONAS.values() for piece in pieces):
        times[rows, columns] += 1
    assert times.max() == 1


def test_freezing_repeats_the_newest_frame(chapter, screens):
    frozen = chapter.congelar(screens.copy())
    assert all(np.array_equal(frozen[:, k], screens[:, -1]) for k in range(4))


def test_the_covered_agent_sees_the_mask_and_the_game_keeps_its_observation(chapter, screens):
    agent = SimpleNamespace(action_space=4, observation_space=84, predict=lambda obs, deterministic: obs)
    covered, before = chapter.Tapado(agent, chapter.congelar), screens.copy()
    seen = covered.predict(screens, deterministic=True)
    assert np.array_equal(seen, chapter.congelar(before.copy())) and np.array_equal(screens, before)
    assert (covered.action_space, covered.observation_space) == (4, 84)
