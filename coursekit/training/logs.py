"""Leer los registros de un entrenamiento: los de SB3, TensorBoard, CleanRL y RL Zoo."""

from __future__ import annotations

import csv
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

from coursekit.runs import Run

import numpy as np
import pandas as pd

#: Nombre de cada métrica → etiqueta con la que SB3 la escribe en TensorBoard.
TAGS = {
    "rewards": "rollout/ep_rew_mean",
    "epsilon": "rollout/exploration_rate",
    "loss": "train/loss",
    "length": "rollout/ep_len_mean",
}
CLEANRL = ("charts/episodic_return", "charts/epsilon", "losses/td_loss", "charts/episodic_length")
KNOWN = {tag.replace("/", "_"): name for name, tag in [*TAGS.items(), *zip(TAGS, CLEANRL, strict=True)]}
COLUMNS, FIELDS, STEP = ["Wall time", "Step", "Value"], ["wall_time", "step", "value"], "time/total_timesteps"


@dataclass
class Log:
    """Un entrenamiento: su carpeta, si es una corrida de coursekit, sus archivos por formato, si anota cada partida."""

    name: str
    home: Path
    ours: bool
    files: dict[str, list[Path]] = field(default_factory=dict)
    by_episode: bool = False


def metric_name(tag: str, known: dict[str, str] = KNOWN) -> str:
    """Una etiqueta como nombre de archivo: `rollout/ep_rew_mean` → `rewards`, `time/fps` → `time_fps`."""
    safe = re.sub(r"[^\w.+-]+", "_", tag)[:120].strip("._- ") or "sin_nombre"
    return known.get(safe, safe)


def find_logs(source: Run | str | Path, exported: bool = True) -> list[Log]:
    """Los entrenamientos de `source`: un archivo, o una carpeta con todo lo que hay debajo, por orden de nombre.

    Cada carpeta con registros es un entrenamiento; `metrics/` y `tensorboard/` son de la carpeta que las contiene.
    No se mira lo que comienza con punto ni, con `exported=False`, los CSV de `metrics/`.

    Lanza `FileNotFoundError` si no hay ninguno, y `ValueError` si un archivo no se puede leer.
    """
    path, unknown = Path(source), []
    root = path if isinstance(source, Run) or _is_run(path) else None
    logs: dict[tuple[Path, str], Log] = {}
    for file in [path] if path.is_file() else sorted(path.rglob("*"), key=_natural):
        kind = _kind(file)
        own = file.parent.name == "metrics" and kind in ("download", None)
        if any(part.startswith(".") for part in file.relative_to(path).parts) or (own and not exported):
            continue
        if kind is None:
            unknown += [file] if file == path or file.suffix == ".csv" else []
            continue
        inside = own if kind == "download" else kind == "events" and file.parent.name == "tensorboard"
        home = root or (file.parent.parent if inside else file.parent)
        run = "." if root or inside or kind != "download" else _parts(file)[0]
        run = home.resolve().name if run in ("", ".") else metric_name(run)
        log = logs.setdefault((home, run), Log(run, home, bool(root) or _is_run(home)))
        entry = file.parent if kind == "events" and file != path else file  # TensorBoard lee carpetas enteras
        listed = log.files.setdefault("metrics" if own else kind, [])
        listed += [] if entry in listed else [entry]
    for file in unknown:
        folder = file.parent
        if not logs or (folder.name == "metrics" and (folder in (path, path / "metrics") or _is_run(folder.parent))):
            raise _unreadable(file)
    if not logs:
        raise FileNotFoundError(
            f"No hay archivos de eventos ni otros registros en {str(path)!r}: entrene primero, o dé la carpeta de una "
            "corrida, la que recibió tensorboard_log, o un archivo de eventos, CSV o evaluations.npz."
        )
    names = [log.name for log in logs.values()]
    for log in logs.values():
        if names.count(log.name) > 1:  # seed0/DQN_1 y seed1/DQN_1
            log.name = log.home.relative_to(path).as_posix()
    return list(logs.values())


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").is_file()


def _natural(path: Path) -> list:
    """Para que DQN_10 vaya después de DQN_9."""
    return [[int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)] for name in path.parts]


def _kind(file: Path) -> str | None:
    """El formato de un archivo, por su nombre o por su primera línea."""
    if not file.is_file() or file.suffix != ".csv":
        known = {"tfevents": "events", "evaluations.npz": "evaluations"}
        return next((kind for part, kind in known.items() if part in file.name and file.is_file()), None)
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        first = lines.readline(10_000)
    columns = set(next(csv.reader([first]), []))
    kind = "download" if columns.issuperset(COLUMNS) else "progress" if STEP in columns else None
    return "monitor" if first.startswith("#{") else kind


def _parts(file: Path) -> tuple[str, str]:
    """Corrida y métrica según el nombre de un CSV descargado: `run-DQN_1-tag-train_loss (1).csv`, `DQN_1.csv`."""
    stem = re.sub(r" \(\d+\)$", "", file.stem)
    known = re.fullmatch(rf"(?:run-)?(.*?)(?:-tag)?[-_ ]?({'|'.join(KNOWN)})(?:\W.*)?", stem)
    if match := re.fullmatch(r"run-(.+?)-tag-(.+)", stem) or known:
        return match[1], match[2]
    return (stem if re.fullmatch(r"[A-Za-z].*_\d+", stem) else ""), file.stem


