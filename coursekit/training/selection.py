"""Qué agente se publica: el mejor de los últimos, o el promedio de sus pesos, decidido con partidas aparte."""

from __future__ import annotations

from pathlib import Path

from coursekit.evaluation import evaluate
from coursekit.runs import Run, atomic, locked
from coursekit.training.agents import average_agents, load_agent, save_agent
from coursekit.training.recipe import EPISODES, PROTOCOLS, SEED


def choose_agent(run: Run | str | Path, candidates: int = 8, episodes: int = EPISODES, *, seed: int = 2 * SEED) -> int:
    """Publica como `agent.zip` el mejor de los últimos `candidates` agentes guardados, o el promedio de todos ellos.

    El puntaje de un DQN sube y baja de un punto guardado al siguiente; promediar los pesos cancela buena parte de ese
    ruido (`coursekit.training.agents.average_agents`). El mejor de varios, en cambio, lo es en parte por suerte: si
    queda delante del promedio, los dos juegan otra vez, con semillas nuevas, y se publica el que gane. Ninguna de esas
    semillas es la de `evaluate_run`. `run.json` guarda todas las medias y, si ganó el promedio, de cuáles lo es.

    Devuelve los pasos del elegido; los del promedio son los de su agente más nuevo.
    """
    run = Run(run)
    with locked(run.path):
        return _choose(run, run.info, candidates, episodes, seed)


def _choose(run: Run, info: dict, candidates: int, episodes: int, seed: int) -> int:
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
        average.exploration_final_eps = info["hyperparameters"].get("exploration_final_eps", 0.0)  # A2C y PPO no tienen
        save_agent(average, run.agent)
    else:
        with atomic(run.agent) as temporary:
            temporary.write_bytes(paths[best].read_bytes())
    info["published_steps"] = best
    run.write_json("run.json", info)
    return best
