"""Calificar entregas: lo mismo para todas, ninguna detiene a las demás, y lo jugado no se juega otra vez."""

import itertools
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

from coursekit import cli
from coursekit.comparison import grading, sheet
from coursekit.evaluation import evaluate, evaluate_run, summarize
from coursekit.exercises.verdict import interval_of_difference
from coursekit.runs import HALF_WRITTEN, locked
from coursekit.training import agents
from coursekit.training.agents import blank_dqn, load_agent, save_agent

import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO

SCREENS = spaces.Box(0, 255, (4, 84, 84), np.uint8)
BAD = {  # entrega → lo que dice su frase
    "truncado.zip": "está dañado",
    "malicioso.zip": "trae",
    "de-pong.zip": "conoce 6 acciones y el ambiente tiene 4",
    "ram.zip": "espera observaciones de forma (128,)",
    "infinito.zip": "pesos que no son números",
    "ensayo.zip": "no es un agente de Stable-Baselines3",
    "no-existe.zip": "No existe el agente",
    "dos": "tiene 2 archivos .zip",
    "corrida-de-pong": "es una corrida de Pong y aquí se juega Breakout",
}


class Intruder:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def random_agent(seed, n_actions=4):
    torch.manual_seed(seed)
    return blank_dqn(n_actions)


def _bad(folder: Path) -> list[Path]:
    """Una entrega de cada clase que no se puede evaluar."""
    content = (folder / "ana.zip").read_bytes()
    (folder / "truncado.zip").write_bytes(content[:-3000])
    with zipfile.ZipFile(folder / "ana.zip") as source, zipfile.ZipFile(folder / "malicioso.zip", "w") as evil:
        for name in source.namelist():
            evil.writestr(name, pickle.dumps(Intruder(folder / "INTRUSO"), protocol=2))
    save_agent(random_agent(0, n_actions=6), folder / "de-pong.zip")
    ram = agents._blank(DQN, "MlpPolicy", spaces.Box(0, 255, (128,), np.uint8), spaces.Discrete(4), "cpu")
    ram.save(folder / "ram.zip")
    broken = random_agent(0)
    broken.q_net.q_net[0].bias.data[0] = torch.inf
    save_agent(broken, folder / "infinito.zip")
    (folder / "ensayo.zip").write_text("Mi ensayo sobre Breakout.", encoding="utf-8")
    (folder / "dos").mkdir()
    for name in ("uno", "otro"):
        shutil.copy(folder / "ana.zip", folder / "dos" / f"{name}.zip")
    (folder / "corrida-de-pong").mkdir()
    (folder / "corrida-de-pong" / "run.json").write_text('{"game": "Pong"}', encoding="utf-8")
    return [folder / name for name in BAD]


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """Tres agentes distintos (coursekit, DQN y PPO de SB3), uno repetido en una carpeta y una corrida."""
    folder = tmp_path_factory.mktemp("entregas")
    save_agent(random_agent(1), folder / "ana.zip")
    random_agent(2).save(folder / "beto.zip")
    agents._blank(PPO, "CnnPolicy", SCREENS, spaces.Discrete(4), "cpu").save(folder / "ppo.zip")
    for name in ("carpeta", "corrida"):
        (folder / name).mkdir()
    shutil.copy(folder / "ana.zip", folder / "carpeta" / "mi agente.zip")
    save_agent(random_agent(3), folder / "corrida" / "agent.zip")
    (folder / "corrida" / "run.json").write_text('{"game": "Breakout", "steps": 0}', encoding="utf-8")
    return [folder / name for name in ("ana.zip", "beto.zip", "ppo.zip", "carpeta", "corrida")]


@pytest.fixture(scope="module")
def graded(entries):
    """Todas, buenas y malas, con una sola orden: la carpeta y lo que se imprimió."""
    bad, out = _bad(entries[0].parent), entries[0].parent / "tabla"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "STILL", 1)
        order = ["evaluate", *map(str, [*bad[:4], *entries, *bad[4:]]), "--game", "breakout", "--episodes", "2"]
        assert cli.main([*order, "--epsilon", "0.5", "--workers", "1", "--out", str(out)]) == 0
    return out


@pytest.fixture
def played(monkeypatch):
    """En lugar de jugar, inventa los puntajes a partir del archivo y anota quién jugó."""
    done = []

    def play(path, protocol):
        done.append(Path(path).name)
        scores = np.random.default_rng(Path(path).stat().st_size).normal(10, 3, protocol["episodes"]).tolist()
        still = {"png": "", "seconds": 1, "score": 0.0}
        return {"scores": scores, "summary": summarize(scores, protocol["game"]), "still": still}

    monkeypatch.setattr(grading, "play", play)
    return done


