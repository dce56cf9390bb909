"""El diagnóstico dice la verdad de esta máquina."""

import re

from coursekit.training import doctor

import psutil
import pytest


@pytest.fixture(scope="module")
def lines():
    return list(doctor.report(buffer_size=10_000, seconds=0.5))


def test_reports_versions_memory_and_disk(lines):
    text = "\n".join(lines)
    assert "stable-baselines3" in text and "juegos con su ROM" in text
    assert "[FALLA]" not in text, "10 000 transiciones (71 MB) caben en cualquier máquina"


def test_the_estimate_is_of_the_order_of_what_a_training_takes(lines, tiny_run):
    hours = float(re.search(r"1 millón de pasos: ([\d.]+) horas", "\n".join(lines))[1])
    (segment,) = tiny_run.info["segments"]
    assert 0.1 < hours / (1e6 * segment["seconds"] / 600 / 3600) < 10  # la corrida de 600 pasos, con otra receta


def test_a_memory_that_does_not_fit_is_said_with_one_that_does(monkeypatch):
    size = int(2 * psutil.virtual_memory().available / doctor.BYTES_PER_TRANSITION)
    report = doctor.report(buffer_size=size)
    line = next(line for line in report if "memoria:" in line)
    suggested = int(re.search(r"--buffer-size (\d+)", line)[1])
    assert line.startswith("[FALLA]") and 0 < suggested < size / 2


def test_the_assumed_bytes_per_transition_are_those_of_the_buffer():
    from coursekit.training.replay import FrameReplayBuffer

    from gymnasium import spaces

    space = spaces.Box(0, 255, (4, 84, 84), "uint8")
    buffer = FrameReplayBuffer(8_000, space, spaces.Discrete(4), "cpu", 8)
    assert buffer.bytes_per_transition() == pytest.approx(doctor.BYTES_PER_TRANSITION, rel=0.02)
