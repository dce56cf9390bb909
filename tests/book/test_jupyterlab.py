"""Abre los cuadernos en un JupyterLab verdadero, con un navegador, como los ve quien estudia."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
sys.path.insert(0, str(BOOK / "_ext"))

import lab  # noqa: E402

CHAPTERS = sorted(path.name for path in BOOK.glob("[0-9][0-9]_*.ipynb"))
RUN_ALL = [name for name in CHAPTERS if name[:2] in ("05", "08", "09")]  # los tres que terminan antes
PATIENCE = 240_000  # milisegundos, en una máquina lenta y ocupada
# Rótulos que ponen JupyterLab y las extensiones de MyST alrededor de lo que escribimos.
ENGLISH = re.compile(r"\b(Start of|End of|Exercise|Solution|cells? hidden|Would you like|Raises|Figure)\b")
UNRENDERED = re.compile(r"^(`{3,}|:{3,}) ?\{|\{(term|cite\S*|ref|numref|doc)\}|\$\$|\]\(\w+\.(md|ipynb)", re.MULTILINE)


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory):
    """La dirección de un JupyterLab abierto por lab.py, en una copia del libro y sin configuración de nadie."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(BOOK, folder / "book", ignore=shutil.ignore_patterns("salidas", "__pycache__"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
                                                                      "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}  # fmt: skip
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
    environment.pop("SSH_CONNECTION", None)
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    log = open(folder / "registro.txt", "w", encoding="utf-8")  # noqa: SIM115
    order = [sys.executable, folder / "book/_ext/lab.py", *options]
    process = subprocess.Popen(order, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        for _ in range(120):
            try:
                urlopen(f"http://127.0.0.1:{port}/api", timeout=2).close()
                break
            except (URLError, OSError):
                assert process.poll() is None, (folder / "registro.txt").read_text(encoding="utf-8")
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/lab"
    finally:
        os.killpg(process.pid, 15) if hasattr(os, "killpg") else process.terminate()
        process.wait(30)
        log.close()


@pytest.fixture
def tab(browser, jupyterlab):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.faults = []
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((jupyterlab.removesuffix("lab"), "data:", "blob:", "ws"))
            or page.faults.append(f"pide {request.url}")
        ),
    )
    yield page
    page.close()


def open_notebook(tab, jupyterlab, name):
    """Abre el cuaderno y espera a que todas sus celdas de texto estén dibujadas."""
    # Cada vez en su propio espacio: en el de siempre, JupyterLab vuelve a abrir lo anterior.
    tab.goto(f"{jupyterlab}/workspaces/{time.monotonic_ns()}/tree/{name}")
    cells = len(json.loads((BOOK / name).read_text(encoding="utf-8"))["cells"])
    tab.wait_for_function(
        """cells => {
          const all = document.querySelectorAll('.jp-Notebook .jp-Cell');
          const text = [...document.querySelectorAll('.jp-Notebook .jp-MarkdownCell')];
          return all.length === cells && text.every(cell => cell.classList.contains('jp-mod-rendered'));
        }""",
        arg=cells,
    )