@pytest.fixture
def files(tmp_path):
    """Entregas que nadie abrirá: con `played`, basta que sean archivos distintos."""
    for size, name in enumerate(("ana", "beto", "caro"), 1):
        (tmp_path / f"{name}.zip").write_bytes(b"x" * size)
    return sorted(tmp_path.glob("*.zip"))


def rows_of(*scores) -> list[dict]:
    common = {"path": Path("a.zip"), "same": "", "still": {"png": "", "seconds": 1, "score": 0.0}}
    return [
        {"name": f"n{i}", "digest": f"{i + 1:016x}", "scores": list(s), "summary": summarize(s), **common}
        for i, s in enumerate(scores)
    ]


PROTOCOL = {"game": "Breakout", "episodes": 2, "epsilon": 0.01, "sticky": 0.0, "seed": 0}


# --- Una orden, todas las entregas -----------------------------------------------------------------------------------


def test_every_submission_has_its_row_and_every_bad_one_its_sentence(graded, entries):
    table = pd.read_csv(graded / "calificaciones.csv").astype(object).fillna("").set_index("entrega")
    assert len(table) == len(entries) + len(BAD)
    for name, sentence in BAD.items():
        problem = table.loc[name.removesuffix(".zip"), "problema"]
        assert sentence in problem and problem.endswith(".") and "\n" not in problem, problem
        assert table.loc[name.removesuffix(".zip"), "media"] == ""
    good = table.loc[["ana", "beto", "ppo", "carpeta", "corrida"]]
    assert set(good["problema"]) == {""} and set(good["partidas"]) == {2} and sorted(good["puesto"]) == [1, 2, 3, 4, 5]
    assert good.loc["carpeta", "igual_a"] == "ana" and good.loc["carpeta", "media"] == good.loc["ana", "media"]
    assert len(list((graded / "partidas").glob("*"))) == 4, "el archivo repetido se juega una vez; el malo, ninguna"


def test_no_code_of_a_submission_runs(graded, entries):
    target = entries[0].parent / "INTRUSO"
    assert not target.exists()
    with zipfile.ZipFile(entries[0].parent / "malicioso.zip") as evil:
        for name in evil.namelist():
            pickle.loads(evil.read(name))
            assert target.is_dir()  # cada miembro es de verdad peligroso
            target.rmdir()


