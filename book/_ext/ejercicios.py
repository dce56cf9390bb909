"""Las tablas de la guía docente, leídas de los cuadernos: {{ tabla_capitulos }} y {{ tabla_ejercicios }}.

Si un capítulo cambia de tiempo o un ejercicio de minutos, cambia la guía.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

TIEMPO = re.compile(r"\*\*Tiempo:\*\* unos (\d+) minutos de lectura.*?; las celdas tardan (.+)\.")
EJERCICIO = re.compile(r"^### Ejercicio (\d+\.\d+)\. (.+)\n+\*(\d+) minutos · (fácil|media|difícil)\.\*", re.MULTILINE)


@dataclass(frozen=True)
class Ejercicio:
    numero: str  # como en `comprobar("3.2", …)`
    titulo: str
    minutos: int
    dificultad: str
    se_comprueba: bool

    @property
    def ancla(self) -> str:
        return f"ejercicio-{self.numero.replace('.', '-')}"


@dataclass(frozen=True)
class Capitulo:
    archivo: str
    titulo: str
    lectura: int  # minutos
    celdas: str  # lo que tardan, en palabras
    ejercicios: tuple[Ejercicio, ...]

    @property
    def practica(self) -> int:
        return sum(ejercicio.minutos for ejercicio in self.ejercicios)


def capitulo(cuaderno: Path) -> Capitulo:
    """Lo que un cuaderno dice de su tiempo y de sus ejercicios; lanza `ValueError` si no lo dice como los demás."""
    celdas = json.loads(cuaderno.read_text(encoding="utf-8"))["cells"]
    texto = "\n".join("".join(celda["source"]) for celda in celdas if celda["cell_type"] == "markdown")
    codigo = "\n".join("".join(celda["source"]) for celda in celdas if celda["cell_type"] == "code")
    tiempo, hallados = TIEMPO.search(texto), EJERCICIO.findall(texto)
    if tiempo is None:
        raise ValueError(f"{cuaderno.name}: el recuadro del comienzo no dice «**Tiempo:** unos … minutos de lectura».")
    if len(hallados) != len(re.findall(r"^#+ Ejercicio\b", texto, re.MULTILINE)):
        raise ValueError(f"{cuaderno.name}: un ejercicio no empieza «### Ejercicio 3.1. …» y «*10 minutos · fácil.*».")
    ejercicios = [
        Ejercicio(numero, titulo, int(minutos), dificultad, f'comprobar("{numero}"' in codigo)
        for numero, titulo, minutos, dificultad in hallados
    ]
    titulo = re.search(r"^# (.+)", texto, re.MULTILINE)[1]
    return Capitulo(cuaderno.name, titulo, int(tiempo[1]), tiempo[2], tuple(ejercicios))


def capitulos(libro: Path) -> list[Capitulo]:
    return [capitulo(cuaderno) for cuaderno in sorted(libro.glob("[0-9][0-9]_*.ipynb"))]


def tabla(titulos: list[str], filas: list[list], numericas: set[str]) -> str:
    lineas = [titulos, ["--:" if titulo in numericas else ":--" for titulo in titulos], *filas]
    return "\n".join(f"| {' | '.join(map(str, linea))} |" for linea in lineas)


def tablas(libro: Path) -> dict[str, str]:
    """Nombre → Markdown, para las sustituciones de MyST."""
    todos = capitulos(libro)
    de_capitulos = [
        [f"[{n}. {c.titulo}]({c.archivo})", c.lectura, c.celdas, c.practica] for n, c in enumerate(todos, 1)
    ]
    sumas = [sum(c.lectura for c in todos), "", sum(c.practica for c in todos)]
    de_ejercicios = [
        [e.numero, f"[{e.titulo}]({c.archivo}#{e.ancla})", e.minutos, e.dificultad, "sí" if e.se_comprueba else "no"]
        for c in todos
        for e in c.ejercicios
    ]
    abiertos = [e.numero for c in todos for e in c.ejercicios if not e.se_comprueba]
    return {
        "tabla_capitulos": tabla(
            ["capítulo", "lectura", "las celdas", "ejercicios"],
            [*de_capitulos, ["**En total**", *sumas]],
            {"lectura", "ejercicios"},
        ),
        "tabla_ejercicios": tabla(
            ["n.º", "ejercicio", "minutos", "dificultad", "se comprueba solo"], de_ejercicios, {"minutos"}
        ),
        "ejercicios_abiertos": ", ".join(abiertos),
    }


def agregar(app, config):
    config.myst_substitutions = {**config.myst_substitutions, **tablas(Path(app.confdir, "book"))}


def setup(app):
    app.connect("config-inited", agregar, priority=600)  # después de cifras, que pone las suyas
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
