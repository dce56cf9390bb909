"""El barrido: algoritmos × juegos × semillas, repartidos con Dask; cada corrida terminada es una carpeta (`sweep`)."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.comparison.algorithms import SMALL, find_algorithm, hyperparameters, make_agent, play
from coursekit.envs import find_game
from coursekit.evaluation import result
from coursekit.metrics import COLUMNS, TAGS, export_csv
from coursekit.runs import HALF_WRITTEN, Run, locked, new_evaluation, new_info, new_segment
from coursekit.training import checkpoint
from coursekit.training.agents import save_agent
from coursekit.training.recipe import SEED

import pandas as pd
import psutil
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from tqdm import tqdm

if TYPE_CHECKING:
    from distributed import Client

#: Evaluaciones a lo largo de cada corrida, además de la del agente sin entrenar; menos si no las separan 1,000 pasos.
CURVE = 10


def episodes(game: str) -> int:
    """Partidas voraces de cada evaluación: 50 en los juegos pequeños y 10 en Atari."""
    return 50 if game in SMALL else 10


def sweep(
    folder: str | Path,
    algorithms: Iterable[str],
    games: Iterable[str],
    seeds: int,
    steps: int,
    *,
    first_seed: int = 0,
    learning_rate: float | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
) -> list[Run]:
    """Entrena y evalúa cada algoritmo en cada juego con `seeds` semillas seguidas; devuelve todas las corridas.

    Parámetros
    ----------
    folder: carpeta del barrido. Cada corrida queda en `<juego>-<algoritmo>-<semilla>/`, con su `run.json`, sus
        `metrics/` y su `evaluation.json`. `metrics/greedy.csv` es el puntaje medio de partidas voraces a lo largo del
        entrenamiento.
    algorithms: nombres de `coursekit.comparison.algorithms.ALGORITHMS`.
    games: los de `coursekit.comparison.algorithms.SMALL` o juegos de Atari.
    seeds: cuántas semillas.
    steps: pasos del agente de cada corrida, los mismos para todas.
    first_seed: la primera semilla.
    learning_rate: la tasa de todos los algoritmos, en lugar de la que cada uno tiene en `hyperparameters`.
    scheduler: dirección de un planificador de Dask en marcha (`"tcp://maquina:8786"`), cuyos trabajadores deben ver
        la misma carpeta y tener instalado coursekit. Sin ella se usan procesos de esta máquina.
    workers: cuántos procesos de esta máquina (por defecto, uno por núcleo), de un hilo cada uno.

    Una corrida se escribe en una carpeta oculta y recibe su nombre al terminar: si se la ve, está completa. Un barrido
    interrumpido sigue donde quedó al pedirlo de nuevo, y uno completo no hace nada. Si muere un proceso, Dask repite
    en otro la corrida que llevaba, hasta tres veces; las de Atari, que son largas, siguen desde su última evaluación.

    Lanza `ValueError` si algo pedido no existe o la carpeta tiene corridas con otros pasos o hiperparámetros (no
    escribe nada), `ConnectionError` si el planificador no responde y `ModuleNotFoundError` si falta Dask.
    """
    algorithms = list(dict.fromkeys(find_algorithm(algorithm) for algorithm in algorithms))
    games = list(dict.fromkeys(_find_game(game) for game in games))
    for name, value in (("semillas", seeds), ("pasos", steps), ("procesos", 1 if workers is None else workers)):
        if value < 1:
            raise ValueError(f"Se pidieron {value} {name}; hace falta al menos 1.")
    if not algorithms or not games:
        raise ValueError("Para un barrido hace falta al menos un algoritmo y un juego.")
    changes = {} if learning_rate is None else {"learning_rate": learning_rate}
    command = _command(folder, algorithms, games, seeds, steps, first_seed, **changes)
    folder = Path(folder).resolve()
    runs, jobs = [], {}
    # Por semillas: lo que haya cuando se interrumpa estará repartido entre los algoritmos.
    for seed in range(first_seed, first_seed + seeds):
        for game in games:
            for algorithm in algorithms:
                run = Run(folder / f"{game.lower()}-{algorithm}-{seed}")
                runs.append(run)
                if not run.path.exists():
                    settings = hyperparameters(algorithm, game) | changes
                    jobs[run] = (game, algorithm, seed, steps, settings, command)
    for path in sorted({run.path for run in runs if run not in jobs} | {f.parent for f in folder.glob("*/run.json")}):
        _check(Run(path), steps, changes)
    if jobs:
        workers = min(workers or psutil.cpu_count(logical=False) or 1, len(jobs))
        with open_client(scheduler, workers) as client, locked(folder):
            print(f"Tablero de Dask: {client.dashboard_link}", file=sys.stderr)
            _distribute(client, jobs, len(runs))
            for half in folder.glob(f"{HALF_WRITTEN}*"):  # lo que dejaron los procesos que murieron
                shutil.rmtree(half, ignore_errors=True)
    return runs


def _find_game(game: str) -> str:
    if str(game).lower() in SMALL:
        return str(game).lower()
    try:
        return find_game(game)[0]
    except ValueError as error:
        raise ValueError(f"{error} Los juegos pequeños se llaman {' y '.join(map(repr, SMALL))}.") from None


def _check(run: Run, steps: int, changes: dict) -> None:
    """`ValueError` si una corrida que ya está en la carpeta no es comparable con las que se piden."""
    info = run.info
    if info["total_steps"] != steps:
        raise ValueError(f"{str(run.path)!r} es de {info['total_steps']} pasos y no de {steps}: elija otra carpeta.")
    expected = hyperparameters(info["algorithm"], info["game"]) | changes
    if info["hyperparameters"] != expected:
        names = sorted(
            n for n in {*expected, *info["hyperparameters"]} if info["hyperparameters"].get(n) != expected.get(n)
        )
        raise ValueError(f"{str(run.path)!r} se entrenó con otros hiperparámetros ({names}): elija otra carpeta.")


@contextmanager
def open_client(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Un cliente del planificador `scheduler` o, sin él, de procesos de esta máquina que se cierran al salir."""
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "Esta orden se reparte con Dask, que no está instalado: «pip install distributed bokeh»."
        ) from None
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,  # sin él, Dask mataría a quien pase de su parte de la memoria
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                preload=__name__,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, ValueError):
        raise ConnectionError(
            f"El planificador {scheduler!r} no responde: revise la dirección que imprime «dask scheduler»."
        ) from None
    with client:
        yield client


