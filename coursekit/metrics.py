"""Las métricas: de los archivos de eventos de TensorBoard a CSV, a una tabla y a figuras."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.runs import Run, atomic

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Nombre de cada archivo → etiqueta con la que SB3 escribe esa métrica en TensorBoard.
TAGS = {
    "rewards": "rollout/ep_rew_mean",
    "epsilon": "rollout/exploration_rate",
    "loss": "train/loss",
    "length": "rollout/ep_len_mean",
}
COLUMNS = ["Wall time", "Step", "Value"]
LABELS = {
    "rewards": "Puntaje medio\n(100 partidas)",
    "epsilon": "ε",
    "loss": "Pérdida",
    "length": "Duración\n(cuadros)",
}


def export_csv(run: Run | str | Path) -> dict[str, Path]:
    """Pasa a CSV las métricas que TensorBoard guardó en la corrida, sin descartar ningún punto.

    Escribe `metrics/rewards.csv`, `epsilon.csv`, `loss.csv` y `length.csv` con las columnas `Wall time` (segundos
    desde 1970), `Step` (pasos del agente) y `Value`, como el botón de descarga de la página de TensorBoard. Devuelve
    nombre → archivo de las métricas que había (un entrenamiento muy corto puede no tener todas).

    Lanza `FileNotFoundError` si la corrida no tiene archivos de eventos y `ValueError` si los tiene de varios
    entrenamientos; entonces no escribe nada.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = run if isinstance(run, Run) else Run(run)
    if not any(run.tensorboard.rglob("*tfevents*")):
        raise FileNotFoundError(
            f"No hay archivos de eventos de TensorBoard en {str(run.tensorboard)!r}: "
            "entrene primero, o revise que la carpeta sea la de la corrida."
        )
    folders = sorted({file.parent for file in run.tensorboard.rglob("*tfevents*")})
    if len(folders) > 1:
        raise ValueError(
            f"{str(run.tensorboard)!r} tiene los eventos de varios entrenamientos ({[f.name for f in folders]}) y sus "
            "curvas se mezclarían: deje uno solo."
        )
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # avisa, en inglés, de cada entrenamiento retomado
    events = EventAccumulator(str(folders[0]), size_guidance={"scalars": 0})  # 0: guardar todos los puntos
    events.Reload()
    written = {}
    for name, tag in TAGS.items():
        if tag in events.Tags()["scalars"]:
            points = [(event.wall_time, event.step, event.value) for event in events.Scalars(tag)]
            path = run.metrics / f"{name}.csv"
            with atomic(path) as temporary:
                pd.DataFrame(points, columns=COLUMNS).to_csv(temporary, index=False)
            written[name] = path
    return written


def read_metrics(source: Run | str | Path) -> pd.DataFrame:
    """Las métricas en una tabla ordenada: una fila por punto, con `metric`, `step`, `value` y `wall_time`.

    `source` es una corrida, una carpeta de archivos CSV o un solo CSV: tanto los de `export_csv` como los que se
    descargan de la página de TensorBoard. `metric` es `"rewards"`, `"epsilon"`, `"loss"` o `"length"`, y el nombre
    del archivo cuando no es ninguna de esas.

    Lanza `FileNotFoundError` si no hay CSV y `ValueError` si a alguno le faltan columnas.
    """
    path = Path(source)
    folder = path / "metrics" if (path / "metrics").is_dir() else path
    files = [folder] if folder.is_file() else sorted(folder.glob("[!.]*.csv"))
    if not files:
        raise FileNotFoundError(
            f"No hay métricas en {str(path)!r}: si la corrida tiene archivos de eventos, export_csv las escribe."
        )
    tables = []
    for file in files:
        try:
            table = pd.read_csv(file)
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError):
            table = pd.DataFrame()
        missing = [column for column in COLUMNS if column not in table]
        if missing:
            raise ValueError(
                f"A {str(file)!r} le faltan las columnas {missing}; un CSV de métricas tiene {COLUMNS}: "
                "expórtelo de nuevo con export_csv o descárguelo de la página de TensorBoard."
            )
        known = (name for name, tag in TAGS.items() if file.stem == name or tag.replace("/", "_") in file.stem)
        table = table[COLUMNS].set_axis(["wall_time", "step", "value"], axis="columns")
        tables.append(table.assign(metric=next(known, file.stem)))
    return pd.concat(tables, ignore_index=True)[["metric", "step", "value", "wall_time"]]


def smooth(values, smoothing: float = 0.9) -> pd.Series:
    """Media móvil exponencial sin sesgo inicial: la misma del control *Smoothing* de TensorBoard.

    `smoothing` va de 0.0 (los datos tal cual) a menos de 1.0 (cada vez más lisa y más atrasada).
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing={smoothing!r} no es posible: use un número desde 0.0 y menor que 1.0.")
    return pd.Series(values).ewm(alpha=1.0 - smoothing, adjust=True).mean()


def plot_metrics(
    runs: Run | str | Path | list | Mapping[str, Run | str | Path],
    metrics: tuple[str, ...] = ("rewards", "epsilon", "loss"),
    smoothing: float = 0.9,
) -> Figure:
    """Dibuja métricas sobre los pasos del agente: una fila por métrica, una curva por corrida.

    Parámetros
    ----------
    runs: una corrida, una lista de corridas o un diccionario etiqueta → corrida.
    metrics: qué dibujar, de arriba abajo: `"rewards"`, `"epsilon"`, `"loss"`, `"length"`.
    smoothing: como en `smooth`; la curva lisa va sobre la cruda, que queda tenue. ε nunca se suaviza.

    Lanza los errores de `read_metrics`, y `ValueError` si ninguna corrida tiene alguna de las métricas pedidas.
    """
    import matplotlib.pyplot as plt

    if not isinstance(runs, Mapping):
        listed = [Path(run) for run in (runs if isinstance(runs, (list, tuple)) else [runs])]
        unique = len({path.name for path in listed}) == len(listed)
        runs = {path.name if unique else str(path): path for path in listed}
    tables = {label: read_metrics(run) for label, run in runs.items()}
    known = {name for table in tables.values() for name in table["metric"]}
    absent = [name for name in metrics if name not in known]
    if absent or not metrics:
        raise ValueError(f"Ninguna corrida tiene las métricas {absent}; las que hay son {sorted(known)}.")

    use_style()
    height = 1.0 + 1.6 * len(metrics)
    figure, axes = plt.subplots(len(metrics), 1, sharex=True, squeeze=False, figsize=(7.2, height))
    for axis, name in zip(axes[:, 0], metrics, strict=True):
        for label, table in tables.items():
            rows = table[table["metric"] == name].sort_values("step", kind="stable")
            values = rows["value"] if name == "epsilon" else smooth(rows["value"], smoothing)
            (line,) = axis.plot(rows["step"], values, label=label)
            axis.plot(rows["step"], rows["value"], color=line.get_color(), alpha=0.25, linewidth=0.8, linestyle="-")
        axis.set_ylabel(LABELS.get(name, name))
    axes[-1, 0].set_xlabel("Pasos del agente")
    axes[-1, 0].xaxis.set_major_formatter(_steps)
    if len(tables) > 1:
        axes[0, 0].legend()
    figure.align_ylabels()
    return figure


def _steps(value: float, _position: int) -> str:
    """1500 → «1.5 k», 2000000 → «2 M»."""
    for size, suffix in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def use_style() -> None:
    """Pone el estilo de figuras del curso: colores aptos para daltónicos, letra y tamaño para el ancho del libro."""
    import matplotlib.pyplot as plt

    plt.style.use("coursekit.curso")
