"""Ejercicios del capítulo 7: elegir y valorar aparte, jugadas con dos nombres, tapar la pantalla y un experimento."""

import re

from coursekit.exercises.checking import array, call, expect, section
from coursekit.exercises.verdict import check_experiment, describe

import numpy as np


@section("Por qué un máximo tiende a prometer de más")
def exercise_1(double) -> str:
    a, b = np.random.default_rng(0).normal(size=(2, 50, 4))
    before = a.copy(), b.copy()
    found = call(double, a, b)
    crossed = "Salió una tabla de 50×50: `b[:, indices]` cruza todas las filas con todas. Hace falta un valor por fila."
    expect(np.shape(found) != (50, 50), crossed)
    found = array(found, (50,), "un valor por fila")
    expect(np.array_equal((a, b), before), "La función modificó los arreglos que recibió.")
    rows = np.arange(50)
    slips = {
        "es el máximo de `a`: quien elige es también quien valora": a.max(axis=1),
        "es el máximo de `b`: así elige y valora ella sola": b.max(axis=1),
        "los papeles están cambiados: elige `a` y valora `b`": a[rows, b.argmax(axis=1)],
        "son los números de las acciones, y se piden sus valores": a.argmax(axis=1),
        "es el máximo del promedio, y las dos siguen eligiendo y valorando": ((a + b) / 2).max(axis=1),
    }
    reason = next((text for text, value in slips.items() if np.allclose(found, value)), "elige `a` y valora `b`")
    expect(np.allclose(found, b[rows, a.argmax(axis=1)]), f"No es lo que `b` opina de la preferida de `a`: {reason}.")
    return "Con 4 acciones de puro ruido, la media es cero: los errores de quien valora no saben a quién favorecer."


@section("La trampa: dos acciones para la misma jugada")
def exercise_2(gap) -> str:
    q = np.random.default_rng(0).normal(size=(5, 7, 6))
    groups = [[0, 1], [2, 4], [3, 5]]
    given = q.copy()
    found = array(call(gap, given, [list(group) for group in groups]), (5, 7), "una brecha por pantalla")
    expect(np.array_equal(given, q), "La función modificó los valores Q que recibió.")

    def distance(values):
        ordered = np.sort(values, axis=-1)
        return ordered[..., -1] - ordered[..., -2]

    def joined(how, groups=groups):
        return np.stack([how(q[..., group], axis=-1) for group in groups], axis=-1)

    best = joined(np.max)
    slips = {
        "es la de las acciones sueltas, sin juntar": distance(q),
        "cada jugada vale lo que la mejor de sus acciones, y usaste la media": distance(joined(np.mean)),
        "cada jugada vale lo que la mejor de sus acciones, y usaste la suma": distance(joined(np.sum)),
        "cada jugada vale lo que la mejor de sus acciones, y usaste la peor": distance(joined(np.min)),
        "es la distancia de la mejor a la peor, y se pide a la segunda": np.ptp(best, axis=-1),
        "el signo está al revés: la mejor menos la segunda": -distance(best),
        "es el valor de la mejor jugada, y falta restar la segunda": best.max(axis=-1),
        "juntaste siempre las dos primeras, como en Breakout: los grupos los dice `grupos`": distance(
            joined(np.max, [[0, 1], [2], [3], [4], [5]])
        ),
    }
    reason = next((text for text, value in slips.items() if np.allclose(found, value)), "mira una pantalla a mano")
    expect(np.allclose(found, distance(best)), f"Con los grupos de Pong la brecha no coincide: {reason}.")
    alone = array(call(gap, q[0, 0, :4].copy(), [[0, 1], [2], [3]]), (), "una sola brecha, con una sola pantalla,")
    three = np.array([max(q[0, 0, :2]), q[0, 0, 2], q[0, 0, 3]])
    expect(np.isclose(alone, distance(three)), "Con seis acciones está bien y con las cuatro de Breakout no.")
    return "Sirve para cualquier juego: los grupos dicen qué acciones son la misma jugada."


