"""Las métricas: de los registros de un entrenamiento a CSV, a una tabla y a figuras."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.runs import Run, atomic, find_name
from coursekit.training.logs import COLUMNS, FIELDS, TAGS, Log, find_logs, metric_name, read_log

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "TAGS", "export_csv", "plot_metrics", "read_metrics", "smooth", "use_style"]
Source = Run | str | Path
DEFAULT = ("rewards", "epsilon", "loss")
LABELS = {"rewards": "Puntaje", "epsilon": "ε", "loss": "Pérdida", "length": "Duración"}
COURSE = {"rewards": "Puntaje medio\n(100 partidas)", "length": "Duración\n(cuadros)"}  # así las anota `train`
AXES = {"steps": "Pasos del agente", "episodes": "Partidas", "hours": "Horas de reloj"}


def export_csv(
    source: Source, out: str | Path | None = None, *, only: Iterable[str] | None = None, empty_ok: bool = False
) -> dict[str, Path]:
    """Pasa a CSV todos los escalares de un entrenamiento, o de varios, sin descartar ningún punto.

    Escribe un archivo por métrica con las columnas `Wall time` (segundos desde 1970), `Step` (pasos) y `Value`, como
    el botón de descarga de TensorBoard. `rewards`, `length`, `epsilon` y `loss` se llaman así las haya escrito SB3 o
    CleanRL; lo demás, como su etiqueta: `train/learning_rate` es `train_learning_rate.csv`.

    Parámetros
    ----------
    source: como en `read_metrics`.
    out: carpeta donde escribir. Si no se da, `metrics/` en la carpeta de cada entrenamiento; varios entrenamientos
        van cada uno en su carpeta.
    only: nombres de las únicas métricas que interesan. empty_ok: no es un error que no haya ninguna.

    Devuelve nombre → archivo (`"DQN_1/rewards"`, si hay varios entrenamientos). Un archivo que ya existe se reemplaza
    si el nuevo lo contiene entero o si está en `metrics/` y es una tabla de estas columnas; en una corrida de
    coursekit, siempre.

    Lanza los errores de `read_metrics` y `FileExistsError` si un archivo es de otra cosa; entonces no escribe nada.
    """
    logs = find_logs(source, exported=False)
    homes = [log.home for log in logs]
    written, texts = {}, {}
    for log, tables in _tables(logs, source, empty_ok):
        folder = log.home / "metrics" if out is None else Path(out)
        folder /= log.name if homes.count(log.home) > 1 or (out is not None and len(logs) > 1) else ""
        for name in tables if only is None else [name for name in map(metric_name, only) if name in tables]:
            path = written[name if len(logs) == 1 else f"{log.name}/{name}"] = folder / f"{name}.csv"
            texts[path] = (
                tables[name].set_axis(COLUMNS, axis="columns").to_csv(index=False, lineterminator="\n").encode()
            )
            before = path.read_bytes() if path.exists() else b""
            own = out is None and (log.ours or before.startswith(",".join(COLUMNS).encode()))
            if not own and not texts[path].startswith(before):
                raise FileExistsError(f"{str(path)!r} ya existe y es de otra cosa: muévalo o exporte a otra carpeta.")
    for path, text in texts.items():
        with atomic(path) as temporary:
            temporary.write_bytes(text)
    return written


def read_metrics(source: Source) -> pd.DataFrame:
    """Las métricas en una tabla: una fila por punto, con `metric`, `step`, `value`, `wall_time` y `run`.

    `source` es una corrida, la carpeta que recibió `tensorboard_log` en SB3 o una de las suyas (`DQN_1`), un archivo
    de eventos de cualquier programa, los CSV de `export_csv` o de la página de TensorBoard, `progress.csv`,
    `monitor.csv` o `evaluations.npz`, o una carpeta con todo eso: cada carpeta es un entrenamiento, y `run`, su nombre.

    `metric` es el nombre que da `export_csv`. De `monitor.csv`, `rewards` y `length` son de cada partida, en el orden
    de `load_results` de SB3, y `step`, la suma de sus duraciones (en Atari, cuadros). De `evaluations.npz`,
    `eval_mean_reward` y `eval_mean_ep_length` son la media de cada evaluación. `wall_time` son segundos desde 1970;
    en `progress.csv`, desde el comienzo, y `evaluations.npz` no lo trae (NaN).
    Si una carpeta trae la misma métrica en dos formatos, vale el primero: eventos, progress.csv, CSV descargados,
    evaluations.npz, monitor.csv. De una corrida de coursekit se lee su `metrics/`, si lo tiene.

    Lanza `FileNotFoundError` si no hay registros y `ValueError` si están dañados o no tienen ningún escalar.
    """
    rows = [
        table.assign(metric=name, run=log.name)
        for log, tables in _tables(find_logs(source), source)
        for name, table in tables.items()
    ]
    return pd.concat(rows, ignore_index=True)[["metric", "step", "value", "wall_time", "run"]]


def _tables(logs: list[Log], source: Source, empty_ok: bool = False) -> list[tuple[Log, dict[str, pd.DataFrame]]]:
    """Cada entrenamiento con sus métricas; los que no tienen ninguna no cuentan, si alguno tiene."""
    read = [(log, read_log(log)) for log in logs]
    full = [(log, {name: table for name, table in tables.items() if len(table)}) for log, tables in read]
    if not any(tables for _, tables in full) and not empty_ok:
        seen = sorted({name for _, tables in read for name in tables})
        raise ValueError(f"No hay ningún escalar en {str(Path(source))!r}; lo que hay es {seen or 'nada todavía'}.")
    return [(log, tables) for log, tables in full if tables]


def smooth(values, smoothing: float = 0.9) -> pd.Series:
    """Media móvil exponencial sin sesgo inicial: la misma del control *Smoothing* de TensorBoard.

    `smoothing` va de 0.0 (los datos tal cual) a menos de 1.0 (cada vez más lisa y más atrasada).
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing={smoothing!r} no es posible: use un número desde 0.0 y menor que 1.0.")
    return pd.Series(values).ewm(alpha=1.0 - smoothing, adjust=True).mean()


