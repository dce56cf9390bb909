"""Repite el experimento del ejercicio 4.5: el mismo DQN con una actualización cada 16 transiciones o cada 64.

    python book/runs/proporcion/repetir.py

Escribe puntajes.csv y experimento.json al lado de este archivo; tarda cerca de un minuto en un núcleo.
"""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

from coursekit.comparison.algorithms import make_agent, play
from coursekit.runs import machine, versions

import torch

SEMILLAS, PASOS = range(8), 5_000
FILAS = Path(__file__).with_name("puntajes.csv")


def atrapadas(train_freq: int, semilla: int) -> float:
    """La parte que atrapa, de 200 pelotas, un DQN entrenado en «atrapa» con 16 ambientes."""
    cambios = {"train_freq": train_freq, "exploration_steps": PASOS // 2, "learning_rate": 3e-3}
    agente = make_agent("dqn", "atrapa", PASOS, seed=semilla, **cambios)
    agente.learn(PASOS)
    return float((play(agente, "atrapa", 200)["score"] > 0).mean())


if __name__ == "__main__":
    torch.set_num_threads(1)
    with FILAS.open("w", newline="", encoding="utf-8") as archivo:
        tabla = csv.writer(archivo, lineterminator="\n")
        tabla.writerow(["train_freq", "semilla", "atrapadas"])
        for semilla in SEMILLAS:
            for train_freq in (1, 4):
                tabla.writerow([train_freq, semilla, atrapadas(train_freq, semilla)])
                archivo.flush()
    nota = {"command": "python book/runs/proporcion/repetir.py", "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    nota |= {"seeds": len(SEMILLAS), "steps": PASOS, "versions": versions(), "machine": machine()}
    FILAS.with_name("experimento.json").write_text(json.dumps(nota, indent=2) + "\n", encoding="utf-8")