@section("Qué partes de la pantalla importan")
def exercise_3(effect) -> str:
    from coursekit.training.agents import blank_dqn

    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        agent = blank_dqn(4)
    screen = np.random.default_rng(0).integers(0, 256, (4, 84, 84), dtype=np.uint8)
    rows, columns = slice(60, 80), slice(10, 30)

    def change(*zone):
        covered = screen.copy()
        covered[zone] = 0
        with torch.no_grad():
            plain, hidden = agent.q_net(torch.as_tensor(np.stack([screen, covered]))).numpy()
        return hidden - plain

    given = screen.copy()
    found = array(call(effect, agent, given, rows, columns), (4,), "un cambio por acción")
    expect(np.array_equal(given, screen), "La función tapó la observación que recibió: trabaja en una copia.")
    wanted = change(slice(None), rows, columns)
    slips = {
        "el signo está al revés: tapada menos original": -wanted,
        "falta el signo, que dice qué acciones ganan y cuáles pierden": np.abs(wanted),
        "tapaste un solo cuadro, y son cuatro": change(-1, rows, columns),
        "las filas y las columnas están cambiadas": change(slice(None), columns, rows),
        "no hay ningún cambio: ¿se tapó la copia antes de preguntar?": np.zeros(4),
    }
    near = next((text for text, value in slips.items() if np.allclose(found, value, atol=1e-6)), "")
    reason = near or "son los cuatro Q con la zona en cero menos los cuatro originales"
    expect(np.allclose(found, wanted, atol=1e-6), f"El cambio de los cuatro Q no coincide: {reason}.")
    return "Con signo se ve a qué acciones les conviene que esa zona no esté."


@section("Tapar y jugar")
def exercise_4(without) -> str:
    screens = np.random.default_rng(0).integers(1, 256, (3, 4, 84, 84), dtype=np.uint8)
    given = screens.copy()
    found = array(call(without, given, 7), screens.shape, "las mismas observaciones")
    expect(np.array_equal(given, screens), "La función tapó el arreglo que recibió: trabaja en una copia.")
    expect(found.dtype == np.uint8, f"Las observaciones deben seguir siendo `uint8` y son `{found.dtype}`.")
    dark = found == 0
    expect(not dark.all(), "Quedó todo en negro: el segundo eje son los cuadros de la pila, y las filas el tercero.")
    axes = {
        "los primeros cuadros de la pila": dark[:, 0].all(),
        "las primeras observaciones": dark[0].all(),
        "columnas": dark[..., :7].all(),
        "las últimas filas": dark[..., -7:, :].all(),
    }
    reason = next((f" Tapaste {text}." for text, hit in axes.items() if hit), "")
    top = dark.all(axis=(0, 1, 3))
    expect(top[:7].all(), f"Con `filas=7` se esperaban en cero las filas 0 a 6 de todos los cuadros.{reason}")
    expect(not dark[..., 7:, :].any(), "Con `filas=7` la fila 7 ya no se tapa, y ninguna de las que siguen.")
    return "Tapa las primeras filas de todos los cuadros, y nada más."


@section("Tapar y jugar")
def exercise_5(answer) -> str:
    named = _with_sides(answer)
    a, b, conclusion = check_experiment(named, "Breakout", unit="partida")
    for name, scores in (("puntajes_a", a), ("puntajes_b", b)):
        played = (scores >= 0) & (scores <= 864) & (scores % 1 == 0)  # 864: dos muros enteros
        expect(played.all(), f"En `{name}` va el puntaje de cada partida de Breakout, un entero de 0 a 864.")
    reading = r"\b(?:lee|mira|necesita|entiende|usa (?:la pared|el marcador|los dígitos))\b"
    story = re.search(reading, answer["frase"].lower())
    expect(not story, f"La frase explica («{story and story[0]}»), y aquí solo se midió una diferencia de puntajes.")
    both = {"A", "B"} <= set(re.findall(r"\b[AB]\b", named["frase"]))
    expect(both or conclusion == "no se sabe", "La frase no nombra las dos franjas: la de 6 filas y la de 8.")
    return describe(conclusion)


def _with_sides(answer):
    """La respuesta, con A y B donde la frase nombra las franjas de 6 y de 8 filas; costar más es dar menos."""
    if not isinstance(answer, dict) or not isinstance(answer.get("frase"), str):
        return answer
    sentence = answer["frase"]
    for rows, side in (("6|seis", "A"), ("8|ocho", "B")):
        sentence = re.sub(rf"\b(?:{rows})\b(?! partidas)", side, sentence)
    for more, less in (("más", "menos"), ("menos", "más")):
        sentence = re.sub(rf"\bc(?:ost(?:ó|aron)|uestan?) {more} puntos\b", f"dio {less} puntos", sentence)
    return answer | {"frase": sentence}
