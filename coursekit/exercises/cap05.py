"""Ejercicios del capítulo 5: el atraso de una curva suavizada, cuándo se supera una marca y qué delatan las curvas."""

from pathlib import Path

from coursekit.exercises.checking import call, expect, number, section, show
from coursekit.exercises.verdict import check_experiment, describe
from coursekit.metrics import read_metrics, smooth

import numpy as np
import pandas as pd


@section("Suavizar sin mentir")
def exercise_1(delay) -> str:
    delay = number(delay, "una cantidad de pasos")
    rows = int((smooth(np.repeat([0.0, 1.0], 1_000), 0.9) >= 0.5).argmax()) - 1_000
    slips = {
        rows: "esas son filas, y falta pasarlas a pasos",
        (rows + 1) * 5_000: "la fila del cambio es la número cero, y la contaste como una",
        rows * 1_000: "la corrida anota una fila cada 5,000 pasos, no cada 1,000",
        50_000: "1/(1 − β) dice cuánto recuerda la curva, y se pide cuándo recorre la mitad",
    }
    reason = slips.get(delay, "suaviza un escalón con 0.9, cuenta filas desde el cambio hasta 0.5 y pásalas a pasos")
    expect(delay == rows * 5_000, f"No son {delay:,} pasos: {reason}.")
    return f"Son {rows} filas de 5,000 pasos. Con otra frecuencia de anotación, el mismo 0.9 se atrasa otra cosa."


@section("¿Cuándo superó a…?")
def exercise_2(since) -> str:
    def found(scores, none=True):
        steps = range(1_000, 1_000 * len(scores) + 1, 1_000)
        return call(since, pd.Series(scores, steps, dtype=float), 4, none=none)

    step = number(found([1, 5, 2, 6, 7, 8], none=False), "un paso")
    reasons = {
        2_000: "esa es la primera vez, y después vuelve a bajar",
        3_000: "ese es el último por debajo, y se pide el siguiente",
        3: "esa es la posición en la tabla, y el paso es el índice",
        6_000: "ese es el del máximo, y se pide el primero desde el que ya no baja",
    }
    where = "Con puntajes 1, 5, 2, 6, 7, 8 en los pasos 1,000 a 6,000 y marca 4 se espera 4,000"
    expect(step == 4_000, f"{where} y dio {step:,}: {reasons.get(step, 'desde ahí no vuelve a bajar')}.")
    for scores, wanted, why in (
        ([1, 5, 6, 2], None, "la superó, pero termina por debajo"),
        ([1, 2, 3], None, "no llegó nunca"),
        ([5, 6], 1_000, "nunca estuvo por debajo"),
        ([1, 4, 4], 2_000, "quedarse justo en la marca no es bajar de ella"),
    ):
        step = found(scores)
        expect(step == wanted, f"Con puntajes {scores} y marca 4 se espera `{wanted}` y dio `{step}`: {why}.")
    return "Un récord dura un paso; esto dura hasta el final de la corrida."


#: Lo que le puede haber pasado a una corrida anónima → qué decir a quien lo cree de una que no lo tiene.
FAULTS = {
    "actualizaciones": "tiene curva de pérdida, así que la red se actualizó",
    "recompensa": "su pérdida llega a {loss:.2g}, y si todas las recompensas fueran 0 sería casi nula",
    "tasa": "su pérdida no pasa de {loss:.2g}, y con una tasa demasiado alta sería muchas veces la de las demás",
    "reinicio": "su ε nunca vuelve a subir",
    "exploracion": "su ε llega a bajar hasta {lowest:.2f}",
    "sana": "pasó algo, y se ve en {where}",
}
WHERE = {
    "actualizaciones": "lo que le falta a la carpeta",
    "recompensa": "la escala de la pérdida",
    "tasa": "la escala de la pérdida",
    "reinicio": "la curva de ε",
    "exploracion": "la curva de ε",
}


@section("De la tabla a la figura")
def exercise_3(named) -> str:
    letters = [folder.name for folder in sorted(_anonymous().iterdir()) if folder.is_dir()]
    listed = isinstance(named, dict) and set(named) == set(letters)
    expect(listed, f"Se esperaba un diccionario con una respuesta para cada una de {', '.join(letters)}.")
    for letter in letters:
        known = isinstance(named[letter], str) and named[letter] in FAULTS
        expect(known, f"{show(named[letter])}, en {letter}, no es uno de los seis nombres: {', '.join(FAULTS)}.")
    for letter in letters:
        said, (right, seen) = named[letter], _what_happened(letter)
        if said != right:
            reason = FAULTS[said].format(**seen, where=WHERE.get(right, "el puntaje"))
            expect(False, f"De {letter} dijiste {show(said)}, pero {reason}.")
    return "Seis de seis, sin ver nada más que sus curvas. Ahora sí, `repetir.py` cuenta cómo se hizo cada una."


def _anonymous() -> Path:
    here = Path("runs/anonimas")
    return here if here.is_dir() else Path(__file__).resolve().parents[2] / "book" / here


def _what_happened(letter: str) -> tuple[str, dict]:
    """El fallo que se lee en las curvas de una corrida anónima, y los números con los que se lee."""
    curves = {name: rows for name, rows in read_metrics(_anonymous() / letter).groupby("metric")}
    epsilon = curves["epsilon"].set_index("step")["value"]
    loss = curves["loss"]["value"].max() if "loss" in curves else 0.0
    signs = {
        "actualizaciones": "loss" not in curves,
        "recompensa": loss < 0.01,
        "tasa": loss > 1,
        "reinicio": (epsilon.diff() > 0).any(),
        "exploracion": epsilon.min() > 0.5,
        "sana": True,
    }
    return next(fault for fault, shown in signs.items() if shown), {"loss": loss, "lowest": epsilon.min()}


@section("ε: ¿aprende o solo deja de equivocarse?")
def exercise_4(answer) -> str:
    a, b, conclusion = check_experiment(answer, "atrapa")
    inside = all((np.abs(scores) <= 1).all() for scores in (a, b))
    expect(inside, "En «atrapa» la media de las partidas va de −1 a 1: va la de la evaluación voraz de cada semilla.")
    return describe(conclusion)
