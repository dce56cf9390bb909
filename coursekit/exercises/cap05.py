"""Ejercicios del capítulo 5: el atraso de una curva suavizada y desde cuándo se supera una marca."""

from coursekit.exercises.checking import call, expect, number, section
from coursekit.metrics import smooth

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
