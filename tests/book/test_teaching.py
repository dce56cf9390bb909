"""La guía docente y las hojas sin soluciones dicen lo que dicen los cuadernos."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from coursekit import cli
from coursekit.runs import Run

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(BOOK.glob("[0-9][0-9]_*.ipynb"))
GUIDE = (BOOK / "guia_docente.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
sys.path.insert(0, str(BOOK / "_ext"))

import ejercicios  # noqa: E402
import hojas  # noqa: E402


def prose(page: Path) -> str:
    """El Markdown de una página o de un cuaderno."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return text


def anchors(text: str) -> set[str]:
    """Los lugares a los que se puede enlazar: los títulos, como los nombra MyST, y los ejercicios, por su número."""
    without_code = re.sub(r"^(```+).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#{1,3} (.+)$", without_code, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", title.strip()).lower().replace(" ", "-") for title in titles}
    numbers = {f"ejercicio-{a}-{b}" for a, b in re.findall(r"^### Ejercicio (\d+)\.(\d+)\.", text, re.MULTILINE)}
    return slugs | numbers


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.fixture(scope="module")
def handout(tmp_path_factory) -> Path:
    """El curso tal como se reparte."""
    folder = tmp_path_factory.mktemp("curso") / "hojas"
    copies = [copy.name for copy in hojas.repartir(ROOT, folder)]
    assert copies == sorted(path.name for path in BOOK.glob("*.ipynb")) and "LEEME.ipynb" in copies
    return folder


@pytest.fixture
def small_course(tmp_path) -> Path:
    """Un curso con un solo cuaderno, que la prueba puede estropear."""
    for name in hojas.SE_REPARTE:
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        (copy.mkdir if (ROOT / name).is_dir() else copy.touch)()
    shutil.copytree(BOOK / "_ext", tmp_path / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(NOTEBOOKS[0], tmp_path / "book")
    return tmp_path


# --- La guía ---------------------------------------------------------------------------------------------------------


def test_the_table_lists_every_exercise_of_the_notebooks_with_its_minutes():
    # Se vuelve a leer cada enunciado línea por línea, sin la expresión regular de la extensión.
    expected = []
    for path in NOTEBOOKS:
        lines, code = prose(path).splitlines(), path.read_text(encoding="utf-8")
        for i, line in enumerate(lines):
            if line.startswith("### Ejercicio "):
                number, title = line.removeprefix("### Ejercicio ").split(". ", 1)
                minutes, level = (
                    next(text for text in lines[i + 1 :] if text.startswith("*")).split(".*")[0].split(" · ")
                )
                checked = "sí" if f'comprobar(\\"{number}\\"' in code else "no"
                expected.append([number, title, minutes.strip("*").split()[0], level, checked])
    listed = rows(ejercicios.tablas(BOOK)["tabla_ejercicios"])
    assert len(expected) > 20
    assert [[n, re.sub(r"^\[|\]\(\S+\)$", "", title), *rest] for n, title, *rest in listed] == expected


def test_an_exercise_is_checked_exactly_when_the_package_has_its_checker():
    for number, *_, checked in rows(ejercicios.tablas(BOOK)["tabla_ejercicios"]):
        chapter, exercise = number.split(".")
        module = __import__(f"coursekit.exercises.cap{chapter:0>2}", fromlist=["_"])
        assert hasattr(module, f"exercise_{exercise}") == (checked == "sí"), number


def test_the_table_of_chapters_adds_up_and_says_what_each_opening_box_says():
    *chapters, total = rows(ejercicios.tablas(BOOK)["tabla_capitulos"])
    for path, (link, reading, cells, exercises) in zip(NOTEBOOKS, chapters, strict=True):
        assert link.endswith(f"]({path.name})")
        box = next(line for line in prose(path).splitlines() if "**Tiempo:**" in line)
        assert f" {reading} minutos de lectura" in box and box.endswith(f"las celdas tardan {cells}."), path.name
        assert int(exercises) == sum(map(int, re.findall(r"^\*(\d+) minutos · ", prose(path), re.MULTILINE)))
    for column in (1, 3):
        assert sum(int(row[column]) for row in chapters) == int(total[column])


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_tables_change_with_the_notebook(tmp_path):
    copy = Path(shutil.copy(BOOK / "01_ale.ipynb", tmp_path))
    change(copy, "*20 minutos · media.*", "*77 minutos · difícil.*")
    change(copy, "unos 55 minutos de lectura", "unos 99 minutos de lectura")
    tables = ejercicios.tablas(tmp_path)
    assert "| 77 | difícil | sí |" in tables["tabla_ejercicios"] and "| 99 |" in tables["tabla_capitulos"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("*20 minutos · media.*", "*Un rato · media.*"),
        ("*20 minutos · media.*", "*20 minutos · regular.*"),
        ("**Tiempo:** unos 55 minutos", "**Tiempo:** bastantes minutos"),
    ],
)
def test_a_notebook_that_does_not_say_its_times_stops_the_build(old, new, tmp_path):
    change(Path(shutil.copy(BOOK / "01_ale.ipynb", tmp_path)), old, new)
    with pytest.raises(ValueError, match="01_ale.ipynb: "):
        ejercicios.tablas(tmp_path)


def test_the_guide_shows_its_tables_and_types_no_exercise_minutes_by_hand():
    names = set(re.findall(r"{{ (\w+) }}", GUIDE))
    assert names == set(ejercicios.tablas(BOOK))
    assert set(re.findall(r"\d+ minutos", GUIDE)) <= {"90 minutos"}  # la duración de una clase


def test_every_internal_link_of_the_guide_leads_somewhere():
    tables = "\n".join(ejercicios.tablas(BOOK).values())
    links = LINK.findall(GUIDE + tables)
    assert len(links) > 50
    everywhere = set().union(*(anchors(prose(path)) for path in NOTEBOOKS)) | anchors(GUIDE)
    for file, anchor in links:
        if file.startswith("http"):
            continue
        assert not file or (BOOK / file).is_file(), file
        assert not anchor or anchor in (anchors(prose(BOOK / file)) if file else everywhere), f"{file}#{anchor}"


def test_every_sentence_quoted_from_a_chapter_is_in_that_chapter():
    quotes = re.findall(r"^> (.+) — \[[^\]]+\]\(([^)#]+)#?[^)]*\)$", GUIDE, re.MULTILINE)
    assert len(quotes) == len(re.findall("^>", GUIDE, re.MULTILINE)) >= 9
    for sentence, file in quotes:
        assert sentence in " ".join(prose(BOOK / file).split()), f"{file} ya no dice: {sentence}"


def test_every_exercise_that_the_guide_assigns_exists_and_every_chapter_has_a_class():
    numbers = {e.numero for c in ejercicios.capitulos(BOOK) for e in c.ejercicios}
    plan = GUIDE[GUIDE.index("## Un plan de clases") : GUIDE.index("### Más corto")]
    assigned = set(re.findall(r"\b(?:ejercicio|el) (\d+\.\d)\b", GUIDE))
    assert assigned <= numbers and len(assigned) > 15
    assert {path.name for path in NOTEBOOKS} == {file for file, _ in LINK.findall(plan) if file.endswith(".ipynb")}


def test_every_command_of_the_guide_is_one_that_the_terminal_accepts(monkeypatch):
    project = (BOOK / "proyecto_final.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\.venv/bin/coursekit (.+)$", GUIDE + project, re.MULTILINE)
    assert {"doctor", "train", "evaluate", "record"} <= {command.split()[0] for command in commands}
    done = []
    for name in ("_doctor", "_train", "_evaluate", "_record"):
        monkeypatch.setattr(cli, name, lambda options: done.append(options.order))
    for command in commands:
        assert cli.main(shlex.split(command)) == 0, command
    assert done == [command.split()[0] for command in commands]


# --- Las hojas -------------------------------------------------------------------------------------------------------


def test_the_handouts_have_every_statement_and_no_solution(handout):
    for path in NOTEBOOKS:
        original, copy = (nbformat.read(book / path.name, as_version=4).cells for book in (BOOK, handout / "book"))
        solved = [cell.source for cell in original if "# Solución" in cell.source]
        assert solved, f"{path.name}: se acabaron las soluciones, esta prueba ya no prueba nada"
        text = "\n".join(cell.source for cell in copy)
        for trace in ("# Solución", "_solucion", "Solución del ejercicio", *solved):
            assert trace not in text, f"{path.name}: queda {trace[:40]!r}"
        for exercise in re.findall(r"^### Ejercicio .+?(?=^#### Solución)", prose(path), re.DOTALL | re.MULTILINE):
            assert exercise.strip() in prose(handout / "book" / path.name), f"{path.name}: falta {exercise[:60]}"


def test_only_what_follows_a_solution_title_goes(handout):
    for path in NOTEBOOKS:
        copy, original = nbformat.read(handout / "book" / path.name, as_version=4), nbformat.read(path, as_version=4)
        nbformat.validate(copy)
        assert copy.metadata == original.metadata
        # Otra cuenta de lo que queda: celdas de código fuera de las soluciones, y títulos de todo el capítulo.
        inside, code = False, []
        for cell in original.cells:
            if cell.cell_type == "code" and not inside:
                code.append((cell.id, cell.source))
            if cell.cell_type == "markdown" and cell.source.startswith("#"):
                inside = cell.source.startswith("#### Solución")
        assert [(cell.id, cell.source) for cell in copy.cells if cell.cell_type == "code"] == code
        titles = re.sub(r"^#### Solución.*$", "", prose(path), flags=re.MULTILINE)
        assert anchors(prose(handout / "book" / path.name)) == anchors(titles)


def markdown(*lines: str) -> dict:
    return {"cell_type": "markdown", "source": "\n".join(lines).splitlines(keepends=True)}


def code(text: str) -> dict:
    return {"cell_type": "code", "source": [text]}


def test_a_solution_ends_where_another_title_begins():
    cells = [
        markdown("### Ejercicio 1.1. Uno", "", "Se pide."),
        code("x = ..."),
        markdown("#### Solución del ejercicio 1.1"),
        markdown("Se explica."),
        code("x = 1"),
        markdown("## Lo que sigue"),
        code("# Solución no es un título aquí"),
    ]
    assert hojas.sin_soluciones(cells) == [*cells[:2], *cells[5:]]


@pytest.mark.parametrize(
    "cell",
    [
        markdown("Texto.", "", "#### Solución del ejercicio 1.1"),  # el texto, ¿se va o se queda?
        markdown("Se explica.", "", "### Ejercicio 1.2. Dos"),
    ],
)
def test_a_title_in_the_middle_of_a_solution_is_refused(cell):
    with pytest.raises(ValueError, match="no está al comienzo de su celda"):
        hojas.sin_soluciones([markdown("#### Solución del ejercicio 1.1"), cell])


def test_the_handouts_find_what_their_cells_read(handout, monkeypatch):
    monkeypatch.chdir(handout / "book")
    named = set()
    for path in Path().glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        named |= set(re.findall(r'"(runs/[\w/-]+)"', "\n".join(c.source for c in cells if c.cell_type == "code")))
    assert "runs/breakout-dqn" in named
    for name in named:
        assert Path(name).is_dir(), name
    run = Run("runs/breakout-dqn")
    assert run.agent.is_file() and run.results and run.checkpoints()
    for page in (*Path().glob("*.ipynb"), *Path().glob("*.md")):
        for target in re.findall(r"\]\(([^):#\s]+)\)|\{image\} (\S+)", prose(page)):
            assert Path(next(filter(None, target))).is_file(), f"{page}: {target}"


def test_no_cell_of_the_handouts_uses_a_name_that_only_a_solution_defined(handout):
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821", "book"]
    found = subprocess.run(check, cwd=handout, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_handouts_are_a_course_that_installs_and_hides_the_tests_with_the_answers(handout):
    files = {path.relative_to(handout).as_posix() for path in handout.rglob("*") if path.is_file()}
    assert {"Makefile", "pyproject.toml", "requirements.txt", "coursekit/cli.py", "coursekit/curso.mplstyle"} <= files
    assert {file for file in files if file.startswith("tests/")} == {"tests/book/test_book.py"}
    left_out = ("book/salidas/", "/tensorboard/", "/resume/", "__pycache__")
    assert not [file for file in files if any(part in file for part in left_out)]


def run_script(course: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(course / "book/_ext/hojas.py")], capture_output=True, text=True)


def test_the_order_leaves_the_copy_in_build_and_replaces_the_previous_one(small_course, monkeypatch):
    monkeypatch.chdir(Path(small_course.anchor))  # da igual desde dónde se llame
    old = small_course / "_build/hojas/viejo.txt"
    old.parent.mkdir(parents=True)
    old.touch()
    done = run_script(small_course)
    assert done.returncode == 0 and "1 cuadernos sin soluciones" in done.stdout, done.stderr
    assert not old.exists()
    copy = json.loads((small_course / "_build/hojas/book/01_ale.ipynb").read_text(encoding="utf-8"))
    assert "# Solución" not in str(copy) and "### Ejercicio 1.1. " in str(copy)


def test_a_notebook_with_a_misplaced_solution_is_named_and_its_answers_are_not_copied(small_course):
    notebook = small_course / "book/01_ale.ipynb"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace('"#### Solución', '"Así:\\n", "#### Solución', 1), encoding="utf-8")
    done = run_script(small_course)
    assert done.returncode == 1 and "01_ale.ipynb: el título «Solución del ejercicio" in done.stderr
    assert not (small_course / "_build/hojas/book/01_ale.ipynb").exists()


def test_a_missing_file_is_explained_without_a_traceback(small_course):
    (small_course / "requirements.txt").unlink()
    done = run_script(small_course)
    assert done.returncode == 1 and "No se pudieron hacer las hojas" in done.stderr and "Traceback" not in done.stderr
