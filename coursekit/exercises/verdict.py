"""Los ejercicios que son un experimento: semillas, intervalo de la diferencia y una frase que no diga más.

`check_experiment` comprueba las tres cosas. La frase se lee con listas de palabras y las reglas de `sentence`: no se
entiende español, pero se reconoce lo que dice de más y, si llama A y B a los bandos, que gane el que no ganó.
"""

from __future__ import annotations

import re

from coursekit.exercises.checking import Pending, array, expect
from coursekit.exercises.guess import _bare
from coursekit.exercises.sentence import BOASTS, EQUAL, UNDECIDED, asserts, larger

import numpy as np

KEYS = ("puntajes_a", "puntajes_b", "intervalo", "frase")
#: Palabras con las que una frase dice más que cualquier intervalo.
TOO_MUCH = ("demuestra", "demostr", "siempre", "nunca", "seguro", "sin duda")
TOO_MUCH += ("todos los juegos", "todo juego", "cualquier juego", "todo Atari")
CAUSES = ("porque", "debido a", "gracias a", "la causa", "por culpa")


def interval_of_difference(a, b, resamples: int = 10_000) -> tuple[float, float]:
    """El intervalo del 95 % de la diferencia de medias, A − B, por remuestreo."""
    rng = np.random.default_rng(0)
    a, b = np.asarray(a, float), np.asarray(b, float)
    means = [rng.choice(scores, (resamples, scores.size)).mean(axis=1) for scores in (a, b)]
    low, high = np.percentile(means[0] - means[1], [2.5, 97.5])
    return float(low), float(high)


def check_experiment(
    answer, game: str, seeds: int = 5, unit: str = "semilla", alias: str = "", more_is_better: bool = True
) -> tuple[np.ndarray, np.ndarray, str]:
    """Los puntajes y la conclusión («A», «B» o «no se sabe») de un experimento bien contado; si no, `Wrong`.

    `answer` es un diccionario con las claves de `KEYS`: un puntaje por semilla y por bando, el intervalo de A − B y la
    frase con la que se cuenta el resultado, que nombra el juego y cuántas semillas hubo. `unit` es qué se repitió, en
    singular, si no son entrenamientos con otra semilla; `alias`, otro nombre de A. Donde menos es mejor, no se lee cuál
    nombra la frase.
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
    sentence = answer["frase"]
    _complete(sentence, game, min(map(len, scores)), unit)
    named = larger(sentence, alias) if more_is_better else None
    return *scores, _conclusion(_bare(sentence), named, low, high)


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


def _complete(sentence, game: str, seeds: int, unit: str) -> None:
    if not isinstance(sentence, str) or len(sentence.split()) < 6:
        raise Pending(f"Falta la frase: una oración que diga qué se vio, en qué juego y con qué número de {unit}s.")
    text = _bare(sentence)
    over = next((word for word in TOO_MUCH if _bare(word) in text), None)
    expect(over is None, f"La frase dice más que el intervalo: sobra «{over}».")
    cause = next((word for word in CAUSES if _bare(word) in text), None)
    expect(cause is None, f"La frase da una causa («{cause}») y el experimento solo mide una diferencia.")
    counted = re.search(rf"\b{seeds}\b", text) or any(word in text for word in _words(seeds))
    expect(counted and unit in text, f"La frase no dice con qué número de {unit}s se midió ({seeds}).")
    expect(_bare(game) in text, f"La frase no dice en qué juego se midió: «{game}».")


def _conclusion(text: str, named: str | None, low: float, high: float) -> str:
    undecided, equal = UNDECIDED.search(text), asserts(EQUAL, text)
    if low <= 0 <= high:
        crosses = f"El intervalo va de {low:.3g} a {high:.3g} y contiene el 0"
        expect(not equal, f"{crosses}: no se sabe cuál es mejor, y eso no es saber que son iguales.")
        expect(undecided, f"{crosses}: con eso no se sabe cuál es mejor, y la frase debe decirlo («no se sabe…»).")
        expect(not asserts(BOASTS, text), f"{crosses}: la frase admite que no se sabe, y además dice quién gana.")
        return "no se sabe"
    apart = f"El intervalo va de {low:.3g} a {high:.3g} y deja fuera el 0"
    expect(not equal, f"{apart}: la frase dice que son iguales.")
    expect(not undecided, f"{apart}: esta vez sí se distinguen, y la frase dice menos de lo que podría.")
    winner, loser = "AB" if low > 0 else "BA"
    expect(named != loser, f"{apart}: los puntajes de {winner} son mayores, y la frase dice lo contrario.")
    return winner


def _words(number: int) -> tuple[str, ...]:
    names = {5: "cinco", 6: "seis", 7: "siete", 8: "ocho", 9: "nueve", 10: "diez"}
    return (names[number],) if number in names else ()


def describe(conclusion: str) -> str:
    """La última palabra sobre un experimento bien contado: qué se comprobó, y qué queda para quien lo contó."""
    if conclusion == "no se sabe":
        told = "y contiene el 0, y la frase lo admite. Que no diga además quién gana"
    else:
        told = f"y deja fuera el 0: los de {conclusion} son mayores. Que la frase diga eso y nada más"
    return f"El intervalo es el de esos puntajes {told}, compruébalo al releerla."
