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
TITULO = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)


def sin_soluciones(celdas: list[dict]) -> list[dict]:
    """Las celdas de un cuaderno sin las que van de un título «Solución del ejercicio…» al título siguiente.

    Lanza `ValueError` si uno de esos títulos no está al comienzo de su celda: no se sabría qué quitar.
    """
    quedan, dentro = [], False
    for celda in celdas:
        texto = "".join(celda["source"])
        if celda["cell_type"] == "markdown":
            for titulo in TITULO.finditer(texto):
                es_solucion = titulo[1].startswith("Solución")
                if titulo.start() and (es_solucion or dentro):
                    raise ValueError(f"el título «{titulo[1]}» no está al comienzo de su celda")
                dentro = es_solucion
        quedan += [] if dentro else [celda]
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
