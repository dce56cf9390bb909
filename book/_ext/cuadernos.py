"""De los cuadernos al libro.  Los cuadernos van en Markdown corriente, que se lee igual en JupyterLab, en Colab o en
GitHub; aquí lo corriente toma la forma que tiene en el libro:

    ### Ejercicio 3.1. El retorno…       un recuadro, hasta el título siguiente
    #### Solución del ejercicio 3.1      plegada, hasta el título siguiente
    > **En este capítulo** …             un recuadro con ese título
    [Lin (1992)](https://doi.org/…)      lleva a su entrada en las referencias, y esa, al artículo
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode

EJERCICIO = re.compile(r"Ejercicio (\d+)\.(\d+)\. ")
SOLUCION = re.compile(r"Solución del ejercicio \d+\.\d+$")


class plegado(nodes.General, nodes.Element):
    """Se abre con un clic, también sin JavaScript."""


def abrir(self, node):
    self.body.append(self.starttag(node, "details", CLASS="solucion"))
    self.body.append(f"<summary>{self.encode(node['titulo'])}</summary>\n")


def cerrar(self, node):
    self.body.append("</details>\n")


class Recuadros(SphinxTransform):
    # Antes de que Sphinx reúna los títulos del índice: los ejercicios no llevan número de sección.
    default_priority = 700

    def apply(self):
        if not self.document.get("source", "").endswith(".ipynb"):
            return
        for seccion in list(self.document.findall(nodes.section)):
            titulo, *resto = seccion.children
            if SOLUCION.match(titulo.astext()):
                caja = plegado("", *resto, titulo=titulo.astext())
            elif hallado := EJERCICIO.match(titulo.astext()):
                caja = nodes.admonition("", titulo, *resto, classes=["ejercicio"])
                # Se enlaza por su número, [así](03_dqn_desde_cero.ipynb#ejercicio-3-1), aunque cambie de título.
                lugares = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
                lugares["ejercicio-{}-{}".format(*hallado.groups())] = (None, seccion["ids"][0], titulo.astext())
            else:
                continue
            caja["ids"], caja["names"] = seccion["ids"], seccion["names"]
            seccion.replace_self(caja)
        for cita in list(self.document.findall(nodes.block_quote)):
            primero = cita[0]
            if isinstance(primero, nodes.paragraph) and [type(parte) for parte in primero] == [nodes.strong]:
                titulo = nodes.title("", "", *primero[0].children)
                cita.replace_self(nodes.admonition("", titulo, *cita[1:], classes=["tip"]))


def direcciones(campos) -> list[str]:
    """Dónde puede leerse una obra, como lo escribe la bibliografía."""
    formas = {"doi": "https://doi.org/{}", "eprint": "https://arxiv.org/abs/{}", "url": "{}"}
    return [forma.format(campos[campo]) for campo, forma in formas.items() if campo in campos]


def citar(app, doctree, docname):
    """El enlace de un cuaderno a una obra de referencias.bib va primero a su entrada en las referencias."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    obras = {url: cita for cita in app.env.get_domain("cite").citations for url in direcciones(cita.entry.fields)}
    for enlace in list(doctree.findall(nodes.reference)):
        if cita := obras.get(enlace.get("refuri")):
            interno = make_refnode(
                app.builder, docname, cita.bibliography_key.docname, cita.citation_id, enlace.children
            )
            enlace.replace_self(interno)


def setup(app):
    app.add_node(plegado, html=(abrir, cerrar))
    app.add_transform(Recuadros)
    app.connect("doctree-resolved", citar)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