def plot_metrics(
    runs: Source | Iterable[Source] | Mapping[str, Source | Iterable[Source]],
    metrics: str | Iterable[str] | None = None,
    smoothing: float = 0.9,
    x: str = "steps",
) -> Figure:
    """Dibuja métricas: una fila por métrica y una curva por entrenamiento, con el estilo de figuras del curso.

    Parámetros
    ----------
    runs: lo que acepta `read_metrics`, una lista de eso o un diccionario etiqueta → eso o lista. Los entrenamientos de
        una misma etiqueta se toman por semillas: se dibuja su media y una banda del mínimo al máximo, en los pasos que
        todos abarcan; donde uno no anotó se interpola entre sus puntos vecinos.
    metrics: qué dibujar, de arriba abajo, por el nombre de `export_csv` o por su etiqueta (`"train/loss"`). Si no se
        dice, puntaje, ε y pérdida: la que falte se avisa, y si faltan las tres se dibuja todo lo que haya.
    smoothing: como en `smooth`; la curva lisa va sobre la cruda, que queda tenue. ε nunca se suaviza.
    x: `"steps"`, `"episodes"` (partidas terminadas) u `"hours"` (horas desde el primer punto, con sus pausas).

    Lanza los errores de `read_metrics`, y `ValueError` si ningún entrenamiento tiene una de las métricas pedidas o si
    alguno no dice sus partidas o su hora.
    """
    import matplotlib.pyplot as plt

    x = find_name(x, AXES, "el eje")
    curves = _by_label(runs)
    everything = [pair for pairs in curves.values() for pair in pairs]
    names = _choose(metrics, sorted({name for _, tables in everything for name in tables}))
    labels = LABELS | (COURSE if all(log.ours for log, _ in everything) else {})
    with plt.style.context("coursekit.curso"):
        figure, axes = plt.subplots(len(names), 1, sharex=True, squeeze=False, figsize=(7.2, 1.0 + 1.6 * len(names)))
        for axis, name in zip(axes[:, 0], names, strict=True):
            for label, pairs in curves.items():
                weight = 0.0 if name == "epsilon" else smoothing
                _draw(axis, label, [_along(log, tables, name, x) for log, tables in pairs if name in tables], weight)
            axis.set_ylabel(labels.get(name, name))
        axes[-1, 0].set_xlabel(AXES[x] if x != "steps" or all(not log.by_episode for log, _ in everything) else "Pasos")
        if x != "hours":
            axes[-1, 0].xaxis.set_major_formatter(_short)
        if len(curves) > 1:
            axes[0, 0].legend()
        figure.align_ylabels()
    return figure


