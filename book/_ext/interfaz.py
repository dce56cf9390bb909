"""Los textos de la interfaz que el tema y Sphinx dejan en inglés, lo que su HTML tiene de inaccesible,
y la página que abre el libro.

Casi todo lo traducen los catálogos de las propias bibliotecas (`language: es`).  Lo que sigue está
escrito en sus plantillas o le falta en su catálogo, de modo que se reemplaza en el HTML ya terminado.
Las pruebas `test_book.py` y `test_browser.py` dicen si alguna versión nueva trae otra cosa.
"""

import re
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

# Lo que axe-core y la consola del navegador le reprochan al tema, a pandas y a docutils.
ARREGLOS = {
    # Hasta que se elige un tema, el del sistema, sin pasar por un «auto» que no tiene colores.
    'localStorage.getItem("theme") || "auto"': 'localStorage.getItem("theme") || '
    '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
    'data-theme="auto"': 'data-theme="light"',  # para quien lee sin JavaScript
    # Todo lo que se ve pertenece a alguna región de la página; también el logotipo.
    '<div id="pst-primary-sidebar"': '<div role="complementary" aria-label="Portada, búsqueda e índice" '
    'id="pst-primary-sidebar"',
    # La bibliografía es una lista, y cada obra, un elemento de ella.
    'role="doc-biblioentry"': 'role="listitem"',
    # El encabezado sin texto de la columna de nombres, de pandas y de nuestras tablas, no es un encabezado.
    "<th></th>": "<td></td>",
    '<th class="head"><p></p></th>': "<td></td>",
    '<th class="head text-left"><p></p></th>': "<td></td>",
}
# El nombre de un botón es lo que se lee en él: sobra el que no coincide.
BUSCAR = re.compile(r'(<button class="btn search-button-field[^>]*?) title="[^"]*" aria-label="[^"]*"')
TEMA = re.compile(r'(<i class="theme-switch [^>]*?) +title="[^"]*"')
# Los íconos están también en la hoja de estilo: sobra dibujarlos con 1.5 MB de JavaScript.
ICONOS = re.compile(r"<(?:script|link)[^>]*/fontawesome\.js[^>]*>(?:</script>)?\s*")

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


def sin_thebe(app, pagename, templatename, context, doctree):
    """Quita de la página lo de Thebe, que el libro no usa: aparece dos veces, y la segunda es un error."""
    context["script_files"] = [
        guion for guion in context["script_files"] if "thebe" not in f"{guion.filename} {guion.attributes}".lower()
    ]


def mejorar(app, exception):
    """Reemplaza en cada página lo de TRADUCCIONES y ARREGLOS y escribe index.html, que lleva a la portada."""
    if exception or app.builder.name != "html":
        return
    salida = Path(app.outdir)
    for pagina in [*salida.glob("*.html"), *(salida / "book").rglob("*.html")]:
        antes = despues = pagina.read_text(encoding="utf-8")
        for esto, por_esto in (TRADUCCIONES | ARREGLOS).items():
            despues = despues.replace(esto, por_esto)
        despues = ICONOS.sub("", TEMA.sub(r"\1", BUSCAR.sub(r"\1", despues)))
        if despues != antes:
            pagina.write_text(despues, encoding="utf-8")
    portada = PORTADA.format(pagina=f"{app.config.root_doc}.html", titulo=app.config.html_title)
    (salida / "index.html").write_text(portada, encoding="utf-8")


def sin_repositorio(app, config):
    """Mientras _config.yml no diga cuál es el repositorio no hay adónde llevar los botones de Colab y de Binder."""
    if not config.html_theme_options.get("repository_url"):
        for opcion in ("launch_buttons", "repository_url"):
            config.html_theme_options.pop(opcion, None)


def en_una_pagina(app):
    """La edición de una sola página (imprimir.py) lleva las fórmulas aunque la portada no tenga ninguna."""
    if app.builder.name == "singlehtml":
        app.set_html_assets_policy("always")


def setup(app):
    app.connect("config-inited", sin_repositorio)
    app.connect("builder-inited", en_una_pagina)
    app.connect("html-page-context", sin_thebe, priority=900)
    app.connect("build-finished", mejorar, priority=100)  # antes de que otro escriba index.html
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