def test_the_scores_are_those_of_evaluate(graded, entries):
    stored = {}
    for path in (graded / "partidas").glob("*.json"):
        stored[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    table = pd.read_csv(graded / "calificaciones.csv").set_index("entrega")
    for path in entries[1:3]:
        alone = evaluate(load_agent(path), "Breakout", 2, epsilon=0.5)
        assert stored[table.loc[path.stem, "sha256"]]["scores"] == alone["score"].tolist()
        assert stored[table.loc[path.stem, "sha256"]]["lengths"] == alone["length"].tolist()


def test_a_run_folder_among_others_scores_as_it_does_alone(entries, tmp_path, monkeypatch):
    run = shutil.copytree(entries[-1], tmp_path / "corrida")
    alone = evaluate_run(run, 1)["results"]["default"]
    monkeypatch.setattr(grading, "STILL", 1)
    table = grading.grade([run], "Breakout", tmp_path / "tabla", episodes=1)
    [stored] = (tmp_path / "tabla" / "partidas").glob("*.json")
    assert json.loads(stored.read_text(encoding="utf-8"))["scores"] == alone["scores"]
    assert table.loc[0, "media"] == alone["summary"]["mean"] and table.loc[0, "humano"] == alone["summary"]["hns"]


def test_several_workers_give_what_one_gives(graded, entries, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(grading, "STILL", 1)
    options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        order = ["evaluate", *map(str, entries[:3]), "--game", "Breakout", "--episodes", "2", "--epsilon", "0.5"]
        assert cli.main([*order, "--cluster", cluster.scheduler_address, "--out", str(tmp_path)]) == 0
    for path in (tmp_path / "partidas").glob("*.json"):
        assert path.read_bytes() == (graded / "partidas" / path.name).read_bytes()
    assert len(list((tmp_path / "partidas").glob("*"))) == 3


def test_a_submission_that_kills_its_process_gets_a_sentence(files, tmp_path, monkeypatch, played):
    distributed = pytest.importorskip("distributed")
    real = grading._or_problem

    def dies(function, path, *rest):
        if str(path).endswith("beto.zip") and len(rest[0]) == 5:  # al jugar, no al buscar su archivo
            raise distributed.KilledWorker("beto", SimpleNamespace(address="tcp://otra"), 3)
        return real(function, path, *rest)

    monkeypatch.setattr(grading, "_or_problem", dies)
    options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster:
        table = grading.grade(files, "Breakout", tmp_path / "t", scheduler=cluster.scheduler_address)
    assert table["problema"].map(bool).tolist() == [False, False, True]
    assert "mató varias veces a su proceso" in table.loc[2, "problema"] and table.loc[2, "entrega"] == "beto"


# --- Lo que se interrumpe --------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="mata el proceso con una señal de POSIX")
def test_after_a_kill_the_same_command_plays_only_what_is_missing(files, tmp_path, played):
    code = (
        "import os, signal, sys; from coursekit.comparison import grading; from coursekit.runs import HALF_WRITTEN\n"
        "from coursekit.evaluation import summarize\nfrom pathlib import Path\n"
        "def play(path, protocol):\n"
        "    if path.endswith('beto.zip'):\n"
        "        Path(sys.argv[1], 'partidas', HALF_WRITTEN + 'x.json').write_text('{')\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    still = {'png': '', 'seconds': 1, 'score': 0}\n"
        "    return {'scores': [1.0], 'summary': summarize([1.0]), 'still': still}\n"
        "grading.play = play\n"
        "grading.grade(sys.argv[2:], 'Breakout', sys.argv[1], workers=1)"
    )
    out = tmp_path / "tabla"
    dead = subprocess.run([sys.executable, "-c", code, str(out), *map(str, files)], capture_output=True)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    [first] = (out / "partidas").glob("[!.]*")
    before = first.stat().st_mtime_ns
    assert not (out / "index.html").exists()

    table = grading.grade(files, "Breakout", out, workers=1)
    assert played == ["beto.zip", "caro.zip"] and first.stat().st_mtime_ns == before
    assert table["media"].notna().all() and not list(out.rglob(f"{HALF_WRITTEN}*"))
    grading.grade(files, "Breakout", out, workers=1)
    assert len(played) == 2, "con todo jugado no se juega nada"


def test_ctrl_c_is_one_sentence(files, tmp_path, monkeypatch, capsys):
    def stop(path, protocol):
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "play", stop)
    assert (
        cli.main(["evaluate", *map(str, files), "--game", "Pong", "--out", str(tmp_path / "t"), "--workers", "1"]) == 2
    )
    assert capsys.readouterr().err.splitlines()[-1].endswith("la misma orden sigue donde quedó.")


def test_what_changed_or_was_damaged_is_played_again(files, tmp_path, played):
    out = tmp_path / "tabla"
    first = grading.grade(files, "Breakout", out, workers=1).set_index("entrega")
    files[1].write_bytes(b"otro agente")
    second = grading.grade(files, "Breakout", out, workers=1).set_index("entrega")
    assert played[3:] == ["beto.zip"] and first.loc["beto", "media"] != second.loc["beto", "media"]
    assert first.loc["ana", "media"] == second.loc["ana", "media"]
    (out / "partidas" / f"{first.loc['ana', 'sha256']}.json").write_text("{", encoding="utf-8")
    grading.grade(files, "Breakout", out, workers=1)
    assert played[4:] == ["ana.zip"]


@pytest.mark.parametrize("other", [{"game": "Pong"}, {"episodes": 3}, {"epsilon": 0.5}, {"sticky": 0.25}, {"seed": 1}])
def test_another_protocol_is_refused_and_changes_nothing(files, tmp_path, played, other):
    out, asked = tmp_path / "tabla", {"game": "Breakout", "episodes": 2, "workers": 1}
    grading.grade(files, out=out, **asked)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    with pytest.raises(ValueError, match="elija otra con --out") as error:
        grading.grade(files, out=out, **{**asked, **other})
    assert next(iter(other)) in str(error.value) and "\n" not in str(error.value)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}


def test_two_at_once_in_a_folder_are_not_possible(files, tmp_path, played, capsys):
    with locked(tmp_path / "tabla"):
        order = ["evaluate", *map(str, files), "--game", "Breakout", "--out", str(tmp_path / "tabla")]
        assert cli.main(order) == 2
    error = capsys.readouterr().err
    assert f"Otro proceso está usando {str(tmp_path / 'tabla')!r}" in error and error.count("\n") == 1 and not played


# --- Qué diferencias sostienen los datos -----------------------------------------------------------------------------


def test_the_gap_is_the_interval_of_the_difference_with_the_next():
    rng = np.random.default_rng(0)
    a, b = rng.normal(30, 5, 30), rng.normal(20, 5, 30)
    first, last = sheet._differences(rows_of(a, b))
    low, high = interval_of_difference(a, b)
    assert first["ventaja"] == pytest.approx(a.mean() - b.mean())
    assert (first["ventaja_baja"], first["ventaja_alta"]) == pytest.approx((low, high), abs=0.15)
    assert "ventaja" not in last and (first["grupos"], last["grupos"]) == ("a", "b")