def test_it_opens_in_spanish_at_the_notebook_that_says_where_to_begin(tab, jupyterlab):
    tab.goto(jupyterlab)
    tab.wait_for_selector(".jp-DirListing-content")
    menu = tab.locator("#jp-MainMenu").inner_text()
    assert {"Archivo", "Editar", "Ver", "Ayuda"} <= set(menu.split())
    tab.wait_for_timeout(3000)  # el aviso de novedades aparecía en este tiempo
    assert tab.locator(".Toastify__toast").count() == 0
    open_notebook(tab, jupyterlab, "LEEME.ipynb")
    tab.locator(".jp-Notebook h1", has_text="Empecemos por aquí").wait_for()
    tab.locator(".jp-Notebook a", has_text="capítulo 1").first.click()
    tab.wait_for_selector(".jp-Notebook h1:has-text('El ambiente')")
    assert tab.faults == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_rendered_without_english_and_with_its_solutions_folded(tab, jupyterlab, name):
    open_notebook(tab, jupyterlab, name)
    texts = tab.locator(".jp-Notebook .jp-RenderedMarkdown").all_inner_texts()
    assert len(texts) > 10
    shown = "\n".join(re.sub(r"`[^`]*`", "", text) for text in texts)
    assert not UNRENDERED.search(shown), UNRENDERED.search(shown)
    notebook = tab.locator(".jp-Notebook").inner_text()
    assert not ENGLISH.search(notebook), ENGLISH.search(notebook)
    exercises = tab.locator(".jp-Notebook h3", has_text=re.compile(r"^Ejercicio \d+\.\d\. "))
    solutions = tab.locator(".jp-Notebook h4", has_text=re.compile(r"^Solución del ejercicio \d+\.\d"))
    assert exercises.count() == solutions.count() >= 2
    answers = tab.locator(".jp-Notebook .jp-CodeCell", has_text="# Solución")
    assert answers.count() >= 2 and not any(cell.is_visible() for cell in answers.all())
    title = tab.locator(".jp-Notebook .jp-Cell", has=tab.locator("h4")).first
    title.scroll_into_view_if_needed()
    title.locator(".jp-collapseHeadingButton").click()
    assert answers.first.is_visible()
    assert tab.faults == []


def test_a_term_opens_the_glossary(tab, jupyterlab):
    open_notebook(tab, jupyterlab, "03_dqn_desde_cero.ipynb")
    term = tab.locator(".jp-Notebook a", has_text="agente").first
    term.scroll_into_view_if_needed()
    term.click()
    tab.wait_for_selector(".jp-MarkdownViewer h2:has-text('agente')")


@pytest.mark.parametrize("name", RUN_ALL)
def test_a_chapter_runs_from_top_to_bottom_with_one_order(tab, jupyterlab, name):
    open_notebook(tab, jupyterlab, name)
    tab.locator(".jp-Notebook .jp-Cell").first.click()
    tab.keyboard.press("Escape")
    tab.locator(".jp-NotebookPanel-toolbar [data-jp-item-name='restart-and-run'] jp-button").click()
    tab.locator(".jp-Dialog .jp-mod-warn, .jp-Dialog .jp-mod-accept").last.click()  # «¿reiniciar?»
    # Las celdas de las soluciones plegadas se ejecutan también, aunque su número no se dibuje.
    tab.wait_for_function(
        """() => {
          const failed = [...document.querySelectorAll('.jp-OutputArea-output')].some(
            output => output.textContent.includes('Traceback (most recent call last)'));
          const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
          return failed || prompts.every(prompt => /\\[\\d+\\]/.test(prompt.textContent));
        }"""
    )
    errors = tab.locator(".jp-OutputArea-output", has_text="Traceback (most recent call last)").all_text_contents()
    assert not errors, errors[0][-800:]
    assert tab.locator(".jp-OutputArea-output").count() > 3
    assert tab.faults == []


# --- lo que dice lab.py antes de abrir --------------------------------------------------------------------------------


def test_over_ssh_it_says_how_to_reach_it_and_opens_no_browser(monkeypatch, capsys):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51022 10.0.0.7 22")
    options = lab.opciones()
    said = capsys.readouterr().out
    assert re.search(r"ssh -N -L 8888:localhost:8888 \S+@10\.0\.0\.7", said)
    assert {"--no-browser", "--port=8888"} <= set(options)


@pytest.mark.parametrize("present", [True, False])
def test_without_a_browser_it_points_to_the_address(monkeypatch, capsys, present):
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(lab, "hay_navegador", lambda: present)
    assert ("--no-browser" in lab.opciones()) is (not present)
    assert ("No se encontró un navegador" in capsys.readouterr().out) is (not present)


def test_an_environment_of_somebody_else_does_not_stop_it(monkeypatch, capsys, tmp_path):
    (tmp_path / "share").write_text("ocupado", encoding="utf-8")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert lab.main(["--solo-ajustes"]) == 0
    assert "No se pudo poner JupyterLab en español" in capsys.readouterr().err
