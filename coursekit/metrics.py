"""Las métricas: de los registros de un entrenamiento a CSV, a una tabla y a figuras."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.runs import Run, atomic, find_name
from coursekit.training.logs import COLUMNS, TAGS, Log, find_logs, metric_name, read_logs

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "TAGS", "export_csv", "plot_metrics", "read_metrics", "smooth", "use_style"]
DEFAULT = ("rewards", "epsilon", "loss")
LABELS = {"rewards": "Puntaje", "epsilon": "ε", "loss": "Pérdida", "length": "Duración"}
COURSE = {"rewards": "Puntaje medio\n(100 partidas)", "length": "Duración\n(cuadros)"}  # así las anota `train`
AXES = {"steps": "Pasos del agente", "episodes": "Partidas", "hours": "Horas de reloj"}


def export_csv(
    source: Run | str | Path,
    out: str | Path | None = None,
    *,
    only: Iterable[str] | None = None,
    empty_ok: bool = False,
) -> dict[str, Path]:
    """Pasa a CSV todos los escalares de uno o varios entrenamientos, sin descartar ningún punto.

    Escribe un archivo por métrica con las columnas `Wall time`, `Step` y `Value` de la página de TensorBoard. Los
    nombres son `rewards`, `length`, `epsilon` y `loss`, de SB3 o de CleanRL, y para lo demás los de su etiqueta:
    `train/learning_rate` es `train_learning_rate.csv`.

    `source` es como en `read_metrics`; `out`, dónde escribir (`metrics/`, en la carpeta de cada entrenamiento; si hay
    varios, cada uno en la suya); `only`, las únicas métricas que interesan; `empty_ok` acepta que no haya ninguna.

    Devuelve nombre → archivo (`"DQN_1/rewards"`, si hay varios entrenamientos). Lanza los errores de `read_metrics` y,
    sin escribir nada, `FileExistsError` si un archivo ya existe y es de otra cosa: el nuevo no lo contiene entero, y no
    es, en `metrics/`, un CSV de estas columnas. El `metrics/` de una corrida de coursekit siempre se renueva.
    """
    logs = find_logs(source, exported=False)
    written, texts, homes = {}, {}, [log.home for log in logs]
    for log, tables in read_logs(logs, source, empty_ok):
        folder = log.home / "metrics" if out is None else Path(out)
        folder /= log.name if homes.count(log.home) > 1 or (out is not None and len(logs) > 1) else ""
        for name in tables if only is None else [name for name in map(metric_name, only) if name in tables]:
            path = written[name if len(logs) == 1 else f"{log.name}/{name}"] = folder / f"{name}.csv"
            texts[path] = tables[name].to_csv(index=False, header=COLUMNS, lineterminator="\n").encode()
            before = path.read_bytes() if path.exists() else b""
            ours = out is None and (log.ours or before.startswith(",".join(COLUMNS).encode()))
            if not ours and not texts[path].startswith(before):
                raise FileExistsError(f"{str(path)!r} ya existe y es de otra cosa: muévalo o exporte a otra carpeta.")
    for path, text in texts.items():
        with atomic(path) as temporary:
            temporary.write_bytes(text)
    return written


def read_metrics(source: Run | str | Path) -> pd.DataFrame:
    """Las métricas en una tabla: una fila por punto, con `metric`, `step`, `value`, `wall_time` y `run`.

    `source` es una corrida, el `tensorboard_log` de SB3 o una de sus carpetas (`DQN_1`), un archivo de eventos de
    cualquier programa, los CSV de `export_csv` o de la página de TensorBoard, `progress.csv`, `monitor.csv`,
    `evaluations.npz`, o una carpeta con todo eso: cada carpeta es un entrenamiento y `run`, su nombre.

    `metric` es el nombre que da `export_csv`. De `monitor.csv`, `rewards` y `length` son de cada partida, como en el
    `load_results` de SB3, y `step`, la suma de sus duraciones (en Atari, cuadros). De `evaluations.npz`, la media de
    cada evaluación: `eval_mean_reward` y `eval_mean_ep_length`. `wall_time` son segundos desde 1970; desde el comienzo,
    en `progress.csv`; NaN, en `evaluations.npz`. Si dos formatos traen la misma métrica, véase `read_log`.

    Lanza `FileNotFoundError` si no hay registros y `ValueError` si están dañados o no tienen ningún escalar.
    """
    read = read_logs(find_logs(source), source)
    rows = [table.assign(metric=name, run=log.name) for log, tables in read for name, table in tables.items()]
    return pd.concat(rows, ignore_index=True)[["metric", "step", "value", "wall_time", "run"]]


def smooth(values, smoothing: float = 0.9) -> pd.Series:
    """Media móvil exponencial sin sesgo inicial: la misma del control *Smoothing* de TensorBoard.

    `smoothing` va de 0.0 (los datos tal cual) a menos de 1.0 (cada vez más lisa y más atrasada).
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing={smoothing!r} no es posible: use un número desde 0.0 y menor que 1.0.")
    return pd.Series(values).ewm(alpha=1.0 - smoothing, adjust=True).mean()


