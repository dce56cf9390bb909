"""Repite los experimentos del capítulo 9 y escribe sus resultados en esta carpeta.

    python book/runs/museo/repetir.py

Dos errores del museo dicen que el agente aprende menos; aquí se mide cuánto, en «atrapa», con ocho semillas. Un tercero
confunde una semilla con un resultado; aquí se entrena lo mismo con doce. Las funciones son las de las celdas «museo»
del capítulo. Tarda unos diez minutos en un núcleo. Escribe después de cada semilla; si se interrumpe, al pedirlo de
nuevo sigue con lo que falta.
"""

import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coursekit.runs import machine, versions

import pandas as pd
from stable_baselines3 import DQN

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parents[1] / "09_errores_frecuentes.ipynb"
STEPS = {"pieza 5": 12_000, "pieza 10": 40_000, "pieza 10, joven": 6_000, "pieza 12": 8_000}
SEEDS = {"pieza 5": 8, "pieza 10": 8, "pieza 10, joven": 8, "pieza 12": 12}
SETTINGS = {
    "learning_rate": 2e-3,
    "buffer_size": 20_000,
    "learning_starts": 500,
    "batch_size": 64,
    "target_update_interval": 480,
    "exploration_fraction": 0.5,
    "device": "cpu",
}


def chapter(notebook: Path = NOTEBOOK) -> dict:
    """Lo que definen las celdas «museo» del capítulo, la entrada."""
    names: dict = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "museo" in cell["metadata"].get("tags", ()):
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names


def proportion(names: dict, seed: int) -> list[dict]:
    """Pieza 5: 4 ambientes, con una actualización cada 16 transiciones y cada 4."""
    rows = []
    for train_freq in (4, 1):
        model = DQN("MlpPolicy", names["pelotas"](4, seed), train_freq=train_freq, seed=seed, **SETTINGS)
        model.learn(STEPS["pieza 5"])
        score = names["atrapadas"](model, deterministic=True)
        rows.append({"pieza": 5, "variante": f"train_freq={train_freq}", "momento": 12_000, "atrapadas": score})
    return rows


def lost_memory(names: dict, seed: int, trained: str = "pieza 10", age: str = "") -> list[dict]:
    """Pieza 10: se guarda un agente, y se lo sigue entrenando con su memoria, sin ella y después de rellenarla."""
    model = DQN("MlpPolicy", names["pelotas"](16, seed), train_freq=1, seed=seed, **SETTINGS)
    model.learn(STEPS[trained])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "ayer.zip")
        model.save_replay_buffer(Path(folder) / "memoria.pkl")
        for variant in ("con su memoria", "sin ella", "rellenada"):
            again = DQN.load(Path(folder) / "ayer.zip", env=names["pelotas"](16, seed + 500), device="cpu")
            if variant == "con su memoria":
                again.load_replay_buffer(Path(folder) / "memoria.pkl")
            again.exploration_schedule = lambda _: 0.05  # que ε no vuelva a subir: aquí se mide otra cosa
            if variant == "rellenada":
                usual, again.gradient_steps = again.gradient_steps, 0
                again.learn(4_000, reset_num_timesteps=False)
                again.gradient_steps = usual
            rows.append({"momento": 0, "atrapadas": names["atrapadas"](again, deterministic=True)})
            rows[-1] |= {"pieza": 10, "variante": age + variant}
            for after in (320, 640, 1_280, 2_560):
                done = after - rows[-1]["momento"]
                again.learn(done, reset_num_timesteps=False)
                score = names["atrapadas"](again, deterministic=True)
                rows.append({"pieza": 10, "variante": age + variant, "momento": after, "atrapadas": score})
    return rows


def lost_young_memory(names: dict, seed: int) -> list[dict]:
    """Pieza 10, otra vez, con un agente que todavía no atrapa todo: lo que pierda o gane se puede ver."""
    return lost_memory(names, seed, "pieza 10, joven", "joven, ")


def one_method(names: dict, seed: int) -> list[dict]:
    """Pieza 12: el mismo entrenamiento, con la función del capítulo; solo cambia la semilla."""
    score = names["entrenar"](seed, STEPS["pieza 12"])
    return [{"pieza": 12, "variante": "la misma", "momento": STEPS["pieza 12"], "atrapadas": score}]


EXPERIMENTS = {  # cada uno, con la primera de sus variantes
    "pieza 5": (proportion, "train_freq=4"),
    "pieza 10": (lost_memory, "con su memoria"),
    "pieza 10, joven": (lost_young_memory, "joven, con su memoria"),
    "pieza 12": (one_method, "la misma"),
}


def main(notebook: Path = NOTEBOOK, seeds: dict[str, int] = SEEDS) -> None:
    names, table, began = chapter(notebook), HERE / "curvas.csv", time.time()
    columns = ["pieza", "variante", "semilla", "momento", "atrapadas"]
    done = pd.read_csv(table) if table.exists() else pd.DataFrame(columns=columns)
    ready = set(done[["variante", "semilla"]].itertuples(index=False, name=None))
    for name, (experiment, first) in EXPERIMENTS.items():
        for seed in range(seeds[name]):
            if (first, seed) in ready:
                continue
            rows = [{"semilla": seed, **row} for row in experiment(names, seed)]
            done = pd.concat([done, pd.DataFrame(rows)[columns]], ignore_index=True)
            done.to_csv(table, index=False, float_format="%.4g")
            print(f"{time.time() - began:6.0f} s  {name}, semilla {seed}", flush=True)
    info = {
        "command": "python book/runs/museo/repetir.py",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": seeds,
        "steps": STEPS,
        "settings": SETTINGS,
        "versions": versions(),
        "machine": machine(),
    }
    text = json.dumps(info, ensure_ascii=False, indent=2)
    (HERE / "experimento.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
