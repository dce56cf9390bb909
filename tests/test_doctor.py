"""El diagnóstico dice la verdad de esta máquina."""

import re

import psutil
import pytest

from coursekit import doctor


@pytest.fixture(scope="module")
def lines():
    return list(doctor.report(buffer_size=10_000, seconds=0.5))


def test_reports_versions_memory_and_disk(lines):
    text = "\n".join(lines)
    assert "stable-baselines3" in text and "juegos con su ROM" in text
    assert "✗" not in text, "10 000 transiciones (71 MB) caben en cualquier máquina"


def test_the_estimates_follow_from_the_measured_rate(lines):
    rate = float(re.search(r"entrenamiento +([\d,]+) pasos", "\n".join(lines))[1].replace(",", ""))
    hours = [float(value) for value in re.findall(r"pasos: ([\d.]+) horas", "\n".join(lines))]
    assert rate > 0
    for value, total in zip(hours, (1e6, 1e7), strict=True):
        assert value == pytest.approx(total / rate / 3600, rel=0.05, abs=0.06)


def test_a_memory_that_does_not_fit_is_said_with_one_that_does(monkeypatch):
    size = int(2 * psutil.virtual_memory().available / doctor.BYTES_PER_TRANSITION)
    report = doctor.report(buffer_size=size)
    line = next(line for line in report if "memoria:" in line)
    suggested = int(re.search(r"--buffer-size (\d+)", line)[1])
    assert line.startswith("✗") and 0 < suggested < size / 2


def test_the_assumed_bytes_per_transition_are_those_of_the_buffer():
    from gymnasium import spaces

    from coursekit.replay import FrameReplayBuffer

    space = spaces.Box(0, 255, (4, 84, 84), "uint8")
    buffer = FrameReplayBuffer(8_000, space, spaces.Discrete(4), "cpu", 8)
    assert buffer.bytes_per_transition() == pytest.approx(doctor.BYTES_PER_TRANSITION, rel=0.02)
