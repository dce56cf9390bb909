"""El museo de errores (capítulo 9): cada falla todavía falla como dice el texto y cada cura todavía cura.

Ejecuta las celdas del propio cuaderno, pieza por pieza, y mira las variables que dejan: la página y la prueba no
pueden separarse.
"""

import importlib.util
import json
import re
from pathlib import Path

from coursekit.exercises.verdict import interval_of_difference

import nbformat
import numpy as np
import pandas as pd
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "book" / "09_errores_frecuentes.ipynb"
MUSEUM = NOTEBOOK.parent / "runs" / "museo"
CELLS = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
ENTRANCE = "museo"
PUBLISHED = "publicadas"  # la celda que lee `runs/museo`
PIECES = list(dict.fromkeys(tag for cell in CELLS for tag in cell.metadata.get("tags", ()) if tag.startswith("museo-")))


def cells_of(tag: str) -> list:
    return [cell for cell in CELLS if tag in cell.metadata.get("tags", ())]


def execute(tag: str, names: dict) -> None:
    for cell in cells_of(tag):
        exec(compile(cell.source, f"{NOTEBOOK.name}:{cell.id}", "exec"), names)


@pytest.fixture
def visit(tmp_path, monkeypatch):
    """Ejecuta la entrada y una pieza, en una carpeta vacía, y devuelve los nombres que dejan."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").symlink_to(MUSEUM.parent)

    def run(piece: str) -> dict:
        names = {"__name__": piece}
        execute(ENTRANCE, names)
        execute(PUBLISHED, names)
        execute(f"museo-{piece}", names)
        return names

    return run


def test_double_skip_advances_sixteen_frames_and_each_cure_four(visit):
    names = visit("salto")
    assert names["cuadros_por_paso"](names["doble"]) == names["con_error"] == 16
    assert {frames for frames, _ in names["medidas"].values()} == {4}
    assert names["medidas"]["ALE/Breakout-v5"][1] == 0.25  # la segunda trampa sigue ahí


def test_without_fire_the_game_stalls_and_with_the_rule_it_ends(visit):
    names = visit("fuego")
    assert names["vidas_sin_fuego"][-1] == 4 and names["espera_sin_fuego"] > 300 > 100 > names["espera_con_fuego"]
    assert names["limite"] == 27_000
    assert set(names["vidas_con_fuego"]) == {0, 1, 2, 3, 4, 5}
    assert len(names["duraciones"]) == 2 and max(names["duraciones"]) < 4 * names["limite"] / 10


def test_done_comes_with_every_life_but_the_score_with_the_game(visit):
    names = visit("vida")
    sums, lives, endings = zip(*names["partidas"], strict=True)
    assert lives == (4, 3, 2, 1, 0) and endings[:4] == (None,) * 4
    assert names["verdadero"] == sum(sums) > names["con_error"] > 0


def test_clipped_rewards_are_not_the_score(visit):
    names = visit("recorte")
    assert set(names["recompensas"]) == {0.0, 1.0}
    assert names["puntaje"] >= 5 * names["suma_recortada"] > 0
    assert names["puntaje"] % 5 == 0


def test_four_envs_with_train_freq_four_update_once_every_sixteen_transitions(visit):
    names = visit("proporcion")
    assert names["con_error"] == 16
    assert names["medidas"] == {"gradient_steps=4": 4, "train_freq=1": 4, "gradient_steps=-1": 1}


def test_predict_explores_with_the_inherited_epsilon_unless_told_otherwise(visit):
    names = visit("evaluar")
    assert names["heredado"] > 0.5 and np.mean(names["iguales"]) < 0.85
    assert names["con_error"] + 0.1 < min(names["voraz"], names["con_protocolo"])


def test_a_short_run_spends_its_exploration_before_it_learns(visit):
    names = visit("explorar")
    assert np.allclose(names["gastado"], 0.05)
    assert names["curado"][0] > 0.8 and np.isclose(names["curado"][-1], 0.05)


def test_dividing_by_255_stores_black_screens_and_check_env_notices(visit):
    names = visit("negra")
    blind, seeing = (names[name].replay_buffer.observations[:60] for name in ("ciego", "vidente"))
    assert blind.dtype == seeing.dtype == np.uint8
    assert not blind.any() and seeing.max() > 100
    assert names["ciego"]._n_updates > 0  # y aun así «aprendió»
    assert "data type" in names["alarma"]
    names["check_env"](names["AtariWrapper"](names["make_env"]("Breakout")))  # sin dividir, ninguna queja


def test_a_float_buffer_takes_four_times_the_memory(visit):
    names = visit("flotante")
    with pytest.raises(AssertionError, match="normalize_images=False"):
        names["DQN"]("CnnPolicy", names["flotante"], buffer_size=100, device="cpu")
    assert names["pesado"].replay_buffer.observations.dtype == np.float32
    assert names["pesado"].replay_buffer.observations.max() > 0.4
    assert 1 < names["niveles"] <= 256
    assert names["gigas"]["float32"] == 4 * names["gigas"]["uint8"]


def test_load_forgets_the_replay_buffer_and_learns_from_a_handful_of_transitions(visit):
    names = visit("memoria")
    assert names["al_cargar"] == 0 < names["actualizaciones"]
    assert names["en_memoria"] < names["hoy"].learning_starts
    before, after = (names[name].replay_buffer for name in ("ayer", "con_memoria"))
    assert after.size() == before.size() > 0 and np.array_equal(after.observations, before.observations)
    assert names["rellenada"].replay_buffer.size() * 4 >= names["ayer"].learning_starts
    assert names["rellenada"]._n_updates == names["ayer"]._n_updates


def test_gif_duration_in_seconds_becomes_zero_and_in_milliseconds_does_not(visit):
    names = visit("gif")
    assert names["con_error"] == 0
    assert 2.5 < names["curada"] < 3.5
    assert names["segundos_del_gif"](names["grabacion"].path) == 3


def test_the_same_method_differs_from_itself_between_seeds(visit):
    names = visit("semilla")
    scores = names["puntajes"]
    assert len(scores) == 12 and np.ptp(scores) >= 8
    assert names["metodo_b"] - names["metodo_a"] >= 10  # una semilla por bando «muestra» una diferencia
    assert names["desde"] < 0 < names["hasta"]  # y el intervalo de la diferencia no la sostiene
    assert names["fuera"] > 15  # pero con seis por bando se equivoca más que el 5 % de los 300 repartos


def repeat():
    spec = importlib.util.spec_from_file_location("repetir", MUSEUM / "repetir.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_runs_are_complete():
    module, curves = repeat(), pd.read_csv(MUSEUM / "curvas.csv")
    info = json.loads((MUSEUM / "experimento.json").read_text(encoding="utf-8"))
    assert info["settings"] == module.SETTINGS
    assert info["seeds"] == module.SEEDS and info["steps"] == module.STEPS
    for name, (_, first) in module.EXPERIMENTS.items():
        found = curves[curves["variante"] == first].groupby("semilla").size()
        assert sorted(found.index) == list(range(module.SEEDS[name])) and found.nunique() == 1
    assert set(curves.groupby("variante").size()) == {8, 12, 40}


def test_repeating_a_published_run_gives_what_was_published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module, curves = repeat(), pd.read_csv(MUSEUM / "curvas.csv")
    [row] = module.one_method(module.chapter(), seed=0)
    [published] = curves.query("pieza == 12 and semilla == 0")["atrapadas"]
    assert row["atrapadas"] == pytest.approx(published, abs=0.1)  # otra máquina redondea distinto


def test_the_interval_of_the_difference_is_the_one_of_the_exercises(visit):
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 2, 10), rng.normal(7, 2, 8)
    centre, low, high = visit("semilla")["diferencia"](a, b)
    assert centre == a.mean() - b.mean()
    assert (low, high) == pytest.approx(interval_of_difference(a, b), abs=0.1)


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_shows_measures_and_asserts_failure_and_cure(piece):
    source = Path(__file__).read_text(encoding="utf-8")
    assert f'visit("{piece.removeprefix("museo-")}")' in source, f"{piece} no tiene prueba"
    cells = cells_of(piece)
    assert len(cells) >= 2 and sum("assert " in cell.source for cell in cells) >= 2


def test_every_piece_says_what_one_sees_what_happens_and_the_cure():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    pieces = re.split(r"^### Pieza \d+\..*$", text, flags=re.MULTILINE)[1:]
    assert len(pieces) == len(PIECES) == 12
    for label in ("**Qué se ve.**", "<summary>Qué pasa</summary>", "**La cura.**"):
        assert all(piece.count(label) == 1 for piece in pieces), label
