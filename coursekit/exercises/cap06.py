"""Ejercicios del capítulo 6: la media central, una diferencia, las partidas enteras y la frase que se puede creer."""

import re

from coursekit.evaluation import summarize
from coursekit.exercises.checking import Pending, array, call, expect, number, section
from coursekit.exercises.guess import _bare
from coursekit.exercises.verdict import TOO_MUCH, check_experiment, describe

import numpy as np


@section("Jugar partidas completas")
def exercise_1(central) -> str:
    scores = [50, 2, 10, 0, 100, 3, 20, 1]
    given, ordered = list(scores), sorted(scores)
    slips = {
        np.mean(scores): "es la media de todos",
        np.median(scores): "es la mediana",
        np.mean(scores[2:-2]): "hay que ordenar antes de descartar",
        np.mean(ordered[1:-1]): "se descarta un cuarto de cada lado, y descartaste un octavo",
        np.mean(ordered[:-2]): "también se descarta el cuarto más bajo",
        np.mean(ordered[2:]): "también se descarta el cuarto más alto",
    }
    found = number(call(central, given), "la media central")
    expect(given == scores, "La función desordenó la lista que recibió: `sorted` devuelve otra.")
    reason = next((text for value, text in slips.items() if np.isclose(found, value)), "promedia la mitad central")
    wanted = summarize(scores)["iqm"]
    expect(np.isclose(found, wanted), f"De {scores} se espera {wanted:g} y dio {found:g}: {reason}.")
    for scores, why in (
        ([i * i for i in range(10)], "se descartan 2 de cada lado, 10/4 redondeado hacia abajo"),
        ([3, 1, 8], "no se descarta ninguno, y `[0:-0]` está vacío"),
    ):
        wanted, what = summarize(scores)["iqm"], f"de {len(scores)} puntajes, la media central ({why})"
        found = number(call(central, list(scores)), what)
        expect(np.isclose(found, wanted), f"Se esperaba {what}, {wanted:.4g}, y dio {found:.4g}.")
    return "Descarta un cuarto de cada lado: un solo puntaje enorme ya no la mueve."


@section("Comparar dos: el intervalo de la diferencia")
def exercise_2(interval) -> str:
    def found(a, b):
        return array(call(interval, a, b), (2,), "un intervalo, con sus dos extremos")

    low, high = found(np.full(10, 5.0), np.full(10, 2.0))
    ends = f"Si `a` es siempre 5 y `b` siempre 2, se espera (3, 3) y dio ({low:g}, {high:g}): se resta b de a."
    expect(np.allclose((low, high), 3), ends)
    rng = np.random.default_rng(0)
    a, b = rng.normal(50, 10, 30), rng.normal(40, 20, 20)
    low, high = found(a, b)
    expect(low <= high, "Los extremos están al revés: primero el percentil 2.5 y después el 97.5.")
    expect(high - low > 1e-9, "El intervalo no tiene ancho: sin reposición salen siempre las mismas partidas.")
    difference, wide = a.mean() - b.mean(), 3.92 * np.sqrt(a.var() / a.size + b.var() / b.size)
    around = f"el intervalo, de {low:.1f} a {high:.1f}, no queda a su alrededor: `np.percentile` cuenta de 0 a 100"
    centred = abs((low + high) / 2 - difference) < wide / 8
    expect(centred, f"La diferencia de las medias es {difference:.1f} y {around}.")
    reason = "¿remuestreas tantas partidas como hay, y tomas los percentiles 2.5 y 97.5?"
    if high - low > 2 * wide:
        reason = "son los percentiles de las partidas y no los de sus medias."
    seen = f"El intervalo mide {high - low:.1f} y se espera cerca de {wide:.1f}"
    expect(0.88 < (high - low) / wide < 1.12, f"{seen}: {reason}")
    low, high = found(a, a)
    paired = high - low < 3 * a.std() * np.sqrt(2 / a.size)
    expect(not paired, "De las dos listas se sortearon las mismas posiciones: cada una se sortea por su cuenta.")
    return "Si el cero queda dentro, esas partidas no alcanzan para decir cuál es mejor."


@section("Lo que recibe el agente y lo que dice el juego")
def exercise_3(game_scores) -> str:
    def found(*recording):
        scores = call(game_scores, *map(np.array, recording))
        expect(np.ndim(scores) == 1, "Se espera una lista, con un puntaje por partida.")
        return [number(score, "un puntaje") for score in scores]

    rewards = [7.0, 0, 4, 0, 1, 0, 1, 4, 0, 0, 0, 7, 0, 1, 1]
    lives = [5, 4, 4, 3, 2, 1, 0, 5, 4, 3, 2, 1, 0, 5, 4]
    ends = np.isin(np.arange(15), [1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14])  # una vida perdida en cada uno
    scores = found(rewards, ends, lives)
    reasons = {
        (13, 11, 2): "la última partida está sin terminar, y no cuenta",
        (13, 24): "la cuenta vuelve a cero con cada partida",
        (4, 2): "son recompensas recortadas a su signo, y el puntaje no se recorta",
        (12, 12): "la recompensa del último paso es de la partida que termina",
        (1, 0): "solo cuenta la última vida de cada partida",
    }
    reason = reasons.get(tuple(scores), "se suma hasta el final con 0 vidas, y ahí comienza otra")
    if len(scores) > 3:
        reason = "perder una vida es un final para el agente, y la partida sigue mientras queden vidas"
    expect(scores == [13, 11], f"Con dos partidas completas de Breakout se espera [13, 11] y dio {scores}: {reason}.")
    scores = found([-1, 1, -1, -1, -1], [False, False, True, False, True], [0] * 5)
    pong = "En Pong las vidas son siempre 0: hace falta que coincidan un final y las 0 vidas"
    expect(scores == [-1, -2], f"{pong}. Con dos partidas se espera [-1, -2] y dio {scores}.")
    return "Un final del agente no es el de la partida. También cuenta bien Pong, que no tiene vidas."


