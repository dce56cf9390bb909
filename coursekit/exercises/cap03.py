"""Ejercicios del capítulo 3: el retorno, el objetivo, la tabla que juega, el agente propio y un experimento."""

from itertools import pairwise
from types import SimpleNamespace

from coursekit.comparison.catch import CatchEnv
from coursekit.exercises.checking import Pending, array, call, expect, number, section, show
from coursekit.exercises.verdict import check_experiment, describe

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


@section("Un objetivo quieto: q_net_target")
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
    expect(score >= 0.9, f"Jugada de forma voraz, atrapa el {100 * score:.0f} % de 200 pelotas: {reason}.")
    return f"Jugada de forma voraz, atrapa el {100 * score:.0f} % de 200 pelotas."


def _pieces_of(agent) -> dict:
    """Las piezas de quien responde; `Wrong` si no llegó un agente armado con ellas."""
    has_all = all(hasattr(agent, name) for name in ("piezas", "q_net", "q_net_target", "num_timesteps", "ajustes"))
    expect(has_all, f"Se esperaba el agente ya armado, `Agente(...)`, y llegó {show(agent)}.")
    borrowed = {"exploration_schedule", "compute_target", "compute_loss"}
    borrowed = sorted(name for name in borrowed if getattr(agent.piezas[name], "__name__", "") == name)
    expect(not borrowed, f"En `piezas` sigue la del capítulo: {', '.join(borrowed)}. Faltan las tuyas.")
    return agent.piezas


def _check_schedule(schedule, settings) -> None:
    moments = (0.0, 0.25, 0.5, 0.75, 1.0)
    values = [float(number(call(schedule, moment, settings), "un ε, entre 0 y 1,")) for moment in moments]
    seen = "A lo largo del entrenamiento tu ε vale " + ", ".join(f"{value:.2f}" for value in values)
    expect(all(0 <= value <= 1 for value in values), f"{seen}: una probabilidad va de 0 a 1.")
    expect(all(b <= a for a, b in pairwise(values)), f"{seen}: en algún momento sube.")
    expect(values[0] >= 0.5, f"{seen}: al comienzo la red no sabe nada, y casi no explora.")
    expect(values[-1] <= 0.1, f"{seen}: al final sigue jugando al azar más de una vez en diez.")


