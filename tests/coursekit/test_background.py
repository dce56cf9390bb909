"""El entrenamiento en otro proceso: se mira, se detiene en orden, se sigue, y muere con quien lo lanzó."""

import os
import signal
import subprocess
import sys
import time

from coursekit.runs import Run
from coursekit.training.background import Background

import psutil
import pytest

SMALL = "--game Breakout --steps 1000000 --n-envs 2 --buffer-size 2000 --learning-starts 100 --log-every 50"


@pytest.fixture
def launched():
    """`launched(orden)` la lanza, y al final de la prueba no queda nada corriendo."""
    alive = []

    def launch(order: str) -> Background:
        alive.append(Background(order))
        return alive[-1]

    yield launch
    for background in alive:
        background.stop()


def test_it_is_watched_stopped_in_order_and_followed(launched, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("coursekit.training.background._show", lambda png, handle: shown.append(png))
    background = launched(f"coursekit train '{(tmp_path / 'mía').as_posix()}' {SMALL}")
    background.watch(until=150)
    assert background.running and shown and all(png.startswith(b"\x89PNG") for png in shown)
    background.stop()
    steps = background.run.info["steps"]
    assert not background.running and 150 <= steps < 1_000_000
    assert any(line.startswith(f"Detenido y guardado a los {steps} pasos") for line in background.said)
    assert background.run.agent.is_file() and background.run.replay(steps).is_file()
    background.stop()  # otra vez no hace nada

    again = launched(f"coursekit train '{background.run.path.as_posix()}' --log-every 50 --resume")
    again.watch(until=steps + 100)
    again.stop()
    assert again.run.info["steps"] >= steps + 100


def test_an_order_that_fails_says_what_the_process_said(launched, tmp_path):
    background = launched(f"coursekit train '{(tmp_path / 'x').as_posix()}' --game Brekout")
    with pytest.raises(RuntimeError, match="Brekout"):
        background.watch(until=1)


@pytest.mark.parametrize("order", ["", "coursekit", "coursekit evaluate x", "coursekit train", "rm -rf x"])
def test_only_a_training_is_accepted(order):
    with pytest.raises(ValueError, match="no es un entrenamiento"):
        Background(order)


@pytest.mark.skipif(os.name != "posix", reason="matar sin aviso se prueba donde hay SIGKILL")
def test_it_does_not_outlive_a_parent_that_was_killed(tmp_path):
    folder = tmp_path / "corrida"
    code = "import sys, time; from coursekit.training import background as b; b._show = print; "
    code += "child = b.Background(sys.argv[1]); child.watch(until=100); "
    code += "print('pid', child._process.pid, flush=True); time.sleep(600)"
    order = f"coursekit train '{folder.as_posix()}' {SMALL}"
    parent = subprocess.Popen([sys.executable, "-c", code, order], stdout=subprocess.PIPE, text=True)
    child = next(int(line.split()[1]) for line in parent.stdout if line.startswith("pid"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 120
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "el entrenamiento sigue sin quien lo lanzó"
        time.sleep(0.2)
    assert Run(folder).info["steps"] >= 100  # y guardó lo entrenado
