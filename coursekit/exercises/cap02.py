"""Ejercicios del capítulo 2: la memoria que cuesta, el salto de cuadros, la pila y la cadena entera."""

from coursekit.envs import make_env
from coursekit.exercises.checking import array, call, expect, number, section, show
from coursekit.exercises.verdict import check_experiment, describe

import gymnasium as gym
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


@section("Etapa 1. Lo que parpadea: el máximo de dos cuadros")
def exercise_2(visible) -> str:
    def seen(frames, skip, last):
        return number(call(visible, np.isin(np.arange(12), frames), skip, last), "una fracción")

    even = range(0, 12, 2)
    expect(seen([0], 4, 1) == 0, "Con salto 4 se mira el último de cada cuatro cuadros, y vio una bomba del primero.")
    found = seen([3], 4, 1)
    where = "En 12 cuadros con salto 4 hay tres decisiones, y una ve la bomba del cuadro 3"
    expect(np.isclose(found, 1 / 3), f"{where}: se espera la fracción 1/3 y dio {found:.3g}.")
    found = seen(even, 3, 1)
    where = "Con bombas en los cuadros pares, quien salta de tres en tres mira 2, 5, 8 y 11"
    expect(np.isclose(found, 1 / 2), f"{where}: ve la mitad, y dio {found:.3g}. ¿Usas el `salto` que llega?")
    found = seen(even, 4, 2)
    where = "Con bombas en los cuadros pares, en los dos últimos de cada cuatro hay siempre una"
    expect(np.isclose(found, 1), f"{where}, y dio {found:.3g}: basta con que esté en uno de los dos.")
    far = seen([1], 4, 2) == 0 and np.isclose(seen([2, 3], 4, 2), 1 / 3)
    expect(far, "Con `ultimos=2` y salto 4 se miran los cuadros 2 y 3 de cada grupo, y cada decisión cuenta una vez.")
    thirds = seen([0], 3, 2) == 0 and np.isclose(seen([1, 3], 3, 2), 1 / 4)
    expect(thirds, "Con `ultimos=2` y salto 3 se miran los cuadros 1 y 2 de cada grupo. ¿Usas el `salto` que llega?")
    return "Mira el último de cada grupo, o los dos últimos, con salto 3 y con salto 4."


@section("Etapa 5. La pila: cuatro cuadros de un ambiente")
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


class Script(gym.Env):
    """Un juego inventado: pantallas al azar, y las recompensas de un guion que al final termina o se corta."""

    observation_space, action_space = Box(0, 255, (210, 160, 3), np.uint8), Discrete(4)

    def __init__(self, rewards, cut: bool):
        self.rewards, self.cut, self.frame = rewards, cut, 0

    def screen(self):
        rng = np.random.default_rng(self.frame)
        return rng.integers(0, 256, self.observation_space.shape, dtype=np.uint8)

    def reset(self, *, seed=None, options=None):
        self.frame = 0
        return self.screen(), {}

    def step(self, action):
        self.frame += 1
        over, reward = self.frame >= len(self.rewards), self.rewards[min(self.frame, len(self.rewards)) - 1]
        return self.screen(), float(reward), over and not self.cut, over and self.cut, {}


class Count(gym.Wrapper):
    """Cuenta los cuadros que le piden al ambiente."""

    frames = 0

    def step(self, action):
        self.frames += 1
        return self.env.step(action)


#: Los tramos en que se compara la cadena: cómo se llaman, cuántas acciones y decisiones tienen y cómo se abren.
STRETCHES = (
    ("Breakout", 4, 120, lambda: make_env("Breakout")),
    ("SpaceInvaders", 6, 120, lambda: make_env("SpaceInvaders")),
    ("un juego inventado que termina", 4, 3, lambda: Script([0, 5, 0, 0, 7, 0, 0, 4, 0, 2], cut=False)),
    ("un juego inventado que se corta", 4, 2, lambda: Script([0, 0, 0, 0, 3, 0], cut=True)),
)


def _reference(env, actions):
    """La pila, la recompensa y el final de cada decisión, con los envoltorios de SB3."""
    from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv, WarpFrame

    env = WarpFrame(MaxAndSkipEnv(env))
    stack = np.zeros((4, 84, 84), np.uint8)
    stack[-1] = env.reset(seed=0)[0][:, :, 0]
    yield stack, 0.0, False
    for action in actions:
        frame, reward, terminated, truncated, _ = env.step(int(action))
        stack = np.concatenate([stack[1:], frame[None, :, :, 0]])
        yield stack, float(reward), terminated or truncated
    env.close()


