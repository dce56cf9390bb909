"""Lo que comparten las comprobaciones: llamar a la función de quien responde y decir con calma qué pasó."""

from __future__ import annotations

import traceback
from numbers import Real

import numpy as np

BLANK = "Reemplaza los `...` y vuelve a ejecutar las dos celdas."


class Wrong(Exception):
    """La respuesta no es correcta; el texto dice qué se observó y qué se esperaba."""


class Pending(Exception):
    """Todavía no hay respuesta."""


def section(title: str):
    """Decorador: la sección del capítulo a la que manda `comprobar` cuando la respuesta no es correcta."""

    def mark(check):
        check.section = title
        return check

    return mark


def expect(condition, message: str) -> None:
    """Lanza `Wrong` con `message` si no se cumple `condition`."""
    if not condition:
        raise Wrong(message)


def is_blank(answer) -> bool:
    """`...`, o una tupla, lista o diccionario en que queda algún `...`."""
    values = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (tuple, list)) else [answer]
    return any(value is ... for value in values)


def call(function, *arguments, none: bool = False):
    """Lo que devuelve la función de quien responde.

    Sus errores se explican, con la línea en que ocurrieron. `None` solo es una respuesta si se dice con `none`.
    """
    expect(callable(function), f"Se esperaba una función, sin llamarla, y llegó {show(function)}.")
    try:
        result = function(*arguments)
    except Exception as error:
        file = getattr(getattr(function, "__code__", None), "co_filename", None)
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f" en la línea {lines[-1].lineno}, `{lines[-1].line}`" if lines else ""
        raise Wrong(f"La función se detuvo{where}: `{type(error).__name__}: {error}`.") from error
    if result is ...:
        raise Pending(BLANK)
    if result is None and not none:
        raise Pending("La función devuelve `None`: si ya está escrita, le falta `return`.")
    return result


def number(value, what: str, integer: bool = False):
    """`value` si es un número (entero, si se pide), sin las envolturas de numpy o torch; si no, `Wrong`."""
    value = value.item() if getattr(value, "size", None) == 1 or getattr(value, "ndim", None) == 0 else value
    fits = isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value)
    expect(fits and not (integer and value % 1), f"Se esperaba {what} y llegó {show(value)}.")
    return int(value) if integer else value


def array(value, shape: tuple, what: str) -> np.ndarray:
    """`value` como arreglo de numpy, si contiene números y tiene la forma pedida; si no, `Wrong`."""
    try:
        value = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except ValueError:  # una lista de listas desparejas
        value = np.asarray(None)
    expect(value.dtype.kind in "biuf", f"Se esperaba {what} y llegó otra cosa.")
    expect(value.shape == shape, f"Se esperaba {what}, de forma {shape}, y la forma es {value.shape}.")
    return value


def show(value) -> str:
    """El valor, abreviado, para citarlo en un mensaje."""
    text = " ".join(repr(value).split())
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"
