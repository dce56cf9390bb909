"""La evaluación: partidas completas (`evaluate`) y un resumen con su intervalo (`summarize`)."""

from __future__ import annotations

from pathlib import Path

from coursekit.envs import find_game, is_atari
from coursekit.playing.adapt import choose_actions, ended, opened, rewards_of
from coursekit.runs import Run, new_evaluation
from coursekit.training.agents import load_agent
from coursekit.training.recipe import EPISODES, PROTOCOLS, SEED

import gymnasium
import numpy as np
import pandas as pd
from stable_baselines3.common.vec_env import VecEnv

__all__ = ["HUMAN_NORMALISED", "PROTOCOLS", "evaluate", "evaluate_run", "load_agent", "result", "summarize"]

#: Puntajes (al azar, humano) con los que se normaliza. Al azar: tabla 2 de los datos ampliados de Mnih et al. (2015).
#: Humano: Wang et al. (2016), que usan casi todos los artículos; es otra medición (en Mnih et al., 31.8, 9.3 y 1652).
HUMAN_NORMALISED = {"Breakout": (1.7, 30.5), "Pong": (-20.7, 14.6), "SpaceInvaders": (148.0, 1668.7)}

FIRE_RULE = "FIRE al comenzar y después de cada vida, donde el juego lo tiene"


def evaluate(
    agent,
    where,
    episodes: int = EPISODES,
    *,
    epsilon: float | None = None,
    sticky: float | None = None,
    seed: int = SEED,
    n_envs: int = 10,
    normalize=None,
) -> pd.DataFrame:
    """Juega `episodes` partidas completas y devuelve el puntaje verdadero de cada una.

    Parámetros
    ----------
    agent: cualquier objeto con el `predict` de SB3, o `None` para jugar al azar.
    where: un juego de Atari, el id de cualquier ambiente de gymnasium, un ambiente, un `VecEnv` o una función que hace
        uno. Si al ambiente le falta la pila de cuadros o el orden de canales que espera el agente, se le pone.
    epsilon: probabilidad de una acción al azar en cada paso, sorteada por separado en cada ambiente; `None` es 0.01 en
        Atari y 0.0 en lo demás.
    sticky: en Atari, probabilidad de repetir la acción anterior en cada cuadro (acciones pegajosas).
    seed: semilla de la evaluación; los ambientes usan `seed`, `seed + 1`, … Cada partida de Atari comienza con hasta
        30 acciones nulas. Elija semillas que no se hayan usado al entrenar.
    n_envs: ambientes simultáneos. Cada uno juega un número fijo de partidas: quedarse con las que terminan primero
        favorecería a las cortas.
    normalize: el `VecNormalize` con el que se entrenó al agente, si lo hubo.

    Devuelve una tabla con una fila por partida: `episode`, `score` (sin recortar ni normalizar: en Atari el puntaje y
    en lo demás el retorno) y `length` (cuadros del emulador en Atari; pasos en lo demás).
    Lanza `ValueError` si el agente tiene otras acciones u otras observaciones que el ambiente.
    """
    if episodes < 1:
        raise ValueError(f"Se pidieron {episodes} partidas; hace falta al menos 1 (el protocolo del libro usa 30).")
    epsilon = (PROTOCOLS["default"]["epsilon"] if is_atari(where) else 0.0) if epsilon is None else epsilon
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon={epsilon!r} no es una probabilidad: use un número entre 0.0 y 1.0.")
    n_envs = 1 if isinstance(where, gymnasium.Env) else min(n_envs, episodes)
    with opened(where, agent, n_envs, seed, sticky=sticky, normalize=normalize) as env:
        games = _play(agent, env, episodes, epsilon, seed)
    table = pd.DataFrame(games, columns=["score", "length"])
    table.insert(0, "episode", range(1, len(table) + 1))
    return table


