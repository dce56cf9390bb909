"""Los ejercicios: cada comprobación acepta la solución de la página y rechaza, con un mensaje que sirva, sus errores.

`BANK` tiene los errores que de verdad se cometen, cada uno con un trozo del mensaje que le toca.
"""

import ast
import math
import re
from pathlib import Path
from types import SimpleNamespace

from coursekit.comparison.algorithms import make_agent
from coursekit.evaluation import summarize
from coursekit.exercises import (
    PENDING,
    WRONG,
    cap01,
    cap02,
    cap03,
    cap04,
    cap05,
    cap06,
    cap07,
    cap08,
    cap09,
    cap10,
    comprobar,
)
from coursekit.exercises.verdict import interval_of_difference

import cv2
import nbformat
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, EveryNTimesteps

BOOK = Path(__file__).resolve().parents[2] / "book"
MODULES = {1: cap01, 2: cap02, 3: cap03, 4: cap04, 5: cap05, 6: cap06, 7: cap07, 8: cap08, 9: cap09, 10: cap10}
CHECKS = {
    f"{chapter}.{name.removeprefix('exercise_')}": check
    for chapter, module in MODULES.items()
    for name, check in vars(module).items()
    if name.startswith("exercise_")
}
NOOP, FIRE, RIGHT, LEFT = range(4)


def notebook(chapter: int):
    (path,) = BOOK.glob(f"{chapter:02d}_*.ipynb")
    return nbformat.read(path, as_version=4)


# --- Los errores ---------------------------------------------------------------------------------------------------


def chase(ram, speak=int, ball=99, left=-4, right=8):
    paddle, column = speak(ram[72]), speak(ram[ball])
    distance = column - paddle
    return FIRE if ram[101] == 0 else RIGHT if distance > right else LEFT if distance < left else NOOP


def split(rewards, ends, clip=False, keep_open=False, reset=True, late=False):
    """Las sumas de recompensas entre finales, con los errores usuales de quien las separa."""
    scores, total = [], 0.0
    for reward, end in zip(np.sign(rewards) if clip else rewards, ends, strict=True):
        if end and late:
            scores, total = [*scores, total], reward
            continue
        total += reward
        if end:
            scores, total = [*scores, total], 0.0 if reset else total
    return [*scores, total] if keep_open else scores


def whole(ends, lives):
    return np.logical_and(ends, lives == 0)


def target(batch, model, epsilon, *, net="q_net_target", screens="next_observations", dim=1, keepdim=True, keep=True,
           gamma=None, mix=lambda best, mean, epsilon: (1 - epsilon) * best + epsilon * mean):  # fmt: skip
    with torch.no_grad():
        q = getattr(model, net)(getattr(batch, screens))
        value = mix(q.max(dim=dim, keepdim=keepdim).values, q.mean(dim=dim, keepdim=keepdim), epsilon)
    return batch.rewards + (1 - batch.dones if keep else 1) * (gamma or model.gamma) * value


def with_gradient(batch, model, epsilon):
    return batch.rewards + (1 - batch.dones) * model.gamma * model.q_net_target(batch.next_observations).max(1, True)[0]


def everything_masked(batch, model, epsilon):
    return (1 - batch.dones) * target(batch, model, epsilon)


def q_table(episodes=3_000, gamma=0.99):
    env, rng, table = cap03.CatchEnv(), np.random.default_rng(0), np.zeros((10, 10, 2, 8, 3))
    env.reset(seed=0)
    for _ in range(episodes):
        env.reset()
        done = False
        while not done:
            before = env.ball_row, env.ball_col, int(env.ball_dx > 0), env.paddle_col
            action = int(rng.integers(3) if rng.random() < 0.5 else table[before].argmax())
            _, reward, done, _, _ = env.step(action)
            after = env.ball_row, env.ball_col, int(env.ball_dx > 0), env.paddle_col
            table[before][action] += 0.5 * (reward + gamma * table[after].max() - table[before][action])
    return table


@pytest.fixture(scope="module", autouse=True)
def _tables():
    """Las tablas se entrenan una sola vez, y solo si hacen falta."""
    good = q_table()
    TABLES["zeros"], TABLES["short"] = np.zeros_like(good), good[..., 0]
    TABLES["flipped"], TABLES["mirrored"], TABLES["transposed"] = good[:, :, ::-1], good[..., ::-1], good.swapaxes(0, 1)
    TABLES["negative"], TABLES["nan"] = -good, good * np.nan
    TABLES["young"], TABLES["myopic"] = q_table(episodes=300), q_table(gamma=0.0)
    TABLES["random"] = np.random.default_rng(0).normal(size=good.shape)


TABLES: dict = {}


def table(name):
    return lambda: TABLES[name]


