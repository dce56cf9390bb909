"""Lo que la gente hace con una corrida: matarla en cualquier momento, seguirla, pedirle dos cosas a la vez.

Las muertes son exactas: después de cada escritura de un punto guardado, una por una. Queda un `kill -9` de verdad.
"""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import threading

from coursekit import runs
from coursekit.metrics import TAGS, read_metrics
from coursekit.runs import HALF_WRITTEN, Run, locked
from coursekit.training import loop
from coursekit.training.agents import load_agent
from coursekit.training.loop import train

import numpy as np
import pytest
import torch

SHORT = {"learning_starts": 40, "checkpoint_every": 80, "log_every": 20}
STEPS = 160


class Death(BaseException):
    """Lo que ningún `except Exception` atrapa: el proceso se acabó aquí."""


def die_after(patch, writes):
    """La escritura número `writes` llega al disco, y nada más. Devuelve la lista de los archivos escritos."""
    done, replace = [], os.replace

    def dying(source, target):
        replace(source, target)
        done.append(os.path.basename(target))
        if len(done) == writes:
            raise Death

    patch.setattr(runs.os, "replace", dying)
    return done


def stop_at(patch, steps):
    """Ctrl-C de verdad, en este mismo proceso, cuando el entrenamiento llega a `steps`."""
    original = loop._RunKeeper._on_step

    def step(self):
        if self.num_timesteps == steps:
            signal.raise_signal(signal.SIGINT)
        return original(self)

    patch.setattr(loop._RunKeeper, "_on_step", step)


def state_of(run):
    return torch.load(run.state, weights_only=True)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def online(state):
    weights = {name[6:]: weights for name, weights in state["policy"].items() if name.startswith("q_net.")}
    return {name: values.half().float() for name, values in weights.items()}


@pytest.fixture(scope="module")
def short(tiny):
    return {**tiny, **SHORT}


@pytest.fixture(scope="module")
def whole(short, tmp_path_factory):
    """La corrida que nadie interrumpió y lo que escribió, en orden."""
    with pytest.MonkeyPatch.context() as patch:
        written = die_after(patch, 0)
        run = train(tmp_path_factory.mktemp("entera") / "corrida", "Breakout", STEPS, seed=5, **short)
    return run, written


def finished_like(run, whole):
    """Todo lo que se puede comparar con la corrida entera: lo que aprendió después de seguir, no."""
    assert run.info["steps"] == state_of(run)["num_timesteps"] == STEPS
    assert list(run.checkpoints()) == list(whole.checkpoints()) == [0, 80, 160]
    assert {path.name for path in run.metrics.iterdir()} == {path.name for path in whole.metrics.iterdir()}
    ours, theirs = read_metrics(run), read_metrics(whole)
    epsilon = [table[table["metric"] == "epsilon"]["step"].tolist() for table in (ours, theirs)]
    assert epsilon[0] == epsilon[1] == list(range(20, 161, 20))
    for name in TAGS:
        assert ours[ours["metric"] == name]["step"].is_unique
    newest = load_agent(run.checkpoints()[STEPS]).q_net.state_dict()
    assert same(load_agent(run).q_net.state_dict(), newest) and same(newest, online(state_of(run)))
    assert run.info["hyperparameters"] == whole.info["hyperparameters"] and run.info["seed"] == 5
    segments = run.info["segments"]
    assert segments[0]["from_step"] == 0 and segments[-1]["to_step"] == STEPS
    assert all(a["to_step"] == b["from_step"] for a, b in itertools.pairwise(segments))
    assert not list(run.path.rglob(".*")) and not list(run.state.parent.glob("replay*"))


def test_the_saved_point_is_written_before_everything_else(whole):
    csv = ["rewards.csv", "epsilon.csv", "loss.csv", "length.csv"]
    point = ["state.pt", "agent-00000080.zip", *(name for name in whole[1] if name in csv), "run.json"]
    assert whole[1][:3] == ["state.pt", "agent-00000000.zip", "run.json"]
    assert whole[1][3] == "state.pt" and set(whole[1][3:]) <= {*point, "agent-00000160.zip", "agent.zip"}
    assert whole[1][-1] == "run.json" and whole[1].count("run.json") == whole[1].count("state.pt") == 3


