"""Leer la frase con que se cuenta un experimento, hasta donde llegan unas reglas sencillas; en la duda, callan."""

from __future__ import annotations

import re

from coursekit.exercises.guess import _bare

DID = (
    r"\b(?:hizo|hace|hicieron|hacen|hubo|hay|vio|ve|vieron|ven|atrapo|atrapan?|atraparon|obtuvo|obtiene|obtuvieron|dio|da|"
    r"dieron|dan|saco|saca|sacaron|rindio|rinden?|anoto|sumo|jugo|juegan?|tuvo|tiene|aprendio|aprende|consiguio|logro|llego)"
)
IS = r"\b(?:es|son|fue|fueron)"
UNDECIDED = re.compile(  # «no se sabe por qué» y «no contiene el cero» son otra cosa
    r"\bno (?:se sabe|sabemos|se distinguen?|distingue|alcanza|permite|se puede|podemos|(?:esta|queda) claro)\b"
    r"(?! (?:decir |saber )?por que)(?! \w+ nada (?:de|sobre) otros)|"
    r"(?<!no )\b(?:contiene|incluye) (?:el|al) (?:cero|0)\b"
)
EQUAL = re.compile(
    rf"{DID} lo mismo\b|{IS} (?:lo mismo|iguales)\b|\bigual de \w+ que\b|\bempat|"
    r"\b(?:juegan?|jugaron|rinden?|rindieron|atrapan?|atraparon) igual\b(?! (?:numero|cantidad))|"
    r"\bno hay (?:ninguna )?diferencia(?! \w)"
)
BOASTS = re.compile(r"\b(?:gana|supera|vence|es (?:la |el )?mejor|claramente)\b(?!.*(?:\d|media))")
#: Detrás de una de estas palabras, algo se pregunta o se niega.
HEDGES = re.compile(r"\b(?:no|ni|si|sin|tampoco|cual)\b")
ASKS = re.compile(rf"{HEDGES.pattern}|\bquien\b")
#: Con una de estas, «más» puede ser «peor».
FLIPS = re.compile(r"\b(?:fall|pierd|perd|escap|apag|muer|tard|cost|cuest|necesit|cieg|error)")
#: «A hizo más», «la media de B fue menor», «A le gana a…»; y «más que B».
SUBJECT = re.compile(
    rf"§(?P<side>[ab])\b(?P<between>[^§]{{0,60}}?)(?:(?:{DID}(?: \w+){{0,2}}? (?:mas|(?P<less>menos))|"
    rf"(?:{DID}|{IS})(?: \w+)? (?:mejor|mayor|(?P<worse>peor|menor))(?:es)?)\b|\b(?:gana|gano|supera|supero|vence)\b)"
)
OBJECT = re.compile(
    r"\b(?:mas|mejor|mayor|(?P<less>menos)|(?P<worse>peor|menor))(?:es)?\b[^§,]{0,40}?"
    r"\bque (?:(?:la|el|los|las|de|en|con|quien|toma|usa|paleta) )*§(?P<side>[ab])\b"
)
NOT_SUBJECT = re.compile(r"\b(?:a|e|o|y|que|entre|sobre|sin)(?: (?:el|la|los|las|de|en|con|paletas?))* $")


def clauses(text: str) -> list[str]:
    return re.split(r"[.;:]\s|\bpero\b|\baunque\b|\bsino\b|\bmientras\b", text)


def asserts(pattern: re.Pattern, text: str) -> bool:
    """Si la frase afirma `pattern` en alguna de sus partes, sin negarlo ni preguntárselo."""
    found = ((clause, pattern.search(clause)) for clause in clauses(text))
    return any(match and not ASKS.search(clause[: match.start()]) for clause, match in found)


def larger(sentence: str, alias: str = "") -> str | None:
    """Cuál de los bandos, «A» o «B», tiene puntajes mayores según la frase; `None` si estas reglas no lo saben.

    `alias` es otro nombre de A, sin tildes.
    """
    names = re.sub(r"\b[AB] ?(?:[-−–]|menos) ?[AB]\b|^A(?= (?:l[ao]s?|una?|cada|partir|pesar|\d))", "", sentence)
    text = _bare(re.sub(r"\b([AB])\b", r"§\1", names))
    text = re.sub(rf"\b{alias}\b", "§a", text) if alias else text
    said = set()
    for clause in clauses(text):
        for match in (*SUBJECT.finditer(clause), *OBJECT.finditer(clause)):
            before, subject = clause[: match.start()], match.re is SUBJECT
            between = match["between"] if subject else ""
            relative = subject and (NOT_SUBJECT.search(before) or re.search(r"\bque\b", between))
            if not relative and not HEDGES.search(before + between):
                more = not (match["less"] or match["worse"])
                said.add("A" if ((match["side"] == "a") == more) == subject else "B")
    return said.pop() if len(said) == 1 and not FLIPS.search(text) else None
