"""La evaluación: partidas completas, con su puntaje verdadero, y un resumen que nunca es un solo número."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.agents import average_agents, load_agent, save_agent
from coursekit.envs import find_game, make_vec_env
from coursekit.runs import Run, atomic, versions

__all__ = ["HUMAN_NORMALISED", "PROTOCOLS", "choose_agent", "evaluate", "evaluate_run", "load_agent", "summarize"]

#: Puntajes (al azar, humano) con los que se normaliza. Al azar: tabla 2 de los datos ampliados de Mnih et al. (2015).
#: Humano: Wang et al. (2016), que usan casi todos los artículos; es otra medición (en Mnih et al., 31.8, 9.3 y 1652).
HUMAN_NORMALISED = {"Breakout": (1.7, 30.5), "Pong": (-20.7, 14.6), "SpaceInvaders": (148.0, 1668.7)}

#: Los tres protocolos que informa cada corrida publicada.
PROTOCOLS = {
    "default": {"epsilon": 0.01, "sticky": 0.0},
    "greedy": {"epsilon": 0.0, "sticky": 0.0},
    "sticky": {"epsilon": 0.01, "sticky": 0.25},
}
EPISODES = 30
SEED = 10_000  # los entrenamientos usan semillas pequeñas


def evaluate(
    agent,
    game: str,
    episodes: int = EPISODES,
    *,
    epsilon: float = 0.01,
    sticky: float = 0.0,
    seed: int = SEED,
    n_envs: int = 10,
) -> pd.DataFrame:
    """Juega `episodes` partidas completas y devuelve el puntaje verdadero de cada una.

    Parámetros
    ----------
    agent: cualquier objeto con el `predict` de SB3, o `None` para jugar al azar.
    game: nombre del juego.
    epsilon: probabilidad de una acción al azar en cada paso, sorteada por separado en cada ambiente.
    sticky: probabilidad de repetir la acción anterior en cada cuadro (acciones pegajosas).
    seed: semilla de la evaluación; los ambientes usan `seed`, `seed + 1`, … Cada partida comienza con hasta 30
        acciones nulas. Elija semillas que no se hayan usado al entrenar.
    n_envs: ambientes simultáneos. Cada uno juega un número fijo de partidas: quedarse con las que terminan primero
        favorecería a las cortas.

    Devuelve una tabla con una fila por partida: `episode`, `score` (puntaje sin recortar) y `length` (cuadros del
    emulador). Lanza `ValueError` si el agente tiene otras acciones u otras observaciones que el juego.
    """
    name, _ = find_game(game)
    if episodes < 1:
        raise ValueError(f"Se pidieron {episodes} partidas; hace falta al menos 1 (el protocolo del libro usa 30).")
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon={epsilon!r} no es una probabilidad: use un número entre 0.0 y 1.0.")
    n_envs = min(n_envs, episodes)
    env = make_vec_env(name, n_envs, seed, training=False, sticky=sticky)
    try:
        check_agent(agent, env.observation_space, env.action_space, name)
        rng = np.random.default_rng(seed)
        pending = np.array([(episodes + i) // n_envs for i in range(n_envs)])
        games = []
        obs = env.reset()
        while pending.any():
            actions = rng.integers(env.action_space.n, size=n_envs)
            if agent is not None:
                greedy = agent.predict(obs, deterministic=True)[0]
                actions = np.where(rng.random(n_envs) < epsilon, actions, greedy)
            obs, _, dones, infos = env.step(actions)
            for i in np.flatnonzero(dones & (pending > 0)):
                pending[i] -= 1
                games.append((infos[i]["episode"]["r"], infos[i]["episode"]["l"]))
    finally:
        env.close()
    table = pd.DataFrame(games, columns=["score", "length"])
    table.insert(0, "episode", range(1, len(table) + 1))
    return table


def check_agent(agent, observation_space, action_space, game: str) -> None:
    """`ValueError` si `agent` no puede jugar `game` por sus acciones o sus observaciones."""
    if agent is None:
        return
    if agent.action_space.n != action_space.n:
        raise ValueError(
            f"El agente conoce {agent.action_space.n} acciones y {game} tiene {action_space.n}: "
            "cargue un agente entrenado en este juego."
        )
    if agent.observation_space.shape != observation_space.shape:
        raise ValueError(
            f"El agente espera observaciones de forma {agent.observation_space.shape} y las del ambiente son "
            f"{observation_space.shape}: cargue un agente entrenado con los ambientes de coursekit."
        )


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
    if game is not None and (name := find_game(game)[0]) in HUMAN_NORMALISED:
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
    results = {}
    for name, protocol in PROTOCOLS.items():
        table = evaluate(agent, game, episodes, seed=seed, **protocol)
        results[name] = {
            **protocol,
            "scores": table["score"].tolist(),
            "lengths": table["length"].tolist(),
            "summary": summarize(table["score"], game),
        }
    steps = {}
    for step, path in run.checkpoints().items() if ladder else ():
        scores = evaluate(load_agent(path), game, episodes, seed=seed, **PROTOCOLS["default"])["score"]
        steps[str(step)] = {"scores": scores.tolist(), "summary": summarize(scores, game)}
    content = {
        "protocol": {
            "episodes": episodes,
            "seed": seed,
            "noop_max": 30,
            "backend": "ale",
            "versions": versions(),
        },
        "agent_steps": agent_steps(run),
        "results": results,
        "ladder": steps,
    }
    run.write_json(run.evaluation.name, content)
    return content


def choose_agent(run: Run | str | Path, candidates: int = 8, episodes: int = EPISODES, *, seed: int = 2 * SEED) -> int:
    """Publica como `agent.zip` el mejor de los últimos `candidates` agentes guardados, o el promedio de todos ellos.

    El puntaje de un DQN sube y baja de un punto guardado al siguiente; promediar los pesos cancela buena parte de ese
    ruido (`coursekit.agents.average_agents`). El mejor de varios, en cambio, lo es en parte por suerte: si queda
    delante del promedio, los dos juegan otra vez, con semillas nuevas, y se publica el que gane. Ninguna de esas
    semillas es la de `evaluate_run`. `run.json` guarda todas las medias y, si ganó el promedio, de cuáles lo es.

    Devuelve los pasos del elegido; los del promedio son los de su agente más nuevo.
    """
    run = Run(run)
    info = run.info
    paths = dict(list(run.checkpoints().items())[-max(1, candidates) :])
    if not paths:
        raise FileNotFoundError(f"{str(run.path)!r} no tiene agentes guardados entre los que elegir.")

    def mean_score(agent, seed) -> float:
        return float(evaluate(agent, info["game"], episodes, seed=seed, **PROTOCOLS["default"])["score"].mean())

    means = {steps: mean_score(load_agent(path), seed) for steps, path in paths.items()}
    best = max(means, key=means.get)
    info["selection"] = {"episodes": episodes, "seed": seed, "means": {str(n): mean for n, mean in means.items()}}
    info.pop("averaged", None)
    if len(paths) > 1:
        average = average_agents(paths.values())
        duel = info["selection"]["average"] = mean_score(average, seed)
        rival = means[best]
        if duel <= rival:
            duel, rival = mean_score(average, seed + SEED), mean_score(load_agent(paths[best]), seed + SEED)
            info["selection"]["again"] = {"seed": seed + SEED, "best": rival, "average": duel}
        if duel > rival:
            best, info["averaged"] = max(paths), list(paths)
    if "averaged" in info:
        average.num_timesteps = best
        average.exploration_final_eps = info["hyperparameters"]["exploration_final_eps"]
        save_agent(average, run.agent)
    else:
        with atomic(run.agent) as temporary:
            temporary.write_bytes(paths[best].read_bytes())
    info["published_steps"] = best
    run.write_json("run.json", info)
    return best


def agent_steps(run: Run) -> int:
    """Pasos de entrenamiento del agente publicado, que puede no ser el último punto guardado."""
    return run.info.get("published_steps", run.info["steps"])