def plot_metrics(
    runs: Run | str | Path | Iterable | Mapping,
    metrics: str | Iterable[str] | None = None,
    smoothing: float = 0.9,
    x: str = "steps",
) -> Figure:
    """Dibuja métricas: una fila por métrica y una curva por entrenamiento, con el estilo de figuras del curso.

    Parámetros
    ----------
    runs: lo que acepta `read_metrics`, una lista de eso o un diccionario etiqueta → eso o lista. Los entrenamientos de
        una etiqueta son semillas: se dibuja su media y una banda de mínimo a máximo, en los pasos que todos abarcan;
        donde uno no anotó, se interpola entre sus puntos vecinos.
    metrics: qué dibujar, de arriba abajo, por el nombre de `export_csv` o por su etiqueta (`"train/loss"`). Si no se
        dice, puntaje, ε y pérdida: la que falte se avisa, y si faltan las tres se dibuja todo.
    smoothing: como en `smooth`; la curva lisa va sobre la cruda, que queda tenue. ε nunca se suaviza.
    x: `"steps"`, `"episodes"` (partidas terminadas) u `"hours"` (desde el primer punto, con las pausas).

    Lanza los errores de `read_metrics`, y `ValueError` si ninguno tiene una métrica pedida o si no dice sus partidas.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import EngFormatter

    x = find_name(x, AXES, "el eje")
    curves = _by_label(runs)
    pairs = [*chain(*curves.values())]
    names = _choose(metrics, sorted({name for _, tables in pairs for name in tables}))
    labels = LABELS | (COURSE if all(log.ours for log, _ in pairs) else {})
    with plt.style.context("coursekit.curso"):
        figure, axes = plt.subplots(len(names), 1, sharex=True, squeeze=False, figsize=(7.2, 1.0 + 1.6 * len(names)))
        for axis, name in zip(axes[:, 0], names, strict=True):
            for label, group in curves.items():
                rows = [_along(log, tables, name, x) for log, tables in group if name in tables]
                _draw(axis, label, rows, 0.0 if name == "epsilon" else smoothing)
            axis.set_ylabel(labels.get(name, name))
        axes[-1, 0].set_xlabel("Pasos" if x == "steps" and any(log.by_episode for log, _ in pairs) else AXES[x])
        if x != "hours":
            axes[-1, 0].xaxis.set_major_formatter(EngFormatter(sep=" "))  # 1500 → «1.5 k», 2000000 → «2 M»
        if len(curves) > 1:
            axes[0, 0].legend()
        figure.align_ylabels()
    return figure


def _by_label(runs) -> dict[str, list[tuple[Log, dict[str, pd.DataFrame]]]]:
    """Etiqueta → sus entrenamientos, con sus tablas."""
    if isinstance(runs, Mapping):
        return {label: [*chain(*_by_label(sources).values())] for label, sources in runs.items()}
    sources = [runs] if isinstance(runs, (str, os.PathLike)) else runs
    pairs = [pair for source in sources for pair in read_logs(find_logs(source), source)]
    names = [log.name for log, _ in pairs]
    return {pair[0].name if names.count(pair[0].name) == 1 else str(pair[0].home): [pair] for pair in pairs}


def _choose(metrics: str | Iterable[str] | None, known: list[str]) -> list[str]:
    """Las métricas que se dibujan, de las que hay."""
    if not known:
        raise ValueError("No se dio ningún registro que dibujar: dé una corrida, una carpeta o una lista de ellas.")
    asked = [metrics] if isinstance(metrics, str) else list(DEFAULT if metrics is None else metrics)
    names = list(dict.fromkeys(map(metric_name, asked)))
    absent = [name for name in names if name not in known]
    if metrics is None and 0 < len(absent) < len(names):
        print(f"Sin dibujar, porque ninguna corrida la tiene: {', '.join(absent)}.")
    if metrics is None:
        return [name for name in names if name in known] or known
    if absent or not names:
        near = [difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0] for name in absent]
        raise ValueError(f"Ninguna corrida tiene las métricas {absent}; las más parecidas son {near} (hay {known}).")
    return names


def _along(log: Log, tables: dict[str, pd.DataFrame], name: str, x: str) -> pd.DataFrame:
    """La métrica ordenada, con la columna `x` en pasos, partidas u horas."""
    rows = tables[name].sort_values("step", kind="stable")
    episodes = tables.get("time_episodes", pd.DataFrame({"step": [0], "value": np.nan}))
    if log.by_episode:
        episodes = tables["rewards"].sort_values("step").assign(value=lambda table: np.arange(1, len(table) + 1))
    start = pd.Series([table["wall_time"].min() for table in tables.values()]).min()
    along = {
        "steps": rows["step"],
        "hours": (rows["wall_time"] - start) / 3600,
        "episodes": np.interp(rows["step"], episodes["step"], episodes["value"]),
    }
    if np.isnan(along[x]).any():
        raise ValueError(f"{log.name!r} no dice a qué {AXES[x].lower()} corresponden sus puntos: use x='steps'.")
    return rows.assign(x=along[x])


def _draw(axis, label: str, curves: list[pd.DataFrame], smoothing: float) -> None:
    """Una curva con su cruda tenue o, si son varias semillas, su media y la banda de mínimo a máximo."""
    if not curves:
        axis.plot([], label=label)  # para que conserve su color y su lugar en la leyenda
        return
    smoothed = [smooth(rows["value"], smoothing).groupby(rows["x"]).mean() for rows in curves]
    first, last = max(curve.index[0] for curve in smoothed), min(curve.index[-1] for curve in smoothed)
    if first > last:
        raise ValueError(f"Las corridas de {label!r} no tienen ningún tramo en común: dibújelas por separado.")
    grid = np.unique(np.concatenate([curve.index for curve in smoothed]))
    grid = grid[(grid >= first) & (grid <= last)]
    values = np.array([np.interp(grid, curve.index, curve) for curve in smoothed])
    (line,) = axis.plot(grid, values.mean(axis=0), label=label)
    if len(curves) > 1:
        axis.fill_between(grid, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0)
    else:
        axis.plot(curves[0]["x"], curves[0]["value"], color=line.get_color(), alpha=0.25, linewidth=0.8, linestyle="-")


def use_style() -> None:
    """Pone el estilo de figuras del curso: colores aptos para daltónicos, letra y tamaño para el ancho del libro."""
    import matplotlib.pyplot as plt

    plt.style.use("coursekit.curso")
