"""El barrido: procesos que mueren de verdad, barridos interrumpidos de verdad y un planificador de verdad."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import pandas as pd
import pytest

distributed = pytest.importorskip("distributed")

from coursekit import cli  # noqa: E402
from coursekit.comparison import algorithms, sweep  # noqa: E402
from coursekit.metrics import read_metrics  # noqa: E402
from coursekit.runs import HALF_WRITTEN, Run, locked  # noqa: E402
from coursekit.training.agents import load_agent  # noqa: E402
from coursekit.training.machine import machine  # noqa: E402

posix = pytest.mark.skipif(sys.platform == "win32", reason="mata procesos con las señales de POSIX")
ROOT = Path(__file__).parents[2]
JOB = ("atrapa", "dqn", 0, 320, {**algorithms.hyperparameters("dqn", "atrapa"), "learning_starts": 100}, "orden")


def everything(folder):
    """Cada archivo, con su fecha: si nada cambió, es que nada se escribió."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def finished(folder):
    return sorted(path.parent.name for path in folder.glob("*/run.json"))


@pytest.fixture
def scheduler():
    """Un planificador en marcha con un trabajador, que aquí es un hilo; da su dirección."""
    options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Una corrida, hecha en este mismo proceso."""
    path = tmp_path_factory.mktemp("barrido") / "atrapa-dqn-0"
    sweep.train_run(str(path), *JOB)
    return Run(path)


def _dies_once(path, *job):
    """Como `train_run`, pero el primer proceso al que le toca la corrida muere, sin aviso, con ella a medias."""
    mark = Path(path).parent.parent / "ya-murió"
    if path.endswith("ppo-1") and not mark.exists():
        mark.write_text(str(os.getpid()))
        (Path(path).parent / f"{HALF_WRITTEN}{Path(path).name}-muerta").mkdir()
        os.kill(os.getpid(), signal.SIGKILL)
    train_run(path, *job)


train_run = sweep.train_run


@posix
def test_twelve_runs_with_one_worker_killed_finish_complete(tmp_path, capfd, monkeypatch):
    folder = tmp_path / "barrido"
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # los procesos no pueden importar este archivo
    monkeypatch.setattr(sweep, "train_run", _dies_once)
    runs = sweep.sweep(folder, ["dqn", "ppo", "a2c"], ["atrapa"], 4, 400, workers=2)
    assert int((tmp_path / "ya-murió").read_text()) != os.getpid()
    assert len(runs) == 12 and finished(folder) == sorted(run.path.name for run in runs)
    assert all(run.info["steps"] == 400 and len(run.results["results"]["greedy"]["scores"]) == 50 for run in runs)
    assert not list(folder.glob(".*")), "no queda nada a medias"
    assert "http://127.0.0.1" in capfd.readouterr().err

    before = everything(folder)
    assert [again.path for again in sweep.sweep(folder, ["dqn", "ppo", "a2c"], ["atrapa"], 4, 400)] == [
        run.path for run in runs
    ]
    assert everything(folder) == before, "la segunda vez no hace nada"


@posix
def test_a_sweep_cut_short_goes_on_where_it_stopped_on_a_running_scheduler(tmp_path, scheduler, capsys):
    folder = tmp_path / "barrido"
    options = [
        "sweep",
        str(folder),
        "--algorithms",
        "dqn",
        "a2c",
        "--games",
        "atrapa",
        "--seeds",
        "2",
        "--steps",
        "640",
    ]
    code = "import signal, sys; from coursekit import cli; "
    code += "signal.signal(signal.SIGINT, signal.default_int_handler); "  # si las pruebas la ignoran, él no
    order = [sys.executable, "-c", code + "sys.exit(cli.main())", *options, "--workers", "1"]
    process = subprocess.Popen(order, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT)
    while not finished(folder) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2 and error.splitlines()[-1].endswith("la misma orden sigue donde quedó.")
    assert "Traceback" not in error
    done = finished(folder)
    assert 0 < len(done) < 4
    before = {path: when for path, when in everything(folder).items() if path.parts[-2] in done}

    assert cli.main([*options, "--scheduler", scheduler]) == 0
    assert len(finished(folder)) == 4 and not list(folder.glob(".*"))
    assert everything(folder).items() >= before.items(), "lo terminado no se toca"
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_folder_in_use_by_another_sweep_is_refused_and_nothing_of_it_is_touched(tmp_path, scheduler, capsys):
    folder = tmp_path / "barrido"
    with locked(folder):
        (folder / f"{HALF_WRITTEN}atrapa-dqn-0-x").mkdir()
        before = everything(folder)
        assert cli.main([*arguments(folder), "--scheduler", scheduler]) == 2
        assert "Otro proceso está usando" in capsys.readouterr().err and everything(folder) == before


def test_worker_processes_leave_the_interruption_to_whoever_started_the_sweep():
    before = signal.getsignal(signal.SIGINT)
    try:
        sweep.dask_setup(None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_finished_run_has_everything_that_a_run_has(run):
    info = run.info
    assert (info["game"], info["algorithm"], info["seed"], info["hyperparameters"]) == (*JOB[:3], JOB[4])
    assert info["steps"] == info["total_steps"] == 320 and info["command"] == "orden"
    [segment] = info["segments"]
    assert segment["machine"] == machine() and {"sb3-contrib", "torch"} <= set(segment["versions"])
    assert (segment["from_step"], segment["to_step"]) == (0, 320) and segment["seconds"] > 0
    table = read_metrics(run)
    assert {"rewards", "epsilon", "length", "greedy"} <= set(table["metric"])
    greedy = run.results["results"]["greedy"]
    curve = table.query("metric == 'greedy'")
    assert curve["step"].tolist() == [0, 320]
    assert curve["value"].iloc[-1] == pytest.approx(sum(greedy["scores"]) / 50)
    assert greedy["summary"]["games"] == 50 and "hns" not in greedy["summary"]
    assert [path.name for path in run.path.parent.iterdir()] == ["atrapa-dqn-0"]
    assert run.path.stat().st_mode & 0o777 == 0o755


def test_the_same_job_gives_the_same_scores(run, tmp_path):
    sweep.train_run(str(tmp_path / "otra"), *JOB)
    assert Run(tmp_path / "otra").results["results"] == run.results["results"]


def test_a_run_that_another_process_finished_first_is_kept(run):
    before = everything(run.path)
    sweep.train_run(str(run.path), *JOB)
    assert everything(run.path) == before and len(list(run.path.parent.iterdir())) == 1


def test_the_curve_has_a_point_every_thousand_steps_and_at_both_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "episodes", lambda game: 4)
    sweep.train_run(str(tmp_path / "a"), "atrapa", "a2c", 0, 2_400, algorithms.hyperparameters("a2c", "atrapa"), "")
    steps = read_metrics(tmp_path / "a").query("metric == 'greedy'")["step"].tolist()
    assert steps == [0, 1_008, 2_000, 2_400]


def test_an_atari_run_keeps_its_agent_and_the_human_score(tmp_path, monkeypatch):
    games = pd.DataFrame({"score": [-21.0, -20.0], "length": [3_000, 3_500]})
    monkeypatch.setattr(sweep, "play", lambda agent, game, episodes: games if episodes == 10 else None)
    small = {**algorithms.hyperparameters("double-dqn", "Pong"), "n_envs": 2, "buffer_size": 100, "learning_starts": 16}
    sweep.train_run(str(tmp_path / "pong"), "Pong", "double-dqn", 0, 32, small, "")
    run = Run(tmp_path / "pong")
    greedy = run.results["results"]["greedy"]
    assert greedy["lengths"] == [3_000, 3_500] and greedy["summary"]["hns"] == pytest.approx((-20.5 + 20.7) / 35.3)
    assert load_agent(run).action_space.n == 6


@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "qr-dqn"])
def test_an_atari_run_cut_short_goes_on_from_its_last_evaluation(algorithm, tmp_path, monkeypatch):
    seen, updates = [], []

    def games(agent, game, episodes):
        seen.append(agent.num_timesteps)
        updates.append(agent._n_updates)
        if len(seen) == 3:
            raise OSError(5, "se fue la luz")
        return pd.DataFrame({"score": [float(len(seen))] * episodes, "length": [100] * episodes})

    monkeypatch.setattr(sweep, "play", games)
    few = {"n_steps": 32} if algorithm == "ppo" else {"buffer_size": 400, "learning_starts": 200, "batch_size": 4}
    settings = algorithms.hyperparameters(algorithm, "Pong") | few
    job = ("Pong", algorithm, 3, 3_000, settings, "coursekit sweep …")
    final = tmp_path / f"pong-{algorithm}-3"
    with pytest.raises(OSError, match="se fue la luz"):
        sweep.train_run(str(final), *job)
    assert seen == [0, 1_000, 2_000] and not final.exists()
    half = Run(tmp_path / f"{HALF_WRITTEN}{final.name}")
    with pytest.raises(ValueError, match="de 3000 pasos y no de 4000"):  # nadie sigue con otros pasos
        sweep._check(half, 4_000, {})

    sweep.train_run(str(final), *job)
    assert seen[3] == 2_000 and not half.path.exists() and not (final / "resume").exists()
    run = Run(final)
    first, second = run.info["segments"]
    assert (first["from_step"], first["to_step"], second["from_step"]) == (0, 1_000, 1_000)
    assert second["to_step"] == run.info["steps"] == seen[-1] and 3_000 <= seen[-1] < 3_000 + 8 * 32
    assert first["cpu_seconds"] > 0 and second["cpu_seconds"] > 0
    curve = read_metrics(run).query("metric == 'greedy'")
    assert curve["step"].tolist() == [0, 1_000, *seen[3:]] and curve["value"].iloc[-1] == len(seen)
    assert updates[1] < updates[3] < updates[-1], "sigue corrigiéndose, y no de cero"
    if algorithm != "ppo":  # los 200 pasos de relleno no corrigen
        assert updates[3] == updates[1] + (1_000 - 200) / 8
    assert load_agent(run).num_timesteps == seen[-1]


def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "export_csv", full)
    with pytest.raises(OSError, match="No space"):
        sweep.train_run(str(tmp_path / "a"), *JOB)
    assert not list(tmp_path.iterdir())


def _fake(*args):
    """Una corrida que no escribe nada donde se la espera."""


def _deadly(*args):
    raise distributed.KilledWorker("tarea", SimpleNamespace(address="tcp://…"), 3)


@pytest.mark.parametrize(("job", "message"), [(_fake, "no se ve desde aquí"), (_deadly, "mató varias veces")])
def test_what_goes_wrong_in_the_workers_is_explained(tmp_path, scheduler, monkeypatch, job, message):
    monkeypatch.setattr(sweep, "train_run", job)
    with pytest.raises(OSError, match=message):
        sweep.sweep(tmp_path / "barrido", ["dqn"], ["atrapa"], 1, 100, scheduler=scheduler)


ORDER = {"--algorithms": ["dqn"], "--games": ["atrapa"], "--seeds": ["1"], "--steps": ["320"]}


def arguments(folder, **changes):
    options = {**ORDER, **{f"--{name}": value for name, value in changes.items()}}
    return ["sweep", str(folder), *(word for name, values in options.items() for word in (name, *values))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithms": ["dqn", "doble-dqn"]}, "'double-dqn'"),
        ({"games": ["atrapar"]}, "Los juegos pequeños se llaman 'atrapa' y 'vendaval'"),
        ({"games": ["Breakot"]}, "'Breakout'"),
        ({"seeds": ["0"]}, "0 semillas"),
        ({"steps": ["-5"]}, "-5 pasos"),
        ({"workers": ["0"]}, "0 procesos"),
        ({"scheduler": ["tcp://127.0.0.1:1"]}, "no responde"),
        ({"scheduler": ["paloma://mensajera"]}, "no responde"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing(changes, message, tmp_path, capsys):
    assert cli.main(arguments(tmp_path / "barrido", **changes)) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coursekit: ")]
    assert len(error) == 1 and message in error[0]
    assert not list(tmp_path.iterdir())


def test_a_sweep_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="al menos un algoritmo"):
        sweep.sweep(tmp_path, [], ["atrapa"], 1, 100)


def test_without_dask_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(arguments(tmp_path / "barrido")) == 2
    assert "pip install distributed bokeh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ["640"]}, "es de 320 pasos y no de 640"),
        ({"algorithms": ["ppo"], "steps": ["640"]}, "es de 320 pasos y no de 640"),
        ({}, "otros hiperparámetros (['learning_starts'])"),
    ],
)
def test_a_folder_with_other_steps_or_hyperparameters_is_left_alone(changes, message, run, capsys):
    before = everything(run.path.parent)
    assert cli.main(arguments(run.path.parent, **changes)) == 2
    error = capsys.readouterr().err
    assert message in error and "elija otra carpeta" in error and error.count("\n") == 1
    assert everything(run.path.parent) == before


def test_a_folder_that_is_not_a_run_is_left_alone(tmp_path, capsys):
    (tmp_path / "atrapa-dqn-0").mkdir()
    (tmp_path / "atrapa-dqn-0" / "notas.txt").write_text("mías", encoding="utf-8")
    assert cli.main(arguments(tmp_path)) == 2
    assert "no es una corrida" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["atrapa-dqn-0", "notas.txt"]


def test_the_command_that_a_run_keeps_repeats_the_sweep():
    asked = {"algorithms": ["dqn", "ppo"], "games": ["atrapa", "Pong"], "seeds": 3, "steps": 500}
    for changes in ({"first_seed": 0}, {"first_seed": 100, "learning_rate": 3e-4}):
        command = sweep._command("mis corridas", **asked, **changes)
        assert command.startswith("coursekit sweep 'mis corridas' ")
        options = vars(cli._parser().parse_args(["sweep", "mis corridas", *command.split("' ")[1].split()]))
        assert {name: options[name] for name in (asked | changes)} == asked | changes
        assert changes.get("learning_rate") or options["learning_rate"] is None


def test_a_rate_and_a_first_seed_are_for_every_run_of_the_sweep_and_its_folder(tmp_path, scheduler, capsys):
    folder = tmp_path / "barrido"
    options = arguments(folder, algorithms=["dqn", "a2c"], **{"first-seed": ["7"], "learning-rate": ["0.0003"]})
    assert cli.main([*options, "--scheduler", scheduler]) == 0
    runs = [Run(folder / f"atrapa-{name}-7") for name in ("dqn", "a2c")]
    assert finished(folder) == sorted(run.path.name for run in runs)
    assert all(run.info["hyperparameters"]["learning_rate"] == 3e-4 and run.info["seed"] == 7 for run in runs)
    assert runs[0].info["command"].endswith("--first-seed 7 --learning-rate 0.0003")
    before = everything(folder)
    assert cli.main([*options, "--scheduler", scheduler]) == 0 and everything(folder) == before
    assert cli.main([*arguments(folder), "--scheduler", scheduler]) == 2  # con la tasa de siempre, otra carpeta
    assert "otros hiperparámetros (['learning_rate'])" in capsys.readouterr().err


def test_help_is_in_spanish(capsys):
    with pytest.raises(SystemExit):
        cli.main(["sweep", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("uso: ") and "options:" not in text and "default" not in text
    with pytest.raises(SystemExit):
        cli.main(["sweep", "c", "--algorithms", "--games", "atrapa", "--steps", "5"])
    assert "espera al menos un valor" in capsys.readouterr().err