def dask_setup(worker) -> None:
    """Lo llama Dask al empezar cada proceso de esta máquina. Ctrl-C es para quien empezó el barrido: él los cierra."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _distribute(client: Client, jobs: dict[Run, tuple], total: int) -> None:
    from distributed import KilledWorker, as_completed

    futures = {
        client.submit(train_run, str(run.path), *job, key=str(run.path), priority=-order): run
        for order, (run, job) in enumerate(jobs.items())
    }
    bar = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} corridas [van {elapsed}, faltan {remaining}]"
    with tqdm(total=total, initial=total - len(jobs), bar_format=bar) as progress:
        for future in as_completed(futures):
            try:
                future.result()
            except KilledWorker:
                raise OSError(
                    f"La corrida {futures[future].path.name!r} mató varias veces a su proceso (¿falta memoria?); "
                    "las que terminaron están en su carpeta. Pida menos procesos y vuelva a empezar el barrido."
                ) from None
            if not futures[future].path.exists():
                raise OSError(
                    f"La corrida {futures[future].path.name!r} terminó en otra máquina y no se ve desde aquí: "
                    "la carpeta del barrido debe estar en un disco que compartan todas."
                )
            progress.update()


def train_run(path: str, game: str, algorithm: str, seed: int, steps: int, hyperparameters: dict, command: str) -> None:
    """Entrena y evalúa una corrida; la carpeta `path` aparece cuando todo está escrito. Es lo que hace cada proceso."""
    torch.set_num_threads(1)
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    half, long = f"{HALF_WRITTEN}{final.name}", game not in SMALL
    run = Run(final.parent / half if long else tempfile.mkdtemp(prefix=f"{half}-", dir=final.parent))
    info = {**new_info(game, algorithm, seed, hyperparameters, steps), "command": command, "curve": []}
    try:
        with locked(run.path):
            if long:  # lo que se pidió, para que nadie siga con otros hiperparámetros
                run.write_json("run.json", info)
            _train_and_evaluate(run, info, long)
        shutil.rmtree(run.state.parent)  # terminada, no hay qué seguir
        run.path.chmod(0o755)
        if not final.exists():  # otro proceso pudo haberla repetido
            os.rename(run.path, final)
    finally:
        if final.exists() or not long:
            shutil.rmtree(run.path, ignore_errors=True)


def _train_and_evaluate(run: Run, info: dict, long: bool) -> None:
    """Entrena, o sigue desde el punto guardado, y deja en la carpeta todo lo de una corrida terminada."""
    game, steps = info["game"], info["total_steps"]
    state = checkpoint.read(run) if long else {}
    model = make_agent(info["algorithm"], game, steps, seed=info["seed"], **info["hyperparameters"])
    curve = _Curve(run, state.get("info", info), long)
    if state:
        curve.refill(model, checkpoint.restore(model, run, state))
    writer = checkpoint.ResumableTensorBoard(run.tensorboard, model.num_timesteps)
    model.set_logger(Logger(str(run.tensorboard), [writer]))
    model.learn(steps - model.num_timesteps, curve, log_interval=None, reset_num_timesteps=not state)
    model.logger.close()
    model.get_env().close()
    export_csv(run, only=TAGS)
    pd.DataFrame(curve.info.pop("curve"), columns=COLUMNS).to_csv(run.metrics / "greedy.csv", index=False)
    if long:
        save_agent(model, run.agent)
    greedy = result(curve.table, game if long else None, epsilon=0.0, sticky=0.0)
    protocol = {"episodes": len(curve.table), "seed": SEED}
    run.write_json(run.evaluation.name, new_evaluation(protocol, model.num_timesteps, {"greedy": greedy}))
    run.write_json("run.json", {**curve.info, "steps": model.num_timesteps})


class _Curve(BaseCallback):
    """Evalúa al agente de forma voraz cada tanto, antes de empezar y al final; al mismo tiempo anota sus métricas.

    En las corridas largas, cada evaluación deja también un punto guardado.
    """

    def __init__(self, run: Run, info: dict, saves: bool):
        super().__init__()
        self.run, self.info, self.saves = run, info, saves
        self.steps, self.every = info["total_steps"], max(info["total_steps"] / CURVE, 1_000)
        self.learns_from, self.start = 0, (time.monotonic(), time.process_time())

    def refill(self, model: BaseAlgorithm, steps: int) -> None:
        """Que `model` juegue `steps` pasos sin corregirse: su memoria de repetición está vacía."""
        if steps:
            self.learns_from, self.updates = model.num_timesteps + steps, model.gradient_steps
            model.gradient_steps = 0

    def _on_training_start(self) -> None:
        self.info["segments"].append(new_segment(self.num_timesteps, self.info["command"], "cpu"))
        if not self.num_timesteps:
            self._evaluate()

    def _on_step(self) -> bool:
        if 0 < self.learns_from <= self.num_timesteps:
            self.learns_from, self.model.gradient_steps = 0, self.updates
        if len(self.info["curve"]) * self.every <= self.num_timesteps < self.steps:
            self._evaluate()
        return True

    def _on_training_end(self) -> None:
        self._evaluate()

    def _evaluate(self) -> None:
        game, n, spent = self.info["game"], self.num_timesteps, checkpoint.spent(self.start)
        self.table = play(self.model, game, episodes(game))
        known = [point for point in self.info["curve"] if point[1] < n]
        self.info["curve"] = [*known, (time.time(), n, float(self.table["score"].mean()))]
        self.info["segments"][-1] |= {"to_step": n, **spent}
        self.model.dump_logs()
        if self.saves:
            checkpoint.save(self.model, self.run, self.info)


def _command(
    folder: str | Path, algorithms: list[str], games: list[str], seeds: int, steps: int, first_seed: int, **changes
) -> str:
    """La orden que repite el barrido."""
    options = ["--algorithms", *algorithms, "--games", *games, "--seeds", str(seeds), "--steps", str(steps)]
    options += ["--first-seed", str(first_seed)] if first_seed else []
    options += [word for name, value in changes.items() for word in (f"--{name.replace('_', '-')}", f"{value:g}")]
    return shlex.join(["coursekit", "sweep", Path(folder).as_posix(), *options])
