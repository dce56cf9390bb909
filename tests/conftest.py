"""Lo que comparten las pruebas: una corrida diminuta, entrenada una sola vez, y un agente ya cargado."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

# Con más hilos que núcleos libres torch pasa el tiempo esperando; las redes de aquí son de un lote pequeño.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.metrics import read_metrics
from coursekit.runs import Run
from coursekit.training.agents import load_agent
from coursekit.training.loop import train

import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny():
    """Ajustes de un entrenamiento verdadero y muy corto."""
    return {
        "n_envs": 2,
        "buffer_size": 2_000,
        "learning_starts": 100,
        "steps_per_update": 8,
        "target_update_interval": 100,
        "exploration_steps": 400,
        "checkpoint_every": 200,
        "log_every": 50,
        "progress": False,
        "device": "cpu",
    }


@pytest.fixture(scope="session")
def tiny_run(tiny, tmp_path_factory) -> Run:
    """Una corrida de 600 pasos de Breakout: solo para leer (quien la cambie, que use `copied_run`)."""
    return train(tmp_path_factory.mktemp("corridas") / "breakout", "Breakout", 600, **tiny)


@pytest.fixture
def copied_run(tiny_run, tmp_path) -> Run:
    """Una copia propia de `tiny_run`."""
    return Run(shutil.copytree(tiny_run.path, tmp_path / "corrida"))


@pytest.fixture
def published_run(copied_run) -> Run:
    """La misma corrida tal como se publica: sin el punto guardado ni los eventos de TensorBoard."""
    shutil.rmtree(copied_run.path / "resume")
    shutil.rmtree(copied_run.tensorboard)
    return copied_run


@pytest.fixture(scope="session")
def agent(tiny_run):
    """El agente de `tiny_run`."""
    return load_agent(tiny_run)


@pytest.fixture(scope="session")
def check_files():
    """Una función que lee de verdad cada archivo de una corrida; los temporales, que empiezan con punto, no cuentan."""

    def check(run):
        for path in run.path.rglob("*"):
            if path.name.startswith(".") or path.is_dir() or "tfevents" in path.name or path.suffix == ".lock":
                continue
            if path.suffix == ".zip":
                load_agent(path)
            elif path.suffix == ".csv":
                assert len(read_metrics(path)) > 0
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix == ".npz":
                with np.load(path) as data:
                    assert data["frames"].size
            else:
                assert path.suffix == ".pt", f"{path} no debería estar ahí"
                torch.load(path, weights_only=True)

    return check


@pytest.fixture
def small_disk():
    """`with small_disk(carpeta, "64k")`: monta ahí un disco verdadero de ese tamaño; hace falta ser root."""

    @contextmanager
    def mounted(folder, size):
        folder.mkdir()
        if sys.platform != "linux" or os.geteuid() != 0:
            pytest.skip("montar un disco pequeño pide Linux y permiso de administrador")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("esta máquina no deja montar discos")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    return mounted
