"""Juega con los agentes publicados una partida sin azar por cada número de acciones nulas y la anota en esta carpeta.

    python book/runs/voraz/repetir.py

El sorteo del comienzo es lo único que distingue dos partidas voraces (capítulo 6): jugándolas todas se conoce su media
exacta. De cada una se guarda también una huella de sus acciones: dos partidas con la misma huella son la misma, aunque
una haya empezado unos cuadros después. Tarda unos minutos en un núcleo.
"""

import json
import os
import zlib
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.envs import make_vec_env
from coursekit.evaluation import SEED, load_agent
from coursekit.runs import Run, machine, versions
from coursekit.training.vec_env import AleVecEnv

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
RUNS = ("breakout-dqn", "pong-dqn", "space_invaders-dqn")
COLUMNS = ["juego", "nulas", "semilla", "puntaje", "cuadros", "huella"]


def no_ops(env: AleVecEnv) -> np.ndarray:
    """Cuántas acciones nulas jugó ALE al comenzar cada copia (cada una es un cuadro)."""
    _, info = env._ale.reset(seed=np.array(env._seeds))
    return info["episode_frame_number"]


def a_seed_of_each(game: str, together: int = 31, rounds: int = 12) -> dict[int, int]:
    """Número de acciones nulas → la primera semilla que lo sortea, desde `SEED`."""
    env, found = make_vec_env(game, together, SEED, training=False, threads=1), {}
    for first in range(SEED, SEED + together * rounds, together):
        env.seed(first)
        for seed, drawn in zip(range(first, first + together), no_ops(env).tolist(), strict=True):
            found.setdefault(drawn, seed)
    env.close()
    return dict(sorted(found.items()))


def play_all(run: Run) -> list[dict]:
    """Una fila de `COLUMNS` por número de acciones nulas."""
    game, agent = run.info["game"], load_agent(run)
    seeds = a_seed_of_each(game)
    env = make_vec_env(game, len(seeds), SEED, training=False, threads=1)
    env._seeds = list(seeds.values())
    assert no_ops(env).tolist() == list(seeds)
    env._seeds = list(seeds.values())
    obs, rows, marks = env.reset(), {}, [0] * len(seeds)
    while len(rows) < len(seeds):
        actions, _ = agent.predict(obs, deterministic=True)
        obs, _, dones, infos = env.step(actions)
        for i, no_op in enumerate(seeds):
            marks[i] = zlib.crc32(bytes([int(actions[i])]), marks[i])
            if dones[i] and i not in rows:
                end = infos[i]["episode"]
                rows[i] = {"juego": game, "nulas": no_op, "semilla": seeds[no_op], "puntaje": int(end["r"])}
                rows[i] |= {"cuadros": end["l"], "huella": f"{marks[i]:08x}"}
    env.close()
    return [rows[i] for i in sorted(rows)]


def main(runs: Path = HERE.parent) -> None:
    rows = [row for name in RUNS for row in play_all(Run(runs / name))]
    pd.DataFrame(rows)[COLUMNS].to_csv(HERE / "partidas.csv", index=False)
    info = {
        "command": "python book/runs/voraz/repetir.py",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "agents": {name: Run(runs / name).results["agent_steps"] for name in RUNS},
        "versions": versions(),
        "machine": machine(),
    }
    text = json.dumps(info, ensure_ascii=False, indent=2)
    (HERE / "experimento.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
