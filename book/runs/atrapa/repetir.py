"""Repite lo que el capítulo 8 publica de «vendaval» y lo escribe en esta carpeta.

    python book/runs/atrapa/repetir.py

Son tres cosas: la cuadrícula de tasas de aprendizaje (`tasas.csv`), la comparación (una carpeta por corrida) y otros tres
competidores (`propuestas.csv`): PPO con otras tandas, y los de los ejercicios, que salen de las celdas «double» y
«torneo» del capítulo. Las dos primeras son órdenes de `coursekit sweep`, que quedan escritas en `experimento.json`. Tarda alrededor de un cuarto de
hora en un núcleo; si se interrumpe, al pedirlo de nuevo sigue donde quedó.
"""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.comparison.algorithms import ALGORITHMS, hyperparameters
from coursekit.comparison.sweep import sweep, train_run
from coursekit.metrics import read_metrics
from coursekit.runs import Run, machine, versions

import nbformat
import pandas as pd
import torch
from stable_baselines3 import DQN
from torch import nn

os.chdir(
    Path(__file__).resolve().parents[3]
)  # las órdenes nombran las carpetas desde aquí
HERE = Path("book/runs/atrapa")
NOTEBOOK = Path("book/08_mas_alla_de_dqn.ipynb")
GAME, STEPS, SEEDS = "vendaval", 12_000, 5
RATES, TUNING_SEED = (0.0003, 0.001, 0.003, 0.01, 0.03), 100
NAMES = list(ALGORITHMS)


def curve(run: Run) -> pd.DataFrame:
    """Los puntos de la curva voraz de una corrida, con lo que la distingue; el nombre es el de su carpeta."""
    points = read_metrics(run).query("metric == 'greedy'")[["step", "value"]]
    info = run.info
    rate = info["hyperparameters"]["learning_rate"]
    return points.assign(
        algorithm=info["algorithm"], learning_rate=rate, seed=info["seed"]
    )


def write(name: str, runs: list[Run]) -> list[str]:
    """Escribe las curvas en un CSV y devuelve las órdenes que las hicieron."""
    columns = ["algorithm", "learning_rate", "seed", "step", "value"]
    table = pd.concat([curve(run) for run in runs])[columns].sort_values(columns[:4])
    table.to_csv(HERE / name, index=False, float_format="%.6g")
    return sorted({run.info["command"] for run in runs})


def tune() -> list[Run]:
    runs = []
    for rate in RATES:
        options = {"first_seed": TUNING_SEED, "learning_rate": rate, "workers": 1}
        runs += sweep(HERE / "tasas" / f"{rate:g}", NAMES, [GAME], 1, STEPS, **options)
    return runs


def check_rates() -> None:
    """Que cada algoritmo use la mejor de sus tasas, y que no sea la primera ni la última."""
    means = (
        pd.read_csv(HERE / "tasas.csv")
        .groupby(["algorithm", "learning_rate"])["value"]
        .mean()
        .unstack()
    )
    best = means.idxmax(axis=1).to_dict()
    used = {name: hyperparameters(name, GAME)["learning_rate"] for name in NAMES}
    if best != used or set(best.values()) & {RATES[0], RATES[-1]}:
        raise SystemExit(
            f"Las mejores tasas son {best}: van en `algorithms.py`, y si alguna es un extremo, en RATES."
        )


def contenders(folder: Path) -> list[Run]:
    """PPO con tandas más cortas, y los competidores de los ejercicios 8.3 y 8.4, con las clases que escribe el capítulo."""
    names = {"DQN": DQN, "torch": torch, "nn": nn, "comprobar": lambda *answer: True}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if {"double", "torneo"} & set(cell.metadata.get("tags", ())):
            exec(compile(cell.source, cell.id, "exec"), names)
    ALGORITHMS["double-3pasos"] = (names["MiDoubleDQN"], {"n_steps": 3})
    ALGORITHMS["dueling"] = (names["DuelingSolucion"], {})
    settings = {
        name: (name, hyperparameters(name, GAME))
        for name in ("double-3pasos", "dueling")
    }
    settings["ppo-tandas-20"] = (
        "ppo",
        {**hyperparameters("ppo", GAME), "n_steps": 20, "batch_size": 80},
    )
    runs = []
    for seed in range(SEEDS):
        for name, (algorithm, values) in settings.items():
            runs.append(Run(folder / f"{GAME}-{name}-{seed}"))
            train_run(
                str(runs[-1].path),
                GAME,
                algorithm,
                seed,
                STEPS,
                values,
                "python book/runs/atrapa/repetir.py",
            )
    return runs


def main() -> None:
    commands = write("tasas.csv", tune())
    check_rates()
    commands += sorted(
        {
            run.info["command"]
            for run in sweep(HERE, NAMES, [GAME], SEEDS, STEPS, workers=1)
        }
    )
    if not (HERE / "propuestas.csv").exists():
        with tempfile.TemporaryDirectory() as folder:
            write("propuestas.csv", contenders(Path(folder)))
    info = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commands": commands,
    }
    info |= {"versions": versions(), "machine": machine()}
    (HERE / "experimento.json").write_text(
        json.dumps(info, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
