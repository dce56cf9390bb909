"""Los textos de la interfaz que el tema y Sphinx dejan en inglés, y la página que abre el libro.

Casi todo lo traducen los catálogos de las propias bibliotecas (`language: es`).  Lo que sigue está
escrito en sus plantillas o le falta en su catálogo, de modo que se reemplaza en el HTML ya terminado.
La prueba `tests/book/test_book.py` dice si alguna versión nueva trae otro texto en inglés.
"""

from pathlib import Path

TRADUCCIONES = {
    'title="Toggle primary sidebar"': 'title="Mostrar u ocultar el índice del libro"',
    'title="Toggle secondary sidebar"': 'title="Mostrar u ocultar el índice de la página"',
    'aria-label="Toggle hidden content"': 'aria-label="Mostrar u ocultar el contenido"',
    '<nav class="bd-links bd-docs-nav" aria-label="Main">': '<nav class="bd-links bd-docs-nav" aria-label="Libro">',
    '<nav aria-label="Page">': '<nav aria-label="Página">',
    'aria-label="Descarga esta pagina"': 'aria-label="Descargar esta página"',
    'title="Link to this definition"': 'title="Enlace a esta definición"',
    'title="Link to this term"': 'title="Enlace a este término"',
    'title="Link to this heading"': 'title="Enlace a esta sección"',
    'title="Link to this table"': 'title="Enlace a esta tabla"',
    'title="Link to this code"': 'title="Enlace a este código"',
    'title="Link to this image"': 'title="Enlace a esta imagen"',
    'title="Link to this toctree"': 'title="Enlace a este índice"',
    'title="Link to this equation"': 'title="Enlace a esta ecuación"',
    "© Copyright ": "© ",
}

PORTADA = """<!DOCTYPE html>
<html lang="es">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="refresh" content="0; url={pagina}">
    <title>{titulo}</title>
  </head>
  <body><p><a href="{pagina}">{titulo}</a></p></body>
</html>
"""


def traducir(app, exception):
    """Reemplaza en cada página los textos de TRADUCCIONES y escribe index.html, que lleva a la portada."""
    if exception or app.builder.name != "html":
        return
    salida = Path(app.outdir)
    for pagina in [*salida.glob("*.html"), *(salida / "book").rglob("*.html")]:
        antes = despues = pagina.read_text(encoding="utf-8")
        for ingles, espanol in TRADUCCIONES.items():
            despues = despues.replace(ingles, espanol)
        if despues != antes:
            pagina.write_text(despues, encoding="utf-8")
    portada = PORTADA.format(pagina=f"{app.config.root_doc}.html", titulo=app.config.html_title)
    (salida / "index.html").write_text(portada, encoding="utf-8")


def setup(app):
    app.connect("build-finished", traducir, priority=100)  # antes de que otro escriba index.html
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
