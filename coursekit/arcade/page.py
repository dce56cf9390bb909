"""La sala en tres lugares: una carpeta que se abre con doble clic, una celda de JupyterLab y una página del libro."""

from __future__ import annotations

import base64
import json
from html import escape
from importlib.resources import files
from pathlib import Path

from coursekit.arcade.export import GAMES, payloads, to_json
from coursekit.runs import Run, atomic

MODES = ("agent", "person", "duel")
#: Lo que se ve sin JavaScript, y mientras el guion llega.
NO_SCRIPT = "Para jugar aquí hace falta JavaScript: actívelo en el navegador o abra la página en otro."
#: Con esto comienza lo que muestra `arcade` en una celda; el libro lo cambia por la sala que comparte sus datos.
MARK = "<!-- coursekit.arcade "

_PAGE = """<!DOCTYPE html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 60rem; margin: 0 auto; padding: 1rem; font-family: system-ui, sans-serif;
  background: light-dark(#fff, #14181e); color: light-dark(#1f2328, #e6edf3); }}
h1 {{ font-size: 1.4rem; }}
[data-arcade] > img {{ image-rendering: pixelated; width: 320px; max-width: 100%; }}
</style>
</head>
<body>
<main>
{heading}{place}
</main>
{scripts}
</body>
</html>
"""


def static(name: str) -> bytes:
    """Un archivo de los que acompañan a la sala: `"arcade.js"` o la foto de un juego, `"breakout.png"`."""
    path = files("coursekit.arcade") / "static" / name
    if not path.is_file():
        raise FileNotFoundError(
            f"A esta instalación de coursekit le falta {name!r}: constrúyalo con «npm run build» en la carpeta live/, "
            "o reinstale coursekit."
        )
    return path.read_bytes()


def still(game: str) -> str:
    """Nombre del archivo con la foto de `game`."""
    return f"{GAMES[game]}.png"


def place(entries: list[dict], base: str, image: str, **options) -> str:
    """El lugar de la página donde `arcade.js` pone la sala: el catálogo, y la foto que se ve hasta entonces."""
    return (
        f'<div data-arcade><script type="application/json">{to_json(entries, base, **options)}</script>\n'
        f'<img src="{escape(image)}" width="320" alt="Una pantalla del juego">'
        f"<noscript><p>{NO_SCRIPT}</p></noscript></div>"
    )


def export_arcade(run: Run | str | Path, out: str | Path | None = None, *, ladder: bool = True) -> Path:
    """Deja en `out` una carpeta en la que el agente de `run` juega, y contra él se puede jugar, en cualquier navegador.

    Se abre con doble clic en `index.html`, sin servidor ni conexión, y sirve tal cual en cualquier alojamiento de
    páginas estáticas. Es lo que hace «coursekit arcade CARPETA [--out DIR]».

    Parámetros
    ----------
    run: una corrida. out: la carpeta que se crea; si no se da, `arcade` dentro de la corrida.
    ladder: si van también los peldaños de la escalera (unos 4 MB cada uno) o solo el agente final.

    Devuelve la ruta de `index.html`. Lanza `ValueError` si el juego no es uno de los que la página sabe jugar y
    `FileNotFoundError` si falta la corrida o, en la instalación, la ROM.
    """
    run = Run(run)
    out = Path(out) if out is not None else run.path / "arcade"
    entry, contents = payloads(run, ladder=ladder)
    if "missing" in entry:
        raise FileNotFoundError(f"{entry['missing']} Repárela con «pip install --force-reinstall --no-deps ale-py».")
    image = entry["still"] = still(entry["game"])
    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} ya existe y no es una carpeta: elija otra con --out.")
    for item in contents:
        _write(out / f"{item.name}.js", item.text.encode("ascii"))
    for name in ("arcade.js", image):
        _write(out / name, static(name))
    title = f"{entry['game']}: juega {entry['name']}"
    page = _PAGE.format(
        title=escape(title),
        heading=f"<h1>{escape(title)}</h1>\n",
        place=place([entry], "", image),
        scripts='<script src="arcade.js"></script>',
    )
    _write(out / "index.html", page.encode("utf-8"))
    return out / "index.html"


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content)


class ArcadeView:
    """Lo que devuelve `arcade`: JupyterLab lo muestra como la sala de juegos."""

    def __init__(self, run: Run | str | Path, *, ladder: bool = False, mode: str = "agent"):
        if mode not in MODES:
            raise ValueError(f"El modo {mode!r} no existe; use uno de {MODES}.")
        self.run, self.mode = Run(run), mode
        self.entry, contents = payloads(self.run, ladder=ladder)
        self._contents = [item.text for item in contents]

    def __repr__(self) -> str:
        return f"ArcadeView({str(self.run.path)!r})"

    def _repr_html_(self) -> str:
        image = "data:image/png;base64," + base64.b64encode(static(still(self.entry["game"]))).decode("ascii")
        content = place([self.entry | {"still": image}], "", image, mode=self.mode)
        grow = (
            "new ResizeObserver(()=>{if(window.frameElement)"
            "frameElement.style.height=document.documentElement.offsetHeight+4+'px'}).observe(document.body)"
        )
        # Todo va dentro de la celda: no hay archivos que encontrar, ni en JupyterLab ni en Colab.
        scripts = [static("arcade.js").decode("utf-8").replace("</script", "<\\/script"), *self._contents, grow]
        page = _PAGE.format(
            title="Sala de juegos", heading="", place=content, scripts="".join(f"<script>{s}</script>" for s in scripts)
        )
        mark = json.dumps({"run": self.entry["name"], "mode": self.mode}, ensure_ascii=True).replace("--", "-\\u002d")
        return (
            f'{MARK}{mark} --><iframe srcdoc="{escape(page)}" title="Sala de juegos" '
            'style="width:100%;height:60rem;border:0"></iframe>'
        )


def arcade(run: Run | str | Path, *, ladder: bool = False, mode: str = "agent") -> ArcadeView:
    """La sala de juegos en una celda: el agente de `run` juega, y se puede jugar contra él.

    Parámetros
    ----------
    run: una corrida. ladder: si van también los peldaños de la escalera; cada uno agrega unos 4 MB al cuaderno.
    mode: con qué comienza: `"agent"` (mirar al agente), `"person"` (jugar) o `"duel"` (jugar contra él).

    Lanza `ValueError` si el juego de la corrida no es uno de los que la página sabe jugar.
    """
    return ArcadeView(run, ladder=ladder, mode=mode)
