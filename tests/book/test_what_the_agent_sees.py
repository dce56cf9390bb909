"""Las funciones que el capítulo 7 escribe, sacadas del cuaderno, contra cuentas hechas a mano; y lo que publica."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from coursekit.envs import make_env
from coursekit.runs import Run
from coursekit.training.agents import blank_dqn

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch

BOOK = Path(__file__).resolve().parents[2] / "book"
sys.path.insert(0, str(BOOK / "runs" / "mirada"))

import repetir  # noqa: E402

NOTEBOOK = BOOK / "07_que_ve_el_agente.ipynb"


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


def test_time_backwards_shows_the_same_frames_in_the_opposite_order(chapter, screens):
    before = screens.copy()
    backwards = chapter.ESTORBOS["tiempo al revés"](screens)
    assert all(np.array_equal(backwards[:, k], before[:, 3 - k]) for k in range(4)) and np.array_equal(screens, before)


def test_the_covered_agent_sees_the_mask_and_the_game_keeps_its_observation(chapter, screens):
    agent = SimpleNamespace(action_space=4, observation_space=84, predict=lambda obs, deterministic: obs)
    covered, before = chapter.Tapado(agent, chapter.congelar), screens.copy()
    seen = covered.predict(screens, deterministic=True)
    assert np.array_equal(seen, chapter.congelar(before.copy())) and np.array_equal(screens, before)
    assert (covered.action_space, covered.observation_space) == (4, 84)


def test_a_mirror_only_moves_things_inside_its_zone_and_twice_changes_nothing(chapter, screens):
    for zone in chapter.ZONAS:
        mirror = chapter.espejo(zone)
        once = mirror(screens.copy())
        assert not np.array_equal(once, screens) and np.array_equal(mirror(once.copy()), screens)
        assert np.array_equal(np.sort(once, axis=-1), np.sort(screens, axis=-1))
    assert set(chapter.ESTORBOS) == {"sin dígitos", "sin paleta", "paleta en espejo", "sin pelota", "pelota en espejo",
                                     "sin movimiento", "tiempo al revés"}  # fmt: skip


def test_the_gap_of_plays_does_not_compare_a_play_with_itself(chapter):
    q = np.array([[3.0, 2.9, 1.0, 2.0], [1.0, 4.0, 3.5, 0.0]])
    assert np.allclose(chapter.brecha(q), [0.1, 0.5])
    assert chapter.juntar(q).tolist() == [[3.0, 1.0, 2.0], [4.0, 3.5, 0.0]]
    assert np.allclose(chapter.brecha(chapter.juntar(q)), [1.0, 0.5])


def test_a_life_counts_as_begun_after_the_wait(chapter):
    ends = np.array([[0], [0], [0], [1], [0], [0], [0]], dtype=bool)
    assert chapter.en_juego(ends, espera=2)[:, 0].tolist() == [False, False, True, True, False, False, True]


def test_two_names_of_a_play_are_recognised_and_the_game_goes_on_where_it_was(chapter):
    env = make_env("Breakout")
    env.reset(seed=0)
    assert not chapter.son_la_misma(env, 0, 1, cuadros=20)  # «fuego» saca
    for _ in range(30):
        env.step(1)
    before = env.unwrapped.ale.getRAM().copy()
    assert chapter.son_la_misma(env, 0, 1) and not chapter.son_la_misma(env, 2, 3)
    assert np.array_equal(env.unwrapped.ale.getRAM(), before)


def test_occlusion_skips_what_is_already_black_and_measures_the_rest(chapter):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        agent = blank_dqn(4)
    screen = np.zeros((4, 84, 84), dtype=np.uint8)
    screen[:, 21:42, :] = np.random.default_rng(0).integers(1, 256, (4, 21, 84))
    value, preference = chapter.por_oclusion(agent, screen, lado=21, salto=21)
    assert value.shape == preference.shape == (4, 4)
    assert (value[1] > 0).all() and (preference[1] > 0).all()
    assert not value[[0, 2, 3]].any() and not preference[[0, 2, 3]].any()
    covered = screen.copy()
    covered[:, 21:42, 42:63] = 0
    plain, hidden = chapter.juntar(chapter.valores_q(agent, np.stack([screen, covered])))
    assert np.isclose(value[1, 2], abs(plain.max() - hidden.max()), atol=1e-5)
    assert np.isclose(preference[1, 2], np.abs((plain - plain.mean()) - (hidden - hidden.mean())).max(), atol=1e-5)


# --- Lo publicado en runs/mirada -------------------------------------------------------------------------------------


def test_bricks_are_counted_by_game_and_a_game_has_five_lives():
    rewards = np.array([[1, 0, 1, 1, 0, 0, 1, 0]]).T.astype(float)
    ends = np.array([[0, 1, 1, 0, 1, 1, 0, 0]]).T.astype(bool)
    assert repetir.bricks_so_far(rewards, ends)[:, 0].tolist() == [0, 1, 1, 2, 3, 3, 3, 4]
    ends[6] = True  # la quinta vida: el ladrillo de ese paso es de la partida que termina
    assert repetir.bricks_so_far(rewards, ends)[:, 0].tolist() == [0, 1, 1, 2, 3, 3, 3, 0]


def test_the_means_of_a_stretch_are_those_of_its_screens(monkeypatch):
    monkeypatch.setattr(repetir, "TAIL", 2)
    rng = np.random.default_rng(0)
    q, rewards = rng.normal(size=(30, 2, 4)), (rng.random((30, 2)) < 0.9).astype(float)
    ends = np.zeros((30, 2), dtype=bool)
    names = repetir.chapter()
    rows = pd.DataFrame(repetir.promises(names, q, rewards, ends)).set_index(["tramo", "partida"])
    value, obtained = q.max(axis=2), names["retornos"](rewards, ends, 0.99)
    early = (np.cumsum(rewards, axis=0) - rewards < 20)[:28]
    for game in (0, 1):
        assert np.isclose(rows.loc[("todo", game), "prometido"], value[:28, game].mean())
        here = early[:, game]
        found = rows.loc[("menos de 20 ladrillos", game)]
        assert found["pantallas"] == here.sum() < 28
        assert np.isclose(found["obtenido"], obtained[:28, game][here].mean())
        missing = 0.99 ** np.arange(30, 2, -1) * value[-1, game]
        assert np.isclose(rows.loc[("todo", game), "faltante"], missing.mean())
        pair = (q[8:28, game, 0] - q[8:28, game, 1]) ** 2
        assert np.isclose(rows.loc[("todo", game), "pareja2"], pair.mean())


def test_what_is_published_is_complete_and_was_measured_as_the_script_says():
    info = json.loads((repetir.HERE / "experimento.json").read_text(encoding="utf-8"))
    promises, run = pd.read_csv(repetir.HERE / "promesas.csv"), Run(repetir.RUN)
    assert list(promises["agente"].unique()) == [*map(repetir.label, repetir.RUNGS), "publicado"]
    assert promises.groupby(["agente", "tramo"]).size().eq(repetir.GAMES).all()
    assert promises["tramo"].nunique() == 4 and set(repetir.RUNGS) <= set(run.checkpoints())
    whole = promises.query("tramo == 'todo'")
    assert (whole["pantallas"] == repetir.STEPS - repetir.TAIL).all() and whole["faltante"].mean() < 0.05
    parts = promises[promises["tramo"].str.contains("ladrillos")].groupby(["agente", "partida"])["pantallas"].sum()
    assert (parts == repetir.STEPS - repetir.TAIL).all()
    handicaps = pd.read_csv(repetir.HERE / "estorbos.csv")
    assert list(handicaps["estorbo"].unique()) == list(repetir.handicaps(repetir.chapter()))
    assert handicaps.groupby("estorbo").size().eq(repetir.HANDICAP_GAMES).all()
    assert info["promises"]["rungs"] == list(repetir.RUNGS) and info["film"] == repetir.FILM
    assert run.info["hyperparameters"]["gamma"] == repetir.GAMMA


def test_the_film_has_a_frame_for_each_decision_and_stays_light():
    from imageio_ffmpeg import count_frames_and_secs

    path = repetir.HERE / "lupa.mp4"
    frames, seconds = count_frames_and_secs(str(path))
    assert frames == repetir.FILM["to"] - repetir.FILM["from"] == 150
    assert abs(seconds - frames / repetir.FILM["rate"]) < 0.2
    assert path.stat().st_size < 1_000_000
