"""El comienzo de 24 entrenamientos en Breakout: tres recetas, ocho semillas, 50,000 pasos (una hora de un núcleo).

    python book/runs/arranque/repetir.py CARPETA
    python book/runs/arranque/repetir.py --largas CARPETA

Cada corrida es la de `coursekit train CARPETA/arranque-<receta>-s<semilla>` con lo que dice `RECIPES`; las que ya están
en la carpeta no se repiten. De cada agente de 50,000 pasos se mide, en las mismas pantallas, qué parte de las unidades
de cada capa no se activa en ninguna, y cuánto cambian los valores Q de una pantalla a otra. Escribe `arranque.csv`.

Con `--largas` mide lo mismo en los puntos guardados de las corridas de CARPETA que están también en `runs/ensayos`
(la orden que hizo cada una está en su `run.json`) y escribe `largas.csv`.
"""

import sys
from pathlib import Path

from coursekit.envs import make_vec_env
from coursekit.runs import Run
from coursekit.training.agents import load_agent
from coursekit.training.loop import train

import numpy as np
import pandas as pd
import torch

HERE = Path(__file__).parent
SEEDS, STEPS = range(8), 50_000
RECIPES = {
    "1e-4": {},
    "2.5e-4": {"learning_rate": 2.5e-4},
    "sube": {"learning_rate": 2.5e-4, "learning_rate_warmup": 100_000},
}
LAYERS = ("conv1", "conv2", "conv3", "densa")


def screens() -> torch.Tensor:
    """Pantallas de un juego al azar: 80 pilas de cuatro cuadros, `uint8` de `(80, 4, 84, 84)`."""
    env = make_vec_env("Breakout", 4, seed=7)
    rng = np.random.default_rng(0)
    seen = [env.reset()] + [env.step(rng.integers(0, 4, 4))[0] for _ in range(59)]
    env.close()
    return torch.as_tensor(np.concatenate(seen[::3]))


@torch.no_grad()
def off(agent, observations: torch.Tensor) -> dict[str, float]:
    """De cada capa, la parte de sus unidades (canales, en las convoluciones) que da cero en todas las pantallas."""
    extractor, shares = agent.q_net.features_extractor, []
    hidden = observations.float() / 255
    for layer in (*extractor.cnn, *extractor.linear):
        hidden = layer(hidden)
        if isinstance(layer, torch.nn.ReLU):
            peak = hidden.amax(dim=(0, 2, 3)) if hidden.ndim == 4 else hidden.amax(dim=0)
            shares.append((peak == 0).float().mean().item())
    spread = agent.q_net.q_net(hidden).std(dim=0).max().item()
    return {**dict(zip(LAYERS, shares, strict=True)), "q_spread": spread}


def measured(path: Path, observations: torch.Tensor) -> dict[str, str]:
    return {name: f"{value:.5f}" for name, value in off(load_agent(path), observations).items()}


def starts(folder: str) -> None:
    rows, observations = [], screens()
    for recipe, changes in RECIPES.items():
        for seed in SEEDS:
            path = Path(folder) / f"arranque-{recipe}-s{seed}"
            run = train(path, "Breakout", STEPS, seed=seed, resume=True, progress=False, **changes)
            rows.append({"recipe": recipe, "seed": seed, **measured(run.checkpoint(STEPS), observations)})
    pd.DataFrame(rows).to_csv(HERE / "arranque.csv", index=False)


def long_runs(folder: str) -> None:
    rows, observations = [], screens()
    for name in sorted(path.parent.name for path in (HERE.parent / "ensayos").glob("*/run.json")):
        recipe, seed = name.rsplit("-s", 1)
        for steps, path in Run(Path(folder) / name).checkpoints().items():
            rows.append({"recipe": recipe, "seed": seed, "steps": steps, **measured(path, observations)})
    pd.DataFrame(rows).to_csv(HERE / "largas.csv", index=False)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--largas"] and len(sys.argv) == 3:
        long_runs(sys.argv[2])
    elif len(sys.argv) == 2:
        starts(sys.argv[1])
    else:
        sys.exit(__doc__)
