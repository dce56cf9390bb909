"""Ejercicios del capítulo 4: la proporción, ε, la red hecha a mano, la receta traducida a SB3 y un experimento."""

import re

from coursekit.exercises.checking import Wrong, call, expect, number, section
from coursekit.exercises.verdict import check_experiment, describe

import numpy as np
import torch
from torch.nn.parameter import is_lazy


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
def exercise_3(my_net) -> str:
    for frames, actions in ((4, 4), (6, 18), (1, 6)):
        _same_values(call(my_net, frames, actions), frames, actions)
    return "Con los mismos pesos da los mismos valores que la de SB3, con los cuadros y las acciones que se pidan."


def _same_values(net, frames: int, actions: int) -> None:
    """`Wrong` si `net`, con los pesos de una red de SB3, no da los mismos valores."""
    from coursekit.training.agents import blank_dqn

    case = f"Con {frames} cuadros y {actions} acciones"
    expect(isinstance(net, torch.nn.Module), f"{case} se esperaba un `nn.Module` y llegó {type(net).__name__}.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        theirs = blank_dqn(actions, (frames, 84, 84)).q_net
        screens = torch.randint(0, 256, (3, frames, 84, 84), dtype=torch.uint8)
        if any(map(is_lazy, net.parameters())):
            _values(net, screens, case)  # una capa perezosa mide su entrada la primera vez
        for weights in theirs.parameters():
            weights.mul_(1.5)  # que ninguna ReLU se quede sin nada que cortar
        _copy(theirs, net, case)
        wanted, found = theirs(screens), _values(net, screens, case)
        expect(found.shape == wanted.shape, f"{case} se espera un valor por acción, {tuple(wanted.shape)}, y la "
               f"salida es {tuple(found.shape)}.")  # fmt: skip
        raw = theirs.q_net(theirs.features_extractor(screens.float()))
        slips = {
            "las pantallas entran sin dividir por 255": raw,
            "se divide por 256, y el píxel más claro vale 255": theirs.q_net(
                theirs.features_extractor(screens.float() / 256)
            ),
            "la última capa no lleva ReLU, que borra los valores negativos": wanted.clamp(min=0),
        }
    reason = next((text for text, wrong in slips.items() if torch.allclose(found, wrong, rtol=1e-3, atol=1e-4)), "")
    reason = reason or "revisa las ReLU, una después de cada convolución y de la capa de 512, y el orden de las capas"
    right = torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)
    expect(right, f"{case} y los mismos pesos que la de SB3 da otros valores: {reason}.")


def _copy(theirs, net, case: str) -> None:
    """Pone en `net` los pesos de la red de SB3, en orden."""
    wanted, found = ([tuple(w.shape) for w in module.parameters()] for module in (theirs, net))
    unbiased = [shape for shape in wanted if len(shape) > 1]
    expect(found != unbiased, f"{case}: faltan los sesgos, uno por canal y por neurona (`bias=True`).")
    first = next((pair for pair in zip(wanted, found, strict=False) if pair[0] != pair[1]), None)
    if first is not None:
        layer = wanted.index(first[0]) // 2 + 1
        raise Wrong(f"{case}, los pesos de la capa {layer} deberían medir {first[0]} y miden {first[1]}.")
    expect(len(found) == len(wanted), f"{case} se esperaban 5 capas con pesos y hay {(len(found) + 1) // 2}.")
    for mine, their in zip(net.parameters(), theirs.parameters(), strict=True):
        mine.copy_(their)


def _values(net, screens, case: str):
    """Lo que `net` dice de unas pantallas en bytes."""
    try:
        found = net(screens)
    except (RuntimeError, TypeError) as error:
        bytes_ = "las pantallas llegan en bytes, `uint8`: pásalas a `float` y divídelas por 255"
        shapes = "revisa el lado y el avance de los filtros: al aplanar deben quedar 64×7×7 números"
        reason = bytes_ if any(word in str(error) for word in ("Byte", "unsigned", "dtype")) else shapes
        raise Wrong(f"{case} la red se detuvo, `{str(error).splitlines()[0][:80]}`: {reason}.") from error
    expect(isinstance(found, torch.Tensor), f"{case} la red no devuelve un tensor, sino {type(found).__name__}.")
    return found


