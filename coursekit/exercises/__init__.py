"""Las respuestas de los ejercicios: `comprobar("3.2", respuesta)` dice si está bien y, si no, dónde mirar.

Las comprobaciones de cada capítulo están en su módulo (`cap03` tiene las del capítulo 3), en una función por ejercicio.
No guardan respuestas: juegan, cuentan y prueban lo que reciben con datos que hacen ahí mismo.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from coursekit.exercises.checking import BLANK, Pending, Wrong, is_blank
from coursekit.exercises.diagram import dqn_diagram
from coursekit.exercises.guess import contrastar
from coursekit.exercises.scoreboard import anotar, marcador

__all__ = ["Verdict", "anotar", "comprobar", "contrastar", "dqn_diagram", "marcador"]

RIGHT, WRONG, PENDING = "correcto", "todavía no es correcto", "todavía no hay respuesta"
_MARKS = {RIGHT: "✔", WRONG: "✘", PENDING: "○"}


@dataclass(frozen=True)
class Verdict:
    """El resultado de `comprobar`: vale como verdadero solo si la respuesta es correcta, y se muestra como texto."""

    exercise: str
    outcome: str
    message: str

    def __bool__(self) -> bool:
        return self.outcome == RIGHT

    def __repr__(self) -> str:
        return f"{_MARKS[self.outcome]} Ejercicio {self.exercise}: {self.outcome}. {self.message}"

    def _repr_markdown_(self) -> str:
        return f"{_MARKS[self.outcome]} **Ejercicio {self.exercise}: {self.outcome}.** {self.message}"


def comprobar(exercise: str, answer) -> Verdict:
    """Comprueba la respuesta de un ejercicio del libro.

    Parámetros
    ----------
    exercise: el número del ejercicio, como `"3.2"`.
    answer: la respuesta: un número, un arreglo o la función misma, sin llamarla.

    Una respuesta que falta, que está mal o que falla no interrumpe el cuaderno: se explica, y el resultado vale como
    falso. Lanza `ValueError` si el ejercicio no existe.
    """
    check = _check_of(exercise)
    if is_blank(answer):
        return Verdict(exercise, PENDING, BLANK)
    try:
        return Verdict(exercise, RIGHT, check(answer))
    except Pending as pending:
        return Verdict(exercise, PENDING, str(pending))
    except Wrong as wrong:
        return Verdict(exercise, WRONG, f"{wrong} Mira «{check.section}».")


def _check_of(exercise: str):
    """La función que comprueba un ejercicio: la de "3.2" es `cap03.exercise_2`."""
    chapter, _, number = str(exercise).partition(".")
    name = f"{__name__}.cap{chapter:0>2}"
    module = import_module(name) if chapter.isdigit() and find_spec(name) else None
    check = getattr(module, f"exercise_{number}", None)
    if check is None:
        known = [f"{chapter}.{name[9:]}" for name in dir(module) if name.startswith("exercise_")]
        hint = f"en ese capítulo se comprueban {', '.join(known)}" if known else 'el número se escribe como en "3.2"'
        raise ValueError(f"No hay nada que comprobar en el ejercicio {exercise!r}: {hint}.")
    return check