# Una muerte después de cada escritura; si el número de escrituras cambia, la prueba anterior y esta lo dicen.
@pytest.mark.parametrize("writes", range(1, 15))
def test_a_death_after_any_single_write_is_survived(whole, short, tmp_path, monkeypatch, check_files, writes):
    run = Run(tmp_path / "corrida")
    with monkeypatch.context() as patch, pytest.raises(Death):
        die_after(patch, writes)
        train(run, "Breakout", STEPS, seed=5, **short)
    check_files(run)
    state = state_of(run)
    kept = state["num_timesteps"]
    # Hasta la muerte era la misma corrida, bit por bit.
    reference = whole[0].checkpoints()[kept]
    assert same(online(state), load_agent(reference).q_net.state_dict())
    train(run, resume=True, **short, **({"seed": 5, "total_steps": STEPS} if kept == 0 else {}))
    finished_like(run, whole[0])
    if kept == STEPS:
        assert same(state_of(run)["policy"], state_of(whole[0])["policy"]) and len(run.info["segments"]) == 1


def test_every_write_has_its_death(whole):
    assert len(whole[1]) == 14


@pytest.mark.parametrize("writes", range(1, 9))
def test_a_death_while_saving_after_ctrl_c_is_survived(whole, short, tmp_path, writes):
    run = Run(tmp_path / "corrida")
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, 120)
        original = loop._RunKeeper.save

        def save(self, final=False):
            if final:
                die_after(patch, writes)
            original(self, final)

        patch.setattr(loop._RunKeeper, "save", save)
        try:
            train(run, "Breakout", STEPS, seed=5, **short)
            assert writes > 6, "faltó una muerte"  # ya no había nada más que escribir
        except Death:
            pass
    assert state_of(run)["num_timesteps"] == 120
    train(run, resume=True, **short)
    run.checkpoint(120).unlink()  # el punto en que se detuvo, que la corrida entera no tiene
    finished_like(run, whole[0])


def test_a_second_ctrl_c_while_saving_loses_nothing(short, tmp_path, monkeypatch, capsys):
    run = Run(tmp_path / "corrida")
    stop_at(monkeypatch, 60)
    original = loop._RunKeeper.derive

    def derive(self, *args, **options):
        if self.stop.asked:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        original(self, *args, **options)

    monkeypatch.setattr(loop._RunKeeper, "derive", derive)
    train(run, "Breakout", STEPS, **short)
    assert run.info["steps"] == 60 and run.replay(60).is_file() and run.agent.is_file()
    assert "Detenido y guardado a los 60 pasos" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="cerrar la terminal solo avisa en Unix")
def test_closing_the_terminal_saves(short, tmp_path, monkeypatch):
    original = loop._RunKeeper._on_step

    def step(self):
        if self.num_timesteps == 60:
            signal.raise_signal(signal.SIGHUP)
        return original(self)

    monkeypatch.setattr(loop._RunKeeper, "_on_step", step)
    assert train(tmp_path / "corrida", "Breakout", STEPS, **short).info["steps"] == 60


def test_ctrl_c_while_the_memory_is_refilled_refills_the_rest(short, tmp_path, monkeypatch):
    options = {**short, "learning_starts": 100}
    run = train(tmp_path / "corrida", "Breakout", 240, **{**options, "checkpoint_every": 240})
    with monkeypatch.context() as patch:
        stop_at(patch, 240 + 26)
        train(run, None, 480, resume=True, **options)
    before = state_of(run)["n_updates"]
    with np.load(run.replay(266)) as memory:
        assert memory["counters"][0] * 2 == 24  # SB3 no guarda la transición en la que se detiene
    with monkeypatch.context() as patch:
        stop_at(patch, 266 + 76)  # hasta aquí, solo las 76 transiciones que faltaban
        train(run, resume=True, **options)
        assert state_of(run)["n_updates"] == before
    train(run, resume=True, **options)
    assert state_of(run)["n_updates"] > before + 10 and run.info["steps"] >= 480


def test_a_longer_run_that_dies_is_not_taken_for_finished(whole, short, tmp_path):
    """`agent.zip` es todavía el de antes: ni se da por terminada, ni se dice que el agente tiene otros pasos."""
    run = Run(shutil.copytree(whole[0].path, tmp_path / "corrida"))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Death):
        die_after(patch, 5)  # en el punto guardado de los 240 pasos
        train(run, None, 320, resume=True, **short)
    assert state_of(run)["num_timesteps"] == 240 and run.info.get("published_steps") == STEPS
    train(run, None, 200, resume=True, **short)  # menos de los que ya dio: se cierra donde está
    assert run.info["steps"] == 240 and "published_steps" not in run.info
    assert same(load_agent(run).q_net.state_dict(), load_agent(run.checkpoints()[240]).q_net.state_dict())


def test_a_run_without_run_json_is_rebuilt_from_its_saved_point(whole, short, tmp_path):
    run = Run(shutil.copytree(whole[0].path, tmp_path / "corrida"))
    (run.path / "run.json").unlink()
    with pytest.raises(FileExistsError, match="ya tiene una corrida"):
        train(run, "Breakout", STEPS, **short)
    train(run, resume=True, **short)
    finished_like(run, whole[0])
    assert run.info == whole[0].info | {"command": run.info["command"]}