def in_place(scores):
    scores.sort()
    return np.mean(scores[len(scores) // 4 : len(scores) - len(scores) // 4])


def trimmed(scores, low=0.25, high=0.25, order=sorted, up=False):
    scores = order(scores)
    cut = (lambda part: int(np.ceil(part * len(scores)))) if up else (lambda part: int(part * len(scores)))
    return np.mean(scores[cut(low) : len(scores) - cut(high)])


def negative_slice(scores):
    cut = len(scores) // 4
    return sum(sorted(scores)[cut:-cut]) / (len(scores) - 2 * cut)


def bootstrap(a, b, *, percentiles=(2.5, 97.5), replace=True, size=None, sign=1, same=False):
    rng, means = np.random.default_rng(0), []
    for _ in range(2_000):
        if same:
            chosen = rng.integers(min(len(a), len(b)), size=min(len(a), len(b)))
            means.append(a[chosen].mean() - b[chosen].mean())
        else:
            x, y = (rng.choice(scores, size or len(scores), replace=replace) for scores in (a, b))
            means.append(sign * (x.mean() - y.mean()))
    return np.percentile(means, percentiles)


def same_seed(a, b):
    x, y = (np.random.default_rng(0).choice(scores, (2_000, len(scores))).mean(axis=1) for scores in (a, b))
    return np.percentile(x - y, [2.5, 97.5])


def rolled(stack, frame, starts):
    return np.zeros_like(stack) if starts else np.roll(stack, -1, axis=0)


def overwritten(stack, frame, starts):
    stack[:-1], stack[-1] = stack[1:].copy(), frame
    return stack


def shifted(stack, frame, starts, first=None):
    """La pila correcta, salvo lo que pone `first` al comenzar."""
    older = np.zeros_like(stack[1:]) if starts else stack[1:]
    result = np.concatenate([older, frame[None]])
    return first(stack, frame) if starts and first else result


def look_with(every=lambda model, each: model.num_timesteps % each == 0, goes_on=True):
    def train_and_look(model, total, each, look):
        def callback(*_):
            if every(model, each):
                look(model)
            return goes_on

        model.learn(total, callback=callback)

    return train_and_look


def in_rounds(model, total, each, look, **options):
    for _ in range(total // each):
        model.learn(each, **options)
        look(model)


class Calls(BaseCallback):
    def __init__(self, each, look):
        super().__init__()
        self.each, self.look = each, look

    def _on_step(self):
        if self.n_calls % self.each == 0:
            self.look(self.model)
        return True


def stuck(equal, *, consecutive=True, extra=0, end_only=False, first=False, fixed=None):
    def check(screens, patience=100):
        patience, still, longest = fixed or patience, 0, 0
        for i in range(1, len(screens)):
            same = equal(screens[i], screens[0 if first else i - 1])
            still = still + 1 if same else (0 if consecutive else still)
            longest = still if end_only else max(longest, still)
        return longest >= patience + extra

    return check


def pixels_of(memory):
    return memory.observations[: memory.size()]


def line(step, steps, final):
    return 1 + min(step / steps, 1) * (final - 1)


def weights(frames, actions, *, biases=True, flat=7, first=None, last=None):
    layers = ((first or frames, 32, 8), (32, 64, 4), (64, 64, 3), (64 * flat * flat, 512, 1), (512, last or actions, 1))
    return sum(inputs * outputs * side**2 + biases * outputs for inputs, outputs, side in layers)


class Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, screens):
        return screens if self.factor is None else screens.float() / self.factor


def own_net(*, scale=255, bias=True, kernels=(8, 4, 3), strides=(4, 2, 1), relu=torch.nn.ReLU, last=None, hidden=True,
            lazy=False):  # fmt: skip
    """La función `mi_red`, con los errores usuales de quien la escribe."""

    def build(frames, actions):
        layers, before = [Scale(scale)], frames
        for channels, kernel, stride in zip((32, 64, 64), kernels, strides, strict=True):
            layers += [torch.nn.Conv2d(before, channels, kernel, stride, bias=bias), relu()]
            before = channels
        dense = torch.nn.LazyLinear(512, bias=bias) if lazy else torch.nn.Linear(3136, 512, bias=bias)
        layers += [torch.nn.Flatten()] + ([dense, relu()] if hidden else [])
        layers += [torch.nn.Linear(512 if hidden else 3136, actions, bias=bias)] + ([last()] if last else [])
        return torch.nn.Sequential(*layers)

    return build


def translation(n_envs, every, copy, explore, total):
    return {
        "train_freq": max(every // n_envs, 1),
        "gradient_steps": max(n_envs // every, 1),
        "target_update_interval": copy * every,
        "exploration_fraction": explore / total,
    }


def translator(**changes):
    """La función `a_sb3`, con un número o una cuenta cambiados; lo que vale `None` se olvida."""

    def translate(*recipe):
        new = {key: value(*recipe) if callable(value) else value for key, value in changes.items()}
        return {key: value for key, value in (translation(*recipe) | new).items() if value is not None}

    return translate


def backwards(rewards, gamma, into=list, start=0.0):
    returns, future = into(rewards), start
    for i in reversed(range(len(rewards))):
        returns[i] = future = rewards[i] + gamma * future
    return list(returns)


def discounted_past(rewards, gamma):
    returns, past = [], 0.0
    for reward in rewards:
        past = reward + gamma * past
        returns.append(past)
    return returns


def last_below(scores, goal):
    below = scores.index[scores < goal]
    return int(below[-1]) if len(below) else None


def steadily(scores, goal):
    lowest_from_here = scores[::-1].cummin()[::-1]
    fine = scores.index[lowest_from_here >= goal]
    return fine[0] if len(fine) else None


def strictly_above(scores, goal):
    low = scores.index[scores <= goal]
    after = scores.index[scores.index > low[-1]] if len(low) else scores.index
    return int(after[0]) if len(after) else None


def covered(agent, screen, rows, columns, frames=slice(None), in_place=False, original=True):
    hidden = screen if in_place else screen.copy()
    before = agent.q_net(torch.as_tensor(screen[None].copy())).detach().numpy()[0]
    hidden[frames, rows, columns] = 0
    after = agent.q_net(torch.as_tensor(hidden[None])).detach().numpy()[0]
    return after - before if original else after


def blacked(screens, where, copy=True):
    result = screens.copy() if copy else screens
    result[where] = 0
    return result


def gap(values):
    ordered = np.sort(values, axis=-1)
    return ordered[..., -1] - ordered[..., -2]


def joined(q, groups, how=np.max):
    return np.stack([how(q[..., group], axis=-1) for group in groups], axis=-1)


def n_steps(rewards, ends, value, gamma, *, power=lambda n: n, first=0, bootstrap=True, ends_matter=True, stop=True,
            before=False, always_bootstrap=False):  # fmt: skip
    """El objetivo de n pasos, con los errores usuales de quien lo escribe."""
    total, over = 0.0, False
    for i, (reward, end) in enumerate(zip(rewards, ends, strict=True)):
        over = over or (end and ends_matter)
        if over and before:
            break
        total += gamma ** (i + first) * reward
        if over and stop:
            break
    if always_bootstrap and over:
        return total + gamma ** len(rewards) * value
    return total + gamma ** power(len(rewards)) * value * (bootstrap and not over)


def verdict(a=(9.0, 8.0, 10.0, 9.0, 8.0), b=(5.0, 6.0, 5.0, 4.0, 6.0), game="Breakout", unit="semilla", **changes):
    """Un experimento bien contado, salvo lo que se cambie."""
    answer = {"puntajes_a": list(a), "puntajes_b": list(b), "intervalo": interval_of_difference(a, b)}
    better, worse = "AB" if np.mean(a) > np.mean(b) else "BA"
    answer["frase"] = f"En {game}, con {len(a)} {unit}s, {better} fue mejor que {worse} en la media."
    return {key: value for key, value in (answer | changes).items() if value is not None}


def verdicts(game, good, bad, unit="semilla"):
    """Los errores de quien cuenta un experimento, en un juego con estos puntajes."""
    fine = verdict(good, bad, game, unit)
    low, high = fine["intervalo"]
    tie, measured = [*good[1:], good[0]], f"En {game}, con {len(good)} {unit}s,"

    def says(sentence, other=bad):
        return verdict(good, other, game, frase=sentence)

    return [
        ((good, bad), "un diccionario con"),
        (verdict(good, bad, game, frase=None), "falta frase"),
        (verdict(good[:3], bad, game), f"hacen falta al menos {len(good)}"),
        (verdict(good, bad, game, puntajes_b=[str(x) for x in bad]), "llegó otra cosa"),
        (verdict(good, bad, game, puntajes_b=[list(bad)]), f"un puntaje por {unit}"),
        (verdict([good[0]] * len(good), [good[0]] * len(good), game), "¿cambiaste la semilla"),
        (verdict(good, bad, game, intervalo=(-high, -low)), "restado al revés"),
        (verdict(good, bad, game, intervalo=(high, low)), "está al revés"),
        (verdict(good, bad, game, intervalo=interval_of_difference(good, [0.0])), "el de una media sola"),
        (verdict(good, bad, game, intervalo=(low - 5, high + 5)), "remuestrea cada bando"),
        (says(f"{measured} esto demuestra que A es mejor."), "sobra «demuestra»"),
        (says(f"{measured} A siempre le gana a B."), "sobra «siempre»"),
        (says(f"{measured} la diferencia es enorme en todo Atari."), "sobra «todo Atari»"),
        (says(f"{measured} A gana porque ve mejor."), "da una causa («porque»)"),
        (says(f"En {game} la media de A fue mayor que la de B."), f"con qué número de {unit}s"),
        (says(f"Con {len(good)} {unit}s, la media de A fue mayor que la de B."), "en qué juego"),
        (says(f"{measured} no se sabe cuál es mejor."), "dice menos de lo que podría"),
        (says(f"{measured} no se sabe si son iguales, pero las dos hacen lo mismo."), "dice que son iguales"),
        (says(f"{measured} las dos atrapan lo mismo."), "dice que son iguales"),
        (says(f"{measured} en todo juego A hace más que B."), "sobra «todo juego»"),
        (says(f"{measured} A fue mejor que B.", tie), "no se sabe cuál es mejor"),
        (says(f"{measured} no se distinguen: las dos hacen lo mismo.", tie), "no es saber que son iguales"),
        (says(f"{measured} no se sabe si B es mejor, pero A gana claramente.", tie), "y además dice quién gana"),
    ]


def upside_down(game, good, bad, unit="semilla"):
    """El intervalo dice A y la frase dice B."""
    measured = f"En {game}, con {len(good)} {unit}s,"
    told = ("la opción B tuvo más que la A.", "A fue peor que B.", "la media de B, la segunda, fue mayor.", "B gana.",
            "la A obtuvo menos y la B más.", "la primera hizo menos que la B.")  # fmt: skip
    return [(verdict(good, bad, game, frase=f"{measured} {words}"), "y la frase dice lo contrario") for words in told]


def starts(a, b, told="el máximo vio bombas en más decisiones."):
    return verdict(a, b, frase=f"En Space Invaders, con {len(a)} comienzos, {told}")


class Head(torch.nn.Module):
    """Una cabeza dueling que une sus dos mitades con `join`."""

    def __init__(self, join):
        super().__init__()
        self.value, self.advantages, self.join = torch.nn.Linear(128, 1), torch.nn.Linear(128, 3), join

    def forward(self, features):
        return self.join(self.value(features), self.advantages(features))


class OneLayer(torch.nn.Module):
    """Una cabeza dueling con el valor y las ventajas en una sola capa."""

    def __init__(self, centred=True):
        super().__init__()
        self.both, self.centred = torch.nn.Linear(128, 4), centred

    def forward(self, features):
        value, advantages = self.both(features).split([1, 3], dim=1)
        return value + advantages - self.centred * advantages.mean(dim=1, keepdim=True)


def strips(told, unit="partidas", a=(9.0, 8.0, 10.0, 9.0, 8.0), b=(5.0, 6.0, 5.0, 4.0, 6.0)):
    """La respuesta al 7.5 que cuenta así las dos franjas, la de 6 filas y la de 8."""
    return verdict(a, b, frase=f"En Breakout, con 5 {unit} por franja, {told}")


def streaks(told, a=(2.5, 2.1, 2.4, 2.2, 2.3)):
    """La respuesta al 8.3 que cuenta así los dos competidores."""
    return verdict(a, STREAKS[1], "vendaval", frase=f"En vendaval, con 5 semillas, {told}")


def off(told):
    """La respuesta al 10.2 que cuenta así las dos recetas."""
    return verdict(*OFF, frase=f"En Breakout, con 5 semillas por receta, {told}")


def duel(join=None, head=None, plain=False, online_only=False, optimizer=True, steps=1_600, **changes):
    """La respuesta al 8.4 de quien pone esa cabeza en un DQN; no lo entrena, pero dice que sí."""
    agent = make_agent("dqn", "vendaval", 1_600, buffer_size=100)
    join = join or (lambda v, a: v + a - a.mean(dim=1, keepdim=True))
    for net in () if plain else (agent.q_net,) if online_only else (agent.q_net, agent.q_net_target):
        net.q_net = head() if head else Head(join)
    if optimizer:
        agent.policy.optimizer = torch.optim.Adam(agent.q_net.parameters())
    agent.num_timesteps = steps
    return verdict(*STREAKS, "vendaval", agente=agent, **changes)


#: Qué le pasó a cada corrida anónima, según `runs/anonimas/repetir.py`.
ANONYMOUS = {"A": "recompensa", "B": "sana", "C": "tasa", "D": "reinicio", "E": "exploracion", "F": "actualizaciones"}


def anonymous(**changes):
    """Los nombres de las seis corridas anónimas, salvo los que se cambien."""
    return {letter: changes.get(name, name) for letter, name in ANONYMOUS.items()}


FEW = [0.0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
GAMES = [10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]
SENTENCE = (
    "BreakoutNoFrameskip-v4, DQN, una corrida de 50,000 pasos, agente final. Con ε = 0.01, hasta 30 acciones nulas, en "
    "12 partidas completas y sin recortar el puntaje, la media es 65.0 (95 %: de {ci_low:.1f} a {ci_high:.1f})."
).format(**summarize(GAMES))


def reported(*changes, scores=GAMES):
    """Un resultado bien contado, con los cambios `(antes, después)` en su frase."""
    sentence = SENTENCE
    for before, after in changes:
        assert before in sentence, before
        sentence = sentence.replace(before, after)
    return {"puntajes": scores, "frase": sentence}


def played(a=GAMES, b=(5.0,) * 9 + (6.0, 7.0), sentence=None, **changes):
    """La paleta contra el agente, con acciones pegajosas, bien contado salvo lo que se cambie."""
    low, high = interval_of_difference(a, b)
    good = f"En Breakout, con acciones pegajosas y {min(len(a), len(b))} partidas, la media de A fue mayor."
    return {"puntajes_a": list(a), "puntajes_b": list(b), "intervalo": (low, high), "frase": sentence or good} | changes


PLAYED = "En Breakout, con acciones pegajosas y 11 partidas,"


def shares(told):
    """La respuesta al 4.5 que cuenta así los dos bandos."""
    return verdict(*SHARES, frase=f"En atrapa, con 5 semillas, {told}")


def student_agent(**pieces):
    """Un agente con piezas propias y correctas, salvo las que se cambien; no aprendió nada."""

    def epsilon(progress, settings):
        return 1 - 0.95 * progress

    def objective(batch, agent):
        return target(batch, agent, 0.0)

    def loss(batch, q_net, wanted):
        return torch.nn.functional.smooth_l1_loss(q_net(batch.observations).gather(1, batch.actions), wanted)

    own = {"exploration_schedule": epsilon, "compute_target": objective, "compute_loss": loss, "replay_buffer": list}
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(200, 3))
    with torch.no_grad():
        net[1].weight.zero_()
    return SimpleNamespace(
        piezas=own | pieces, q_net=lambda observations: net(observations.float()), q_net_target=None,
        ajustes={}, num_timesteps=12_000,
    )  # fmt: skip


def chain(*, maximum=True, interpolation=cv2.INTER_AREA, code=cv2.COLOR_RGB2GRAY, skip=4, newest=-1, zeros=True,
          clip=False, divide=False, short=False, ends=True, cuts=True, stops=True, adds=True, copies=True,
          restarts=True):  # fmt: skip
    """La clase `MiCadena`, con los errores usuales de quien la escribe."""

    class Chain:
        def __init__(self, env):
            self.env = env

        def picture(self, screen):
            return cv2.resize(cv2.cvtColor(screen, code), (84, 84), interpolation=interpolation)

        def out(self):
            stack = self.stack[::-1] if newest == 0 else self.stack
            return stack / 255 if divide else stack

        def reset(self, seed=None):
            first = self.picture(self.env.reset(seed=seed)[0])
            if restarts or not hasattr(self, "stack"):
                self.stack = np.stack([first * 0] * 3 + [first] if zeros else [first] * 4)
            return self.out()

        def step(self, action):
            screens, total, end = [], 0.0, False
            while len(screens) < skip and not (end and stops):
                screen, reward, terminated, truncated, _ = self.env.step(action)
                screens, total = [*screens, screen], total * adds + reward
                end = terminated or (truncated and cuts)
            screen = np.max(screens[-2:], axis=0) if maximum else screens[-1]
            new = np.concatenate([self.stack[1:], self.picture(screen)[None]])
            if copies:
                self.stack = new
            else:
                self.stack[:] = new
            total = float(np.sign(total)) if clip else total
            return (self.out(), total) if short else (self.out(), total, end and ends)

    return Chain


def cured(**changes):
    """Un modelo con lo que mira la comprobación del proyecto; sano, salvo lo que se cambie."""
    pixels = changes.pop("pixels", 255)
    healthy = {"num_timesteps": 20_000, "_n_updates": 1_200, "q_net": None}
    buffer = SimpleNamespace(observations=np.full((4, 16, 2, 10, 10), pixels, np.uint8), size=lambda: 4)
    still = {"predict": lambda observations, deterministic: (np.ones(len(observations), int), None)}
    return SimpleNamespace(**healthy | {"replay_buffer": buffer} | still | changes)


FOUND = {8: 1, 5: 66.7, 6: 0.367}


def seeds_to_see(p):
    return math.ceil(math.log(0.05) / math.log(1 - p))


DECIDED = [9.0, 8.0, 10.0, 9.0, 8.0], [5.0, 6.0, 5.0, 4.0, 6.0]
OFF = [n / 64 for n in (12, 14, 9, 11, 13)], [n / 64 for n in (19, 20, 17, 22, 19)]
OFF_SAID = "En Breakout, con 5 semillas por receta, la que sube poco a poco tenía apagada {} de la tercera convolución."
SHARES = [0.9, 0.8, 1.0, 0.9, 0.8], [0.5, 0.0, 0.5, 0.0, 0.6]
SEEN = [0.5, 0.48] * 5, [0.5, 0.0] * 5
STREAKS = [4.9, 4.8, 5.0, 4.9, 4.8], [2.5, 2.0, 2.5, 2.0, 2.6]

BANK = {
    "1.4": [
        *verdicts("Breakout", *DECIDED),
        *upside_down("Breakout", *DECIDED),
        (verdict([9.5, 8.0, 10.0, 9.0, 8.0]), "los puntajes son enteros"),
        (verdict([-9.0, -8.0, -10.0, -9.0, -8.0]), "no bajan de 0"),
    ],
    "2.4": [
        (chain()(None), "Se esperaba la clase"),
        (chain(maximum=False), "el máximo de los dos últimos"),
        (chain(interpolation=cv2.INTER_NEAREST), "`INTER_AREA`"),
        (chain(code=cv2.COLOR_BGR2GRAY), "el orden de los colores"),
        (chain(skip=1), "pasan 4 cuadros, y tu cadena pidió 1"),
        (chain(newest=0), "el más nuevo va al final"),
        (chain(zeros=False), "al comenzar van ceros"),
        (chain(clip=True), "sin recortar"),
        (chain(divide=True), "debe seguir siendo `uint8`"),
        (chain(short=True), "`(pila, recompensa, fin)`"),
        (chain(ends=False), "que termina `fin` debía ser `True`"),
        (chain(cuts=False), "y tu cadena pidió 4"),
        (chain(cuts=False, stops=False), "y tu cadena pidió 4"),
        (chain(stops=False), "si el juego acaba, no hay más cuadros"),
        (chain(adds=False), "se suman las de todos los cuadros"),
        (chain(copies=False), "cambió la pila que ya había entregado"),
        (chain(restarts=False), "La primera pila de la segunda partida"),
    ],
    "2.5": [
        *verdicts("Space Invaders", *SEEN, "comienzo"),
        *upside_down("Space Invaders", *SEEN, "comienzo"),
        (starts(SEEN[0], SEEN[1], "el máximo vio bombas en menos decisiones."), "y la frase dice lo contrario"),
        (starts(SEEN[0], SEEN[1], "quien mira uno ve más que quien toma el máximo."), "y la frase dice lo contrario"),
        (starts([90, 80] * 5, SEEN[1]), "de 0 a 1"),
        (starts([0.7, 0.72] * 5, [0.6, 0.61] * 5), "nulas pares e impares"),
        (starts([0.1, 0.2] * 5, [0.0, 0.1] * 5), "en toda partida"),
    ],
    "3.4": [
        (SimpleNamespace(), "Se esperaba el agente ya armado"),
        (student_agent(compute_target=SimpleNamespace(__name__="compute_target")), "sigue la del capítulo"),
        (student_agent(exploration_schedule=lambda p, s: p), "en algún momento sube"),
        (student_agent(exploration_schedule=lambda p, s: 0.05), "casi no explora"),
        (student_agent(exploration_schedule=lambda p, s: 1.0 - p / 2), "jugando al azar más de una vez en diez"),
        (student_agent(exploration_schedule=lambda p, s: 2 - p), "de 0 a 1"),
        (student_agent(compute_target=lambda b, a: target(b, a, 0.0, keep=False)), "1 - batch.dones"),
        (student_agent(compute_target=lambda b, a: target(b, a, 0.0, net="q_net")), "la red en línea"),
        (student_agent(compute_target=lambda b, a: target(b, a, 0.0, gamma=1.0)), "le falta γ"),
        (student_agent(compute_target=lambda b, a: target(b, a, 1.0)), "la media de las acciones"),
        (student_agent(compute_target=lambda b, a: with_gradient(b, a, 0.0)), "torch.no_grad"),
        (
            student_agent(
                compute_loss=lambda b, q, t: (q(b.observations).gather(1, b.actions) - t).detach().square().mean()
            ),
            "perdió el gradiente",
        ),
        (
            student_agent(
                compute_loss=lambda b, q, t: torch.nn.functional.mse_loss(q(b.observations).max(1, True)[0], t)
            ),
            "el de la acción que se tomó",
        ),
        (
            student_agent(compute_loss=lambda b, q, t: (q(b.observations).gather(1, b.actions) - t).square().sum()),
            "suma en lugar de promediar",
        ),
        (student_agent(compute_loss=lambda b, q, t: (q(b.observations) - t).square().mean()), "los tres valores"),
        (student_agent(), "atrapa el"),
    ],
    "3.5": [
        *verdicts("atrapa", *SHARES),
        (verdict([90, 80, 100, 90, 80], [50, 60, 50, 40, 60], "atrapa"), "de 0 a 1"),
    ],
    "9.4": [
        ((FOUND,), "dos cosas"),
        (([8, 5, 6], cured()), "dos cosas"),
        (({3: 4, **FOUND}, cured()), "La pieza `3` no está"),
        (({12: 1, **FOUND}, cured()), "de una sola semilla"),
        (({8: 1, 5: 66.7}, cured()), "quedan 1"),
        (({**FOUND, 5: 4}, cured()), "La pieza 5 está, pero"),
        (({**FOUND, 6: 0.05}, cured()), "La pieza 6 está, pero"),
        (({**FOUND, 8: "negra"}, cured()), "la medida de la pieza 8"),
        ((FOUND, 0.98), "`curado` es un DQN"),
        ((FOUND, cured(num_timesteps=100_000)), "va entre 1 y 20,000"),
        ((FOUND, cured(pixels=1)), "sigue a oscuras"),
        ((FOUND, cured(_n_updates=300)), "una actualización cada 67 transiciones, y se quería una cada 16"),
        ((FOUND, cured()), "le faltó aprender"),
    ],
    "10.1": [
        (lambda p: round(1 / p), "con 1/p semillas"),
        (lambda p: seeds_to_see(p) - 1, "todavía no llega al 95 %"),
        (lambda p: seeds_to_see(p) + 1, "con una menos ya llega"),
        (lambda p: math.ceil(math.log(0.95) / math.log(1 - p)), "eso da un 5 %"),
        (lambda p: math.ceil(0.95 / p), "no se suman"),
        (lambda p: 100, "elevado a n"),
        (lambda p: 22.4, "Se esperaba una cantidad"),
        (lambda p: "muchas", "Se esperaba una cantidad"),
    ],
    "10.2": [
        *verdicts("Breakout", *SHARES),
        (verdict([22.0, 28.0, 20.0, 25.0, 22.0], [30.0, 31.0, 33.0, 30.0, 35.0]), "va de 0 a 1"),
        (verdict([0.2, 0.3, 0.2, 0.25, 0.3], OFF[1]), "64 canales: cada parte es un número entero"),
        (verdict(*OFF[::-1]), "¿están los bandos al revés?"),
        (verdict(*OFF, frase=OFF_SAID.format("una parte MAYOR")), "al revés quién tiene más apagado"),
        (verdict(*OFF, frase=OFF_SAID.format("menos, y por eso aprende")), "habla de otra cosa («aprend»)"),
        (verdict(*OFF, frase=OFF_SAID.format("menos y juega mejor")), "habla de otra cosa («juega»)"),
        (off("la publicada tenía apagada una parte menor que la que sube."), "al revés quién tiene más apagado"),
        (off("la de 1e-4 tenía menos canales apagados que la que sube."), "al revés quién tiene más apagado"),
        (off("la que sube apagó más que la publicada."), "al revés quién tiene más apagado"),
        (off("frente a la publicada, la que sube tenía más canales apagados."), "al revés quién tiene más apagado"),
        (off("la parte apagada fue menor en la publicada que en la que sube."), "al revés quién tiene más apagado"),
        (off("el calentamiento mata menos redes que la tasa publicada."), "habla de otra cosa («mata»)"),
    ],
    "1.1": [
        (72, "quedaban 5 vidas y el byte 72 valía"),  # la paleta
        (58, "se cuentan desde 0"),
        (88, "mientras quedan 5 vidas"),
        (128, "de 0 a 127"),
        (-71, "de 0 a 127"),
        ("57", "el número de un byte"),
        (57.5, "entero"),
        (99, "Deben coincidir en todos"),  # la pelota
    ],
    "1.2": [
        ({"RIGHT"}, "son 1 de 6"),
        ({"RIGHT", "UPRIGHT", "DOWNRIGHT"}, "el botón puede estar apretado"),
        ({"LEFT", "UPLEFT", "DOWNLEFT", "LEFTFIRE", "UPLEFTFIRE", "DOWNLEFTFIRE"}, "la paleta va a la izquierda"),
        ({"RIGHT", "UPRIGHT", "DOWNRIGHT", "UP"}, "a ningún lado"),
        ({3, 6, 8, 11, 14, 16}, "conjunto de nombres"),
        ("RIGHT", "conjunto de nombres"),
        ({"DERECHA"}, "no está entre las 18 acciones"),
        (set(), "son 0 de 6"),
    ],
    "1.3": [
        (lambda ram: chase(ram, speak=np.uint8), "convierte los bytes en `int`"),
        (lambda ram: {RIGHT: LEFT, LEFT: RIGHT}.get(chase(ram), chase(ram)), "huye de la pelota"),
        (lambda ram: NOOP if ram[101] == 0 else chase(ram), "no aprieta FIRE"),
        (lambda ram: FIRE, "y respondió 1 y 1"),
        (lambda ram: chase(ram, ball=101), "está en el byte 99"),
        (lambda ram: ["NOOP", "FIRE", "RIGHT", "LEFT"][chase(ram)], "el número de una acción"),
        (lambda ram: chase(ram) + 1 if ram[101] else FIRE, "las acciones van de 0 a 3"),
        (lambda ram: chase(ram, left=-90, right=90), "no muchas, en que se queda quieta"),
        (lambda ram: chase(np.roll(ram, -1)), "está en el byte 99"),
        (chase(np.zeros(128)), "Se esperaba una función, sin llamarla"),
    ],
    "2.1": [
        ((1_100_000, 141_723), "Están al revés"),
        ((8_000_000_000 // 28_224, 1_090_000), ": contaste una pila por transición"),
        ((8_000_000_000 // 7_056, 1_133_786), "un cuadro por transición"),
        ((8_000_000_000 // (4 * 56_448), 1_090_000), "cuatro bytes por píxel"),
        ((8 * 2**30 // 56_448, 1_090_000), "2³⁰ bytes"),
        ((8e9 / 56_448, 1_090_000), "se redondea hacia abajo"),
        ((141_724, 1_090_000), "se redondea hacia abajo"),
        ((141_723, 283_446), "ocupan 2.1 GB"),
        ((100_000, 1_090_000), "ocupan 5.6 GB"),
        (141_723, "dos enteros"),
    ],
    "2.2": [
        (lambda b, skip, last: (b[skip - 1 :: skip] if last == 1 else b[3::4] | b[2::4]).mean(), "¿Usas el `salto`"),
        (lambda bombs, skip, last: bombs[::skip].mean(), "del primero"),
        (lambda bombs, skip, last: bombs[skip - 1 :: skip].sum(), "la fracción 1/3"),
        (lambda bombs, skip, last: 100 * bombs[skip - 1 :: skip].mean(), "la fracción 1/3"),
        (lambda bombs, skip, last: bombs.mean(), "del primero"),
        (lambda bombs, skip, last: bombs[3::4].mean(), "¿Usas el `salto` que llega?"),
        (lambda bombs, skip, last: bombs[skip - 1 :: skip].mean(), "con que esté en uno de los dos"),
        (lambda bombs, skip, last: bombs.reshape(-1, skip)[:, -last:].all(axis=1).mean(), "en uno de los dos"),
        (lambda bombs, skip, last: bombs.reshape(-1, skip)[:, -last:].mean(), "en uno de los dos"),
        (
            lambda bombs, skip, last: (bombs[skip - 1 :: skip] | (last == 2) & bombs[1::skip]).mean(),
            "en uno de los dos",
        ),
        (
            lambda bombs, skip, last: bombs.reshape(-1, skip)[:, -last * last + (last - 1) :].any(1).mean(),
            "los cuadros 2 y 3",
        ),
    ],
    "2.3": [
        (lambda stack, frame, starts: np.concatenate([frame[None], stack[:-1]]), "el cuadro nuevo va al final"),
        (lambda stack, frame, starts: np.concatenate([stack[:-1], frame[None]]), "salió el más nuevo"),
        (rolled, "el más viejo dio la vuelta"),
        (overwritten, "modificó la pila"),
        (lambda stack, frame, starts: shifted(stack, frame, False), "conserva cuadros de la partida anterior"),
        (lambda stack, frame, starts: shifted(stack, frame, not starts), "`comienza` está al revés"),
        (lambda s, f, starts: shifted(s, f, starts, lambda s, f: np.stack([f] * 4)), "el primer cuadro se repite"),
        (lambda s, f, starts: np.moveaxis(shifted(s, f, starts), 0, -1), "en el último eje"),
        (lambda s, f, starts: shifted(s, f, starts) / 255, "debe seguir siendo `uint8`"),
        (lambda s, f, starts: np.concatenate([s, f[None]]), "la forma es (5, 84, 84)"),
        (lambda s, f, starts: np.concatenate([s[1:], f]), "La función se detuvo"),  # sin f[None]
    ],
    "3.1": [
        (lambda rewards, gamma: backwards(rewards, gamma)[::-1], "orden inverso"),
        (lambda rewards, gamma: [gamma * g for g in backwards(rewards, gamma)], "no se descuenta"),
        (lambda rewards, gamma: backwards(rewards, 1.0), "falta el descuento γ"),
        (discounted_past, "suman el pasado"),
        (lambda rewards, gamma: list(rewards), "son las recompensas"),
        (lambda rewards, gamma: backwards(rewards, gamma, into=np.array), "es de enteros"),
        (lambda rewards, gamma: backwards(rewards, gamma)[0], "un retorno por paso"),
        (lambda rewards, gamma: backwards(rewards, 0.5), "no se cumple"),
        (lambda rewards, gamma: [[g] * i for i, g in enumerate(backwards(rewards, gamma))], "llegó otra cosa"),
        (lambda rewards, gamma: [rewards[i] + gamma * rewards[i + 1] for i in range(len(rewards))], "IndexError"),
    ],
    "3.2": [
        (lambda *a: target(*a, keep=False), "1 - batch.dones"),
        (lambda *a: target(*a, net="q_net"), "de la red en línea"),
        (lambda *a: target(*a, dim=0), "son el eje 1"),
        (lambda *a: target(*a, keepdim=False), "Usa `keepdim=True`"),
        (lambda *a: target(*a, screens="observations"), "el futuro empieza en `next_observations`"),
        (lambda *a: target(*a, gamma=1.0), "le falta γ"),
        (lambda *a: target(*a, mix=lambda best, mean, e: e * best + (1 - e) * mean), "están cambiados"),
        (lambda *a: target(*a, mix=lambda best, mean, e: best), "con ε = 1 no"),
        (lambda *a: target(*a, mix=lambda best, mean, e: mean if e > 0.5 else best), "con ε = 0.3 no"),
        (with_gradient, "torch.no_grad()"),
        (everything_masked, "se espera la recompensa y nada más"),
        (lambda batch, model, epsilon: batch.reward, "AttributeError"),
    ],
    "3.3": [
        (table("zeros"), "sigue en ceros"),
        (table("short"), "de forma (10, 10, 2, 8, 3)"),
        (table("flipped"), "la dirección está al revés"),
        (table("mirrored"), "las acciones están al revés"),
        (table("transposed"), "la fila y la columna"),
        (table("negative"), "el signo está cambiado"),
        (table("young"), "faltan episodios o azar"),
        (table("myopic"), "faltan episodios o azar"),
        (table("random"), "faltan episodios o azar"),
        (table("nan"), "que no son números"),
        (lambda: "tabla.npy", "llegó otra cosa"),
    ],
    "4.1": [
        (1, "una cada 32"),
        (4, "una cada 8"),  # olvida train_freq
        (2, "una cada 16"),
        (16 * 2 * 4, "una cada 0.25"),
        (1 / 8, "una cada 256"),
        (-1, "una actualización por transición"),
        (0, "no se corrige nunca"),
        ("8", "el valor de `gradient_steps`"),
    ],
    "4.2": [
        (lambda step, steps, final: 1 - step / steps * (1 - final), "se queda quieta"),
        (lambda step, steps, final: max(final, 1 - step / steps), "no de 1 a 0 con un corte"),
        (lambda step, steps, final: final ** min(step / steps, 1), "no de 1 a 0 con un corte"),
        (lambda step, steps, final: line(steps - min(step, steps), steps, final), "al comienzo se juega al azar"),
        (lambda step, steps, final: line(step // steps, 1, final), "En el paso 500"),
        (lambda step, steps, final: 1 - min(step / steps, 1), "ahí termina la exploración"),
        (lambda step, steps, final: line(step, steps, 0.2), "usa el `final` que llega"),
        (lambda step, steps, final: line(step / 1e6, 0.1, final), "ahí termina la exploración"),
        (lambda step, steps, final: (line(step, steps, final),), "el valor de ε"),
        (lambda step: 1.0, "La función se detuvo"),
    ],
    "4.3": [
        (own_net(bias=False), "faltan los sesgos"),
        (own_net(scale=None), "en bytes"),
        (own_net(scale=1), "sin dividir por 255"),
        (own_net(scale=256), "se divide por 256"),
        (own_net(strides=(2, 2, 1)), "el avance de los filtros"),
        (own_net(kernels=(8, 4, 4)), "los pesos de la capa 3"),
        (own_net(strides=(2, 2, 1), lazy=True), "los pesos de la capa 4"),
        (own_net(relu=torch.nn.Identity), "revisa las ReLU"),
        (own_net(last=torch.nn.ReLU), "la última capa no lleva ReLU"),
        (own_net(hidden=False), "los pesos de la capa 4"),
        (lambda frames, actions: own_net()(4, 4), "Con 6 cuadros y 18 acciones"),
        (lambda frames, actions: torch.nn.Sequential(*own_net()(frames, actions)[:-1]), "hay 4"),
        (lambda frames, actions: weights(frames, actions), "un `nn.Module` y llegó int"),
        (lambda frames: None, "La función se detuvo"),
    ],
    "4.4": [
        (lambda *recipe: tuple(translation(*recipe).values()), "un diccionario con"),
        (translator(gradient_steps=None), "falta gradient_steps"),
        (translator(train_freq=lambda n, every, *_: every), "hace una cada 16"),  # la trampa
        (translator(train_freq=lambda n, every, *_: every // n), "no hace ninguna"),
        (translator(gradient_steps=1), "hace una cada 16"),
        (translator(train_freq=4, gradient_steps=lambda n, every, *_: 4 * n // every), "números más chicos"),
        (translator(target_update_interval=lambda n, every, copy, *_: copy), "eso son actualizaciones"),
        (translator(target_update_interval=lambda n, every, copy, *_: copy * n), "no por los ambientes"),
        (translator(target_update_interval=lambda n, every, copy, *_: copy * every // n), "son pasos vectorizados"),
        (translator(exploration_fraction=lambda n, every, copy, explore, total: explore), "del total"),
        (translator(exploration_fraction=lambda n, every, copy, explore, total: total / explore), "del total"),
        (translator(gradient_steps=0.5), "un número en `gradient_steps`"),
        (lambda n, every: {}, "La función se detuvo"),
    ],
    "4.5": [
        *verdicts("atrapa", *SHARES),
        (verdict([90, 80, 100, 90, 80], SHARES[1], "atrapa"), "de 0 a 1"),
        (shares("la trampa atrapó más."), "y la frase dice lo contrario"),
        (shares("actualizar cada 64 atrapó más que cada 16."), "y la frase dice lo contrario"),
    ],
    "5.1": [
        (6, "son filas"),
        (35_000, "la contaste como una"),
        (6_000, "no cada 1,000"),
        (50_000, "cuánto recuerda la curva"),
        (34 * 5_000, "suaviza un escalón"),
        (0.5, "suaviza un escalón"),
        ("30,000", "una cantidad de pasos"),
    ],
    "5.2": [
        (lambda scores, goal: scores.index[scores >= goal].min(), "la primera vez"),
        (last_below, "y se pide el siguiente"),
        (lambda scores, goal: int(np.flatnonzero(scores < goal)[-1]) + 1, "es la posición"),
        (lambda scores, goal: scores.idxmax(), "el del máximo"),
        (lambda scores, goal: scores.index[scores.index > scores.index[scores < goal].max()][0], "IndexError"),
        (lambda scores, goal: last_below(scores, goal) + 1_000, "termina por debajo"),
        (strictly_above, "no es bajar de ella"),
        (lambda scores, goal: (scores >= goal).idxmax(), "la primera vez"),
        (lambda scores, goal: scores, "un paso"),
    ],
    "5.3": [
        ("sana", "una respuesta para cada una"),
        ({"A": "sana"}, "una respuesta para cada una"),
        (anonymous(sana="lenta"), "no es uno de los seis nombres"),
        (anonymous(sana="actualizaciones"), "tiene curva de pérdida"),
        (anonymous(tasa="recompensa"), "su pérdida llega a"),
        (anonymous(recompensa="tasa"), "muchas veces la de las demás"),
        (anonymous(exploracion="reinicio"), "nunca vuelve a subir"),
        (anonymous(sana="exploracion"), "llega a bajar"),
        (anonymous(recompensa="sana"), "la escala de la pérdida"),
        (anonymous(actualizaciones="sana"), "lo que le falta a la carpeta"),
        (anonymous(exploracion="sana"), "la curva de ε"),
    ],
    "5.4": [
        *verdicts("atrapa", (0.5, 0.6, 0.4, 0.5, 0.7), (-0.2, -0.1, 0.0, -0.3, -0.2)),
        (verdict(game="atrapa"), "va de −1 a 1"),
    ],
    "6.1": [
        (np.mean, "la media de todos"),
        (np.median, "la mediana"),
        (lambda scores: trimmed(scores, order=list), "hay que ordenar"),
        (lambda scores: trimmed(scores, 1 / 8, 1 / 8), "descartaste un octavo"),
        (lambda scores: trimmed(scores, low=0), "el cuarto más bajo"),
        (lambda scores: trimmed(scores, high=0), "el cuarto más alto"),
        (in_place, "desordenó la lista"),
        (lambda scores: trimmed(scores, up=True), "redondeado hacia abajo"),
        (negative_slice, "`[0:-0]` está vacío"),
        (lambda scores: sorted(scores)[2:-2], "la media central"),
    ],
    "6.2": [
        (lambda a, b: bootstrap(a, b, sign=-1), "se resta b de a"),
        (lambda a, b: bootstrap(a, b, replace=False), "no tiene ancho"),
        (lambda a, b: bootstrap(a, b, percentiles=(5, 95)), "los percentiles 2.5 y 97.5"),
        (lambda a, b: bootstrap(a, b, percentiles=(25, 75)), "los percentiles 2.5 y 97.5"),
        (lambda a, b: bootstrap(a, b, percentiles=(0.025, 0.975)), "cuenta de 0 a 100"),
        (lambda a, b: bootstrap(a, b, percentiles=(97.5, 2.5)), "están al revés"),
        (lambda a, b: bootstrap(a, b, size=1), "y no los de sus medias"),
        (lambda a, b: bootstrap(a, b, same=True), "las mismas posiciones"),
        (same_seed, "las mismas posiciones"),
        (lambda a, b: np.percentile(np.subtract(a, b), [2.5, 97.5]), "ValueError"),
        (lambda a, b: np.mean(a) - np.mean(b), "sus dos extremos"),
    ],
    "6.3": [
        (lambda rewards, ends, lives: split(rewards, ends), "perder una vida es un final para el agente"),
        (lambda rewards, ends, lives: split(rewards, whole(ends, lives), keep_open=True), "sin terminar"),
        (lambda rewards, ends, lives: split(rewards, whole(ends, lives), clip=True), "recortadas a su signo"),
        (lambda rewards, ends, lives: split(rewards, whole(ends, lives), reset=False), "vuelve a cero"),
        (lambda rewards, ends, lives: split(rewards, whole(ends, lives), late=True), "la recompensa del último paso"),
        (lambda rewards, ends, lives: split(rewards, lives == 0), "En Pong"),
        (
            lambda rewards, ends, lives: [s for s, k in zip(split(rewards, ends), lives[ends], strict=True) if k == 0],
            "solo cuenta la última vida",
        ),
        (lambda rewards, ends, lives: rewards.sum(), "un puntaje por partida"),
        (lambda rewards, ends, lives: split(rewards, lives == 5), "hasta el final con 0 vidas"),
    ],
    "6.4": [
        (SENTENCE, "con `puntajes` y `frase`"),
        (reported(scores=GAMES[:4]), "juega al menos 10"),
        (reported(("NoFrameskip-v4", "")), "qué versión del juego"),
        (reported(("DQN, ", "")), "con qué algoritmo"),
        (reported((" de 50,000 pasos", "")), "cuántos pasos de entrenamiento"),
        (reported(("una corrida de ", "")), "cuántas corridas"),
        (reported((", agente final", "")), "qué agente de la corrida"),
        (reported(("ε = 0.01, ", "")), "con cuánto azar"),
        (reported((", hasta 30 acciones nulas", "")), "cómo comienzan las partidas"),
        (reported(("partidas completas", "partidas")), "partidas completas o vidas"),
        (reported((" y sin recortar el puntaje", "")), "si el puntaje está recortado"),
        (reported(("95 %: ", "")), "de cuánto es el intervalo"),
        (reported(("12 partidas", "partidas")), "cuántas partidas se jugaron: 12"),
        (reported(("65.0", "120")), "La media de esas partidas es 65.0"),
        (
            reported((SENTENCE[SENTENCE.index("de ", SENTENCE.index("%")) : -2], "de 10 a 120")),
            "El intervalo de la media",
        ),
        (
            reported(
                (SENTENCE[SENTENCE.index(" (95 %") : -1], ", con su intervalo del 95 %"),
                ("una corrida", "1 corrida"),
                ("hasta 30", "de 0 a 29"),
                ("65.0", "0.4"),
                ("12 partidas", "10 partidas"),
                scores=FEW,
            ),
            "El intervalo de la media",
        ),
        (reported(("agente final", "el mejor de diez puntos guardados")), "se eligió"),
        (reported(("agente final", "punto guardado que se eligió entre diez")), "se eligió"),
        (reported(("agente final", "agente final, que siempre gana")), "sobra «siempre»"),
    ],
    "6.5": [
        (played(a=GAMES[:5], b=GAMES[5:10]), "hacen falta al menos 10"),
        (played(intervalo=(-1.0, 1.0)), "remuestrea cada bando"),
        (played(b=GAMES[::-1]), "no se sabe cuál es mejor"),
        (played(sentence="En Breakout, con 11 partidas, la media de A fue mayor que la de B."), "acciones pegajosas"),
        (
            played(sentence="En Breakout, con acciones pegajosas, la media de A fue mayor."),
            "con qué número de partidas",
        ),
        (played(sentence="Con acciones pegajosas y 11 partidas, la media de A fue mayor."), "en qué juego"),
        (played(a=[x + 0.5 for x in GAMES]), "los puntajes son enteros"),
        (played(sentence=f"{PLAYED} el agente hace más puntos que la paleta."), "y la frase dice lo contrario"),
        (played(sentence=f"{PLAYED} la media del agente fue mayor."), "y la frase dice lo contrario"),
    ],
    "7.1": [
        (lambda a, b: a.max(axis=1), "quien elige es también quien valora"),
        (lambda a, b: b.max(axis=1), "el máximo de `b`"),
        (lambda a, b: a[np.arange(len(a)), b.argmax(axis=1)], "los papeles están cambiados"),
        (lambda a, b: a.argmax(axis=1), "los números de las acciones"),
        (lambda a, b: ((a + b) / 2).max(axis=1), "el máximo del promedio"),
        (lambda a, b: b[:, a.argmax(axis=1)], "cruza todas las filas"),
        (lambda a, b: b[np.arange(4), a.argmax(axis=0)], "un valor por fila"),
        (lambda a, b: b[np.arange(len(a)), a.argmax(axis=1)].mean(), "un valor por fila"),
    ],
    "7.2": [
        (lambda q, groups: gap(q), "sin juntar"),
        (lambda q, groups: gap(joined(q, groups, np.mean)), "y usaste la media"),
        (lambda q, groups: gap(joined(q, groups, np.sum)), "y usaste la suma"),
        (lambda q, groups: gap(joined(q, groups, np.min)), "y usaste la peor"),
        (lambda q, groups: -gap(joined(q, groups)), "el signo está al revés"),
        (lambda q, groups: np.ptp(joined(q, groups), axis=-1), "de la mejor a la peor"),
        (lambda q, groups: joined(q, groups).max(axis=-1), "falta restar la segunda"),
        (lambda q, groups: gap(joined(q, [[0, 1], *[[i] for i in range(2, q.shape[-1])]])), "como en Breakout"),
        (lambda q, groups: gap(joined(q, groups))[0], "una brecha por pantalla"),
        (lambda q, groups: gap(joined(q, [[0, 1], [2, 4], [3, 5]])), "La función se detuvo"),  # solo Pong
        (lambda q, groups: np.diff(np.sort(joined(q, groups), axis=-1)[..., -2:], axis=-1), "una brecha por pantalla"),
    ],
    "7.3": [
        (lambda *a: -covered(*a), "el signo está al revés"),
        (lambda *a: np.abs(covered(*a)), "falta el signo"),
        (lambda *a: covered(*a, in_place=True), "trabaja en una copia"),
        (lambda *a: covered(*a, frames=-1), "un solo cuadro"),
        (lambda agent, screen, rows, columns: covered(agent, screen, columns, rows), "están cambiadas"),
        (lambda *a: np.zeros(4), "no hay ningún cambio"),
        (lambda *a: covered(*a)[None], "un cambio por acción"),
        (lambda *a: covered(*a).max(), "un cambio por acción"),
        (lambda *a: covered(*a, original=False), "menos los cuatro originales"),
        (lambda agent, screen, *zone: agent.q_net(screen[None]), "La función se detuvo"),
    ],
    "7.4": [
        (lambda screens, rows: blacked(screens, np.s_[:, :, :, :rows]), "Tapaste columnas"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, -rows:]), "las últimas filas"),
        (lambda screens, rows: blacked(screens, np.s_[:, :rows]), "las filas el tercero"),
        (lambda screens, rows: blacked(screens, np.s_[:1]), "las primeras observaciones"),
        (lambda screens, rows: blacked(screens, np.s_[:, -1, :rows]), "de todos los cuadros"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, : rows + 1]), "la fila 7 ya no se tapa"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, : rows - 1]), "las filas 0 a 6"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, rows - 1]), "las filas 0 a 6"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, :rows], copy=False), "trabaja en una copia"),
        (lambda screens, rows: screens[:, :, rows:], "las mismas observaciones"),
        (lambda screens, rows: blacked(screens, np.s_[:, :, :rows]) / 255, "`uint8`"),
    ],
    "7.5": [
        *verdicts("Breakout", *DECIDED, "partida"),
        *upside_down("Breakout", *DECIDED, "partida"),
        (verdict([0.37, 0.4, 0.29, 0.35, 0.31], [0.1, 0, 0.2, 0.1, 0.15], unit="partida"), "un entero de 0 a 864"),
        (verdict([3370, 4010, 2900, 3560, 3120], [11, 4, 27, 9, 15], unit="partida"), "un entero de 0 a 864"),
        (strips("tapar 8 filas dio más puntos que tapar 6."), "y la frase dice lo contrario"),
        (strips("con 6 filas hizo menos puntos que con ocho."), "y la frase dice lo contrario"),
        (strips("el agente lee el marcador y sin él juega peor."), "La frase explica («lee»)"),
        (strips("tapar dos filas más dio menos puntos."), "no nombra las dos franjas"),
        (strips("la franja de 6 filas costó más puntos que la de 8."), "y la frase dice lo contrario"),
        (strips("el agente necesita la pared: tapar 8 filas dio menos puntos que tapar 6."), "explica («necesita»)"),
        (strips("tapar 8 filas dio menos puntos que tapar 6.", "semillas"), "con qué número de partidas"),
    ],
    "8.1": [
        (lambda *a: n_steps(*a, ends_matter=False), "de otra partida"),
        (lambda *a: n_steps(*a, bootstrap=False), "falta lo que viene después"),
        (lambda *a: n_steps(*a, power=lambda n: 0), "no se descontó"),
        (lambda *a: n_steps(*a, power=lambda n: 1), "una sola vez"),
        (lambda *a: n_steps(*a, power=lambda n: n - 1), "n − 1 veces"),
        (lambda *a: n_steps(*a, first=1), "la primera recompensa no se descuenta"),
        (lambda *a: n_steps(*a, always_bootstrap=True), "el valor siguiente también"),
        (lambda *a: n_steps(*a, stop=False), "las recompensas que siguen al final"),
        (lambda *a: n_steps(*a, before=True), "con su recompensa, y nada más"),
        (lambda rewards, ends, value, gamma: sum(rewards) + gamma**3 * value, "las recompensas también"),
        (lambda rewards, ends, value, gamma: [r + gamma * value for r in rewards], "un número"),
    ],
    "8.2": [
        (lambda v, a: v + a, "falta restar la media"),
        (lambda v, a: v + a - a.max(dim=1, keepdim=True).values, "restaste el máximo"),
        (lambda v, a: v + a - a.mean(), "la de todo el lote"),
        (lambda v, a: v + a - a.mean(dim=0, keepdim=True), "sobre el lote"),
        (lambda v, a: a - a.mean(dim=1, keepdim=True), "falta sumar el valor"),
        (lambda v, a: v + a + a.mean(dim=1, keepdim=True), "y la sumaste"),
        (lambda v, a: v + a - a.mean(dim=1), "La función se detuvo"),  # falta keepdim
        (lambda v, a: (v + a - a.mean(dim=1, keepdim=True)).max(dim=1).values, "un Q por fila y por acción"),
    ],
    "8.3": [
        *verdicts("vendaval", *STREAKS),
        *upside_down("vendaval", *STREAKS),
        (streaks("no se sabe, pero double-3pasos es mejor que dqn-3pasos."), "y además dice quién gana"),
        (streaks("double-3pasos y dqn-3pasos juegan igual; no se sabe cuál es mejor."), "no es saber que son iguales"),
        (streaks("double-3pasos atrapó más.", STREAKS[1]), "con eso no se sabe cuál es mejor"),
        (streaks("dqn-3pasos atrapó más que double-3pasos.", STREAKS[0]), "y la frase dice lo contrario"),
        (verdict([90, 80, 100, 90, 80], STREAKS[1], "vendaval"), "de 0 a 10"),
    ],
    "8.4": [
        (verdict(*STREAKS, "vendaval"), "además, `agente`"),
        (verdict(*STREAKS, "vendaval", agente=3.5), "va un DQN"),
        (duel(plain=True), "no tiene un valor en común"),
        (duel(join=lambda v, a: v + a), "La media de Q cambia"),
        (duel(join=lambda v, a: v + a - a.max(dim=1, keepdim=True).values), "La media de Q cambia"),
        (duel(join=lambda v, a: v + a - a.mean()), "cambian con las otras del lote"),
        (duel(join=lambda v, a: v + a - a.mean(dim=0, keepdim=True)), "cambian con las otras del lote"),
        (duel(head=lambda: OneLayer(centred=False)), "La media de Q cambia"),
        (duel(online_only=True), "en las dos"),
        (duel(optimizer=False), "El optimizador no conoce"),
        (duel(steps=0), "todavía no compitió"),
        (duel(frase="En vendaval, con 5 semillas, A siempre le gana a B."), "sobra «siempre»"),
    ],
    "9.1": [
        (lambda memory: bool(pixels_of(memory).max() > 0), "pregunta si hay luz"),
        (lambda memory: len(np.unique(memory.observations)) > 1, "los ceros de los lugares libres"),
        (lambda memory: memory.size() > 0, "Con ocho pantallas negras"),
        (lambda memory: memory.observations.dtype == np.uint8, "Con ocho pantallas negras"),
        (lambda memory: len(np.unique(memory.observations[0])) > 1, "míralas todas"),
        (lambda memory: len(np.unique(memory.observations[: memory.pos])) > 1, "vuelve a cero al llenarse"),
        (lambda memory: bool((pixels_of(memory)[0] != pixels_of(memory)).any()), "O compara unas pantallas con otras"),
        (lambda memory: len(np.unique(pixels_of(memory))), "`True` o `False`"),
        (lambda memory: not len(np.unique(pixels_of(memory))) > 1, "Con ocho pantallas negras"),
    ],
    "9.2": [
        (stuck(lambda x, y: x.sum() == y.sum()), "píxel por píxel"),
        (stuck(np.array_equal, extra=1), "y paciencia 3 no avisó"),
        (stuck(np.array_equal, extra=-1), "cuenta pasos, no pantallas"),
        (stuck(np.array_equal, consecutive=False), "nunca tres seguidos"),
        (stuck(np.array_equal, end_only=True), "en el medio"),
        (stuck(np.array_equal, first=True), "y paciencia 3 no avisó"),
        (
            lambda screens, patience=100: len(screens) - len({s.tobytes() for s in screens}) >= patience,
            "nunca tres seguidos",
        ),
        (stuck(np.array_equal, fixed=3), "son 100 pasos"),
        (lambda screens, patience: stuck(np.array_equal)(screens, patience), "La función se detuvo"),
        (lambda screens, patience=100: all(screens[i] == screens[0] for i in range(patience)), "ValueError"),
    ],
    "9.3": [
        (in_rounds, "ε volvió a 1"),
        (lambda *a: in_rounds(*a, reset_num_timesteps=False), "con su propio total"),
        (look_with(goes_on=None), "en el primer paso"),
        (lambda model, total, each, look: model.learn(total), "nunca llamó a `mirar`"),
        (lambda model, total, each, look: (model.learn(total), look(model)), "miró una sola vez"),
        (
            lambda model, total, each, look: model.learn(total, callback=Calls(each, look)),
            "con 4 ambientes cada una son 4 pasos",
        ),
        (look_with(every=lambda model, each: True), "compara `num_timesteps` con `cada`"),
        (lambda model, total, each, look: model.learn(total, progres_bar=True), "TypeError"),
    ],
}

# Otras maneras de tener razón: rechazarlas sería peor que aceptar un error.
ALSO_RIGHT = [
    ("1.1", np.uint8(57)),
    ("1.2", ["RIGHT", "UPRIGHT", "DOWNRIGHT", "RIGHTFIRE", "UPRIGHTFIRE", "DOWNRIGHTFIRE"]),
    ("1.3", lambda ram: chase(ram, left=-4, right=4)),
    ("1.3", lambda ram: np.int64(chase(ram, left=-2, right=12))),
    ("2.1", (8_000_000_000 // 56_448, 8_000_000_000 // 7_056)),
    ("2.1", (141_673.0, 1_083_027)),
    ("2.2", lambda bombs, skip, last: sum(any(bombs[i - last : i]) for i in range(skip, 13, skip)) / (12 // skip)),
    ("2.4", chain()),
    ("2.5", starts(SEEN[0], [0.0] * 9 + [0.5])),
    ("2.5", starts(SEEN[0], [0.5, 0.47] * 4 + [0.0, 0.48], "no se sabe quién ve bombas en más decisiones.")),
    ("2.3", lambda stack, frame, starts: np.array([*(stack[1:] * (not starts)), frame])),
    ("3.1", lambda rewards, gamma: np.array(backwards(rewards, gamma))),
    ("3.1", lambda rewards, gamma: [sum(gamma**k * r for k, r in enumerate(rewards[i:])) for i in range(len(rewards))]),
    ("3.2", lambda *a: target(*a).detach()),
    ("4.1", 8.0),
    ("4.2", lambda step, steps, final: np.interp(step, [0, steps], [1, final])),
    ("4.2", lambda step, steps, final: max(final, 1 - (1 - final) * step / steps)),
    ("4.3", own_net()),
    ("4.3", own_net(lazy=True)),
    ("4.4", lambda *recipe: {**translation(*recipe), "batch_size": 32}),
    ("4.5", verdict(SHARES[0], SHARES[1], "atrapa")),
    ("4.5", shares("actualizar cada 16 atrapó más que cada 64.")),
    ("4.5", shares("con la trampa se atrapó menos; no se sabe por qué.")),
    ("5.2", steadily),
    ("6.1", lambda scores: float(np.sort(scores)[len(scores) // 4 : len(scores) - len(scores) // 4].mean())),
    ("6.2", bootstrap),
    ("6.2", lambda a, b: tuple(bootstrap(list(a), list(b)))),
    ("6.3", lambda rewards, ends, lives: np.array(split(rewards, whole(ends, lives)))),
    ("5.4", verdict((0.5, 0.6, 0.4, 0.5, 0.7), (-0.2, -0.1, 0.0, -0.3, -0.2), "atrapa")),
    ("6.4", reported()),
    ("6.4", reported(("agente final", "el mejor de diez, elegido con otras semillas"), ("95 %", "95%"))),
    ("6.4", reported((").", "); no se sabe si juega mejor que el azar."))),
    ("6.4", reported(("agente final", "el agente tal como quedó al detener el entrenamiento"))),
    ("6.4", reported(("95 %: de ", "95 %: ["), (" a ", ", "), (").", "])."))),
    ("6.5", played()),
    ("6.5", played(sentence=f"{PLAYED} la paleta hizo más puntos que el agente; no se sabe por qué.")),
    ("7.1", lambda a, b: [y[x.argmax()] for x, y in zip(a, b, strict=True)]),
    ("7.2", lambda q, groups: gap(np.moveaxis([q[..., group].max(-1) for group in groups], 0, -1)).astype("f4")),
    ("7.5", verdict([337, 401, 290, 356, 312], [11, 4, 27, 9, 15], unit="partida")),
    ("7.5", strips("con 6 filas hizo más puntos que con 8.")),
    ("7.5", strips("tapar ocho filas en lugar de seis costó puntos.")),
    ("7.5", strips("no se sabe con cuál hizo más puntos.", b=[5.0, 9.0, 8.0, 10.0, 9.0])),
    ("7.5", strips("tapar 8 filas (el marcador y dos filas de pared) dio menos puntos que tapar 6.")),
    ("7.5", strips("la franja de 8 filas costó más puntos que la de 6.")),
    ("8.3", streaks("la diferencia puede ser de cualquier signo.")),
    ("8.3", streaks("no es seguro que double-3pasos atrape más que dqn-3pasos; no se sabe.")),
    ("8.3", streaks("no se sabe cuál atrapa más, ni si juegan igual.")),
    ("8.3", streaks("los datos no deciden cuál atrapa más.")),
    ("8.3", streaks("no se sabe si double-3pasos atrapa más que dqn-3pasos.")),
    ("8.4", duel()),
    ("8.4", duel(head=OneLayer)),
    ("9.1", lambda memory: len(np.unique(pixels_of(memory))) > 1),
    ("9.2", stuck(np.array_equal)),
    ("10.2", off("la publicada tenía apagada una parte mayor de la tercera convolución que la que sube.")),
    ("10.2", off("la receta publicada tenía más canales apagados que la que sube.")),
    ("10.2", off("la que sube, comparada con la publicada, tenía apagada una parte menor.")),
    ("10.2", off("la receta que sube más despacio tenía al menos un canal menos apagado que la publicada.")),
    ("10.2", off("la receta cuya tasa de aprendizaje sube poco a poco tenía menos canales apagados.")),
    ("10.2", off("la parte apagada fue mayor en la publicada que en la que sube.")),
    ("9.2", stuck(lambda x, y: (x == y).all())),
    ("9.3", lambda model, total, each, look: model.learn(total, callback=EveryNTimesteps(each, Calls(1, look)))),
]
REJECTED: dict[str, int] = {}
#: Ejercicio → las celdas del capítulo que su solución necesita, por su nombre o por su etiqueta.
CONTEXT = {
    "1.3": ("jugar-06", "jugar-07"),
    "1.4": ("jugar-06", "jugar-07"),
    "2.5": ("pre-006",),
    "3.4": ("dqn",),
    "8.4": ("torneo", "ejercicio-8-3-solucion", "ejercicio-8-3-solucion-2"),
    "9.4": ("museo", "ejercicio-9-4-proyecto", "ejercicio-9-4-sintoma"),
}


# --- Las pruebas ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("exercise", CHECKS)
def test_every_plausible_mistake_gets_the_message_that_fits(exercise):
    answers = BANK[exercise]
    assert len(answers) >= 5
    REJECTED[exercise] = 0
    for position, (answer, fragment) in enumerate(answers):
        verdict = comprobar(exercise, answer() if exercise == "3.3" else answer)
        assert verdict.outcome == WRONG and not verdict, f"respuesta {position}: {verdict}"
        assert fragment in verdict.message, f"respuesta {position}: {verdict}"
        assert verdict.message.endswith(f" Mira «{CHECKS[exercise].section}».")
        REJECTED[exercise] += 1


@pytest.mark.parametrize(("exercise", "answer"), ALSO_RIGHT)
def test_other_right_answers_are_accepted_too(exercise, answer):
    verdict = comprobar(exercise, answer)
    assert verdict, verdict


UNSURE = [
    "no se sabe cuál de las dos hace más puntos.",
    "no podemos decir cuál hizo más puntos.",
    "el intervalo contiene el cero y no distingue las paletas.",
    "no se sabe si A y B hacen lo mismo.",
    "la media de A fue mayor, pero no se sabe si A es mejor.",
    "A gana en 3 de 5, y aun así no se distinguen.",
]
SURE = [
    "la que corrige a cada paso hizo menos puntos.",
    "A, que es más ancha que B, hizo más puntos por partida.",
    "las dos paletas no hacen lo mismo: B hizo menos puntos.",
    "la diferencia A − B es mayor que cero.",
    "la ventaja de A sobre B fue mayor que un punto.",
    "B no fue mejor que A.",
    "A hizo más puntos que B, y no sabemos por qué.",
    "A hizo más puntos que B, y esto no permite decir nada de otros juegos.",
    "el intervalo de la diferencia no contiene el cero y A supera a B.",
    "frente a B, A hizo más puntos; las dos jugaron lo mismo en tiempo y B falló más veces.",
]


@pytest.mark.parametrize("told", [*UNSURE, *SURE])
def test_a_sentence_that_says_what_the_interval_says_is_accepted(told):
    good, bad = DECIDED
    answer = verdict(good, bad if told in SURE else [*good[1:], good[0]], frase=f"En Breakout, con 5 semillas, {told}")
    assert comprobar("1.4", answer), comprobar("1.4", answer)


@pytest.mark.parametrize("exercise", CHECKS)
def test_the_solution_of_the_page_is_accepted(exercise, tmp_path, monkeypatch):
    chapter, number = exercise.split(".")
    cells = [cell for cell in notebook(int(chapter)).cells if cell.cell_type == "code"]
    names = {"NOOP": NOOP, "FIRE": FIRE, "RIGHT": RIGHT, "LEFT": LEFT, "display": print}
    names["por_transicion"] = {"ReplayBuffer de SB3": 56_468, "FrameReplayBuffer": 7_300}
    imports = [n for cell in cells for n in ast.parse(cell.source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), "imports", "exec"), names)
    solution = [cell for cell in cells if cell.id.startswith(f"ejercicio-{chapter}-{number}-solucion")]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").symlink_to(BOOK / "runs")
    for cell in cells:  # lo que la solución usa del capítulo
        if {cell.id, *cell.metadata.get("tags", ())} & set(CONTEXT.get(exercise, ())):
            exec(compile(cell.source, cell.id, "exec"), names)
    for cell in solution:
        exec(compile(cell.source, cell.id, "exec"), names)
        if "assert comprobar(" in cell.source:
            assert f'comprobar("{exercise}"' in cell.source
            break
    else:
        pytest.fail("la solución no llama a comprobar")


@pytest.mark.parametrize("exercise", CHECKS)
def test_the_answer_as_it_stands_is_kindly_left_for_later(exercise):
    chapter, number = exercise.split(".")
    cells = {cell.id: cell for cell in notebook(int(chapter)).cells}
    names = {"comprobar": comprobar}
    exec(cells[f"ejercicio-{chapter}-{number}-respuesta"].source, names)
    verdict = eval(cells[f"ejercicio-{chapter}-{number}-comprobar"].source, names)
    assert not verdict and verdict.outcome == PENDING and "..." in verdict.message
    assert repr(verdict).startswith(f"○ Ejercicio {exercise}: todavía no hay respuesta. ")
    last = list(names.values())[-1]
    if callable(last) and not isinstance(last, type):
        assert comprobar(exercise, lambda *arguments: None).outcome == PENDING


@pytest.mark.parametrize("exercise", CHECKS)
def test_the_section_to_look_at_exists_in_the_chapter(exercise):
    cells = notebook(int(exercise.split(".")[0])).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = {re.sub(r"[`*]", "", heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}
    assert CHECKS[exercise].section in headings


@pytest.mark.parametrize("chapter", MODULES)
def test_each_chapter_asks_two_to_five_exercises_that_say_minutes_and_difficulty(chapter):
    cells = notebook(chapter).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    starts = re.findall(r"^### Ejercicio (\d+\.\d)\. .+\n\n\*\d+ minutos · (?:fácil|media|difícil)\.\* ",
                        text, flags=re.MULTILINE)  # fmt: skip
    assert starts == [f"{chapter}.{n}" for n in range(1, len(starts) + 1)] and 2 <= len(starts) <= 5
    for number in starts:  # la solución tiene su propia celda, que JupyterLab abre plegada
        (title,) = [cell for cell in cells if cell.source == f"#### Solución del ejercicio {number}"]
        assert title.metadata.get("jp-MarkdownHeadingCollapsed") is True
    hidden = [cell for cell in cells if "-solucion" in cell.id]
    assert hidden and all(cell.metadata.get("jupyter") == {"source_hidden": True} for cell in hidden)


def test_an_error_of_the_student_is_explained_with_its_line():
    def broken(rewards, gamma):
        total = 0
        return total / 0

    verdict = comprobar("3.1", broken)
    assert not verdict and "ZeroDivisionError" in verdict.message
    assert f"en la línea {broken.__code__.co_firstlineno + 2}, `return total / 0`" in verdict.message


def test_an_error_of_the_checker_is_not_taken_for_one_of_the_student(monkeypatch):
    monkeypatch.setattr(cap04, "exercise_1", lambda answer: SimpleNamespace().missing)
    with pytest.raises(AttributeError):
        comprobar("4.1", 8)


def test_the_verdict_reads_well_as_text_and_as_markdown():
    verdict = comprobar("4.1", 8)
    assert verdict and repr(verdict).startswith("✔ Ejercicio 4.1: correcto. Treinta y dos")
    assert verdict._repr_markdown_().startswith("✔ **Ejercicio 4.1: correcto.** Treinta y dos")
    assert repr(comprobar("4.1", 1)).startswith("✘ Ejercicio 4.1: todavía no es correcto. Entre dos tandas")


def test_answers_inside_numpy_and_torch_count_as_numbers():
    for eight in (np.int64(8), np.array([8]), np.float32(8), torch.tensor(8)):
        assert comprobar("4.1", eight)
    assert not comprobar("4.1", True)
    assert comprobar("2.1", (..., 3)).outcome == PENDING


@pytest.mark.parametrize(("exercise", "hint"), [("4.9", "4.1, 4.2, 4.3"), ("77.1", '"3.2"'), ("tres", '"3.2"')])
def test_an_exercise_that_does_not_exist_is_an_error_that_names_those_that_do(exercise, hint):
    with pytest.raises(ValueError, match="No hay nada que comprobar") as error:
        comprobar(exercise, 1)
    assert hint in str(error.value)


def test_the_share_of_mistakes_rejected_is_printed(capsys):
    if set(REJECTED) != set(CHECKS):
        pytest.skip("no se probaron todos los bancos")
    total = sum(len(BANK[exercise]) for exercise in CHECKS)
    with capsys.disabled():
        print(f"\nejercicios: {sum(REJECTED.values())} de {total} respuestas erradas, rechazadas con su mensaje "
              f"({sum(REJECTED.values()) / total:.0%}), en {len(CHECKS)} ejercicios")  # fmt: skip
    assert sum(REJECTED.values()) == total