def _batch():
    """Seis transiciones inventadas y un agente de mentira con dos redes distintas."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        agent = SimpleNamespace(q_net=_Net(200, 3), q_net_target=_Net(200, 3), gamma=0.9)
        now, after = torch.randint(0, 256, (2, 6, 2, 10, 10), dtype=torch.uint8)
        actions = torch.tensor([[0], [1], [2], [0], [1], [2]])
    dones, rewards = torch.tensor([[0.0], [1.0], [0.0], [0.0], [1.0], [0.0]]), torch.linspace(-1, 1, 6)[:, None]
    return agent, ReplayBufferSamples(now, actions, after, dones, rewards)


def _check_target(target) -> None:
    agent, batch = _batch()
    found = call(target, batch, agent)
    expect(not getattr(found, "requires_grad", False), "El objetivo es un dato, sin gradiente: usa `torch.no_grad()`.")
    found = array(found, (6, 1), "un objetivo por transición (usa `keepdim=True`)")
    online, frozen = (net(batch.next_observations).detach() for net in (agent.q_net, agent.q_net_target))

    def bellman(value, gamma=agent.gamma, mask=1 - batch.dones):
        return np.asarray(batch.rewards + mask * gamma * value)

    best, double = frozen.max(1, keepdim=True).values, frozen.gather(1, online.argmax(1, keepdim=True))
    over = np.asarray(batch.dones) == 1
    ends = "En las transiciones finales el objetivo es la recompensa y nada más: ¿y el factor `1 - batch.dones`?"
    expect(np.allclose(found[over], np.asarray(batch.rewards)[over], atol=1e-5), ends)
    slips = {
        "sale de la red en línea; los valores los da `q_net_target`": bellman(online.max(1, keepdim=True).values),
        "le falta γ": bellman(best, gamma=1.0),
        "elige con `q_net_target` y valora con `q_net`: en Double DQN es al revés": bellman(
            online.gather(1, frozen.argmax(1, keepdim=True))
        ),
        "valora la media de las acciones, y se juega la mejor": bellman(frozen.mean(1, keepdim=True)),
    }
    reason = next((text for text, wrong in slips.items() if np.allclose(found, wrong, atol=1e-5)), "no es ninguno")
    right = any(np.allclose(found, bellman(value), atol=1e-5) for value in (best, double))
    expect(right, f"Se esperaba el objetivo clásico o el de Double DQN, y el tuyo {reason}.")


def _check_loss(loss) -> None:
    agent, batch = _batch()
    q, target = agent.q_net(batch.observations), torch.linspace(-3, 3, 6)[:, None]
    found = call(loss, batch, agent.q_net, target)
    expect(getattr(found, "requires_grad", False), "La pérdida perdió el gradiente: sin él la red no se corrige.")
    found = float(number(found.detach(), "una pérdida, un solo número,"))

    def mean(error):
        return [0.5 * error.square().mean(), error.square().mean(), torch.nn.functional.huber_loss(error, 0 * error)]

    def matches(error, factor=1.0):
        return any(np.isclose(found, factor * value.item(), rtol=1e-4) for value in mean(error))

    taken = q.gather(1, batch.actions)
    slips = {
        "usa el mayor valor de la red, y va el de la acción que se tomó": matches(q.amax(1, keepdim=True) - target),
        "suma en lugar de promediar": matches(taken - target, factor=6.0),
        "compara los tres valores con el objetivo, y va solo el de la acción tomada": matches(q - target),
        "cruza todas las predicciones con todos los objetivos: revisa las formas": matches(taken - target.T),
    }
    reason = next((text for text, slipped in slips.items() if slipped), "no coincide con ninguna de las dos")
    expect(matches(taken - target), f"Se esperaba la pérdida de Huber o la cuadrática, y la tuya {reason}.")


@section("El agente completo")
def exercise_4(agent) -> str:
    pieces = _pieces_of(agent)
    _check_schedule(pieces["exploration_schedule"], agent.ajustes)
    _check_target(pieces["compute_target"])
    _check_loss(pieces["compute_loss"])
    if agent.num_timesteps == 0:
        raise Pending("Las piezas están bien y el agente no dio ningún paso: entrénalo con `learn`.")
    score = _caught_by(agent.q_net)
    expect(score >= 0.9, f"Las piezas están bien, y a los {agent.num_timesteps:,} pasos atrapa el {100 * score:.0f} %.")
    return f"Tus piezas funcionan juntas: a los {agent.num_timesteps:,} pasos atrapa el {100 * score:.0f} % de 200."


def _caught_by(q_net) -> float:
    """Parte de 200 pelotas que atrapa una red jugada de forma voraz."""
    envs = [CatchEnv() for _ in range(200)]
    observations = np.stack([env.reset(seed=30_000 + i)[0] for i, env in enumerate(envs)])
    for _ in range(9):
        with torch.no_grad():
            actions = q_net(torch.as_tensor(observations)).argmax(dim=1).numpy()
        played = [env.step(int(action)) for env, action in zip(envs, actions, strict=True)]
        observations = np.stack([step[0] for step in played])
    return float(np.mean([step[1] > 0 for step in played]))


@section("¿Qué pasa si quitamos una pieza?")
def exercise_5(answer) -> str:
    a, b, conclusion = check_experiment(answer, "atrapa")
    for name, scores in (("puntajes_a", a), ("puntajes_b", b)):
        expect(((scores >= 0) & (scores <= 1)).all(), f"En `{name}` va la parte que se atrapa, de 0 a 1.")
    return describe(conclusion)