KEYS = ("train_freq", "gradient_steps", "target_update_interval", "exploration_fraction")


@section("¿Cuántas actualizaciones por transición?")
def exercise_4(translate) -> str:
    for n_envs, every, copy, explore, total in (
        (16, 4, 2_500, 10_000, 20_000),
        (1, 4, 10_000, 1_000_000, 50_000_000),
        (4, 4, 10_000, 1_000_000, 50_000_000),
        (8, 8, 500, 400_000, 10_000_000),
        (4, 16, 250, 100_000, 1_000_000),
    ):
        found = call(translate, n_envs, every, copy, explore, total)
        missing = [key for key in KEYS if not isinstance(found, dict) or key not in found]
        expect(not missing, f"Se esperaba un diccionario con {', '.join(KEYS)}, y falta {', '.join(missing)}.")
        found = {key: number(found[key], f"un número en `{key}`", integer=key != KEYS[3]) for key in KEYS}
        case = f"Con {n_envs} ambientes y una actualización cada {every} transiciones"
        frequency, steps = (found[key] for key in KEYS[:2])
        given = f"`train_freq={frequency}` y `gradient_steps={steps}`"
        expect(frequency > 0 and steps > 0, f"{case}, {given} no hace ninguna.")
        ratio = n_envs * frequency / steps
        expect(ratio == every, f"{case}, {given} hace una cada {ratio:g}.")
        expect(min(frequency, steps) == 1, f"{case}, {given} cumple, y hay números más chicos que también.")
        _check_copies(found["target_update_interval"], copy, every, n_envs)
        right = np.isclose(found["exploration_fraction"], explore / total)
        wanted = f"{explore:,} pasos de exploración de {total:,} son {explore / total:g} del total"
        expect(right, f"{wanted}, y dio {found['exploration_fraction']:g}.")
    return "Cada número, en las unidades de SB3: con él se puede repetir la receta de cualquier artículo."


def _check_copies(found: int, updates: int, every: int, n_envs: int) -> None:
    slips = {
        updates * n_envs: "se multiplica por las transiciones que espera cada actualización, y no por los ambientes",
        updates * every // n_envs: "eso son pasos vectorizados, y SB3 cuenta transiciones",
        updates: "eso son actualizaciones, y SB3 cuenta transiciones",
    }
    right = updates * every
    expect(found == right, f"Una copia cada {updates:,} actualizaciones, con una cada {every} transiciones, es una "
           f"cada {right:,}, y dio {found:,}: {slips.get(found, 'revisa la cuenta')}.")  # fmt: skip


@section("¿Cuántas actualizaciones por transición?")
def exercise_5(answer) -> str:
    a, b, conclusion = check_experiment(_with_sides(answer), "atrapa")
    for name, scores in zip(("puntajes_a", "puntajes_b"), (a, b), strict=True):
        expect(((scores >= 0) & (scores <= 1)).all(), f"En `{name}` va la parte que se atrapa, de 0 a 1.")
    return describe(conclusion)


def _with_sides(answer):
    """La respuesta, con A y B donde la frase dice cada cuánto se actualiza, o «la trampa»."""
    if not isinstance(answer, dict) or not isinstance(answer.get("frase"), str):
        return answer
    sentence = answer["frase"]
    for name, side in ((r"cada 16|train_freq ?= ?1", "A"), (r"cada 64|train_freq ?= ?4|trampa", "B")):
        sentence = re.sub(rf"\b(?:{name})\b", side, sentence)
    return answer | {"frase": sentence}
