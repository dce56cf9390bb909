"""Predecir antes de ver: `contrastar(prediccion, resultado)` compara lo que se apostó con lo que salió."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from numbers import Real

from coursekit.exercises.checking import show


@dataclass(frozen=True)
class Contrast:
    """Una palabra sobre la predicción; se muestra como texto y nunca interrumpe el cuaderno."""

    message: str

    def __repr__(self) -> str:
        return self.message

    def _repr_markdown_(self) -> str:
        return self.message


def contrastar(prediccion, resultado, cerca: float | None = None) -> Contrast:
    """Compara una predicción con el resultado y lo dice en una línea; con cualquier predicción, sin lanzar errores.

    Parámetros
    ----------
    prediccion: lo que se apostó; `...` si no se apostó nada.
    resultado: un número o un texto, como uno de los nombres que se daban a elegir.
    cerca: a qué distancia un número cuenta como acierto (por omisión, la quinta parte del resultado).
    """
    if prediccion is ...:
        return Contrast(f"○ Sin predicción. Salió {_say(resultado)}; la próxima vez, apuesta antes de mirar.")
    guess = _plain(prediccion)
    if isinstance(resultado, str):
        if not isinstance(guess, str):
            return _unclear(prediccion, f"un nombre entre comillas, y salió {_say(resultado)}")
        if _bare(guess) == _bare(resultado):
            return Contrast(f"✔ Predijiste {_say(guess)}, y eso salió.")
        return Contrast(f"✘ Predijiste {_say(guess)} y salió {_say(resultado)}. ¿Qué suponías que no se cumplió?")
    if not isinstance(guess, Real) or isinstance(guess, bool) or guess != guess:
        return _unclear(prediccion, f"un número, y salió {_say(resultado)}")
    result = float(resultado)
    near = abs(result) / 5 if cerca is None else cerca
    if abs(guess - result) <= near:
        return Contrast(f"✔ Predijiste {_say(guess)} y salió {_say(result)}: bastante cerca.")
    side = "menos" if result < guess else "más"
    return Contrast(f"✘ Predijiste {_say(guess)} y salió {_say(result)}, {side} de lo que esperabas. ¿Por qué?")


def _unclear(prediction, wanted: str) -> Contrast:
    return Contrast(f"○ No se entiende la predicción {show(prediction)}: se esperaba {wanted}.")


def _plain(value):
    """El valor sin las envolturas de numpy o torch, si es uno solo."""
    try:
        return value.item()
    except (AttributeError, ValueError, RuntimeError):
        return value


def _bare(text: str) -> str:
    """El texto sin tildes, mayúsculas ni espacios alrededor."""
    decomposed = unicodedata.normalize("NFD", text.strip().casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def _say(value) -> str:
    if isinstance(value, str):
        return f"«{value}»"
    return f"{float(value):,.0f}" if abs(value) >= 1_000 else f"{float(value):.3g}"
