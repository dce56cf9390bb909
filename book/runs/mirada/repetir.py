"""Repite lo que el capítulo 7 publica y lo escribe en esta carpeta.

    python book/runs/mirada/repetir.py [promesas] [estorbos] [video]

`promesas.csv`: lo que prometen y obtienen varios puntos guardados de la corrida de Breakout, y el agente publicado, en
24 partidas con los mismos comienzos. `estorbos.csv`: diez partidas con cada estorbo. `lupa.mp4`: diez segundos de juego
vistos con la lupa. Sin argumentos hace las tres cosas, en menos de una hora de un núcleo.

Las funciones son las de las celdas «ver» del capítulo.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

from coursekit.evaluation import evaluate, load_agent
from coursekit.runs import Run, machine, versions

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parents[1] / "07_que_ve_el_agente.ipynb"
RUN = HERE.with_name("breakout-dqn")
GAMMA, LIVES = 0.99, 5
#: Los puntos guardados que se miden, además del agente publicado.
RUNGS = (1_000_000, 2_500_000, 5_906_992)
GAMES, STEPS, TAIL, SEED = 24, 1_300, 300, 50_000
HANDICAP_GAMES, HANDICAP_SEED = 10, 40_000
#: El tramo del video: pasos de una partida que se juega sola.
FILM = {"seed": 50_000, "steps": 560, "from": 410, "to": 560, "rate": 10}


def chapter(notebook: Path = NOTEBOOK) -> dict:
    """Lo que definen las celdas «ver» del capítulo, que no juegan ni cargan nada."""
    names: dict = {"juego": "Breakout"}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "ver" in cell["metadata"].get("tags", ()):
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names


def bricks_so_far(rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Cuántos ladrillos van rotos en la partida antes de cada paso; `ends` son las vidas que se pierden."""
    broken = np.zeros(rewards.shape, dtype=int)
    count, lost = np.zeros((2, rewards.shape[1]), dtype=int)
    for t in range(len(rewards)):
        broken[t] = count
        count += rewards[t].astype(int)
        lost += ends[t]
        count[ends[t] & (lost % LIVES == 0)] = 0
    return broken


def promises(names: dict, q: np.ndarray, rewards: np.ndarray, ends: np.ndarray) -> list[dict]:
    """Una fila por partida y tramo, con medias sobre sus pantallas."""
    value, left = q.max(axis=2), np.arange(len(q), 0, -1)[:, None]
    unfinished = np.cumsum(ends[::-1], axis=0)[::-1] == 0
    quantities = {
        "prometido": value,
        "obtenido": names["retornos"](rewards, ends, GAMMA),
        "faltante": np.where(unfinished, GAMMA**left * value[-1], 0),
        "pareja2": (q[..., 0] - q[..., 1]) ** 2,
        "exceso": value - np.maximum(q[..., :2].mean(axis=2), q[..., 2:].max(axis=2)),
    }
    broken, counted, playing = bricks_so_far(rewards, ends), left > TAIL, names["en_juego"](ends)
    stretches = {
        "todo": counted,
        "primeros 200 pasos": left > len(q) - 200,
        "menos de 20 ladrillos": counted & (broken < 20),
        "20 ladrillos o más": counted & (broken >= 20),
    }
    rows = []
    for stretch, where in stretches.items():
        where = np.broadcast_to(where, value.shape)
        for game in range(value.shape[1]):
            here = where[:, game]
            row = {"partida": game, "tramo": stretch, "pantallas": int(here.sum())}
            for name, table in quantities.items():
                chosen = here & playing[:, game] if name in ("pareja2", "exceso") else here
                row[name] = table[chosen, game].mean() if chosen.any() else None
            rows.append(row)
    return rows


def label(steps: int) -> str:
    return f"{steps:,}"


def write_promises(names: dict, played: dict | None = None) -> None:
    """Mide cada agente; `played` puede traer ya jugados los valores Q, las recompensas y los finales de algunos."""
    run, rows, played = Run(RUN), [], played or {}
    agents = {label(steps): run.checkpoints()[steps] for steps in RUNGS} | {"publicado": run}
    for name, source in agents.items():
        began = time.time()
        arrays = played.get(name) or names["jugar"](load_agent(source), GAMES, STEPS, seed=SEED)[:3]
        rows += [{"agente": name, **row} for row in promises(names, *arrays)]
        pd.DataFrame(rows).to_csv(HERE / "promesas.csv", index=False, float_format="%.5g")
        print(f"{time.time() - began:6.0f} s  {name}", flush=True)


def handicaps(names: dict) -> dict:
    def eight_rows(observations):
        observations[..., :8, :] = 0
        return observations

    return names["ESTORBOS"] | {"sin 8 filas": eight_rows}


def write_handicaps(names: dict) -> None:
    agent, rows = load_agent(Run(RUN)), []
    for name, cover in handicaps(names).items():
        options = {"episodes": HANDICAP_GAMES, "seed": HANDICAP_SEED, "n_envs": HANDICAP_GAMES}
        games = evaluate(names["Tapado"](agent, cover), "Breakout", **options)
        rows += [{"estorbo": name, "puntaje": score, "pasos": length // 4} for score, length in
                 zip(games["score"], games["length"], strict=True)]  # fmt: skip
        pd.DataFrame(rows).to_csv(HERE / "estorbos.csv", index=False, float_format="%.5g")
        print(f"{games['score'].mean():6.1f}  {name}", flush=True)


def film(names: dict) -> None:
    """Graba la lupa: primero todos los mapas, para que el brillo signifique lo mismo en cada cuadro."""
    import imageio.v2 as imageio
    import matplotlib.pyplot as plt

    agent = load_agent(Run(RUN))
    q, rewards, _, screens = names["jugar"](agent, 1, FILM["steps"], seed=FILM["seed"])
    moments = range(FILM["from"], FILM["to"])
    maps = [names["por_oclusion"](agent, screens[t])[1] for t in moments]
    top = np.percentile(maps, 99.5)
    with imageio.get_writer(HERE / "lupa.mp4", fps=FILM["rate"], codec="libx264", macro_block_size=2) as movie:
        for t, heat in zip(moments, maps, strict=True):
            arguments = (t, q[:, 0], screens, rewards[:, 0], heat, top, FILM["from"], FILM["to"])
            figure = names["dibujar_lupa"](*arguments)
            figure.set_dpi(100)
            figure.canvas.draw()
            movie.append_data(np.asarray(figure.canvas.buffer_rgba())[:, :, :3])
            plt.close(figure)


def main(wanted: list[str]) -> None:
    names, began = chapter(), time.time()
    jobs = {"promesas": write_promises, "estorbos": write_handicaps, "video": film}
    if unknown := set(wanted) - set(jobs):
        sys.exit(f"No hay nada llamado {', '.join(sorted(unknown))}: se puede pedir {', '.join(jobs)}.")
    for name in wanted or jobs:
        jobs[name](names)
    info = {
        "command": "python book/runs/mirada/repetir.py",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.time() - began) / 60),
        "promises": {"rungs": RUNGS, "games": GAMES, "steps": STEPS, "tail": TAIL, "seed": SEED, "epsilon": 0.01},
        "handicaps": {"games": HANDICAP_GAMES, "seed": HANDICAP_SEED, "epsilon": 0.01},
        "film": FILM,
        "versions": versions(),
        "machine": machine(),
    }
    (HERE / "experimento.json").write_text(json.dumps(info, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
