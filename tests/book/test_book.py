"""Recorre el libro construido como lo haría quien lo lee.  Lo llaman `make libro` y `make revisar`."""

import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
pytestmark = pytest.mark.html

# Palabras que delatan un texto de la interfaz sin traducir; ninguna es también una palabra española.
ENGLISH = re.compile(
    r"\b(the|this|of|and|your|with|page|home|main|toggle|link|show|hide|search|contents?|download|print|source"
    r"|next|previous|copy|copied|back|light|dark|click|open|edit|theme|sidebar|skip|hidden|notes?|warning|tip"
    r"|exercise|solution|figure|table|theorem|proof|parameters?|returns?|raises|type|see also|by|copyright|built)\b",
    re.IGNORECASE,
)
ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-bs-title", "data-tooltip")
# Dentro del texto, lo que escriben las bibliotecas y no el autor.
LABELS = (
    "p.admonition-title, summary, .caption-number, .field-list > dt, a.headerlink, .prev-next-subtitle, "
    ".rubric, .versionadded, .versionchanged"
)
FILE_NAME = re.compile(r"^\S*[/\\]\S*$|\.(png|gif|svg|jpe?g|webp|mp4|ipynb)\b", re.IGNORECASE)
TRACES = re.compile(
    r"/tmp/|/home/\w|/root/|/Users/|[A-Z]:\\|site-packages|\.venv/|Traceback \(most recent call last\)|\b\w+Warning\b"
)


@pytest.fixture(scope="module", autouse=True)
def _built():
    if not (HTML / "index.html").is_file():
        message = "no hay libro que recorrer: constrúyalo antes con «make libro»"
        if os.environ.get("EXIGIR_LIBRO"):
            pytest.fail(message)
        pytest.skip(message)


def pages() -> list[Path]:
    return sorted([*HTML.glob("*.html"), *(HTML / "book").rglob("*.html")])


def chapters() -> list[Path]:
    """Las páginas escritas por los autores, según _toc.yml."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [HTML / f"{name}.html" for name in names]


@cache
def parse(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(page: Path) -> set[str]:
    return {element["id"] for element in parse(page).find_all(id=True)}


def label(page: Path) -> str:
    return page.relative_to(HTML).as_posix()


def text(element) -> str:
    return " ".join(element.get_text(" ").split())


def report(problems) -> None:
    problems = sorted(set(problems))
    assert not problems, f"{len(problems)} problemas:\n  " + "\n  ".join(problems)


def test_every_page_of_the_table_of_contents_was_built_and_no_other():
    assert set((HTML / "book").rglob("*.html")) == set(chapters())
    assert {page.name for page in HTML.glob("*.html")} <= {"index.html", "genindex.html", "search.html"}


def test_pages_say_that_they_are_in_spanish():
    report(label(page) for page in pages() if parse(page).html is None or parse(page).html.get("lang") != "es")


def test_pages_have_a_title_and_content():
    for page in chapters():
        article = parse(page).select_one("article")
        assert article is not None, label(page)
        assert text(article.h1).rstrip("# "), f"{label(page)}: sin título"
        assert len(text(article)) > 300, f"{label(page)}: casi vacía"


def interface(page: Path):
    """Los textos que pone el tema: fuera del artículo, en las etiquetas de dentro y en los atributos."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for element in soup.select("script, style, code, pre, svg"):
        element.decompose()
    # El título de una cita es el del trabajo citado, casi siempre en inglés.
    for element in soup.select(".bibtex-citation a, a.reference.internal[title]"):
        del element["title"]
    for attribute in ATTRIBUTES:
        yield from (element[attribute] for element in soup.find_all(attrs={attribute: True}))
    for article in soup.select("article"):
        yield from map(text, article.select(LABELS))
        article.decompose()
    yield from soup.stripped_strings


def test_the_interface_has_no_english():
    report(f"{label(page)}: {words!r}" for page in pages() for words in interface(page) if ENGLISH.search(words))


def test_hints_written_by_scripts_are_in_spanish():
    hints = re.compile(r"toggleHint(?:Show|Hide) = '([^']*)'")
    found = {hint for page in chapters() for hint in hints.findall(page.read_text(encoding="utf-8"))}
    assert found == {"Mostrar", "Ocultar"}


def test_every_picture_says_what_one_sees():
    for page in chapters():
        for picture in parse(page).select("article img"):
            alt = " ".join(picture.get("alt", "").split())
            assert alt, f"{label(page)}: {picture.get('src')} no tiene texto alternativo"
            assert not FILE_NAME.search(alt), f"{label(page)}: el texto alternativo {alt!r} es el de un archivo"


def test_nothing_moves_without_a_way_to_stop_it():
    videos = [(page, video) for page in chapters() for video in parse(page).select("article video")]
    assert videos, "el libro ya no tiene videos"
    for page, video in videos:
        assert video.has_attr("controls") and not video.has_attr("autoplay"), f"{label(page)}: video sin controles"
        assert " ".join(video.get("aria-label", "").split()), f"{label(page)}: video sin texto alternativo"
    for page in chapters():  # a cada GIF, movimiento.js le pone un botón
        if parse(page).select('article img[src$=".gif"]'):
            scripts = [script["src"] for script in parse(page).find_all("script", src=True)]
            assert any("movimiento.js" in source for source in scripts), f"{label(page)}: un GIF sin botón"


def targets(page: Path):
    for name, attribute in (("a", "href"), ("link", "href"), ("img", "src"), ("script", "src"),
                            ("source", "src"), ("video", "src"), ("video", "poster"), ("iframe", "src")):  # fmt: skip
        for element in parse(page).find_all(name, attrs={attribute: True}):
            yield name, element[attribute]


def test_no_picture_link_or_anchor_is_broken():
    problems = []
    for page in pages():
        for name, target in targets(page):
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            file = (page.parent / unquote(url.path)).resolve() if url.path else page
            if not file.is_file():
                problems.append(f"{label(page)}: <{name}> lleva a {target}, que no existe")
            elif url.fragment and file.suffix == ".html" and unquote(url.fragment).split("?")[0] not in anchors(file):
                problems.append(f"{label(page)}: no existe el lugar {target}")
    report(problems)


def test_the_book_can_be_read_without_a_connection():
    report(
        f"{label(page)}: <{name}> pide {target}"
        for page in pages()
        for name, target in targets(page)
        if name != "a" and urlsplit(target).scheme in ("http", "https")
    )


def test_no_warning_error_or_path_of_this_machine_shows_in_the_pages():
    problems = []
    for page in pages():
        if str(ROOT) in page.read_text(encoding="utf-8"):
            problems.append(f"{label(page)}: contiene {ROOT}")
        for output in parse(page).select(".cell_output"):
            problems += [f"{label(page)}: {hit.group()}" for hit in TRACES.finditer(output.get_text())]
    report(problems)