def test_agents_without_a_common_group_can_be_told_apart():
    rng = np.random.default_rng(1)
    scores = sorted((rng.normal(40 - 2 * i, 1 + i % 4 * 3, 30) for i in range(12)), key=np.mean, reverse=True)
    groups = [set(found["grupos"].split()) for found in sheet._differences(rows_of(*scores))]
    assert {len(g) > 1 for g in groups} == {True, False} and len(set.union(*groups)) > 2
    for better, worse in itertools.combinations(range(12), 2):
        if not groups[better] & groups[worse]:
            assert interval_of_difference(scores[better], scores[worse])[0] > -0.1
    assert [sheet._letter(n) for n in (0, 25, 26, 27)] == ["a", "z", "aa", "ab"]


def test_a_common_group_only_joins_what_is_not_told_apart_at_its_ends():
    far, near = np.linspace(90, 110, 30), np.linspace(89, 109, 30)
    groups = [found["grupos"] for found in sheet._differences(rows_of(far, near, near / 10))]
    assert groups == ["a", "a", "b"]


# --- La tabla y la página --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_stands_alone_and_says_what_its_pictures_show(graded, entries):
    text = (graded / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.all("html")[0]["lang"] == "es" and not page.all("script") and not page.all("link")
    assert len(page.all("img")) == len(entries) and all("puntos a los" in image["alt"] for image in page.all("img"))
    assert all(image["src"].startswith("data:image/png;base64,iVBOR") for image in page.all("img"))
    assert all("scope" in header for header in page.all("th")) and len(page.all("tr")) == len(entries) + len(BAD) + 1
    assert "http" not in text and "$" not in text and "partidas completas" in text


def test_a_name_is_text_in_the_page_and_in_the_spreadsheet(tmp_path):
    rows = rows_of([1.0, 2.0], [3.0, 4.0])
    rows[0]["name"] = "=cmd|<script>alert(1)</script>"
    rows.append({"name": '"><img src=x>', "path": Path("x"), "problem": "<b>mal</b>.", "same": ""})
    sheet.write_sheet(tmp_path, PROTOCOL, rows)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<img src=x" not in text and "<b>" not in text
    names = pd.read_csv(tmp_path / "calificaciones.csv")["entrega"]
    assert names[1] == "'=cmd|<script>alert(1)</script>"


def test_the_terminal_shows_one_line_each_without_control_letters(tmp_path, played, capsys):
    (tmp_path / "ana\x1b[31m.zip").write_bytes(b"x")
    (tmp_path / "grupo").mkdir()
    pattern = str(tmp_path / "*")
    assert cli.main(["evaluate", pattern, "--game", "Pong", "--out", str(tmp_path / "t"), "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1. ana�[31m: media") and "grupos a; ventaja –" in lines[0]
    assert lines[1].startswith("sin calificar, grupo: ") and "tiene 0 archivos .zip" in lines[1]
    assert lines[2] == f"{tmp_path / 't' / 'index.html'}: se abre con doble clic" and len(lines) == 3


# --- Lo que se pide mal ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "agregue --game"),
        (["--game", "Breakot"], "'Breakout'"),
        (["--game", "Breakout", "--episodes", "0"], "Se pidieron 0 partidas"),
        (["--game", "Breakout", "--workers", "0"], "workers=0"),
        (["--game", "Breakout", "--seed", "-1"], "semilla -1"),
        (["--game", "Breakout", "--epsilon", "2"], "epsilon=2.0"),
        (["--game", "Breakout", "--sticky", "1"], "sticky=1.0"),
        (["--game", "Breakout", "--choose", "2"], "--choose es de una sola corrida"),
        (["--game", "Breakout", "--cluster", "tcp://127.0.0.1:1"], "no responde"),
    ],
)
def test_mistakes_get_one_sentence(files, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", *map(str, files), *options]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("coursekit: ") and message in error[-1]
    assert not list(tmp_path.rglob("*.csv"))


def test_an_unexpected_failure_stays_in_its_row(files, tmp_path, monkeypatch):
    def play(path, protocol):
        raise MemoryError("English\nwords")

    monkeypatch.setattr(grading, "play", play)
    table = grading.grade(files, "Breakout", tmp_path / "t", workers=1)
    assert all("(MemoryError): pida otra copia" in problem for problem in table["problema"])
    assert not list((tmp_path / "t").glob("partidas/*")), "un problema no se guarda: la próxima vez se intenta de nuevo"


def test_a_file_that_unpacks_to_too_much_is_refused(entries, monkeypatch):
    monkeypatch.setattr(agents, "_LARGEST", 1_000_000)
    for path in entries[:2]:
        with pytest.raises(ValueError, match="está dañado o no es un agente"):
            load_agent(path)
