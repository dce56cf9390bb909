"""Lo que necesitan las pruebas que miran las páginas y JupyterLab: un navegador verdadero."""

import os
import shutil

import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


@pytest.fixture(scope="session")
def refuse():
    """`refuse(por qué)`: en la máquina de una persona, omite lo que no se puede mirar; en la integración continua, falla."""

    def give_up(reason: str):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)

    return give_up


@pytest.fixture(scope="session")
def browser(refuse):
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
