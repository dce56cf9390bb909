"""La carpeta de una corrida: rutas, run.json y escrituras que no dejan nada a medias, tampoco con el disco lleno."""

import errno
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from coursekit.runs import Run, atomic
from coursekit.training.machine import machine, versions

import pytest


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_atomic_creates_folders_and_replaces_the_file(tmp_path):
    path = tmp_path / "a" / "b.txt"
    for text in ("uno", "dos"):
        with atomic(path) as temporary:
            assert temporary.parent == path.parent and temporary.suffix == ".txt" and temporary != path
            temporary.write_text(text)
        assert path.read_text() == text and names(path.parent) == ["b.txt"]


def test_atomic_puts_a_new_file_in_place_of_the_old_one(tmp_path):
    path = tmp_path / "b.txt"
    path.write_text("lo de antes")
    os.link(path, tmp_path / "mismo archivo")  # quien lo tenía abierto sigue leyendo el de antes, entero
    with atomic(path) as temporary:
        temporary.write_text("lo nuevo")
        assert path.read_text() == "lo de antes"
    assert path.read_text() == "lo nuevo" and (tmp_path / "mismo archivo").read_text() == "lo de antes"


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_atomic_keeps_the_old_file_when_something_fails(tmp_path, failure):
    path = tmp_path / "b.txt"
    path.write_text("lo de antes")
    with pytest.raises(type(failure)), atomic(path) as temporary:
        temporary.write_text("a medi")
        raise failure
    assert path.read_text() == "lo de antes" and names(tmp_path) == ["b.txt"]


def test_a_full_disk_is_explained_and_leaves_the_old_file(tmp_path, small_disk):
    with small_disk(tmp_path / "disco", "64k") as disk:
        path = disk / "b.bin"
        path.write_bytes(b"lo de antes")
        with pytest.raises(OSError, match="No se pudo escribir") as caught, atomic(path) as temporary:
            temporary.write_bytes(b"x" * 200_000)
        assert caught.value.errno == errno.ENOSPC and repr(str(path)) in str(caught.value)
        assert "libere espacio" in str(caught.value) and "quedó como estaba" in str(caught.value)
        assert path.read_bytes() == b"lo de antes" and names(disk) == ["b.bin"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full solo existe en Linux")
def test_a_full_device_is_explained(tmp_path):
    path = tmp_path / "b.txt"
    with pytest.raises(OSError, match="No se pudo escribir .*: libere espacio") as caught, atomic(path):
        Path("/dev/full").write_text("no cabe")
    assert caught.value.errno == errno.ENOSPC and names(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_explained(tmp_path):
    parent = tmp_path / "cerrada"
    if os.name == "posix" and os.geteuid() != 0:
        parent.mkdir(mode=0o500)
    else:  # para root no hay permisos que valgan: un archivo en el lugar de la carpeta
        parent.write_text("soy un archivo")
    with pytest.raises(OSError, match="No se pudo escribir .*: libere espacio o elija una ruta"):
        Run(parent / "corrida").write_json("run.json", {})
    assert names(tmp_path) == ["cerrada"]


def test_a_read_only_disk_is_explained(tmp_path, small_disk):
    with small_disk(tmp_path / "disco", "64k") as disk:
        (disk / "run.json").write_text('{"game": "Breakout"}')
        if subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True).returncode:
            pytest.skip("esta máquina no deja volver de solo lectura un disco")
        with pytest.raises(OSError, match="No se pudo escribir") as caught:
            Run(disk).write_json("run.json", {"game": "Pong"})
        assert caught.value.errno == errno.EROFS
        assert Run(disk).info == {"game": "Breakout"} and names(disk) == ["run.json"]


def test_json_is_written_readable_and_read_back(tmp_path):
    run = Run(tmp_path / "corrida")
    content = {"game": "Breakout", "note": "ε y ñ", "steps": 3}
    run.write_json("run.json", content)
    assert run.info == content and Run(run).info == content and os.fspath(run) == str(tmp_path / "corrida")
    text = (run.path / "run.json").read_text(encoding="utf-8")
    assert "ε y ñ" in text and text.endswith("}\n") and repr(run) == f"Run({str(run.path)!r})"
    run.write_json("evaluation.json", {"results": 1})
    assert run.results == {"results": 1}


def test_numbers_that_json_does_not_have_leave_the_old_file(tmp_path):
    run = Run(tmp_path)
    run.write_json("run.json", {"a": 1})
    with pytest.raises(ValueError):
        run.write_json("run.json", {"a": float("nan")})
    assert run.info == {"a": 1} and names(tmp_path) == ["run.json"]


@pytest.mark.parametrize("content", [b"", b'{"game": "Bre', b"\xff\xfe\x00basura", b"[1, 2]"])
def test_a_damaged_run_json_is_explained(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.json' está dañado .*: recupere una copia o bórrelo\.$"):
        _ = Run(tmp_path).info


def test_a_folder_without_a_run_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="no es una corrida: le falta run.json; «coursekit train»"):
        _ = Run(tmp_path).info
    with pytest.raises(FileNotFoundError, match="no tiene evaluation.json"):
        _ = Run(tmp_path).results


def test_checkpoints_are_in_order_of_steps(tmp_path):
    run = Run(tmp_path)
    assert run.checkpoints() == {}
    steps = [100_000_000, 0, 25_000, 99_999_999, 9_000]  # el primero ya no cabe en ocho cifras
    run.checkpoint(0).parent.mkdir()
    for n in steps:
        run.checkpoint(n).touch()
    for other in ("agent-final.zip", ".agent-00000100-abc.zip", "agent-00000050.zip.tmp"):
        (tmp_path / "checkpoints" / other).touch()
    assert list(run.checkpoints()) == sorted(steps)
    assert run.checkpoints()[25_000] == run.checkpoint(25_000) == tmp_path / "checkpoints" / "agent-00025000.zip"


def test_versions_and_machine_are_the_real_ones(monkeypatch):
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    for package in ("stable-baselines3", "gymnasium", "ale-py", "torch", "numpy"):
        assert found[package] == version(package)
    monkeypatch.setattr("coursekit.training.machine.PACKAGES", ("un-paquete-que-no-existe",))
    assert versions()["un-paquete-que-no-existe"] == "sin instalar"
    here = machine()
    assert here["cores"] == os.cpu_count() and set(here) == {"system", "processor", "cores", "device"}
    assert json.loads(json.dumps(here)) == here and all(here.values())