def _why_different(found: np.ndarray, wanted: np.ndarray) -> str:
    """Lo que tiene de raro una pila que no es la esperada."""
    if np.array_equal(found, wanted[::-1]):
        return "el más nuevo va al final"
    if np.array_equal(found[-1], wanted[-1]):
        return "el último cuadro está bien y los anteriores no: al comenzar van ceros, y luego cada uno corre un lugar"
    close = np.abs(found[-1].astype(int) - wanted[-1]).mean()
    if close < 12:
        return "se parece: revisa el máximo de los dos últimos cuadros, el orden de los colores y `INTER_AREA`"
    return "el cuadro nuevo es otro: ¿se repite la misma acción en los cuatro cuadros?"


@section("La cadena completa, byte por byte")
def exercise_4(chain) -> str:
    expect(isinstance(chain, type), f"Se esperaba la clase, `MiCadena`, y llegó {show(chain)}.")
    for game, actions, decisions, build in STRETCHES:
        played = np.random.default_rng(3).integers(actions, size=decisions)
        env, theirs = Count(build()), Count(build())
        mine, reference = call(chain, env), _reference(theirs, played)
        first, _, _ = next(reference)
        stack = _first_stack(mine, first, game)
        for step, (action, (wanted, reward, end)) in enumerate(zip(played, reference, strict=True), start=1):
            where, kept, frames = f"En la decisión {step} de {game}", stack.copy(), env.frames
            answer = call(mine.step, int(action))
            passed, right = env.frames - frames, theirs.frames - frames
            ends = "si el juego acaba, no hay más cuadros" if end else "son cuatro"
            expect(passed == right, f"{where} pasan {right} cuadros, y tu cadena pidió {passed}: {ends}.")
            three = isinstance(answer, tuple) and len(answer) == 3
            expect(three, f"`step` devuelve `(pila, recompensa, fin)`, y devolvió {show(answer)}.")
            expect(np.array_equal(stack, kept), f"{where} `step` cambió la pila que ya había entregado: devuelve otra.")
            stack = array(answer[0], (4, 84, 84), "una pila")
            expect(stack.dtype == np.uint8, f"La pila debe seguir siendo `uint8` y es `{stack.dtype}`.")
            same = end or np.array_equal(stack, wanted)  # la del final no se usa, y SB3 la hace con un cuadro viejo
            expect(same, f"{where} la pila no es la de SB3: {same or _why_different(stack, wanted)}.")
            sums = "se suman las de todos los cuadros, sin recortar"
            expect(answer[1] == reward, f"{where} la recompensa es {reward:g} y dio {show(answer[1])}: {sums}.")
            ends = "acaba la que termina y también la que se corta (`truncada`)"
            expect(bool(answer[2]) == end, f"{where} `fin` debía ser `{end}`: {ends}.")
        if end:
            _first_stack(mine, first, f"la segunda partida de {game}")
        env.close()
    return (
        "Entrega los bytes de SB3 en 120 decisiones de cada juego, suma lo que debe y se detiene cuando el juego acaba."
    )


def _first_stack(mine, wanted: np.ndarray, game: str) -> np.ndarray:
    found = array(call(mine.reset, 0), (4, 84, 84), "una pila")
    expect(found.dtype == np.uint8, f"La pila debe seguir siendo `uint8` y es `{found.dtype}`.")
    same = np.array_equal(found, wanted)
    expect(same, f"La primera pila de {game} no es la de SB3: {same or _why_different(found, wanted)}.")
    return found


@section("Etapa 1. Lo que parpadea: el máximo de dos cuadros")
def exercise_5(answer) -> str:
    a, b, conclusion = check_experiment(answer, "Space Invaders", seeds=10, unit="comienzo", alias="maximo")
    for name, scores in (("puntajes_a", a), ("puntajes_b", b)):
        expect(((scores >= 0) & (scores <= 1)).all(), f"En `{name}` va la parte de las decisiones, de 0 a 1.")
    expect(a.min() > 0.3, "El máximo de dos cuadros ve una bomba en buena parte de las decisiones en toda partida.")
    expect(np.unique(b.round(1)).size > 1, "En B todas las partidas ven lo mismo: usa acciones nulas pares e impares.")
    return describe(conclusion)
