"""Ensayos: qué dio cada receta en varias corridas, con una semilla cada una (`trials`).

`python -m coursekit.comparison.trials CARPETA` imprime la tabla.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from coursekit.metrics import read_metrics
from coursekit.runs import Run

import pandas as pd

#: Cuánto antes de un corte puede terminar una corrida y contar todavía: las métricas se anotan cada 1,000 pasos.
TOLERANCE = {"steps": 2_000, "minutes": 0.5}


def trials(
    folder: str | Path, at: Iterable[float] = (100_000, 250_000, 500_000), *, x: str = "steps", metric: str = "rewards"
) -> pd.DataFrame:
    """Una fila por corrida de `folder`, con el valor de `metric` en cada corte de `at`.

    Las columnas son `recipe` (el nombre de la carpeta sin su `-s<semilla>`), `seed`, `steps`, `hours` y `core_hours`
    (de reloj y de procesador, sumas de los tramos de `run.json`; las segundas no cuentan lo que se esperó a otros
    programas) y una por corte, con el último valor anotado hasta él, o NaN si la corrida no llegó. Los cortes son pasos
    del agente o, con `x="minutes"`, minutos desde el primer punto anotado, con las pausas. En `rewards` cada valor
    es el puntaje medio de las últimas 100 partidas de entrenamiento.

    Lanza `FileNotFoundError` si en `folder` no hay corridas y los errores de `read_metrics`.
    """
    rows = []
    for path in sorted(Path(folder).glob("[!.]*/run.json")):  # lo que comienza con punto está a medias
        info = Run(path.parent).info
        points = read_metrics(path.parent).query("metric == @metric").sort_values("step")
        along = points["step"] if x == "steps" else (points["wall_time"] - points["wall_time"].min()) / 60
        reached = [cut for cut in at if along.min() <= cut <= along.max() + TOLERANCE[x]]
        values = {cut: points.loc[along <= cut, "value"].iloc[-1] for cut in reached}
        spent = pd.DataFrame(info["segments"]).reindex(columns=["seconds", "cpu_seconds"]).astype(float) / 3600
        hours = {"hours": spent["seconds"].sum(), "core_hours": spent["cpu_seconds"].sum(min_count=1)}
        recipe = re.sub(r"-s\d+$", "", path.parent.name)
        rows.append({"recipe": recipe, "seed": info["seed"], "steps": info["steps"], **hours, **values})
    if not rows:
        raise FileNotFoundError(f"En {str(folder)!r} no hay corridas: cada una es una carpeta con su run.json.")
    return pd.DataFrame(rows)


if __name__ == "__main__":
    if sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    try:
        print(trials(sys.argv[1] if len(sys.argv) > 1 else ".").round(2).to_string(index=False))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
