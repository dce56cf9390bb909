"""Ejercicios del capítulo 8: el objetivo de n pasos, la unión de una red dueling y los pasos hasta un umbral."""

from coursekit.exercises.checking import array, call, expect, number, section

import numpy as np


@section("¿Por qué esperar un solo paso? Retornos de n pasos")
def exercise_1(n_step_target) -> str:
    def found(ends, value=8.0, rewards=(1.0, 2.0, 4.0)):
        return number(call(n_step_target, list(rewards), ends, value, 0.5), "un número")

    open_ended = found([False] * 3)
    reasons = {
        3.0: "falta lo que viene después, el valor siguiente",
        11.0: "al valor siguiente le toca γ elevado a n, y no se descontó",
        7.0: "al valor siguiente le toca γ elevado a n, y lo descontaste una sola vez",
        5.0: "al valor siguiente le toca γ elevado a n, y descontaste n − 1 veces",
        8.0: "las recompensas también se descuentan: la segunda por γ, la tercera por γ²",
        2.5: "la primera recompensa no se descuenta",
        2.0: "la primera recompensa no se descuenta",
    }
    reason = reasons.get(open_ended, "son r₁ + γ r₂ + γ² r₃ + γ³ por el valor siguiente")
    where = "Con recompensas 1, 2, 4, sin finales, valor siguiente 8 y γ = 0.5 se espera 4"
    expect(np.isclose(open_ended, 4), f"{where} y dio {open_ended:g}: {reason}.")
    for ends, wanted in (([False, True, False], 2.0), ([True, False, False], 1.0), ([False, False, True], 3.0)):
        value = found(ends, value=16.0)
        reasons = {
            5.0: "lo que viene después del final es de otra partida",
            wanted + 2: "el valor siguiente también es de otra partida",
            3.0: "las recompensas que siguen al final son de otra partida",
        }
        reason = reasons.get(value, "se cuenta hasta el final, con su recompensa, y nada más")
        expect(np.isclose(value, wanted), f"Con finales {ends} se espera {wanted:g} y dio {value:g}: {reason}.")
    short = found([False], rewards=[1.0])
    expect(np.isclose(short, 5), f"Con una sola recompensa, 1, se espera 1 + 0.5 · 8 = 5 y dio {short:g}.")
    return "Hasta n recompensas verdaderas y, si la partida sigue, una estimación descontada n veces."


@section("¿De una sola pieza? Dueling")
def exercise_2(join) -> str:
    import torch

    values, advantages = torch.tensor([[1.0], [5.0], [0.0]]), torch.tensor([[1.0, 0, 2, 5], [0, 4, 0, 0], [3, 3, 3, 3]])
    found = array(call(join, values.clone(), advantages.clone()), (3, 4), "un Q por fila y por acción")
    v, a = values.numpy(), advantages.numpy()
    slips = {
        "falta restar la media de las ventajas": v + a,
        "restaste el máximo, y la fórmula del capítulo resta la media": v + a - a.max(1, keepdims=True),
        "la media es de cada fila, y restaste la de todo el lote": v + a - a.mean(),
        "la media va sobre las acciones (`dim=1`), y la tomaste sobre el lote": v + a - a.mean(0, keepdims=True),
        "falta sumar el valor": a - a.mean(1, keepdims=True),
        "la media se resta, y la sumaste": v + a + a.mean(1, keepdims=True),
    }
    reason = next((text for text, q in slips.items() if np.allclose(found, q)), "Q = V + A − media de A")
    expect(np.allclose(found, v + a - a.mean(1, keepdims=True)), f"No cumple las dos pruebas: {reason}.")
    return "La media de cada fila es su valor, y sumar una constante a las ventajas no cambia nada."


@section("¿Quién terminó mejor? ¿Quién aprendió antes?")
def exercise_3(steps_to) -> str:
    steps, curve = np.array([0, 100, 200, 300, 400]), np.array([0.3, 0.5, 0.8, 0.95, 0.92])

    def found(scores, *threshold):
        value = call(steps_to, steps, np.array(scores), *threshold)
        expect(np.ndim(value) == 0 and not isinstance(value, str), "Se espera un solo número de pasos, o `np.inf`.")
        return float(value)

    first = found(curve, 0.75)
    reasons = {
        2: "esa es la posición, y se piden los pasos",
        100: "ese es el último por debajo del umbral",
        400: "ese es el último paso que lo cumple, y se pide el primero",
        300: "ese es el de 0.9 o el del máximo: usa el `umbral` que llega",
        0.8: "ese es el valor de la curva, y se piden los pasos",
    }
    reason = reasons.get(first, "es el primero en que la curva llega")
    where = "Con la curva 0.3, 0.5, 0.8, 0.95, 0.92 en los pasos 0, 100, 200, 300 y 400"
    expect(first == 200, f"{where} y umbral 0.75 se espera 200 y dio {first:g}: {reason}.")
    never = found(curve, 0.99)
    expect(never == np.inf, f"Si no llega nunca se espera `np.inf` y dio {never:g}: `argmax` de todo falso es 0.")
    exact = found(curve, 0.8)
    expect(exact == 200, f"Llegar es mayor o igual: con umbral 0.8, en {steps[2]} ya vale 0.8, y dio {exact:g}.")
    expect(found(curve) == 300, "Si no se dice el umbral es 0.9.")
    again = found([0.3, 0.95, 0.5, 0.6, 0.95])
    expect(again == 100, f"Cuenta la primera vez, aunque después baje: se espera 100 y dio {again:g}.")
    return "El primer paso que llega, o infinito: y una media con infinitos ya no se puede sacar."