def read_log(log: Log) -> dict[str, pd.DataFrame]:
    """Nombre → tabla de `wall_time`, `step` y `value`, por orden de nombre; vacía si la etiqueta no es un escalar.

    Si dos formatos traen la misma métrica, vale el primero: eventos, progress.csv, CSV descargados, evaluations.npz,
    monitor.csv. Una corrida de coursekit que tiene `metrics/` se lee de ahí.
    """
    kinds = ["metrics"] if log.ours and "metrics" in log.files else [kind for kind in _READERS if kind in log.files]
    tables: dict[str, pd.DataFrame] = {}
    for kind in kinds:
        found: dict[str, pd.DataFrame] = {}
        for tag, table in _READERS[kind](log.files[kind]):
            safe, taken = metric_name(tag, {}), {name.casefold() for name in found}  # hay discos sin mayúsculas
            options = (metric_name(tag), safe, *(f"{safe}_{n}" for n in range(2, 1_000)))
            found[tag if table.empty else next(name for name in options if name.casefold() not in taken)] = table
            log.by_episode |= "rewards" not in tables and (kind == "monitor" or safe == "charts_episodic_return")
        tables = found | tables
    return dict(sorted(tables.items()))


def read_logs(logs: list[Log], source: object, empty_ok: bool = False) -> list[tuple[Log, dict[str, pd.DataFrame]]]:
    """Los entrenamientos que tienen algún escalar, con sus tablas; `ValueError` si ninguno tiene."""
    read = [(log, read_log(log)) for log in logs]
    full = [(log, {name: table for name, table in tables.items() if len(table)}) for log, tables in read]
    if not any(tables for _, tables in full) and not empty_ok:
        seen = sorted({name for _, tables in read for name in tables})
        found = f"se vieron {', '.join(seen)}, sin ningún punto" if seen else "todavía no hay nada"
        raise ValueError(f"No hay ningún escalar en {str(Path(source))!r}: {found}; entrene más, o revise la carpeta.")
    return [(log, tables) for log, tables in full if tables]


def _events(files: list[Path]) -> Iterator[tuple[str, pd.DataFrame]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    if len(files) > 1:
        raise ValueError(
            f"{str(files[0].parent)!r} tiene los eventos de varios entrenamientos ({[f.name for f in files]}) y sus "
            "curvas se mezclarían: deje uno solo."
        )
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # avisa, en inglés, de cada entrenamiento retomado
    where = str(files[0]) + os.sep * files[0].is_dir()  # con la barra no confunde una carpeta con un archivo
    events = EventAccumulator(where, size_guidance={"scalars": 0, "tensors": 0}).Reload()  # 0: todos los puntos
    for kind, tags in events.Tags().items():
        for tag in tags if isinstance(tags, list) else ():
            points = None
            if kind == "scalars":
                points = [(event.wall_time, event.step, event.value) for event in events.Scalars(tag)]
            elif kind == "tensors" and events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":  # TensorFlow 2
                points = [(e.wall_time, e.step, make_ndarray(e.tensor_proto).item()) for e in events.Tensors(tag)]
            yield tag if points else f"{tag} ({kind})", pd.DataFrame(points, columns=FIELDS)


def _csv(file: Path, **options) -> pd.DataFrame:
    try:
        return pd.read_csv(file, **options)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise _unreadable(file) from error


def _downloads(files: list[Path]) -> Iterator[tuple[str, pd.DataFrame]]:
    for file in files:
        tag = file.stem if file.parent.name == "metrics" else _parts(file)[1]
        yield tag, _csv(file)[COLUMNS].set_axis(FIELDS, axis="columns")


def _progress(files: list[Path]) -> Iterator[tuple[str, pd.DataFrame]]:
    table = pd.concat([_csv(file) for file in files])
    for tag in table.columns.drop(STEP):
        points = table.reindex(columns=["time/time_elapsed", STEP, tag]).set_axis(FIELDS, axis="columns")
        points["value"] = pd.to_numeric(points["value"], errors="coerce")
        yield tag, points.assign(step=points["step"].ffill()).dropna(subset=["step", "value"]).astype({"step": int})


def _monitor(files: list[Path]) -> Iterator[tuple[str, pd.DataFrame]]:
    tables = [_csv(file, skiprows=1) for file in files]
    for file, table in zip(files, tables, strict=True):
        with file.open(encoding="utf-8") as lines:
            table["wall_time"] = table["t"] + json.loads(lines.readline()[1:])["t_start"]
    table = pd.concat(tables).dropna(subset=["r", "l", "t"]).sort_values("wall_time", kind="stable")
    table["step"] = table["l"].cumsum().astype(int)
    for name in table.columns.drop(["t", "wall_time", "step"]):
        values = pd.to_numeric(table[name], errors="coerce")
        yield {"r": "rewards", "l": "length"}.get(name, name), table.assign(value=values)[FIELDS].dropna()


def _evaluations(files: list[Path]) -> Iterator[tuple[str, pd.DataFrame]]:
    names = {"results": "eval/mean_reward", "ep_lengths": "eval/mean_ep_length", "successes": "eval/success_rate"}
    try:
        with np.load(files[0], allow_pickle=False) as data:
            for key in names.keys() & set(data.files):
                values = {"step": data["timesteps"], "value": data[key].mean(axis=1)}
                yield names[key], pd.DataFrame({"wall_time": np.nan, **values})
    except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        raise _unreadable(files[0]) from error


def _unreadable(file: Path) -> ValueError:
    return ValueError(
        f"{str(file)!r} está dañado o no es un registro. Un CSV de métricas tiene las columnas {COLUMNS}: expórtelo de "
        "nuevo con export_csv o descárguelo de TensorBoard. También se leen progress.csv, monitor.csv y evaluations.npz"
        ", los de SB3."
    )


_READERS = {"events": _events, "progress": _progress, "download": _downloads, "evaluations": _evaluations}
_READERS |= {"monitor": _monitor, "metrics": _downloads}
