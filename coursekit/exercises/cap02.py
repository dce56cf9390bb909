"""Ejercicios del capítulo 2: la memoria que cuesta, el salto de cuadros y la pila."""

from coursekit.exercises.checking import array, call, expect, number, section

import numpy as np
from gymnasium.spaces import Box, Discrete


@section("¿Cuánta memoria cuesta recordar?")
def exercise_1(answer) -> str:
    from stable_baselines3.common.buffers import ReplayBuffer

    expect(
        isinstance(answer, tuple) and len(answer) == 2, "Se esperaban dos enteros: `(caben_en_sb3, caben_en_cuadros)`."
    )
    in_sb3, in_frames = (number(value, "una cantidad de transiciones") for value in answer)
    expect(in_frames >= in_sb3, "Están al revés: la memoria que guarda cada cuadro una vez recuerda más, no menos.")
    buffer = ReplayBuffer(100, Box(0, 255, (4, 84, 84), np.uint8), Discrete(4), "cpu")
    stacks = (buffer.observations.nbytes + buffer.next_observations.nbytes) // 100
    slips = {
        2: "contaste una pila por transición, y son dos: la observación y la siguiente",
        8: "contaste un cuadro por transición, y SB3 guarda dos pilas de cuatro",
        0.25: "contaste cuatro bytes por píxel, y en la memoria son `uint8`",
        2**30 / 1e9: "usaste gigas de 2³⁰ bytes, y aquí son de 10⁹",
        1e-9: "se dividen 8 × 10⁹ bytes, no 8",
    }
    # Lo demás de cada transición (acción, recompensa…) puede contarse o no.
    for value, size, margin, name in ((in_sb3, stacks, 0.01, "de SB3"), (in_frames, 7_400, 0.06, "de cuadros únicos")):
        ratio = value * size / 8e9
        near = [text for factor, text in slips.items() if abs(ratio / factor - 1) <= margin < abs(ratio - 1)]
        reason = f": {near[0]}" if near and size == stacks else ""
        room = f"En la memoria {name}, {value:,.0f} transiciones ocupan {8 * ratio:,.1f} GB, y hay 8{reason}."
        expect(abs(ratio - 1) <= margin, room)
        whole = value % 1 == 0 and (size != stacks or value * size <= 8e9)
        expect(whole, f"No se guarda una fracción de transición: {value:,} se redondea hacia abajo.")
    return f"Con los mismos bytes se recuerda {in_frames / in_sb3:.1f} veces más."


@section("Paso 1. Lo que parpadea: el máximo de dos cuadros")
def exercise_2(visible) -> str:
    def seen(frames, skip, last):
        return number(call(visible, np.isin(np.arange(12), frames), skip, last), "una fracción")

    even = range(0, 12, 2)
    expect(seen([0], 4, 1) == 0, "Con salto 4 se mira el último de cada cuatro cuadros, y vio una bomba del primero.")
    found = seen([3], 4, 1)
    where = "En 12 cuadros con salto 4 hay tres decisiones, y una ve la bomba del cuadro 3"
    expect(np.isclose(found, 1 / 3), f"{where}: se espera la fracción 1/3 y dio {found:.3g}.")
    found = seen(even, 3, 1)
    where = "Con bombas en los cuadros pares, quien salta de a 3 mira 2, 5, 8 y 11"
    expect(np.isclose(found, 1 / 2), f"{where}: ve la mitad, y dio {found:.3g}. ¿Usas el `salto` que llega?")
    found = seen(even, 4, 2)
    where = "Con bombas en los cuadros pares, en los dos últimos de cada cuatro hay siempre una"
    expect(np.isclose(found, 1), f"{where}, y dio {found:.3g}: alcanza con que esté en uno de los dos.")
    far = seen([1], 4, 2) == 0 and np.isclose(seen([2, 3], 4, 2), 1 / 3)
    expect(far, "Con `ultimos=2` y salto 4 se miran los cuadros 2 y 3 de cada grupo, y cada decisión cuenta una vez.")
    return "Mira el último de cada grupo, o los dos últimos, con cualquier salto."


@section("Paso 5. La pila: cuatro cuadros de un ambiente")
def exercise_3(stack) -> str:
    old, new = (
        np.ones((4, 84, 84), np.uint8) * np.array([1, 2, 3, 4], np.uint8)[:, None, None],
        np.full((84, 84), 9, np.uint8),
    )
    before = old.copy()

    def tones(starts):
        result = call(stack, old, new, starts)
        expect(np.shape(result) != (84, 84, 4), "Los cuadros quedaron en el último eje: la pila es `(4, 84, 84)`.")
        result = array(result, (4, 84, 84), "una pila")
        expect(np.array_equal(old, before), "La función modificó la pila que recibió: debe devolver otra.")
        expect(result.dtype == np.uint8, f"La pila debe seguir siendo `uint8` y es `{result.dtype}`.")
        return tuple(result[:, 0, 0].tolist())

    reasons = {
        (0, 0, 0, 9): "`comienza` está al revés",
        (9, 1, 2, 3): "el cuadro nuevo va al final",
        (9, 2, 3, 4): "el cuadro nuevo va al final",
        (1, 2, 3, 9): "debía salir el más viejo y salió el más nuevo",
        (2, 3, 4, 1): "el más viejo dio la vuelta y el nuevo no entró",
    }
    found = tones(False)
    reason = reasons.get(found, "sale el más viejo por un lado y entra el nuevo por el otro")
    expect(found == (2, 3, 4, 9), f"De los cuadros 1, 2, 3, 4 y el nuevo, 9, quedó {found}: {reason}.")
    reasons = {
        (2, 3, 4, 9): "conserva cuadros de la partida anterior",
        (9, 9, 9, 9): "el primer cuadro se repite, y parece que la pelota estuvo quieta",
    }
    found = tones(True)
    reason = reasons.get(found, "los que todavía no existen van en ceros")
    expect(found == (0, 0, 0, 9), f"Al comenzar un episodio se espera (0, 0, 0, 9) y quedó {found}: {reason}.")
    frames = np.random.default_rng(0).integers(0, 256, (5, 84, 84), dtype=np.uint8)
    same = np.array_equal(call(stack, frames[:4].copy(), frames[4].copy(), False), frames[1:])
    expect(same, "Los cuadros están en orden, pero sus píxeles cambiaron.")
    return "El más viejo sale, el nuevo entra al final, y una partida no ve la anterior."
