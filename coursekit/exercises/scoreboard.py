"""El marcador del curso: los agentes que se arman capítulo a capítulo y sus puntajes (`anotar`, `marcador`)."""

from __future__ import annotations

import json
from pathlib import Path

from coursekit.evaluation import summarize
from coursekit.runs import atomic

import numpy as np
import pandas as pd

FILE = Path("salidas") / "marcador.json"


def anotar(agente: str, juego: str, puntajes, archivo: str | Path = FILE) -> pd.DataFrame:
    """Guarda los puntajes de un agente en un juego, en lugar de los que tuviera, y devuelve el marcador de ese juego.

    Lanza `ValueError` si no hay puntajes o alguno no es un número.
    """
    summarize(puntajes)
    board = _read(archivo)
    board.setdefault(juego, {})[agente] = np.asarray(puntajes, dtype=float).ravel().tolist()
    with atomic(archivo) as temporary:
        temporary.write_text(json.dumps(board, ensure_ascii=False, indent=1), encoding="utf-8")
    return marcador(juego, archivo)


def marcador(juego: str, archivo: str | Path = FILE) -> pd.DataFrame:
    """Los agentes anotados en un juego, del mejor al peor: partidas, media e intervalo del 95 % de la media."""
    rows = {}
    for agent, scores in _read(archivo).get(juego, {}).items():
        summary = summarize(scores)
        rows[agent] = [summary["games"], summary["mean"], summary["ci_low"], summary["ci_high"]]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["partidas", "media", "desde", "hasta"])
    return table.sort_values("media", ascending=False).rename_axis(f"agente ({juego})").round(1)


def _read(path: str | Path) -> dict[str, dict[str, list[float]]]:
    path = Path(path)
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} está dañado (no es JSON válido): bórrelo y vuelva a anotar.") from error
