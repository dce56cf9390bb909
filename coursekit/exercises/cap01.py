"""Ejercicios del capítulo 1: la RAM, las acciones, una política escrita a mano y un experimento con ella."""

from functools import cache

from coursekit.envs import make_env
from coursekit.exercises.checking import call, expect, number, section, show
from coursekit.exercises.verdict import check_experiment, describe

import numpy as np

FIRE, RIGHT, LEFT = 1, 2, 3
DETECTIVES = "Un caso para detectives: ¿en qué byte vive la paleta?"


def play(policy, steps: int):
    """La RAM y las vidas en cada paso, y el puntaje, de una partida de Breakout de a lo sumo `steps` pasos."""
    env = make_env("Breakout", obs_type="ram", frameskip=4)
    ram, info = env.reset(seed=0)
    rams, lives, score, done = [ram], [info["lives"]], 0.0, False
    while not done and len(rams) <= steps:
        ram, reward, terminated, truncated, info = env.step(policy(ram))
        rams, lives, score, done = [*rams, ram], [*lives, info["lives"]], score + reward, terminated or truncated
    env.close()
    return np.array(rams), np.array(lives), score


@cache
def random_game():
    rng = np.random.default_rng(0)
    return play(lambda ram: int(rng.integers(4)), steps=10_000)[:2]


@cache
def paddle_moves() -> dict[str, int]:
    """Cuánto cambia el byte 72 en 10 cuadros de cada una de las 18 acciones, desde un mismo comienzo."""
    env = make_env("Breakout", obs_type="ram", full_action_space=True)
    start = int(env.reset(seed=0)[0][72])
    state, moves = env.unwrapped.clone_state(), {}
    for action, name in enumerate(env.unwrapped.get_action_meanings()):
        env.unwrapped.restore_state(state)
        moves[name] = int([env.step(action)[0] for _ in range(10)][-1][72]) - start
    env.close()
    return moves


@section(DETECTIVES)
def exercise_1(byte) -> str:
    byte = number(byte, "el número de un byte, entero", integer=True)
    expect(0 <= byte < 128, f"No hay un byte {byte}: son 128 y se numeran de 0 a 127.")
    rams, lives = random_game()
    matches = rams == lives[:, None]
    if not matches[:, byte].all():
        beside = matches[:, [max(byte - 1, 0), min(byte + 1, 127)]].all(axis=0).any()
        expect(not beside, f"El byte {byte} no coincide con las vidas, pero un vecino sí: se cuentan desde 0.")
        early = matches[lives == 5, byte].all()
        expect(not early, f"El byte {byte} coincide mientras quedan 5 vidas, y después no: juega hasta el final.")
        step = matches[:, byte].argmin()
        seen = f"quedaban {lives[step]} vidas y el byte {byte} valía {rams[step, byte]}"
        expect(False, f"En el paso {step} de una partida al azar {seen}. Deben coincidir en todos.")
    return f"El byte {byte} coincidió con las vidas en los {len(rams)} pasos de una partida."


@section("¿Qué se puede hacer? Las acciones")
def exercise_2(names) -> str:
    named = isinstance(names, (set, frozenset, list, tuple)) and all(isinstance(name, str) for name in names)
    expect(named, f'Se esperaba un conjunto de nombres, como `{{"UP", "FIRE"}}`, y llegó {show(names)}.')
    moved = paddle_moves()
    unknown = sorted(set(names) - set(moved))
    expect(not unknown, f"{show(unknown)} no está entre las 18 acciones, que son {', '.join(moved)}.")
    for name in sorted(names):
        where = "a la izquierda" if moved[name] < 0 else "a ningún lado"
        expect(moved[name] > 0, f"En 10 cuadros de {name} el byte 72 cambia en {moved[name]}: la paleta va {where}.")
    found, right = len(set(names)), sum(change > 0 for change in moved.values())
    hint = "la palanca también va en diagonal, y el botón puede estar apretado"
    expect(found == right, f"Esas mueven la paleta a la derecha, pero son {found} de {right}: {hint}.")
    return f"Son {right} de 18, y para la paleta son la misma: solo importa hacia qué lado va la palanca."


@section(DETECTIVES)
def exercise_3(policy) -> str:
    def act(ram):
        action = number(call(policy, ram), "el número de una acción, de 0 a 3", integer=True)
        expect(0 <= action < 4, f"La política devolvió {action}; en Breakout las acciones van de 0 a 3.")
        return action

    def moment(paddle, ball, row):
        ram = np.zeros(128, dtype=np.uint8)
        ram[[72, 99, 101]] = paddle, ball, row
        return act(ram)

    waits = moment(paddle=120, ball=100, row=0) != FIRE
    expect(not waits, "Cuando falta sacar (el byte 101 en 0) no aprieta FIRE, que es 1: se quedaría esperando.")
    answers = moment(paddle=60, ball=160, row=50), moment(paddle=190, ball=60, row=100)
    reasons = {
        (RIGHT, RIGHT): "en `uint8`, 60 − 190 da 126: convierte los bytes en `int` antes de restar",
        (LEFT, RIGHT): "huye de la pelota; RIGHT es 2 y LEFT es 3",
    }
    reason = reasons.get(answers, "la columna de la pelota está en el byte 99 y la de la paleta en el 72")
    ends = "Con la pelota muy a la derecha y muy a la izquierda de la paleta se esperaban 2 y 3, y respondió"
    expect(answers == (RIGHT, LEFT), f"{ends} {answers[0]} y {answers[1]}: {reason}.")
    _, lives, score = play(act, steps=1_000)
    slow = "Llega tarde o nunca para: ¿hay unas pocas columnas, y no muchas, en que se queda quieta?"
    expect(score >= 10, f"Persigue a la pelota, pero en {len(lives) - 1} pasos hizo {score:g} puntos. {slow}")
    return f"En {len(lives) - 1} pasos hizo {score:g} puntos. Al azar se hacen uno o dos por partida."


@section("Ahora, nosotros")
def exercise_4(answer) -> str:
    a, b, conclusion = check_experiment(answer, "Breakout")
    whole = all(np.array_equal(scores, np.round(scores)) and (scores >= 0).all() for scores in (a, b))
    expect(whole, "En Breakout los puntajes son enteros y no bajan de 0: va un puntaje por partida, sin promediar.")
    return describe(conclusion)
