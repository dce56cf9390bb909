"""Ejercicios del capítulo 9: dos alarmas, una pieza nueva y un proyecto con tres errores."""

from coursekit.comparison.catch import CatchEnv
from coursekit.exercises.checking import BLANK, Pending, call, expect, is_blank, number, section, show

import numpy as np


def _answer(function, *arguments) -> bool:
    result = call(function, *arguments)
    expect(isinstance(result, (bool, np.bool_)), f"Se esperaba `True` o `False` y llegó {show(result)}.")
    return bool(result)


@section("Pieza 8. La pantalla negra")
def exercise_1(sees) -> str:
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.buffers import ReplayBuffer

    def answer(*screens):
        buffer = ReplayBuffer(20, Box(0, 255, (1, 84, 84), np.uint8), Discrete(4), "cpu")
        for screen in screens:
            buffer.add(screen[None], screen[None], np.zeros((1, 1)), np.zeros(1), np.zeros(1), [{}])
        return _answer(sees, buffer)

    black, grey = np.zeros((1, 84, 84), np.uint8), np.full((1, 84, 84), 50, np.uint8)
    ball = black.copy()
    ball[0, 40, 40] = 200
    expect(not answer(*[black] * 8), "Con ocho pantallas negras dijo que ve algo.")
    expect(answer(*[black] * 7, ball), "Con una pelota solo en la octava pantalla dijo que no ve nada: míralas todas.")
    free = "O pregunta si hay luz, o cuenta los ceros de los lugares libres: `size()` dice cuántos están ocupados."
    expect(not answer(*[grey] * 8), f"Con ocho pantallas de un mismo gris dijo que ve algo. {free}")
    full = "O compara unas pantallas con otras, o usa `pos`, que vuelve a cero al llenarse: `size()` no."
    expect(answer(*[ball] * 20), f"Con la memoria llena de pantallas con pelota dijo que no ve nada. {full}")
    return "Mira solo lo guardado, y todo lo guardado."


@section("Pieza 2. El FIRE olvidado")
def exercise_2(stuck) -> str:
    def warns(tones, *patience):
        """Lo que contesta ante un punto que está en otro lugar cada vez que el número cambia."""
        screens = [np.isin(np.arange(200), tone).reshape(10, 20).astype(np.uint8) for tone in tones]
        return _answer(stuck, screens, *patience)

    expect(not warns(range(20), 3), "Con un punto que se mueve siempre avisó: se compara píxel por píxel.")
    expect(warns([0, 1, 5, 5, 5, 5], 3), "Con tres pasos seguidos sin cambios y paciencia 3 no avisó.")
    count = "Tres pantallas iguales son dos pasos sin cambios, y con paciencia 3 avisó: cuenta pasos, no pantallas."
    expect(not warns([0, 1, 2, 5, 5, 5, 6], 3), count)
    reset = "Hubo seis pasos quietos, pero nunca tres seguidos, y avisó: cada cambio vuelve la cuenta a cero."
    expect(not warns([0, 0, 0, 1, 1, 1, 2, 2, 2], 3), reset)
    expect(
        warns([0, 5, 5, 5, 5, 6, 7], 3), "Se detuvo tres pasos en el medio y después siguió, y no avisó: mira todos."
    )
    again = "El punto va y viene, y avisó: cada pantalla se compara solo con la anterior."
    expect(not warns([0, 1, 0, 1, 0, 1, 0], 3), again)
    default = not warns([*range(20), *[30] * 50]) and warns([*range(20), *[30] * 120])
    expect(default, "Si no se dice la paciencia son 100 pasos: con 49 quietos no debe avisar, y con 119 sí.")
    return "Avisa solo con pasos seguidos. Un juego con pantallas de espera le daría una falsa alarma."


