"""Los ejercicios que son un experimento: semillas, intervalo de la diferencia y una frase que no diga más.

`check_experiment` comprueba las tres cosas. La frase se lee con listas de palabras: no entiende español, pero reconoce
lo que dice de más.
"""

from __future__ import annotations

import re

from coursekit.exercises.checking import Pending, array, expect, show
from coursekit.exercises.guess import _bare

import numpy as np

KEYS = ("puntajes_a", "puntajes_b", "intervalo", "frase")
#: Palabras con las que una frase dice más que cualquier intervalo.
TOO_MUCH = ("demuestra", "demostr", "siempre", "nunca", "seguro", "sin duda", "todos los juegos", "cualquier juego")
CAUSES = ("porque", "debido a", "gracias a", "la causa", "por culpa")
UNDECIDED = ("no se sabe", "no sabemos", "no se distingue", "no alcanza", "no permite", "no se puede")


def interval_of_difference(a, b, resamples: int = 10_000) -> tuple[float, float]:
    """El intervalo del 95 % de la diferencia de medias, A − B, por remuestreo."""
    rng = np.random.default_rng(0)
    a, b = np.asarray(a, float), np.asarray(b, float)
    means = [rng.choice(scores, (resamples, scores.size)).mean(axis=1) for scores in (a, b)]
    low, high = np.percentile(means[0] - means[1], [2.5, 97.5])
    return float(low), float(high)


def check_experiment(answer, game: str, seeds: int = 5, unit: str = "semilla") -> tuple[np.ndarray, np.ndarray, str]:
    """Los puntajes y la conclusión («A», «B» o «no se sabe») de un experimento bien contado; si no, `Wrong`.

    `answer` es un diccionario con las claves de `KEYS`: un puntaje por semilla y por bando, el intervalo de A − B y la
    frase con la que se cuenta el resultado, que nombra el juego y cuántas semillas hubo. `unit` es qué se repitió, en
    singular, si no son entrenamientos con otra semilla.
    """
    missing = [key for key in KEYS if not isinstance(answer, dict) or key not in answer]
    expect(not missing, f"Se esperaba un diccionario con {', '.join(KEYS)}, y falta {', '.join(missing)}.")
    scores = [array(answer[key], np.shape(answer[key]), f"una lista de puntajes en `{key}`") for key in KEYS[:2]]
    for key, values in zip(KEYS, scores, strict=False):
        expect(values.ndim == 1, f"En `{key}` va un puntaje por {unit}, en una lista.")
        few = f"En `{key}` hay {len(values)} {unit}s y hacen falta al menos {seeds}."
        expect(len(values) >= seeds, few)
    for key, values in zip(KEYS, scores, strict=False):
        same = f"Los {len(values)} puntajes de `{key}` son el mismo número: ¿cambiaste la semilla en cada corrida?"
        expect(np.ptp(values) > 0 or np.ptp(scores[0]) + np.ptp(scores[1]) > 0, same)
    low, high = _interval(answer["intervalo"], *scores)
    return *scores, _conclusion(answer["frase"], low, high, game, min(map(len, scores)), unit)


def _interval(interval, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    low, high = array(interval, (2,), "el intervalo, dos números,").astype(float)
    expect(low <= high, f"El intervalo está al revés: {low:.3g} es mayor que {high:.3g}.")
    right = interval_of_difference(a, b)
    gap = 0.15 * (right[1] - right[0]) + 1e-9

    def near(wanted) -> bool:
        return abs(low - wanted[0]) <= gap and abs(high - wanted[1]) <= gap

    if not near(right):
        seen = f"El intervalo de A − B que sale de esos puntajes es de {right[0]:.3g} a {right[1]:.3g}"
        given = f"y el tuyo, de {low:.3g} a {high:.3g}"
        swapped = near((-right[1], -right[0]))
        alone = any(near(interval_of_difference(side, [0.0])) for side in (a, b))
        reasons = {swapped: "está restado al revés, B − A", alone: "es el de una media sola, no el de la diferencia"}
        reason = reasons.get(True, "remuestrea cada bando por separado y resta las medias")
        expect(False, f"{seen}, {given}: {reason}.")
    return low, high


def _conclusion(sentence, low: float, high: float, game: str, seeds: int, unit: str) -> str:
    if not isinstance(sentence, str) or len(sentence.split()) < 6:
        raise Pending(f"Falta la frase: una oración completa que diga qué se vio, en qué juego y con cuántas {unit}s.")
    text = _bare(sentence)
    over = next((word for word in TOO_MUCH if _bare(word) in text), None)
    expect(over is None, f"La frase dice más que el intervalo: sobra «{over}».")
    cause = next((word for word in CAUSES if _bare(word) in text), None)
    expect(cause is None, f"La frase da una causa («{cause}») y el experimento solo mide una diferencia.")
    counted = re.search(rf"\b{seeds}\b", text) or any(word in text for word in _words(seeds))
    expect(counted and unit in text, f"La frase no dice con cuántas {unit}s se midió ({seeds}).")
    expect(_bare(game) in text, f"La frase no dice en qué juego se midió: «{game}».")
    undecided = any(_bare(words) in text for words in UNDECIDED)
    if low <= 0 <= high:
        crosses = f"El intervalo va de {low:.3g} a {high:.3g} y contiene el 0"
        expect(undecided, f"{crosses}: con eso no se sabe cuál es mejor, y la frase debe decirlo («no se sabe…»).")
        return "no se sabe"
    apart = f"El intervalo va de {low:.3g} a {high:.3g} y deja fuera el 0"
    expect(not undecided, f"{apart}: esta vez sí se distinguen, y la frase dice menos de lo que podría.")
    return "A" if low > 0 else "B"


def _words(number: int) -> tuple[str, ...]:
    names = {5: "cinco", 6: "seis", 7: "siete", 8: "ocho", 9: "nueve", 10: "diez"}
    return (names[number],) if number in names else ()


def describe(conclusion: str) -> str:
    """La última palabra sobre un experimento bien contado."""
    if conclusion == "no se sabe":
        return "La frase dice lo que el intervalo permite: todavía no se sabe. Con más semillas se estrecharía."
    return f"La frase dice lo que el intervalo permite: la diferencia favorece a {show(conclusion)[1:-1]}, y hasta ahí."
