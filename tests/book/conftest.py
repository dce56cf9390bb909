"""Lo que necesitan las pruebas que miran las páginas y JupyterLab: un navegador verdadero."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

from imprimir import SinNavegador, abrir_navegador


@pytest.fixture(scope="session")
def refuse():
    """`refuse(razón)`: omite lo que la máquina de una persona no puede mirar; en la integración continua, falla."""

    def give_up(reason: str):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)

    return give_up


@pytest.fixture(scope="session")
def browser(refuse):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        try:
            opened = abrir_navegador(playwright)
        except SinNavegador as error:
            refuse(str(error))
        yield opened
        opened.close()
