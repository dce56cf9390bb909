"""Los archivos que instalan y describen el proyecto dicen todos lo mismo."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("book/*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def lock() -> dict[str, Requirement]:
    lines = [line.strip() for line in read("requirements.txt").splitlines()]
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def direct() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in (PROJECT["dependencies"], *extras) for text in group]


def test_the_lock_pins_every_line_to_one_version():
    for name, pin in lock().items():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), f"{name}: {pin}"


def test_every_direct_dependency_is_pinned_within_its_bounds():
    pins = lock()
    for requirement in direct():
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} está en pyproject.toml y falta en requirements.txt"
        version = next(iter(pins[name].specifier)).version
        assert requirement.specifier.contains(version), f"{pins[name]} no cumple {requirement}"


def test_the_lock_covers_everything_that_gets_installed():
    pending, seen = {("coursekit", "libro"), ("coursekit", "sweep"), ("coursekit", "test")}, set()
    while pending:
        name, extra = pending.pop()
        seen.add((name, extra))
        for text in metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found = {(canonicalize_name(requirement.name), e) for e in requirement.extras or {""}}
                pending |= found - seen
    missing = {name for name, _ in seen} - set(lock()) - {"coursekit"}
    assert not missing, f"faltan en requirements.txt: {sorted(missing)}"


@pytest.mark.parametrize("name", ["pexpect", "ptyprocess", "pywinpty", "colorama", "appnope"])
def test_packages_of_one_system_are_marked(name):
    assert "sys_platform" in str(lock()[name].marker)


def test_the_lock_has_no_packages_that_exist_only_for_one_graphics_card():
    assert not [name for name in lock() if name.startswith(("nvidia", "triton", "cuda"))]


def test_conda_brings_only_python_and_pip_and_pip_reads_the_same_lock():
    dependencies = yaml.safe_load(read("environment.yml"))["dependencies"]
    conda = [Requirement(item.replace("=", "==")) for item in dependencies if isinstance(item, str)]
    assert [item.name for item in conda] == ["python", "pip"]
    python = next(iter(conda[0].specifier)).version
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    (pip,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    assert [line for line in pip if not line.startswith("--extra-index-url")] == [
        "-r requirements.txt",
        "-e .[libro,sweep,test]",
    ]


def test_the_version_is_the_same_everywhere():
    import coursekit

    citation = yaml.safe_load(read("CITATION.cff"))
    assert coursekit.__version__ == PROJECT["version"] == citation["version"]


def test_every_make_command_in_the_documents_is_a_target():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "book/inicio.md", ".ci/run", ".github/workflows/ci.yml"):
        commands = set(re.findall(r"\bmake ([a-z]+)\b", read(name)))
        assert commands, f"{name} no nombra ninguna orden de make"
        assert commands <= targets, f"{name}: make {commands - targets} no existe"


def test_every_page_of_the_table_of_contents_exists_and_every_notebook_is_in_it():
    toc = yaml.safe_load(read("_toc.yml"))
    entries = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    for entry in entries:
        assert list(ROOT.glob(f"{entry}.md")) or list(ROOT.glob(f"{entry}.ipynb")), f"falta {entry}"
    # LEEME.ipynb recibe a quien abre JupyterLab; no es una página.
    assert {f"book/{path.stem}" for path in NOTEBOOKS} - {"book/LEEME"} <= set(entries)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell["id"] for cell in code if cell["outputs"]], "hay salidas guardadas"
    assert not [cell["id"] for cell in code if cell["execution_count"] is not None], "hay celdas numeradas"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_use_the_kernel_that_every_installation_has(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"] == {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
