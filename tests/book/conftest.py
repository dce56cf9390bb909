"""Un navegador verdadero para las pruebas que miran las páginas y JupyterLab."""

import os
import shutil

import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


def refuse(reason: str):
    """En la máquina de una persona se omite lo que no se puede mirar; en la integración continua es una falla."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """Chromium, Chrome o Edge, el que haya; `CHROMIUM` puede decir dónde está."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, COMMANDS)), None)
    with playwright.sync_playwright() as driver:
        # Sin archivo que nombrar, Playwright sabe dónde instalan Chrome y Edge los demás sistemas.
        ways = [{"executable_path": found}] if found else [{"channel": "chrome"}, {"channel": "msedge"}]
        for way in ways:
            try:
                opened = driver.chromium.launch(args=["--no-sandbox"], **way)
            except playwright.Error:
                continue
            yield opened
            opened.close()
            return
        refuse("no hay un navegador con el que mirar: instale Chromium (en Debian, «apt install chromium») o Chrome")