def _play(agent, env: VecEnv, episodes: int, epsilon: float, seed: int) -> list[tuple[float, int]]:
    """Puntaje y duración de cada partida, en el orden en que terminan."""
    rng = np.random.default_rng(seed)
    env.action_space.seed(seed)
    pending = np.array([(episodes + i) // env.num_envs for i in range(env.num_envs)])
    returns, lengths, games = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=int), []
    obs = env.reset()
    while pending.any():
        obs, rewards, dones, infos = env.step(choose_actions(agent, obs, env, rng, epsilon))
        returns += rewards_of(env, rewards)
        lengths += 1
        for i in np.flatnonzero(dones):
            if ended(env, infos[i]):
                game = infos[i].get("episode", {"r": returns[i], "l": lengths[i]})
                if pending[i]:
                    pending[i] -= 1
                    games.append((float(game["r"]), int(game["l"])))
                returns[i] = lengths[i] = 0
    return games


def summarize(scores, game: str | None = None, *, seed: int = 0, resamples: int = 10_000) -> dict[str, float | int]:
    """Resume puntajes de partidas con su incertidumbre.

    Devuelve `games` (número de partidas), `mean`, `std` (muestral), `median`, `iqm` (media de la mitad central:
    Agarwal et al., 2021), `ci_low` y `ci_high` (intervalo del 95 % de la media, por remuestreo con `resamples`
    muestras bootstrap y percentiles) y, si se da el juego y sus constantes se conocen, `hns`: el puntaje normalizado
    (media − azar) / (humano − azar), con los valores de `HUMAN_NORMALISED`.

    Lanza `ValueError` si no hay puntajes o alguno no es un número.
    """
    scores = np.asarray(scores, dtype=float).ravel()
    if scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError("Para resumir hace falta al menos un puntaje, y que todos sean números.")
    means = np.random.default_rng(seed).choice(scores, (resamples, scores.size)).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    cut = scores.size // 4
    summary = {
        "games": int(scores.size),
        "mean": float(scores.mean()),
        "std": float(scores.std(ddof=1)) if scores.size > 1 else 0.0,
        "median": float(np.median(scores)),
        "iqm": float(np.sort(scores)[cut : scores.size - cut].mean()),
        "ci_low": float(low),
        "ci_high": float(high),
    }
    if game is not None and is_atari(game) and (name := find_game(game)[0]) in HUMAN_NORMALISED:
        chance, human = HUMAN_NORMALISED[name]
        summary["hns"] = (summary["mean"] - chance) / (human - chance)
    return summary


def evaluate_run(run: Run | str | Path, episodes: int = EPISODES, *, seed: int = SEED, ladder: bool = True) -> dict:
    """Evalúa el agente de una corrida con los tres protocolos, y su escalera con el primero; escribe `evaluation.json`.

    Guarda el protocolo, el puntaje y la duración de cada partida y los resúmenes de `summarize`. Devuelve lo escrito.
    """
    run = Run(run)
    game = run.info["game"]
    agent = load_agent(run)
    results = {
        name: result(evaluate(agent, game, episodes, seed=seed, **protocol), game, **protocol)
        for name, protocol in PROTOCOLS.items()
    }
    younger = {}
    for step, path in run.checkpoints().items() if ladder else ():
        younger[str(step)] = result(evaluate(load_agent(path), game, episodes, seed=seed, **PROTOCOLS["default"]), game)
    protocol = {"episodes": episodes, "seed": seed, "noop_max": 30, "backend": "ale", "fire": FIRE_RULE}
    content = new_evaluation(protocol, agent_steps(run), results, younger)
    run.write_json(run.evaluation.name, content)
    return content


def result(table: pd.DataFrame, game: str | None, **protocol) -> dict:
    """Lo que `evaluation.json` guarda de las partidas de `evaluate`: protocolo, cada partida y su resumen."""
    return {
        **protocol,
        "scores": table["score"].tolist(),
        "lengths": table["length"].tolist(),
        "summary": summarize(table["score"], game),
    }


def agent_steps(run: Run) -> int:
    """Pasos de entrenamiento del agente publicado, que puede no ser el último punto guardado."""
    return run.info.get("published_steps", run.info["steps"])
