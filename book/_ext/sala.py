"""La sala de juegos y el DQN en vivo, en cualquier página: `{arcade}`, `{dqn-vivo}` y `{pasillo}`.

El guion ya construido viene en coursekit/arcade/static, de modo que aquí no hace falta Node.  Los pesos salen de las
corridas publicadas, y la ROM, de ale-py, al construir el libro: ni unos ni otra se piden hasta que alguien juega.
Con `arcade_activo: false` en _config.yml el libro se construye sin nada de esto.
"""

import json
from pathlib import Path

from coursekit.arcade.export import GAMES, catalogue, payloads, rom
from coursekit.arcade.page import MARK, MODES, place, static, still

from docutils import nodes
from docutils.parsers.rst import Directive, directives

CARPETA = "_static/arcade/"
SIN_JAVASCRIPT = "Para ver aquí a la red mientras aprende hace falta JavaScript: actívelo en el navegador."


class sala(nodes.General, nodes.Element):
    """Un lugar de la página donde va la sala (con `opciones`) u otro que llena el mismo guion (con `html`)."""


def modo(texto):
    return directives.choice(texto, MODES)


class Arcade(Directive):
    """`{arcade}`: la sala.  Opciones: `:modo:` agent, person o duel; `:corrida:` y `:pasos:`, con qué agente comienza;
    `:enganar:`, para mostrar abiertos los estorbos."""

    option_spec = {  # noqa: RUF012 - así lo pide docutils
        "modo": modo,
        "corrida": directives.unchanged,
        "pasos": directives.nonnegative_int,
        "enganar": directives.flag,
    }

    def run(self):
        opciones = {"mode": self.options.get("modo", "agent")}
        if "corrida" in self.options:
            opciones["run"] = self.options["corrida"]
        if "pasos" in self.options:
            opciones["steps"] = self.options["pasos"]
        if "enganar" in self.options:
            opciones["open"] = True
        return [sala(opciones=opciones)]


class Vivo(Directive):
    """`{dqn-vivo}` y `{pasillo}`: el DQN que aprende en la página y el pasillo del capítulo 3."""

    option_spec = {"hash": directives.unchanged}  # noqa: RUF012

    def run(self):
        lugar = {"dqn-vivo": 'id="dqn-vivo" data-dqn-vivo', "pasillo": "data-pasillo"}[self.name]
        datos = "".join(f' data-{clave}="{valor}"' for clave, valor in self.options.items())
        return [sala(html=f"<div {lugar}{datos}><noscript><p>{SIN_JAVASCRIPT}</p></noscript></div>")]


def corridas(app) -> dict[str, Path]:
    """Las corridas publicadas que la página sabe jugar, por nombre; primero la de Breakout."""
    publicadas = {}
    for archivo in sorted(Path(app.confdir, "book", "runs").glob("*-dqn/evaluation.json")):
        juego = json.loads(archivo.with_name("run.json").read_text(encoding="utf-8"))["game"]
        if juego in GAMES:
            publicadas[archivo.parent.name] = archivo.parent
    return publicadas


def ficha(carpeta: Path, raiz: str) -> dict:
    """Lo que la sala debe saber de una corrida, sin escribir todavía sus datos."""
    entrada, _ = catalogue(carpeta)
    if rom(entrada["game"]) is None:
        entrada, _ = payloads(carpeta)  # lleva la frase que dice que falta
    else:
        entrada["rom"] = f"rom-{GAMES[entrada['game']]}"
    return entrada | {"still": raiz + still(entrada["game"])}


def escribir(self, node):
    """HTML de un lugar, con las direcciones relativas a su página."""
    if self.builder.config.arcade_activo:
        if "html" in node:
            self.body.append(node["html"])
        else:
            raiz = "../" * self.builder.current_docname.count("/") + CARPETA
            entradas = [ficha(carpeta, raiz) for carpeta in corridas(self.builder.app).values()]
            if entradas:
                elegida = next((e for e in entradas if e["name"] == node["opciones"].get("run")), entradas[0])
                self.body.append(place(entradas, raiz, elegida["still"], **node["opciones"]))
    raise nodes.SkipNode


def omitir(self, node):
    raise nodes.SkipNode


def cambiar_celdas(app, doctree, docname):
    """Lo que `arcade` dejó en una celda, con los pesos adentro, pasa a ser la sala que comparte los del libro."""
    for crudo in list(doctree.findall(nodes.raw)):
        texto = crudo.astext()
        if texto.startswith(MARK):
            opciones = json.loads(texto[len(MARK) : texto.index(" -->")])
            if opciones["run"] in corridas(app) or not app.config.arcade_activo:
                crudo.replace_self(sala(opciones=opciones))


def agregar_guion(app, pagename, templatename, context, doctree):
    """El guion va solo en las páginas que lo usan."""
    if app.config.arcade_activo and doctree is not None and next(doctree.findall(sala), None) is not None:
        app.add_js_file("arcade/arcade.js", loading_method="defer")


def dejar_datos(app, exception):
    """Escribe el guion, las fotos, la ROM y los pesos junto a lo demás del libro ya construido."""
    if exception or app.builder.format != "html" or not app.config.arcade_activo:
        return
    destino = Path(app.outdir, CARPETA)
    destino.mkdir(parents=True, exist_ok=True)
    (destino / "arcade.js").write_bytes(static("arcade.js"))
    for carpeta in corridas(app).values():
        entrada, contenidos = payloads(carpeta)
        (destino / still(entrada["game"])).write_bytes(static(still(entrada["game"])))
        for dato in contenidos:
            (destino / f"{dato.name}.js").write_text(dato.text, encoding="ascii")


def setup(app):
    app.add_config_value("arcade_activo", True, "env")
    app.add_node(sala, html=(escribir, None), latex=(omitir, None), text=(omitir, None), man=(omitir, None))
    app.add_directive("arcade", Arcade)
    app.add_directive("dqn-vivo", Vivo)
    app.add_directive("pasillo", Vivo)
    app.connect("doctree-resolved", cambiar_celdas, priority=900)  # cuando myst-nb ya eligió qué muestra cada celda
    app.connect("html-page-context", agregar_guion)
    app.connect("build-finished", dejar_datos)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