def test_a_point_saved_by_an_older_version_is_continued(whole, short, tmp_path):
    run = Run(shutil.copytree(whole[0].path, tmp_path / "corrida"))
    state = state_of(run)
    del state["info"]  # las primeras versiones no lo guardaban
    torch.save(state, run.state)
    info = run.info | {"format": 1}
    run.write_json("run.json", info)
    train(run, None, 200, resume=True, **short)
    assert run.info["steps"] == 200 and run.info["format"] == 1


def test_the_memory_is_restored_without_a_second_copy(short, tmp_path):
    """En un proceso nuevo: lo más que ocupa al seguir no llega a dos veces la memoria de repetición."""
    program = """
import resource, sys
from coursekit.envs import make_vec_env
from coursekit.training.model import make_dqn
memory = make_dqn(make_vec_env("Breakout", 1), 1_000, buffer_size=60_000, device="cpu").replay_buffer
if sys.argv[2] == "save":
    memory.frames[:] = 1
    memory.save(sys.argv[1])
else:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory.restore(sys.argv[1])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, memory.frames.nbytes // 1024)
"""
    if sys.platform != "linux":
        pytest.skip("mide la memoria como Linux")
    path = str(tmp_path / "memoria.npz")
    subprocess.run([sys.executable, "-c", program, path, "save"], check=True)
    out = subprocess.run([sys.executable, "-c", program, path, "load"], check=True, capture_output=True, text=True)
    grown, size = map(int, out.stdout.split())
    assert size > 400_000 and grown < 1.2 * size


# Dos a la vez


def test_a_folder_in_use_is_refused_in_one_sentence(short, tmp_path):
    with locked(tmp_path / "corrida"):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(BlockingIOError, match="^Otro proceso está usando .*: espere a") as caught:
            train(tmp_path / "corrida", "Breakout", STEPS, **short)
        assert "\n" not in str(caught.value) and sorted(tmp_path.rglob("*")) == before
    assert train(tmp_path / "corrida", "Breakout", 8, **short).info["steps"] == 8


CHILD = """
import sys
from coursekit.training import loop
step = loop._RunKeeper._on_step
def tell(self):
    print(self.num_timesteps, flush=True)
    return step(self)
loop._RunKeeper._on_step = tell
loop.train(sys.argv[1], "Breakout", 100_000, resume=True, checkpoint_every=64, log_every=16, progress=False,
           device="cpu", n_envs=2, buffer_size=2_000, learning_starts=50, steps_per_update=8)
"""


def start(path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(path)], env=environment, **pipes)


@pytest.mark.skipif(os.name != "posix", reason="las señales son de Unix")
def test_kill_9_frees_the_folder_and_loses_at_most_the_steps_since_the_last_point(tmp_path, short, check_files):
    path, run = tmp_path / "corrida", Run(tmp_path / "corrida")
    process, last = start(path), random.Random(20).randrange(150, 250)
    seen = 0
    while seen < last:
        seen = int(process.stdout.readline())
    with pytest.raises(BlockingIOError, match="Otro proceso está usando"):
        train(run, resume=True, **short)
    process.send_signal(signal.SIGKILL)
    seen = max([seen, *map(int, process.stdout.read().split())])
    assert process.wait() == -signal.SIGKILL, process.stderr.read()
    (path / "checkpoints" / f"{HALF_WRITTEN}abcd1234.zip").write_bytes(b"a medi")
    check_files(run)
    kept = state_of(run)["num_timesteps"]
    assert 0 <= seen - kept <= 64 and run.info["steps"] in (kept, kept - 64)
    train(run, None, kept + 64, resume=True, **{**short, "log_every": 16})
    assert run.info["steps"] == kept + 64 and not list(path.rglob(".*"))
    table = read_metrics(run)
    assert table[table["metric"] == "epsilon"]["step"].tolist() == list(range(16, kept + 65, 16))
    check_files(run)


@pytest.mark.skipif(os.name != "posix", reason="las señales son de Unix")
def test_ctrl_c_in_a_terminal(tmp_path):
    process = start(tmp_path / "corrida")
    while int(process.stdout.readline()) < 20:
        pass
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    last = state_of(Run(tmp_path / "corrida"))["num_timesteps"]
    assert f"Detenido y guardado a los {last} pasos. Para seguir: coursekit train" in out and "--resume" in out
    assert "Traceback" not in errors


def test_training_in_a_thread_is_not_stopped_by_signals_but_is_locked(tmp_path, short):
    errors = []

    def second():
        try:
            train(tmp_path / "corrida", "Breakout", STEPS, **short)
        except BlockingIOError as error:
            errors.append(error)

    with locked(tmp_path / "corrida"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=60)
    assert len(errors) == 1
