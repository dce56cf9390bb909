"""Las cifras de las corridas publicadas, para escribirlas en una página con {{ nombre }}.

Salen de `run.json` y `evaluation.json` al construir el libro: si cambia la corrida, cambia la página.
Los cuadernos no las necesitan, porque leen la corrida en sus celdas.
"""

import json
from pathlib import Path


def cifras(corridas: Path) -> dict[str, str]:
    """Nombre → texto, de todas las carpetas de `corridas` que tienen una evaluación.

    De `breakout-dqn` salen `breakout_media`, `breakout_intervalo`, `breakout_partidas`, `breakout_pasos` (del agente
    publicado) y `breakout_horas` (de entrenamiento, hasta ese agente); de `sala.json` (lo escribe `npm run games`),
    `breakout_en_sala`: lo mismo, jugado en el navegador.
    """
    textos = {}
    for archivo in sorted(corridas.glob("*-dqn/evaluation.json")):
        juego = archivo.parent.name.removesuffix("-dqn")
        evaluacion = json.loads(archivo.read_text(encoding="utf-8"))
        corrida = json.loads(archivo.with_name("run.json").read_text(encoding="utf-8"))
        resumen, pasos = evaluacion["results"]["default"]["summary"], evaluacion["agent_steps"]
        segundos = 0.0
        for tramo in corrida["segments"]:
            if tramo["from_step"] < pasos:
                parte = (min(tramo["to_step"], pasos) - tramo["from_step"]) / (tramo["to_step"] - tramo["from_step"])
                segundos += tramo["seconds"] * parte
        textos |= {
            f"{juego}_media": f"{resumen['mean']:.1f}",
            f"{juego}_intervalo": f"{resumen['ci_low']:.1f} a {resumen['ci_high']:.1f}",
            f"{juego}_partidas": f"{resumen['games']}",
            f"{juego}_pasos": f"{pasos / 1e6:.2f} millones de pasos",
            f"{juego}_horas": f"{segundos / 3600:.1f} horas",
        }
    for juego, resumen in json.loads((corridas / "sala.json").read_text(encoding="utf-8")).items():
        textos[f"{juego}_en_sala"] = f"{resumen['mean']:.1f} ({resumen['low']:.1f} a {resumen['high']:.1f})"
        textos["sala_partidas"] = str(resumen["games"])
    return textos


def agregar(app, config):
    config.myst_substitutions = cifras(Path(app.confdir, "book", "runs"))


def setup(app):
    app.connect("config-inited", agregar)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