@section("Pieza 7. ε apagado al entrenar")
def exercise_3(train_and_look) -> str:
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_vec_env

    settings = {"buffer_size": 1_000, "learning_starts": 10_000, "train_freq": 1, "exploration_fraction": 0.5}
    model, looks = DQN("MlpPolicy", make_vec_env(CatchEnv, n_envs=4), seed=0, device="cpu", **settings), []
    call(train_and_look, model, 800, 200, lambda m: looks.append((m.num_timesteps, m.exploration_rate)), none=True)
    if model.num_timesteps == 0:
        raise Pending("El modelo no dio ningún paso.")
    steps = [step for step, _ in looks]
    expect(model.num_timesteps != 4, "Se detuvo en el primer paso: SB3 sigue mientras el `callback` devuelva `True`.")
    reasons = {
        (): "nunca llamó a `mirar`",
        (800,): "miró una sola vez; si contaste llamadas, con 4 ambientes cada una son 4 pasos",
        (200,) * 4: "el contador volvió a cero en cada vuelta, y con él ε volvió a 1",
    }
    reason = reasons.get(tuple(steps), "compara `num_timesteps` con `cada`")
    expect(steps == [200, 400, 600, 800], f"Debía mirar en 200, 400, 600 y 800, y miró en {show(steps)}: {reason}.")
    for step, epsilon in looks:
        wanted = max(1 - 0.95 * step / 400, 0.05)
        seen = f"A los {step} pasos ε era {epsilon:.2f}, y en un solo entrenamiento de 800 sería {wanted:.2f}"
        expect(abs(epsilon - wanted) < 0.03, f"{seen}: cada `learn` calcula la fracción con su propio total.")
    return "Un solo `learn`, un solo total, una sola recta de ε."


#: Lo que da, en el proyecto del ejercicio, la medida de cada error plantado.
PLANTED = {8: 1.0, 5: 12_000 / 180, 6: 1 - 0.95 * 12_000 / 18_000}


@section("En resumen")
def exercise_4(answer) -> str:
    pair = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], dict)
    expect(pair, "Se esperaban dos cosas: `(hallados, curado)`, un diccionario y un modelo.")
    found, cured = answer
    if is_blank(list(found)) or is_blank(found) or cured is ...:
        raise Pending(BLANK)
    one_seed = "Es verdad que concluye de una sola semilla, pero eso no se mide en el modelo: quita la 12."
    expect(12 not in found, one_seed)
    healthy = sorted(set(found) - set(PLANTED), key=str)
    expect(not healthy, f"La pieza {show(healthy[0]) if healthy else ''} no está en ese guion: su medida da lo sano.")
    missing = len(PLANTED) - len(found)
    expect(not missing, f"Hallaste {len(found)} de 3: quedan {missing}. Recorre la tabla y mide uno por uno.")
    for piece, wanted in PLANTED.items():
        value = float(number(found[piece], f"la medida de la pieza {piece}, un número,"))
        right = abs(value - wanted) <= 0.1 * wanted  # con la espera de `learning_starts` o sin ella
        expect(right, f"La pieza {piece} está, pero su medida sobre `modelo` da {wanted:.3g} y anotaste {value:.3g}.")
    return _cured(cured)


def _cured(model) -> str:
    """Las tres medidas, otra vez, en el modelo curado."""
    expect(hasattr(model, "replay_buffer") and hasattr(model, "q_net"), f"`curado` es un DQN, y llegó {show(model)}.")
    expect(0 < model.num_timesteps <= 20_480, f"`curado` dio {model.num_timesteps:,} pasos: va entre 1 y 20,000.")
    brightest = model.replay_buffer.observations[: model.replay_buffer.size()].max()
    expect(brightest > 1, f"La memoria de `curado` sigue a oscuras: de 255, su píxel más claro vale {brightest:g}.")
    ratio = model.num_timesteps / max(model._n_updates, 1)
    expect(
        ratio < 20, f"`curado` todavía hace una actualización cada {ratio:.0f} transiciones, y se quería una cada 16."
    )
    envs = [CatchEnv() for _ in range(200)]
    observations = np.stack([env.reset(seed=40_000 + i)[0] for i, env in enumerate(envs)])
    for _ in range(9):
        actions, _ = model.predict(observations, deterministic=True)
        played = [env.step(int(action)) for env, action in zip(envs, actions, strict=True)]
        observations = np.stack([step[0] for step in played])
    caught = 100 * float(np.mean([step[1] > 0 for step in played]))
    expect(caught >= 75, f"Las tres medidas están sanas, y jugando voraz atrapa el {caught:.0f} %: le faltó aprender.")
    return f"Tres errores hallados con tres medidas. Curado, atrapa el {caught:.0f} % de 200 pelotas."
