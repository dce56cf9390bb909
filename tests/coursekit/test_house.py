"""La casa: qué hay arriba, quién importa a quién y cuánto mide cada cosa."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "coursekit"
FILES = sorted(PACKAGE.rglob("*.py"))
TOP = {"__init__", "cli", "envs", "evaluation", "metrics", "recording", "runs"}
LIMITS = {"arriba": 1_100, "sin ejercicios": 4_800}
LONGEST = 45


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


def imports(path: Path) -> set[str]:
    """Los módulos de coursekit que importa un archivo, también dentro de sus funciones."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: los imports se escriben enteros"
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        found |= {name for name in names if name in MODULES}
    packages = {name for name in found if any(other.startswith(f"{name}.") for other in found)}
    return found - packages - {"coursekit", module(path)}


def lines(paths) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def test_no_module_imports_itself_through_others():
    graph = {name: imports(path) for name, path in MODULES.items()}
    assert graph["coursekit.cli"] >= {"coursekit.training.loop", "coursekit.training.recipe"}  # también los perezosos
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"se importan en círculo: {' → '.join(error.args[1])}")


def test_the_top_level_is_what_the_course_is_about():
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP


def test_the_package_is_small():
    assert lines(PACKAGE.glob("*.py")) <= LIMITS["arriba"]
    assert lines(path for path in FILES if "exercises" not in path.parts) <= LIMITS["sin ejercicios"]


def test_every_room_says_in_two_lines_who_enters_and_for_what():
    for room in PACKAGE.glob("*/__init__.py"):
        doc = ast.get_docstring(ast.parse(room.read_text(encoding="utf-8")))
        assert len(doc.splitlines()[0]) > 40, room


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_function_is_long(path):
    """Sin contar su docstring, que dice a quien la usa lo que necesita."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name != "_parser":  # una lista de opciones, de arriba abajo
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = node.end_lineno - first.lineno + 1
            assert length <= LONGEST, f"{node.name} mide {length}"


def test_every_public_module_is_documented():
    api = (ROOT / "book/api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"automodule:: ([\w.]+)", api))
    private = {name for name in ("coursekit", *(f"coursekit.{room}" for room in ("training", "playing", "comparison")))}
    private |= {"coursekit.exercises.checking"}
    private |= {name for name in MODULES if re.search(r"exercises\.\w+$", name)}  # se entra por coursekit.exercises
    assert documented == set(MODULES) - private


@pytest.mark.parametrize("name", ["torch", "pandas", "matplotlib", "stable_baselines3"])
def test_import_coursekit_brings_nothing_heavy(name):
    code = f"import coursekit, coursekit.cli, sys; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_openmp_waits_without_spinning_unless_somebody_chose_otherwise():
    for before, after in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        code = "import os, sys; sys.argv[1:] and os.environ.update(OMP_WAIT_POLICY=sys.argv[1]); "
        code += "sys.argv[1:] or os.environ.pop('OMP_WAIT_POLICY', 0); import coursekit; "
        code += "print(os.environ['OMP_WAIT_POLICY'])"
        order = [sys.executable, "-c", code, *([before] if before else [])]
        assert subprocess.run(order, capture_output=True, text=True, check=True).stdout.strip() == after


def test_notebooks_import_coursekit_before_torch():
    """OpenMP lee cómo debe esperar cuando se carga torch; coursekit se lo dice, si llega antes."""
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        torch = re.search(r'"(?:import|from) (?:torch|stable_baselines3|sb3_contrib)\b', text)
        ours = re.search(r'"(?:import|from) coursekit\b', text)
        assert torch is None or ours.start() < torch.start(), path.name
