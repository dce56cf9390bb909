"""Las maneras de llegar al curso: la celda de Colab, los botones del libro y los cuadernos en Markdown corriente."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
sys.path.insert(0, str(BOOK / "_ext"))

import colab  # noqa: E402
import cuadernos  # noqa: E402

NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


def prose(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


# --- Cuadernos que se leen igual en todas partes ----------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_directive_or_role_that_only_the_book_understands(path):
    found = re.findall(r"^(?:`{3,}|:{3,}) ?\{.*|\{[\w:-]+\}`[^`]+`|^\(\S+\)=$", prose(path), re.MULTILINE)
    assert not found, f"se verían tal cual en JupyterLab y en Colab: {found}"


def test_every_citation_names_the_author_and_the_year_of_its_entry():
    entries = parse_file(BOOK / "referencias.bib").entries
    works = {url: entry for entry in entries.values() for url in cuadernos.direcciones(entry.fields)}
    assert len(works) >= len(entries), "hay una obra sin dirección"
    cited, problems = 0, []
    for path in NOTEBOOKS:
        for text, url in re.findall(r"\[([^\]]+)\]\((https?://[^)\s]+)\)", prose(path)):
            if entry := works.get(url):
                cited += 1
                first = " ".join(entry.persons["author"][0].last_names)
                if entry.fields["year"] not in text or first.split()[-1] not in text:
                    problems.append(f"{path.name}: «{text}» lleva a {first} ({entry.fields['year']})")
            elif re.search(r"doi\.org|arxiv\.org", url):
                problems.append(f"{path.name}: {url} no está en referencias.bib")
    assert cited > 40 and not problems, problems


# --- Colab ------------------------------------------------------------------------------------------------------------


def test_the_notebooks_carry_the_cell_exactly_when_the_repository_is_known():
    url = colab.repositorio(ROOT)
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert colab.con_celda(notebook, url) == notebook, f"{path.name}: ejecute «make colab»"


def test_the_cell_comes_and_goes_without_touching_anything_else():
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    with_cell = colab.con_celda(notebook, "https://ejemplo.org/curso")
    assert len(with_cell["cells"]) == len(colab.con_celda(notebook, "")["cells"]) + 1
    assert "https://ejemplo.org/curso" in "".join(with_cell["cells"][1]["source"])
    renewed = colab.con_celda(with_cell, "https://ejemplo.org/otro")
    assert len(renewed["cells"]) == len(with_cell["cells"])
    assert colab.con_celda(renewed, "") == colab.con_celda(notebook, "")


def test_the_cell_installs_the_course_where_it_is_missing_and_does_nothing_where_it_is_not(tmp_path):
    # Como en Colab: un Python con las bibliotecas y sin coursekit.  El repositorio es este mismo árbol.
    tree = tmp_path / "repositorio"
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("esta copia del curso no es un repositorio de git")
    for name in files.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("book/runs/", "tests/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "core.autocrlf=false"]
    for order in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "curso"]):
        subprocess.run([*git, *order], cwd=tree, check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "colab"], check=True)
    python = next((tmp_path / "colab").glob("[bS][ic]*/python*"))
    site = next((tmp_path / "colab").rglob("site-packages"))
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    # Sin .pth ni buscadores de la instalación editable: solo las bibliotecas.
    (site / "bibliotecas.pth").write_text("\n".join(libraries), encoding="utf-8")
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'coursekit' else f(n)\n"
    script = "".join(colab.celda(tree.as_uri())["source"])
    home = tmp_path / "sesión"
    home.mkdir()

    def run(code):
        return subprocess.run([python, "-c", code], cwd=home, capture_output=True, text=True, timeout=300)

    done = run(hide + script + "\nprint(os.getcwd())")
    assert done.returncode == 0, done.stderr[-800:]
    assert done.stdout.strip().endswith("book") and (home / "curso/book/01_ale.ipynb").is_file()
    installed = [p.name for p in site.glob("coursekit*")]
    assert {"coursekit"} <= set(installed), installed  # una copia de verdad, y no un enlace a este árbol
    before = sorted(home.rglob("*"))
    again = run(script + "\nprint(os.getcwd())")
    assert again.returncode == 0 and again.stdout.strip() == str(home) and sorted(home.rglob("*")) == before


def test_the_buttons_of_colab_and_binder_wait_for_the_address():
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert set(configuration["launch_buttons"]) == {"notebook_interface", "colab_url", "binderhub_url"}
    assert "url" in configuration["repository"]
