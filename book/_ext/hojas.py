"""Copia el curso sin las soluciones de los ejercicios, para repartirlo.  Lo llama «make hojas».

    python book/_ext/hojas.py        (en Windows, .venv\\Scripts\\python book\\_ext\\hojas.py)

La copia queda en _build/hojas y se basta sola.  Sus cuadernos están en book/, junto a runs/ y _static/: por eso
encuentran lo mismo que los originales.  Las pruebas no van, porque contienen las respuestas.
"""

import json
import re
import shutil
import sys
from pathlib import Path

CURSO = Path(__file__).resolve().parents[2]
DESTINO = CURSO / "_build" / "hojas"
SE_REPARTE = (
    "README.md", "LICENSE", "LICENSE-texto", "CITATION.cff", "CONTRIBUTING.md",
    "Makefile", "pyproject.toml", "requirements.txt", "environment.yml", "_config.yml", "_toc.yml",
    "coursekit", "book", "tests/book/test_book.py",  # con esta prueba, «make libro» también sirve en la copia
)  # fmt: skip
# Lo que escriben los cuadernos y los entrenamientos; y los cuadernos mismos, que se escriben aparte.
NO_SE_COPIA = ("__pycache__", ".ipynb_checkpoints", "salidas", "tensorboard", "resume", "*.ipynb")
MARCA = re.compile(r"^(`{3,}|:{3,})\{solution-(start|end)\}.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)


def sin_soluciones(celdas: list[dict]) -> list[dict]:
    """Las celdas de un cuaderno sin lo que hay entre `{solution-start}` y `{solution-end}`.

    De una celda que además tiene otra cosa queda esa otra cosa.  Lanza `ValueError` si las marcas no van de a pares.
    """
    quedan, dentro = [], False
    for celda in celdas:
        texto = "".join(celda["source"])
        marcas = list(MARCA.finditer(texto)) if celda["cell_type"] == "markdown" else []
        if not marcas:
            quedan += [] if dentro else [celda]
            continue
        partes, desde = [], 0
        for marca in marcas:
            if dentro == (marca[2] == "start"):
                raise ValueError(f"hay un «solution-{marca[2]}» sin su pareja: «{marca[0].splitlines()[0]}»")
            partes += [] if dentro else [texto[desde : marca.start()].strip()]
            dentro, desde = not dentro, marca.end()
        partes += [] if dentro else [texto[desde:].strip()]
        if resto := "\n\n".join(filter(None, partes)):
            quedan.append(celda | {"source": resto.splitlines(keepends=True)})
    if dentro:
        raise ValueError("la última solución no se cierra: falta un «solution-end»")
    return quedan


def repartir(curso: Path, destino: Path) -> list[Path]:
    """Copia en `destino`, que se borra antes, lo que se reparte de `curso`; devuelve los cuadernos."""
    if destino.exists():
        shutil.rmtree(destino)
    for nombre in SE_REPARTE:
        origen, copia = curso / nombre, destino / nombre
        copia.parent.mkdir(parents=True, exist_ok=True)
        if origen.is_dir():
            shutil.copytree(origen, copia, ignore=shutil.ignore_patterns(*NO_SE_COPIA))
        else:
            shutil.copy(origen, copia)
    cuadernos = []
    for cuaderno in sorted((curso / "book").glob("*.ipynb")):
        contenido = json.loads(cuaderno.read_text(encoding="utf-8"))
        try:
            contenido["cells"] = sin_soluciones(contenido["cells"])
        except ValueError as error:
            raise ValueError(f"{cuaderno.name}: {error}.") from None
        cuadernos.append(destino / "book" / cuaderno.name)
        texto = json.dumps(contenido, ensure_ascii=False, indent=1)
        cuadernos[-1].write_text(texto + "\n", encoding="utf-8", newline="\n")
    return cuadernos


def main() -> int:
    try:
        cuadernos = repartir(CURSO, DESTINO)
    except (OSError, ValueError) as error:
        print(f"No se pudieron hacer las hojas: {error}", file=sys.stderr)
        return 1
    print(f"Listo: {len(cuadernos)} cuadernos sin soluciones en {DESTINO}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
