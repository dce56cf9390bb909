"""El punto guardado: todo lo que hace falta para seguir una corrida donde quedó (`save`, `restore`), y sus curvas.

`resume/state.pt` manda: aparece entero o no aparece, y lo demás de la carpeta se puede volver a hacer con él.
"""

from __future__ import annotations

import io
import pickle
import time
import warnings
import zipfile
from collections import deque
from pathlib import Path

from coursekit import metrics
from coursekit.runs import HALF_WRITTEN, Run, atomic
from coursekit.training.agents import load_agent

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import TensorBoardOutputFormat
from torch.utils.tensorboard import SummaryWriter

_DAMAGED = (EOFError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, pickle.UnpicklingError)


def save(model: BaseAlgorithm, run: Run, info: dict) -> None:
    """Escribe `resume/state.pt`: redes, optimizador, contadores y lo que `run.json` dirá de estos pasos."""
    state = {
        "policy": model.policy.state_dict(),
        "optimizer": model.policy.optimizer.state_dict(),
        "num_timesteps": model.num_timesteps,
        "n_updates": model._n_updates,
        "n_calls": getattr(model, "_n_calls", 0),  # el de la red objetivo
        "episodes": list(model.ep_info_buffer or ()),
        "info": info,
    }
    content = io.BytesIO()  # torch explica mal un disco lleno; write_bytes, bien
    torch.save(state, content)
    with atomic(run.state) as temporary:
        temporary.write_bytes(content.getbuffer())


def spent(start: tuple[float, float]) -> dict[str, float]:
    """Los segundos de reloj y de procesador desde `start`, el par que dan `time.monotonic` y `time.process_time`."""
    names = {"seconds": time.monotonic() - start[0], "cpu_seconds": time.process_time() - start[1]}
    return {name: round(value, 1) for name, value in names.items()}


def read(run: Run) -> dict:
    """Lo que guardó `save`, o un diccionario vacío si la carpeta no lo trae (una corrida publicada, por ejemplo)."""
    if not run.state.exists():
        return {}
    try:
        state = torch.load(run.state, map_location="cpu", weights_only=True)
        return {**state, "num_timesteps": int(state["num_timesteps"])}
    except _DAMAGED as error:
        raise _damaged(run) from error


def restore(model: BaseAlgorithm, run: Run, state: dict) -> int:
    """Pone en `model` el punto guardado; devuelve cuántos pasos hay que jugar para rellenar la memoria.

    Una corrida publicada no trae el punto guardado, que es grande: entonces sigue desde su agente más reciente, con el
    optimizador en cero, y sus curvas vuelven de los CSV.
    """
    model.ep_info_buffer = deque(maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    if state:
        try:
            model.policy.load_state_dict(state["policy"])
            model.policy.optimizer.load_state_dict(state["optimizer"])
            model.num_timesteps, model._n_updates = state["num_timesteps"], state["n_updates"]
            model._n_calls = state["n_calls"]
            model.ep_info_buffer.extend(state["episodes"])
        except _DAMAGED as error:
            raise _damaged(run) from error
    elif checkpoints := run.checkpoints():
        model.num_timesteps, path = checkpoints.popitem()
        model.policy.load_state_dict(load_agent(path).policy.state_dict())
    else:
        raise FileNotFoundError(f"{str(run.path)!r} no tiene de dónde seguir: le faltan sus puntos guardados.")
    _restore_curves(run, model.num_timesteps)
    model.set_random_seed(model.seed + model.num_timesteps)  # que no repita los mismos números
    if getattr(model, "replay_buffer", None) is None:  # PPO y A2C aprenden de lo que acaban de jugar
        return 0
    memory = run.replay(model.num_timesteps)
    if memory.exists():
        try:
            model.replay_buffer.restore(memory)
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            warnings.warn(f"La memoria de repetición guardada no sirve ({error}): se vuelve a llenar.", stacklevel=2)
    known = model.replay_buffer.size() * model.n_envs
    return 0 if model.replay_buffer.full else max(0, model.learning_starts - known)


class ResumableTensorBoard(TensorBoardOutputFormat):
    """El escritor de SB3, que además borra de las curvas lo que se perdió después del último punto guardado."""

    def __init__(self, folder: Path, step: int):
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard lee los archivos por nombre, que empieza con el segundo en que se abrieron: uno por segundo.
        while any(folder.glob(f"*tfevents.{int(time.time())}.*")):
            time.sleep(0.05)
        self.writer = SummaryWriter(log_dir=str(folder), purge_step=step + 1)
        self._is_closed = False


def _damaged(run: Run) -> ValueError:
    return ValueError(
        f"El punto guardado {str(run.state)!r} está dañado: recupere una copia, o bórrelo para seguir desde el agente "
        "guardado más reciente, sin su optimizador."
    )


def _restore_curves(run: Run, step: int) -> None:
    """Vuelve a escribir como eventos de TensorBoard las métricas de los CSV hasta el paso `step`."""
    if any(run.tensorboard.glob("*tfevents*")) or not any(run.metrics.glob("*.csv")):
        return
    rows = metrics.read_metrics(run).query("step <= @step and metric in @metrics.TAGS")
    rows = rows.sort_values("step", kind="stable")
    half = run.path / f"{HALF_WRITTEN}tensorboard"
    with SummaryWriter(log_dir=str(half)) as writer:
        for row in rows.itertuples():
            writer.add_scalar(metrics.TAGS[row.metric], row.value, row.step, walltime=row.wall_time)
    run.tensorboard.mkdir(exist_ok=True)
    for file in half.iterdir():  # es uno solo: aparece entero o no aparece
        file.replace(run.tensorboard / file.name)
    half.rmdir()
