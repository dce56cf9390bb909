"""Las cifras del texto salen de las corridas publicadas: si cambia la corrida, cambia la página."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
PUBLISHED = sorted(BOOK.glob("runs/*-dqn/evaluation.json"))
sys.path.insert(0, str(BOOK / "_ext"))

from cifras import cifras  # noqa: E402


def change(evaluation: Path, mean: float) -> None:
    """Cambia en `evaluation` la media del protocolo principal, y los puntajes en lo mismo."""
    content = json.loads(evaluation.read_text(encoding="utf-8"))
    result = content["results"]["default"]
    difference = mean - result["summary"]["mean"]
    result["scores"] = [score + difference for score in result["scores"]]
    result["summary"] |= {name: result["summary"][name] + difference for name in ("mean", "ci_low", "ci_high")}
    evaluation.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def copied_book(tmp_path):
    """Lo que hace falta del libro para construir su primera página, o ejecutar las celdas que leen la corrida."""
    shutil.copytree(BOOK / "_ext", tmp_path / "book" / "_ext")
    for evaluation in PUBLISHED:
        folder = tmp_path / evaluation.parent.relative_to(ROOT)
        folder.mkdir(parents=True)
        for name in ("evaluation.json", "run.json"):
            shutil.copy(evaluation.with_name(name), folder)
    shutil.copy(BOOK / "runs/sala.json", tmp_path / "book/runs")
    return tmp_path


def test_the_front_page_takes_its_numbers_from_the_evaluation(copied_book):
    sentence = next(line for line in (BOOK / "inicio.md").read_text(encoding="utf-8").splitlines() if "{{" in line)
    names = re.findall(r"{{ (\w+) }}", sentence)
    assert {"breakout_media", "breakout_intervalo", "breakout_partidas"} <= set(names)
    (copied_book / "book" / "inicio.md").write_text(f"# Prueba\n\n{sentence}\n", encoding="utf-8")
    (copied_book / "conf.py").write_text(
        "import sys; sys.path.insert(0, 'book/_ext')\n"
        "extensions = ['myst_parser', 'cifras']; root_doc = 'book/inicio'; exclude_patterns = ['_build']\n"
        "myst_enable_extensions = ['substitution']\n",
        encoding="utf-8",
    )
    pages = []
    for mean in (None, 1234.5):
        if mean:
            change(copied_book / "book/runs/breakout-dqn/evaluation.json", mean)
        order = [sys.executable, "-m", "sphinx", "-q", "-E", "-b", "text", ".", "_build"]
        built = subprocess.run(order, cwd=copied_book, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        pages.append((copied_book / "_build/book/inicio.txt").read_text(encoding="utf-8"))
        assert all(
            value in " ".join(pages[-1].split()) for value in (cifras(copied_book / "book/runs")[n] for n in names)
        )
    assert "1234.5" in pages[1] and "1234.5" not in pages[0]


def test_chapter_6_takes_its_numbers_from_the_evaluation(copied_book, monkeypatch):
    monkeypatch.chdir(copied_book / "book")
    cells = [cell.source for cell in nbformat.read(BOOK / "06_evaluacion.ipynb", as_version=4).cells]
    imports = [source for source in cells if source.startswith(("from coursekit", "import base64"))]
    reading = [source for source in cells if source.startswith(("evaluacion =", "protocolo =", "peldanos ="))]
    assert len(imports) == 2 and len(reading) == 3
    means = []
    for mean in (None, 1234.5):
        if mean:
            change(Path("runs/breakout-dqn/evaluation.json"), mean)
        names = {"juego": "Breakout", "display": lambda table: None}
        for source in imports:
            exec(source, names)
        table = names["pd"].DataFrame({"score": [1.0, 2.0], "length": [3, 4]})
        names |= {"publicada": names["Run"]("runs/breakout-dqn"), "al_azar": table, "entrenado": table}
        for source in reading:
            exec(source, names)
        means.append((names["resumenes"].loc["publicado", "mean"], names["protocolos"].loc["default", "mean"]))
    names["plt"].close("all")
    assert means[1] == pytest.approx((1234.5, 1234.5)) and means[0] != means[1]


def test_no_page_writes_by_hand_what_a_run_measured():
    measured = set()
    for evaluation in PUBLISHED:
        content = json.loads(evaluation.read_text(encoding="utf-8"))
        for result in (*content["results"].values(), *content["ladder"].values()):
            summary = result["summary"]
            measured |= {f"{summary[name]:.1f}" for name in ("mean", "ci_low", "ci_high") if summary[name] >= 10}
    for path in (*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join(c.source for c in nbformat.reads(text, as_version=4).cells if c.cell_type == "markdown")
        text = re.sub(r"[\d.]+ ± [\d.]+", "", text)  # los puntajes de otros, y nunca los nuestros
        written = set(re.findall(r"\b\d+\.\d\b", text)) & measured
        assert not written, f"{path.name} lleva escrito {written}: que lo calcule una celda, o {{{{ nombre }}}}"


def test_the_readme_says_what_the_evaluation_says():
    # README se lee sin construir nada: sus cifras están escritas, y esto las compara con la corrida.
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = cifras(BOOK / "runs")
    assert (
        f"En {said['breakout_partidas']} partidas hace {said['breakout_media']} puntos de media "
        f"(intervalo del 95 %: {said['breakout_intervalo']}) el de Breakout" in text
    )
    assert f"El de Pong hace {said['pong_media']} ({said['pong_intervalo']}) de 21 posibles" in text
    assert f"El de Space Invaders hace {said['space_invaders_media']} ({said['space_invaders_intervalo']})" in text


def test_each_trial_changes_one_thing_and_says_how_to_repeat_it():
    trials = {
        folder.name: json.loads((folder / "run.json").read_text("utf-8"))
        for folder in BOOK.glob("runs/recetas/ensayo-*")
    }
    base = trials["ensayo-base-0"]["hyperparameters"]
    for name, info in trials.items():
        changed = {option: value for option, value in info["hyperparameters"].items() if value != base[option]}
        assert len(changed) == ("base" not in name) and len(info["segments"]) == 1
        order = info["segments"][0]["command"]
        assert f"book/runs/recetas/{name} " in order and f"--steps {info['steps']} --seed {info['seed']}" in order
        assert all(f"--{option.replace('_', '-')} {value}" in order for option, value in changed.items())
        scores = json.loads((BOOK / "runs/recetas" / name / "evaluation.json").read_text("utf-8"))["results"]["default"]
        assert len(scores["scores"]) == 30
    assert sum("base" in name for name in trials) == 2 and len(trials) == 9
