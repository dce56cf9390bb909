"""Ejercicios del capítulo 3: el retorno, el objetivo y la tabla que juega a la pelota."""

from types import SimpleNamespace

from coursekit.comparison.catch import CatchEnv
from coursekit.exercises.checking import array, call, expect, section

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBufferSamples


@section("¿Qué significa jugar bien?")
def exercise_1(returns) -> str:
    right = np.array([1.5, 1.0, 2.0])
    found = array(call(returns, [1, 0, 2], 0.5), (3,), "un retorno por paso")
    reasons = {
        (2.0, 1.0, 1.5): "están en orden inverso, y el primero es el del comienzo",
        (0.75, 0.5, 1.0): "la primera recompensa no se descuenta, le toca γ elevado a cero",
        (3, 2, 2): "falta el descuento γ",
        (1.0, 0.5, 2.25): "suman el pasado, y el retorno mira hacia adelante",
        (1, 0, 2): "son las recompensas, y falta lo que viene después",
        (1, 1, 2): "perdieron los decimales: el arreglo donde se guardan es de enteros",
    }
    reason = reasons.get(tuple(found.tolist()), "cada uno es su recompensa más γ veces el que sigue")
    expect(np.allclose(found, right), f"Con recompensas 1, 0, 2 y γ = 0.5 se espera {right} y dio {found}: {reason}.")
    rewards = np.random.default_rng(0).normal(size=9)
    found = array(call(returns, rewards, 0.9), (9,), "un retorno por paso")
    follows = np.allclose(found, rewards + 0.9 * np.append(found[1:], 0))
    expect(follows, "Con 9 recompensas y γ = 0.9 no se cumple que cada retorno sea r más γ por el que sigue.")
    return "Cada retorno es su recompensa más γ veces el que sigue: la ecuación de Bellman de un episodio ya jugado."


class _Net(torch.nn.Linear):
    def forward(self, observations):
        return super().forward(observations.float().flatten(1) / 255)


@section("Un blanco quieto: q_net_target")
def exercise_2(explorer_target) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SimpleNamespace(q_net=_Net(200, 3), q_net_target=_Net(200, 3), gamma=0.9)
        now, after = torch.randint(0, 256, (2, 6, 2, 10, 10), dtype=torch.uint8)
    dones, rewards = torch.tensor([[0.0], [1.0], [0.0], [0.0], [1.0], [0.0]]), torch.linspace(-1, 1, 6)[:, None]
    batch = ReplayBufferSamples(now, torch.zeros(6, 1, dtype=torch.int64), after, dones, rewards)

    def matches(found, epsilon, net=model.q_net_target, screens=after, gamma=0.9):
        q = net(screens).detach()
        value = (1 - epsilon) * q.max(dim=1, keepdim=True).values + epsilon * q.mean(dim=1, keepdim=True)
        return np.allclose(found, rewards + (1 - dones) * gamma * value, atol=1e-5)

    found = call(explorer_target, batch, model, 0.0)
    crossed = "Salió una tabla de 6×6: sumar `(6,)` y `(6, 1)` cruza todas con todas. Usa `keepdim=True`."
    expect(np.shape(found) != (6, 6), crossed)
    axis = "un objetivo por transición (las acciones son el eje 1: `dim=1` y `keepdim=True`)"
    expect(not getattr(found, "requires_grad", False), "El objetivo es un dato, sin gradiente: usa `torch.no_grad()`.")
    found = array(found, (6, 1), axis)
    over = np.allclose(found[dones == 1], rewards[dones == 1])
    expect(over, "En las transiciones finales se espera la recompensa y nada más: ¿y el factor `1 - batch.dones`?")
    slips = {
        ", y es el de la red en línea: los objetivos se calculan con `q_net_target`": {"net": model.q_net},
        ", y mira `observations`: el futuro empieza en `next_observations`": {"screens": now},
        ", y le falta γ": {"gamma": 1.0},
        ", y es la media en lugar del máximo: ε y 1 − ε están cambiados": {"epsilon": 1.0},
    }
    reason = next((text for text, change in slips.items() if matches(found, **{"epsilon": 0.0} | change)), "")
    expect(matches(found, 0.0), f"Con ε = 0 debía dar lo mismo que `compute_target`{reason}.")
    parts = "el máximo pesa 1 − ε, y la media de las tres acciones, ε"
    for epsilon in (1.0, 0.3):
        found = array(call(explorer_target, batch, model, epsilon), (6, 1), axis)
        expect(matches(found, epsilon), f"Con ε = 0 está bien y con ε = {epsilon:g} no: {parts}.")
    return "Con ε = 0 es Q-learning; con ε > 0, el objetivo ya cuenta con los tropiezos."


def caught(table) -> float:
    """Parte de 200 pelotas que atrapa una tabla jugada de forma voraz."""
    env, successes = CatchEnv(), 0
    env.reset(seed=10_000)
    for _ in range(200):
        env.reset()
        info = {}
        while not info:
            values = table[env.ball_row, env.ball_col, int(env.ball_dx > 0), env.paddle_col]
            info = env.step(int(values.argmax()))[-1]
        successes += info["is_success"]
    return successes / 200


@section("Llenar la tabla jugando")
def exercise_3(table) -> str:
    table = array(table, (10, 10, 2, 8, 3), "una tabla")
    expect(table.any() and np.isfinite(table).all(), "La tabla sigue en ceros, o tiene valores que no son números.")
    score = caught(table)
    slips = {
        "la dirección está al revés: 0 si la pelota va a la izquierda, 1 si va a la derecha": table[:, :, ::-1],
        "las acciones están al revés: 0 es izquierda y 2 es derecha": table[..., ::-1],
        "la fila y la columna de la pelota están cambiadas": table.swapaxes(0, 1),
        "el signo está cambiado, y elige lo peor": -table,
    }
    reason = next((text for text, mended in slips.items() if score < 0.9 <= caught(mended)), "faltan episodios o azar")
    expect(score >= 0.9, f"Jugada de forma voraz, atrapa el {score:.0%} de 200 pelotas: {reason}.")
    return f"Jugada de forma voraz, atrapa el {score:.0%} de 200 pelotas."
