"""Ejercicios del capítulo 8: el objetivo de n pasos, la unión de una red dueling y dos experimentos."""

import re

from coursekit.exercises.checking import array, call, expect, number, section, show
from coursekit.exercises.verdict import check_experiment, describe

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
def exercise_3(answer, sides=("double-3pasos", "dqn-3pasos")) -> str:
    a, b, conclusion = check_experiment(_with_sides(answer, *sides), "vendaval")
    for name, scores in (("puntajes_a", a), ("puntajes_b", b)):
        fits = ((scores >= 0) & (scores <= 10)).all()
        expect(fits, f"En `{name}` va la media de pelotas seguidas de cada semilla, de 0 a 10.")
    return describe(conclusion)


def _with_sides(answer, a: str, b: str):
    """La respuesta, con A y B donde la frase nombra a los competidores, y «no se sabe» donde lo dice de otro modo."""
    if not isinstance(answer, dict) or not isinstance(answer.get("frase"), str):
        return answer
    sentence = answer["frase"]
    for name, side in ((a, "A"), (b, "B")):
        sentence = re.sub(rf"\b{name}\b(?!-)", side, sentence, flags=re.IGNORECASE)
    unsure = r"\bno deciden?\b|\bcualquier signo\b|\bcualquiera de los dos signos\b|\bno (?:es|está) seguro\b"
    return answer | {"frase": re.sub(unsure, "no se sabe", sentence)}


@section("¿De una sola pieza? Dueling")
def exercise_4(answer) -> str:
    expect(isinstance(answer, dict) and "agente" in answer, "Se esperaba el diccionario del 8.3 y, además, `agente`.")
    agent = answer["agente"]
    nets = all(hasattr(agent, name) for name in ("q_net", "q_net_target", "policy", "num_timesteps"))
    expect(nets, f"En `agente` va un DQN de Stable-Baselines3, y llegó {show(agent)}.")
    _is_dueling(agent)
    return "La cabeza es dueling y entrena. " + exercise_3(answer, ("dueling", "dqn"))


def _is_dueling(agent) -> None:
    import torch

    same = agent.q_net.state_dict().keys() == agent.q_net_target.state_dict().keys()
    expect(same, "La red objetivo no tiene la misma cabeza que la red en línea: hay que cambiarla en las dos.")
    head = [weights for name, weights in agent.q_net.named_parameters() if "features_extractor" not in name]
    trained = {id(weights) for group in agent.policy.optimizer.param_groups for weights in group["params"]}
    forgotten = "El optimizador no conoce los pesos de la cabeza nueva: hay que crearlo después de ponerla."
    expect({id(weights) for weights in head} <= trained, forgotten)
    screens = np.random.default_rng(0).choice([0, 255], (8, *agent.observation_space.shape)).astype(np.uint8)
    screens = torch.as_tensor(screens)
    q = agent.q_net(screens)
    neighbours = "Los Q de una pantalla cambian con las otras del lote: la media va sobre las acciones, con `dim=1`."
    expect(torch.allclose(agent.q_net(screens[:1]), q[:1], rtol=1e-3, atol=1e-5), neighbours)

    def gradient(value):
        slopes = torch.autograd.grad(value.sum(), head, retain_graph=True, allow_unused=True, materialize_grads=True)
        return torch.cat([slope.ravel() for slope in slopes])

    alone, other, mean = gradient(q[:, 0]), gradient(q[:, 1]), gradient(q.mean(dim=1))
    tied = abs(alone @ other) > 1e-3 * (alone @ alone)
    expect(tied, "Cada acción tiene pesos que ninguna otra usa: esa cabeza no tiene un valor en común.")
    # En la última capa, lo que distingue a las acciones no mueve su media, aunque valor y ventajas salgan de una sola.
    outputs = {1, q.shape[1], q.shape[1] + 1}
    last = torch.cat([torch.full((w.numel(),), w.shape[0] in outputs) for w in head])
    apart = sum(gradient(q[:, action] - q.mean(dim=1)).abs() for action in range(q.shape[1]))
    advantages = last & (apart > 1e-3 * apart.max())
    expect(advantages.any(), "No se encuentran las ventajas: faltan, además del valor, una salida por acción.")
    cancels = mean[advantages].abs().max() < 1e-3 * mean.abs().max()
    expect(cancels, "La media de Q cambia con las ventajas: al unir, se les resta la suya.")
    expect(agent.num_timesteps >= 1_000, f"El agente entrenó {agent.num_timesteps:,} pasos: todavía no compitió.")
