"""Ortografía de todo lo que se lee, con el diccionario de Hunspell (en Debian, «apt install hunspell-es»).

Las palabras que el diccionario no conoce y son nuestras están en palabras.txt.
"""

import io
import json
import re
import shutil
import subprocess
import tokenize
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = Path(__file__).with_name("palabras.txt")
PAGES = [*(ROOT / "book").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
MODULES = [*(ROOT / "coursekit").rglob("*.py"), *(ROOT / "book/_ext").glob("*.py")]

# Lo que no es prosa: código, fórmulas, direcciones, HTML, nombres de directivas y lo que se pone en inglés adrede.
NOT_PROSE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[`~]*|^\$\$.*?\$\$|`[^`]*`|\$[^$\n]+\$|\{\{.*?\}\}|\]\([^)]*\)|https?://\S+"
    r"|<[^>]+>|^:[\w-]+:.*$|^\(\S+\)=$|^:{3,}.*$|\{[\w:-]+\}|(?<!\*)\*(?!\*)[^*\n]*[^*\s](?<!\*)\*(?!\*)",
    re.MULTILINE | re.DOTALL,
)
# Una palabra: sin guiones bajos, puntos, cifras ni mayúsculas por dentro, que son nombres del código.
WORD = re.compile(r"(?<![\w./\\@#%&=<>\"'\[(-])(?<!--)[(«“¿¡\"]*([^\W\d_]+)(?![\w(=/\\\[])(?!\.\w)")
PARAMETER = re.compile(r"^\s*(?:\w+(?:, \w+)*): ", re.MULTILINE)  # «game: nombre del juego», en un docstring
PROGRAM = re.compile(r"=>|^import \w", re.MULTILINE)  # un texto que es, a su vez, JavaScript o Python
SENTENCE = re.compile(r"[^\W\d_]{2,}[,;:]? [^\W\d_]")


def cells(path: Path, kind: str) -> list[str]:
    return [
        "".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind
    ]


def written_in(code: str) -> list[str]:
    """Los comentarios de un programa, sus textos de más de una palabra y lo fijo de sus f-strings."""
    texts, inside = [], []
    code = re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        name = tokenize.tok_name[token.type]
        if name == "COMMENT" and not token.string.startswith(("# noqa", "# fmt")):
            texts.append(token.string.lstrip("#: "))
        elif name == "STRING":
            inside.append(re.sub(r"^\w*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", token.string))
        elif name == "FSTRING_MIDDLE":  # desde Python 3.12
            inside.append(token.string)
    for text in inside:
        text = re.sub(r"\\[nt]|\{[^{}]*\}", " ", text)
        if SENTENCE.search(text) and not PROGRAM.search(text):
            texts.append(PARAMETER.sub("", text))
    return texts


def words(text: str) -> set[str]:
    prose = NOT_PROSE.sub(" … ", text)
    found = {hit[1] for hit in WORD.finditer(prose)}
    return {word for word in found if re.fullmatch("[A-ZÁÉÍÓÚÑ]?[a-záéíóúüñ]+", word) and len(word) > 1}


def everything() -> dict[str, set[str]]:
    """Palabra → dónde aparece."""
    where = defaultdict(set)
    for path in PAGES:
        for word in words(path.read_text(encoding="utf-8")):
            where[word].add(path.name)
    for path in NOTEBOOKS:
        for text in (*cells(path, "markdown"), *(t for code in cells(path, "code") for t in written_in(code))):
            for word in words(text):
                where[word].add(path.name)
    for path in MODULES:
        for text in written_in(path.read_text(encoding="utf-8")):
            for word in words(text):
                where[word].add(path.relative_to(ROOT).as_posix())
    return where


def misspelled(candidates) -> set[str]:
    order = ["hunspell", "-d", "es_MX", "-i", "utf-8", "-l"]
    checked = subprocess.run(order, input="\n".join(candidates), capture_output=True, text=True, encoding="utf-8")
    assert checked.returncode == 0, checked.stderr
    return set(checked.stdout.split())


def without_pronouns(word: str) -> str | None:
    """«anótala» → «anota», «pasarle» → «pasar»: el verbo de una forma que el diccionario no lleva unida a su pronombre.

    Al unirse, todas llevan tilde menos las que terminan en -r: sin ella no se aceptan.
    """
    hit = re.fullmatch(r"(.{2,}?)(?:[mts]e|nos)?(?:[mts]e|nos|l[aoe]s?)", word.lower())
    if hit is None or not (re.search("[áéíóú]", hit[1]) or hit[1].endswith("r")):
        return None
    return hit[1].translate(str.maketrans("áéíóú", "aeiou"))


def unknown(candidates) -> set[str]:
    """Las que no están ni en el diccionario ni en la lista propia."""
    ours = {line.strip() for line in OURS.read_text(encoding="utf-8").splitlines() if line.strip()[:1] != "#"}
    left = misspelled({word for word in candidates if word not in ours and word.lower() not in ours})
    verbs = {word: without_pronouns(word) for word in left}
    wrong_verbs = misspelled({verb for verb in verbs.values() if verb})
    return {word for word, verb in verbs.items() if verb is None or verb in wrong_verbs}


@pytest.fixture(scope="module", autouse=True)
def _dictionary(refuse):
    if not shutil.which("hunspell"):
        refuse("no hay con qué revisar la ortografía: en Debian, «apt install hunspell hunspell-es»")


def test_everything_a_person_reads_is_well_spelled():
    where = everything()
    assert len(where) > 3_000
    wrong = sorted(f"{word}: {', '.join(sorted(where[word]))}" for word in unknown(where))
    assert not wrong, f"{len(wrong)} palabras (si están bien, van en {OURS.name}):\n  " + "\n  ".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "El agente recive la recompensa.",
        "La politica del agente (otra vez) es *greedy*.",
        "## Por que aprende tan despasio",
        "| tabla | de valorez |",
        "Anotala y comparemoslo.",  # sin su tilde
    ],
)
def test_a_planted_error_in_prose_is_found(text):
    assert unknown(words(text)) & {"recive", "politica", "despasio", "valorez", "comparemoslo"}


@pytest.mark.parametrize(
    "code",
    [
        'print("La partida termnió con", puntos, "puntos")',
        "x = 1  # la primera obserbación",
        'raise ValueError(f"El juego {name!r} no exsiste: elija otro de la lista.")',
        'def f():\n    """Devuelve la recompenza de cada paso."""',
        "plt.xlabel('pasos del ajente (miles)')",
    ],
)
def test_a_planted_error_in_the_texts_of_a_program_is_found(code):
    found = unknown(set().union(*map(words, written_in(code))))
    assert found & {"termnió", "obserbación", "exsiste", "recompenza", "ajente"}


def test_the_list_of_our_own_words_is_in_order():
    listed = [line.strip() for line in OURS.read_text(encoding="utf-8").splitlines() if line.strip()[:1] != "#"]
    assert listed == sorted(set(listed), key=str.lower), "la lista va en orden alfabético y sin repeticiones"