def _by_label(runs) -> dict[str, list[tuple[Log, dict[str, pd.DataFrame]]]]:
    """Etiqueta → sus entrenamientos, con sus tablas."""
    groups = runs if isinstance(runs, Mapping) else {"": runs}
    read = {}
    for label, sources in groups.items():
        sources = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
        read[label] = [pair for source in sources for pair in _tables(find_logs(source), source)]
    if isinstance(runs, Mapping):
        return read
    names = [log.name for log, _ in read[""]]
    return {log.name if names.count(log.name) == 1 else str(log.home): [(log, tables)] for log, tables in read[""]}


def _choose(metrics: str | Iterable[str] | None, known: list[str]) -> list[str]:
    """Las métricas que se dibujan, de las que hay."""
    asked = DEFAULT if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    names = list(dict.fromkeys(map(metric_name, asked)))
    absent = [name for name in names if name not in known]
    if metrics is None:
        if absent and len(absent) < len(names):
            print(f"Sin dibujar, porque ninguna corrida la tiene: {', '.join(absent)}.")
        return [name for name in names if name in known] or known
    if absent or not names:
        near = [difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0] for name in absent]
        raise ValueError(f"Ninguna corrida tiene las métricas {absent}; las más parecidas son {near} (hay {known}).")
    return names


def _along(log: Log, tables: dict[str, pd.DataFrame], name: str, x: str) -> pd.DataFrame:
    """La métrica ordenada, con la columna `x` en pasos, partidas u horas."""
    rows = tables[name].sort_values("step", kind="stable")
    if x == "steps":
        return rows.assign(x=rows["step"])
    if x == "hours":
        start = min(table["wall_time"].min() for table in tables.values())
        rows = rows.assign(x=(rows["wall_time"] - start) / 3600)
    elif "time_episodes" in tables:
        known = tables["time_episodes"].sort_values("step", kind="stable")
        rows = rows.assign(x=np.interp(rows["step"], known["step"], known["value"]))
    elif log.by_episode:
        steps = tables["rewards"]["step"].sort_values()
        rows = rows.assign(x=np.searchsorted(steps, rows["step"], side="right"))
    if "x" not in rows or rows["x"].isna().any():
        raise ValueError(f"{log.name!r} no dice a qué {AXES[x].lower()} corresponden sus puntos: use x='steps'.")
    return rows


def _draw(axis: Axes, label: str, curves: list[pd.DataFrame], smoothing: float) -> None:
    """Una curva con su cruda tenue o, si son varias semillas, su media y la banda de mínimo a máximo."""
    smoothed = [smooth(rows["value"], smoothing).groupby(rows["x"]).mean() for rows in curves]
    if len(curves) < 2:
        rows = curves[0] if curves else pd.DataFrame(columns=[*FIELDS, "x"], dtype=float)
        (line,) = axis.plot(rows["x"], smooth(rows["value"], smoothing), label=label)
        axis.plot(rows["x"], rows["value"], color=line.get_color(), alpha=0.25, linewidth=0.8, linestyle="-")
        return
    first, last = max(curve.index[0] for curve in smoothed), min(curve.index[-1] for curve in smoothed)
    grid = np.unique(np.concatenate([curve.index for curve in smoothed]))
    grid = grid[(grid >= first) & (grid <= last)]
    if not len(grid):
        raise ValueError(f"Las corridas de {label!r} no tienen ningún tramo en común: dibújelas por separado.")
    values = np.array([np.interp(grid, curve.index, curve) for curve in smoothed])
    (line,) = axis.plot(grid, values.mean(axis=0), label=label)
    axis.fill_between(grid, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0)


def _short(value: float, _position: int) -> str:
    """1500 → «1.5 k», 2000000 → «2 M»."""
    for size, suffix in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def use_style() -> None:
    """Pone el estilo de figuras del curso: colores aptos para daltónicos, letra y tamaño para el ancho del libro."""
    import matplotlib.pyplot as plt

    plt.style.use("coursekit.curso")
