"""La línea de órdenes: lo que hace, lo que imprime y lo que dice cuando algo no es posible."""

import json
import os
import shutil
import subprocess
import sys

from coursekit import cli
from coursekit.runs import Run

import pytest

TINY = [
    "--buffer-size",
    "2000",
    "--learning-starts",
    "64",
    "--exploration-steps",
    "100",
    "--log-every",
    "64",
    "--quiet",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corridas") / "breakout"
    assert cli.main(["train", str(folder), "--steps", "128", "--seed", "3", *TINY]) == 0
    return folder


def test_help_is_in_spanish(capsys):
    for order in ([], ["doctor"], ["train"], ["evaluate"], ["record"], ["export"]):
        with pytest.raises(SystemExit) as stop:
            cli.main([*order, "--help"])
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert text.startswith("uso: ") and "muestra esta ayuda" in text
        for english in ("usage", "options:", "positional", "show this", "default"):
            assert english not in text, (order, english)


def test_train_writes_the_run_and_the_command_that_repeats_it(folder):
    run = Run(folder)
    assert run.info["steps"] == 128 and run.info["seed"] == 3
    assert run.info["hyperparameters"]["buffer_size"] == 2_000
    options = cli._parser().parse_args(run.info["command"].split()[1:])
    assert (options.game, options.steps, options.seed, options.buffer_size) == ("Breakout", 128, 3, 2_000)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["train", "no-existe", "--resume"], "no tiene una corrida que seguir"),
        (["evaluate", "corrida", "--game", "Pong"], "se mide en su juego"),
        (["evaluate", "corrida", "--epsilon", "0.2"], "con los tres protocolos"),
        (["evaluate", "corrida/agent.zip", "--game", "Breakout", "--no-ladder"], "son de una corrida"),
        (["record", "no-existe", "a.gif"], "No existe el agente"),
        (["record", "nota.txt", "a.gif"], "está dañado o no es un agente"),
    ],
)
def test_nothing_asked_for_is_dropped_or_begun_in_silence(order, reason, copied_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nota.txt").write_text("hola", encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert cli.main(order) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_short_training_says_that_it_learns_nothing_and_what_to_do_next(tmp_path, capsys):
    order = ["train", str(tmp_path / "corta"), "--steps", "100", "--buffer-size", "400", "--learning-starts", "200"]
    assert cli.main(order) == 0
    told = capsys.readouterr()
    assert "En 100 pasos la red no se corrige nunca: comienza a los 200" in told.out
    assert f"«coursekit evaluate {tmp_path / 'corta'}»" in told.out and "/104 pasos" in told.err


def test_train_resumes_to_more_steps(tmp_path):
    order = ["train", str(tmp_path / "corrida"), *TINY]
    assert cli.main([*order, "--steps", "64"]) == 0
    assert cli.main([*order, "--steps", "192", "--resume"]) == 0
    run = Run(tmp_path / "corrida")
    assert run.info["steps"] == 192 and [s["from_step"] for s in run.info["segments"]] == [0, 64]


def test_evaluate_prints_an_interval_and_writes_every_score(folder, capsys):
    assert cli.main(["evaluate", str(folder), "--episodes", "2", "--no-ladder"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all("media" in line and "[" in line and "2 partidas" in line for line in lines)
    results = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["results"]
    assert {name: len(result["scores"]) for name, result in results.items()} == dict.fromkeys(results, 2)


def test_choose_publishes_the_best_of_the_last_agents_with_other_seeds(folder, capsys):
    order = ["evaluate", str(folder), "--episodes", "1", "--choose", "2"]
    assert cli.main(order) == 0
    run = Run(folder)
    selection = run.info["selection"]
    averaged = "averaged" in run.info
    best = max(selection["means"], key=int if averaged else selection["means"].get)
    assert len(selection["means"]) == 2 and run.info["published_steps"] == int(best)
    assert selection["seed"] != run.results["protocol"]["seed"]
    assert run.results["agent_steps"] == int(best)
    assert list(run.results["ladder"]) == [str(steps) for steps in run.checkpoints()]
    what = "el promedio de 2, hasta el" if averaged else "el"
    assert f"agente publicado: {what} de {best} pasos" in capsys.readouterr().out


def test_evaluate_an_agent_file_needs_its_game(folder, capsys):
    agent = str(folder / "agent.zip")
    assert cli.main(["evaluate", agent, "--episodes", "1"]) == 2
    assert "agregue --game" in capsys.readouterr().err
    assert cli.main(["evaluate", agent, "--episodes", "1", "--game", "breakout"]) == 0
    assert "1 partida;" in capsys.readouterr().out


def test_record_and_export(folder, tmp_path, capsys):
    for source, extra in (("azar", ["--game", "Pong"]), (str(folder), [])):
        assert cli.main(["record", source, str(tmp_path / "juego.gif"), "--seconds", "1", *extra]) == 0
        assert "1.0 s, 15 pasos" in capsys.readouterr().out
    assert cli.main(["export", str(folder)]) == 0
    assert "rewards.csv" in capsys.readouterr().out or (folder / "metrics" / "epsilon.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "CARPETA", "--game", "Breakot"], "'Breakout'"),
        (["train", "CARPETA", "--steps", "0"], "al menos 1"),
        (["evaluate", "no-existe.zip", "--game", "Pong"], "No existe el agente"),
        (["record", "azar", "juego.avi", "--game", "Pong"], "terminación"),
        (["record", "azar", "juego.gif", "--game", "Pong", "--seconds", "0"], "más de 0"),
        (["export", "CARPETA"], "No hay archivos de eventos"),
        (["doctor", "--seconds", "0"], "más de 0"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("coursekit: ") and message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_unknown_orders_are_answered_in_spanish():
    result = subprocess.run([sys.executable, "-m", "coursekit.cli", "trian"], capture_output=True, text=True)
    assert result.returncode == 2 and "no es una opción" in result.stderr and "invalid" not in result.stderr


def test_a_code_page_without_our_letters_is_no_reason_to_stop(folder):
    """Lo que se guarda en un archivo desde una terminal de Windows."""
    environment = {**os.environ, "PYTHONIOENCODING": (encoding := "cp1252")}
    for order in (["doctor", "--seconds", "0.1"], ["evaluate", str(folder), "--episodes", "1", "--no-ladder"]):
        command = [sys.executable, "-m", "coursekit.cli", *order]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.decode(encoding).splitlines()) >= 3


@pytest.mark.skipif(os.name != "posix", reason="usa una tubería de Unix")
def test_a_reader_who_leaves_is_not_an_error(folder):
    command = f'"{sys.executable}" -m coursekit.cli export "{folder}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"game": ', "está dañado"), ("[1, 2]", "está dañado"), ('{"game": "Breakout"}', "le falta algorithm, hyper")],
)
def test_a_damaged_run_json_is_explained(folder, tmp_path, capsys, content, message):
    copy = shutil.copytree(folder, tmp_path / "corrida")
    (copy / "run.json").write_text(content)
    (copy / "resume" / "state.pt").unlink()  # con él, run.json se repone
    assert cli.main(["train", str(copy), "--resume", *TINY]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and (copy / "run.json").read_text() == content