#: Lo que hay que poder leer en la frase, con alguna de estas expresiones, y qué preguntar si no está.
QUESTIONS = (
    (r"noframeskip-v4|v5\b", "no dice qué versión del juego se jugó, como `BreakoutNoFrameskip-v4`"),
    (r"dqn|ppo|a2c", "no dice con qué algoritmo se entrenó"),
    (r"\d (?:millones )?(?:de )?pasos", "no dice tras cuántos pasos de entrenamiento"),
    (r"corrida", "no dice cuántas corridas de entrenamiento hay detrás"),
    (
        r"promedio|punto guardado|agente final|último|peldaño|mejor de|al (?:detener|terminar)|tal como quedó",
        "no dice qué agente de la corrida es: el último, un punto guardado, el mejor de varios, un promedio",
    ),
    (r"ε|epsilon|voraz", "no dice con cuánto azar jugó el agente (ε)"),
    (r"nulas|no-op", "no dice cómo comienzan las partidas (acciones nulas)"),
    (r"partidas completas|partidas enteras", "no dice si se juegan partidas completas o vidas"),
    (r"sin recortar|puntaje del juego", "no dice si el puntaje está recortado"),
    (r"95 ?%", "no dice de cuánto es el intervalo, como «95 %»"),
)
NUMBER = r"[−-]?\d[\d,]*(?:\.\d+)?"
#: Los dos extremos de un intervalo, uno junto al otro: «de 0.3 a 1.3», «0.3 y 1.3», «[0.3, 1.3]», «0.3–1.3».
ENDS = rf"({NUMBER})(?: puntos)?\s*(?:\b(?:a|y|hasta)\b|[,;–—-])\s*({NUMBER})"


@section("La frase")
def exercise_4(answer) -> str:
    given = isinstance(answer, dict) and {"puntajes", "frase"} <= set(answer)
    expect(given, "Se esperaba un diccionario con `puntajes` y `frase`.")
    scores = array(answer["puntajes"], np.shape(answer["puntajes"]), "una lista de puntajes").ravel().astype(float)
    expect(scores.size >= 10, f"Son {scores.size} partidas: juega al menos 10 (el protocolo del libro juega 30).")
    sentence = answer["frase"]
    if not isinstance(sentence, str) or len(sentence.split()) < 6:
        raise Pending("Falta la frase: una o más oraciones completas, en lugar de `...`.")
    text, summary = _bare(sentence), summarize(scores)
    over = next((word for word in TOO_MUCH if _bare(word) in text), None)
    expect(over is None, f"La frase dice más de lo que se midió: sobra «{over}».")
    for wanted, question in QUESTIONS:
        expect(re.search(_bare(wanted), text), f"La frase {question}.")
    counted = re.search(rf"\b{scores.size}\b \w* ?partidas", text)
    expect(counted, f"La frase no dice cuántas partidas se jugaron: {scores.size}.")
    mean = any(abs(_value(number) - summary["mean"]) <= 0.06 for number in re.findall(NUMBER, sentence))
    expect(mean, f"La media de esas partidas es {summary['mean']:.1f}, y no está.")
    slack = 0.15 * (summary["ci_high"] - summary["ci_low"]) + 0.06
    wanted = np.array([summary["ci_low"], summary["ci_high"]])
    pairs = [[_value(end) for end in pair] for pair in re.findall(ENDS, sentence)]
    ends = any((np.abs(pair - wanted) <= slack).all() for pair in pairs)
    interval = f"de {summary['ci_low']:.1f} a {summary['ci_high']:.1f}"
    expect(ends, f"El intervalo de la media de esas partidas va {interval}, y la frase no lo dice.")
    chosen = re.search(r"\b(?:el|al|del) mejor\b|\bel[ei]g", text)
    fair = any(words in text for words in ("otras semillas", "semillas nuevas", "de antemano"))
    expect(fair or not chosen, "La frase dice que el agente se eligió, y no si fue con otras semillas que estas.")
    return "Dice qué agente es, cómo se midió y cuánto se ignora: alguien puede repetirlo, y alguien puede creerlo."


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


@section("Un agente en un mundo que no obedece")
def exercise_5(answer) -> str:
    named = answer  # con B donde la frase dice «el agente»
    if isinstance(answer, dict) and isinstance(answer.get("frase"), str):
        named = answer | {"frase": re.sub(r"\bagente\b", "B", answer["frase"])}
    a, b, conclusion = check_experiment(named, "Breakout", seeds=10, unit="partida", alias="paleta")
    whole = all(np.array_equal(scores, np.round(scores)) and (scores >= 0).all() for scores in (a, b))
    expect(whole, "En Breakout los puntajes son enteros y no bajan de 0: va un puntaje por partida, sin promediar.")
    expect("pegajosa" in answer["frase"], "La frase no dice que se jugó con acciones pegajosas.")
    return describe(conclusion)
