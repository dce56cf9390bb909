"""Los docstrings de coursekit, para autodoc: su sección «Parámetros» pasa a ser una lista de campos.

Parámetros                              :param game: nombre del juego.
----------                       →      :param seed: semilla; los demás
game: nombre del juego.                     ambientes usan las siguientes.
seed: semilla; los demás
    ambientes usan las siguientes.
"""

import re

TITULO = "Parámetros"
CAMPO = re.compile(r"(?P<nombres>\w+(?:, \w+)*): ")


def convertir(app, what, name, obj, options, lines):
    if TITULO not in lines:
        return
    inicio = lines.index(TITULO)
    fin = lines.index("", inicio) if "" in lines[inicio:] else len(lines)
    campos = [""]
    for entrada in re.split(r"\n(?=\S)", "\n".join(lines[inicio + 2 : fin])):
        if hallado := CAMPO.match(entrada):
            for nombre in hallado["nombres"].split(", "):  # «a, b: …» describe dos parámetros
                campos += f":param {nombre}: {entrada[hallado.end() :]}".splitlines()
        else:
            campos += entrada.splitlines()
    lines[inicio:fin] = campos


def setup(app):
    app.connect("autodoc-process-docstring", convertir)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
