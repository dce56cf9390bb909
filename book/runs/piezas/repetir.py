"""Repite los experimentos del capítulo 3 y escribe sus resultados en esta carpeta.

    python book/runs/piezas/repetir.py

No tiene código de DQN: ejecuta las celdas del capítulo que llevan la etiqueta «dqn» y les cambia una pieza, o un
número, cada vez. Tarda cerca de una hora en un núcleo. Escribe después de cada semilla; si se interrumpe, al pedirlo de
nuevo sigue con las que faltan.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.comparison.algorithms import SmallCNN
from coursekit.runs import machine, versions

import pandas as pd
import torch
from stable_baselines3 import DQN

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parents[1] / "03_dqn_desde_cero.ipynb"
SEEDS = 8
STEPS = {"atrapa": 12_000, "racha": 24_000, "señuelo": 24_000, "sorpresa": 24_000}


def chapter(notebook: Path = NOTEBOOK) -> dict:
    """Lo que definen las celdas «dqn» del capítulo."""
    names: dict = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "dqn" in cell["metadata"].get("tags", ()):
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names


def variants(names: dict) -> dict[tuple[str, str], dict]:
    """(juego, variante) → lo que se le cambia al agente del capítulo."""
    pieces, network = names["piezas"], names["QNetwork"]

    def double_target(batch, agent):
        with torch.no_grad():
            chosen = agent.q_net(batch.next_observations).argmax(dim=1, keepdim=True)
            value = agent.q_net_target(batch.next_observations).gather(1, chosen)
            return batch.rewards + (1 - batch.dones) * agent.gamma * value

    def squared_loss(batch, q_net, target):
        return 0.5 * (q_net(batch.observations).gather(1, batch.actions) - target).square().mean()

    squared = {"piezas": pieces | {"compute_loss": squared_loss}}
    greedy = {"exploration_initial_eps": 0.0, "exploration_final_eps": 0.0}
    return {
        ("atrapa", "DQN"): {},
        ("atrapa", "Double DQN"): {"piezas": pieces | {"compute_target": double_target}},
        ("atrapa", "zancada 2"): {"red": lambda: network(stride=2)},
        ("atrapa", "zancada 2, 128 canales"): {"red": lambda: network(channels=128, stride=2)},
        ("atrapa", "DQN de SB3"): {},
        ("racha", "DQN"): {},
        ("racha", "memoria corta"): {"buffer_size": 64},
        ("racha", "lote de 16"): {"batch_size": 16},
        ("racha", "memoria corta y lote de 16"): {"buffer_size": 64, "batch_size": 16},
        ("racha", "sin red objetivo"): {"target_update_interval": 16},
        ("racha", "sin Huber"): squared,
        ("racha", "sin exploración"): greedy,
        ("racha", "DQN de SB3"): {},
        ("señuelo", "DQN"): {},
        ("señuelo", "sin exploración"): greedy,
        ("sorpresa", "DQN"): {},
        ("sorpresa", "sin Huber"): squared,
    }


def train_sb3(names: dict, game, seed: int, steps: int, look) -> list:
    """El DQN de SB3, con los mismos ajustes y la misma red; mira en los mismos pasos que `learn`."""
    env = names["make_vec_env"](game, n_envs=16, seed=seed)
    model = DQN(
        "CnnPolicy",
        env,
        train_freq=1,
        seed=seed,
        device="cpu",
        policy_kwargs={"features_extractor_class": SmallCNN, "net_arch": []},
        **names["ajustes"],
    )
    seen = [look(model)]

    def callback(*_):
        if model.num_timesteps % (steps // 10) == 0:
            seen.append(look(model))
        return True

    model.learn(steps, callback=callback)
    return seen


def experiment(names: dict, game: str, variant: str, changes: dict, seed: int) -> list[dict]:
    """Una corrida: un renglón por cada vez que se miró al agente."""
    options = {"señuelo": {"senuelo": 1.0}, "sorpresa": {"sorpresa": 20.0}}.get(game, {})
    made = names["CatchEnv"] if game == "atrapa" else names["racha"](**options)
    scored = names["CatchEnv"] if game == "atrapa" else names["racha"](senuelo=options.get("senuelo", 0.0))
    steps = STEPS[game]

    def look(agent):
        row = {"paso": agent.num_timesteps}
        row["atrapadas"] = names["evaluate"](agent.q_net, scored, 200 if game == "atrapa" else 50).mean()
        if game == "atrapa":
            with torch.no_grad():
                first = agent.q_net(names["pantallas"][0])
            row["promesa"] = first.max(dim=1).values.mean().item()
            row |= {f"error_{i}": error for i, error in enumerate(names["error_por_fila"](agent.q_net))}
        return row

    if variant == "DQN de SB3":
        rows = train_sb3(names, made, seed, steps, look)
    else:
        rows = names["learn"](names["Agente"](made, seed=seed, **changes), steps, look)
    return [{"juego": game, "variante": variant, "semilla": seed, **row} for row in rows]


def main(notebook: Path = NOTEBOOK, seeds: int = SEEDS) -> None:
    names, table, began = chapter(notebook), HERE / "curvas.csv", time.time()
    done = pd.read_csv(table) if table.exists() else pd.DataFrame(columns=["juego", "variante", "semilla"])
    ready = set(done[["juego", "variante", "semilla"]].itertuples(index=False, name=None))
    for seed in range(seeds):
        for (game, variant), changes in variants(names).items():
            if (game, variant, seed) in ready:
                continue
            rows = experiment(names, game, variant, changes, seed)
            done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
            done.to_csv(table, index=False, float_format="%.4g")
            print(f"{time.time() - began:6.0f} s  {game}, {variant}, semilla {seed}: {rows[-1]['atrapadas']:.2f}")
            sys.stdout.flush()
    info = {
        "command": "python book/runs/piezas/repetir.py",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": seeds,
        "steps": STEPS,
        "settings": names["ajustes"],
        "versions": versions(),
        "machine": machine(),
    }
    text = json.dumps(info, ensure_ascii=False, indent=2)
    (HERE / "experimento.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
