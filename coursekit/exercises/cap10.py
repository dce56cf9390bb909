"""Ejercicios del capítulo 10: cuántas semillas hacen falta, y el veredicto de un arranque."""

import math
import re

from coursekit.exercises.checking import call, expect, number, section
from coursekit.exercises.verdict import check_experiment

import numpy as np

CHANNELS = 64  # los de la tercera convolución de Mnih et al. (2015)
#: Las dos recetas del 10.2, como las nombra una frase: la publicada y la que sube.
RECIPES = re.compile(r"(?P<published>sin (?:el )?calentamiento|publicada|1e-4|tasa fija)|sube|subiendo|calentamiento")
#: Una receta nombrada así solo sirve de comparación.
AGAINST = re.compile(
    r"\b(?:frente a|contra|(?:comparad[ao]s?|en comparación) con|respecto (?:de|a)|a diferencia de) "
    r"(?:(?:la|lo|receta|de|que) )*$"
)
COMPARES = re.compile(r"\b(?:más|mayor|(?P<less>menos|menor))\b")
#: Aquí «más» y «menos» no comparan nada.
IDIOMS = re.compile(r"\bmás o menos\b|\b(?:al|por lo) menos\b|\bnada más\b|\bmás (?:despacio|lent\w+)")


@section("Tres semillas, sin acortar nada")
def exercise_1(seeds_to_see_it) -> str:
    for p in (0.05, 1 / 8, 1 / 3, 0.5):
        n = number(call(seeds_to_see_it, p), "una cantidad de semillas", integer=True)
        wanted = math.ceil(math.log(0.05) / math.log(1 - p))
        slips = {
            wanted - 1: "con esas todavía no llega al 95 %",
            wanted + 1: "con una menos ya llega al 95 %",
            math.ceil(math.log(0.95) / math.log(1 - p)): "eso da un 5 % de ver alguna, y se pide un 95 %",
            math.ceil(0.95 / p): "las probabilidades de semillas distintas no se suman: multiplica las de no verla",
            round(1 / p): "con 1/p semillas se espera una muerte en promedio, y muchas veces no habrá ninguna",
        }
        reason = slips.get(n, "la probabilidad de no ver ninguna en n semillas es (1 − p) elevado a n")
        expect(n == wanted, f"Con p = {p:.3g} se esperan {wanted} semillas y dio {n}: {reason}.")
    return "Ver morir una red rara pide muchas más semillas que 1/p."


@section("Tres semillas, sin acortar nada")
def exercise_2(answer) -> str:
    rising, published, _ = check_experiment(answer, "Breakout", more_is_better=False)
    for values in (rising, published):
        expect((values >= 0).all() and (values <= 1).all(), "Cada número es la parte apagada de una capa: va de 0 a 1.")
        whole = np.allclose(values * CHANNELS, np.round(values * CHANNELS), atol=0.01)
        expect(whole, f"La tercera convolución tiene {CHANNELS} canales: cada parte es un número entero de ellos.")
    swapped = "A es la que sube, que a los 50,000 pasos tiene menos apagado: ¿están los bandos al revés?"
    expect(rising.mean() < published.mean(), swapped)
    text = answer["frase"].lower().replace("tasa de aprendizaje", "tasa")
    expect(not _backwards(text), "La frase dice al revés quién tiene más apagado.")
    other = re.search(r"mejor|aprend|puntaje|juega|\bmuer|\bmat[aó]", text)
    said = f"Aquí se midió la parte apagada de una capa, y la frase habla de otra cosa («{other and other[0]}»)."
    expect(not other or "no se sabe" in text or "no dice" in text, said)
    return "A los 50,000 pasos la que sube tiene menos apagada esa capa, y hasta ahí."


def _backwards(text: str) -> bool:
    """Si la frase dice que la que sube tiene más, o la publicada menos; en la duda, no."""
    text = IDIOMS.sub("", text)
    compares = COMPARES.search(text)
    if not compares:
        return False
    before, after = text[: compares.start()], text[compares.end() :]
    subjects = [m for m in RECIPES.finditer(before) if not AGAINST.search(before[: m.start()])]
    said, between = (subjects[-1], before[subjects[-1].end() :]) if subjects else (RECIPES.search(after), before)
    if not said or re.search(r"\bno\b", between):
        return False
    if not subjects and not re.fullmatch(r"[^.,;]*?\b(?:en|con) (?:(?:la|receta|que) )*", after[: said.start()]):
        return False
    if not subjects and re.search(r"\bque (?:en|con|la)\b", after[: said.start()]):
        return False
    return bool(said["published"]) == bool(compares["less"])
