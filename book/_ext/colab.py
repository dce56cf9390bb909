"""Pone al comienzo de cada cuaderno la celda que en Google Colab instala el curso.  Lo llama «make colab».

La dirección del repositorio es la de _config.yml, y solo está ahí: sin ella la celda se quita, y con otra se renueva.
"""

import json
import sys
from pathlib import Path

import yaml

CURSO = Path(__file__).resolve().parents[2]
ID = "instalar-en-colab"
CELDA = """# En Colab, instala el curso y trae sus corridas (unos dos minutos).  Donde ya está no hace nada.
import importlib.util, os, subprocess, sys

if importlib.util.find_spec("coursekit") is None:
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "{url}", "curso"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "./curso"], check=True)
    os.chdir("curso/book")
"""


def celda(url: str) -> dict:
    # En el libro no se ve, y en JupyterLab va plegada: solo le importa a Colab.
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": ID,
        "metadata": {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]},
        "outputs": [],
        "source": CELDA.format(url=url).strip().splitlines(keepends=True),
    }


def repositorio(curso: Path) -> str:
    configuracion = yaml.safe_load((curso / "_config.yml").read_text(encoding="utf-8"))
    return (configuracion.get("repository", {}).get("url") or "").rstrip("/")


def con_celda(cuaderno: dict, url: str) -> dict:
    """El cuaderno con su celda, si hay dirección, y sin ella si no la hay."""
    demas = [otra for otra in cuaderno["cells"] if otra.get("id") != ID]
    return {**cuaderno, "cells": [*demas[:1], *([celda(url)] if url else []), *demas[1:]]}


def main() -> int:
    url, cambiados = repositorio(CURSO), 0
    for archivo in sorted((CURSO / "book").glob("*.ipynb")):
        antes = archivo.read_text(encoding="utf-8")
        despues = json.dumps(con_celda(json.loads(antes), url), ensure_ascii=False, indent=1) + "\n"
        if despues != antes:
            archivo.write_text(despues, encoding="utf-8", newline="\n")
            cambiados += 1
    que = f"instala desde {url}" if url else "se quitó, porque _config.yml no dice cuál es el repositorio"
    print(f"{cambiados} cuadernos cambiados: la celda de Colab {que}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
