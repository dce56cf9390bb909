"""Ejercicios del capítulo 4: la proporción de actualizaciones, ε y el tamaño de la red."""

from coursekit.exercises.checking import call, expect, number, section

import numpy as np


@section("¿Cuántas actualizaciones por transición?")
def exercise_1(gradient_steps) -> str:
    steps = number(gradient_steps, "el valor de `gradient_steps`")
    expect(steps != -1, "Con −1, SB3 hace una actualización por transición, y se pide una cada 4.")
    expect(steps > 0, f"Con `gradient_steps={steps}` la red no se corrige nunca.")
    every = f"Con {steps:g} por tanda queda una cada {32 / steps:g}, y se pide una cada 4"
    expect(32 / steps == 4, f"Entre dos tandas de actualizaciones hay 16 × 2 = 32 transiciones. {every}.")
    return "Treinta y dos transiciones nuevas y ocho actualizaciones: una cada 4."


@section("ε: del azar a la confianza")
def exercise_2(epsilon) -> str:
    def at(step, final=0.2):
        return number(call(epsilon, step, 1_000, final), "el valor de ε")

    after = "pasada la exploración se queda quieta"
    line = "la recta va de 1 a `final`, y no de 1 a 0 con un corte"
    for step, wanted, why in (
        (0, 1.0, "al comienzo se juega al azar"),
        (1_000, 0.2, "ahí termina la exploración"),
        (5_000, 0.2, after),
        (500, 0.6, line),
        (250, 0.8, line),
    ):
        found = at(step)
        wrong = f"En el paso {step:,}, con 1,000 pasos de exploración y final 0.2, se espera {wanted} y dio {found:g}"
        expect(np.isclose(found, wanted), f"{wrong}: {why}.")
    expect(
        np.isclose(at(500, final=0.0), 0.5), "Con final 0, a mitad de camino se espera 0.5: usa el `final` que llega."
    )
    return "Una recta de 1 a su valor final, y después quieta."


@section("La red: de cuatro cuadros a un número por acción")
def exercise_3(parameters) -> str:
    from gymnasium.spaces import Box
    from stable_baselines3.common.torch_layers import NatureCNN
    from torch import nn

    parts = "cada capa tiene entradas × salidas × lado² pesos, más un sesgo por salida"
    for frames, actions, why in (
        (4, 4, f"{parts}; al aplanar quedan 64×7×7 números"),
        (4, 18, "las acciones solo cambian la última capa, con sus sesgos"),
        (6, 4, "los cuadros solo cambian la primera capa"),
        (1, 6, parts),
    ):
        cnn = NatureCNN(Box(0, 255, (frames, 84, 84), np.uint8))
        weights = list(nn.Sequential(cnn, nn.Linear(cnn.features_dim, actions)).parameters())
        true, unbiased = (sum(w.numel() for w in weights if w.ndim > dim) for dim in (0, 1))
        found = number(call(parameters, frames, actions), "la cantidad de parámetros, entera", integer=True)
        reason = "faltan los sesgos, uno por canal y por neurona" if found == unbiased else why
        expect(found == true, f"Para ({frames}, {actions}) dio {found:,} y son {true:,}: {reason}.")
    return "Casi no crece: los cuadros y las acciones solo tocan las dos puntas."
