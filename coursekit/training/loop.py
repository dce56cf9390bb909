"""Una corrida de principio a fin (`train`): qué se anota y se guarda en el camino, y cómo se interrumpe y se sigue."""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coursekit import metrics
from coursekit.envs import BACKENDS, find_game, make_vec_env
from coursekit.runs import HALF_WRITTEN, Run, atomic, find_name, locked, new_info, new_segment
from coursekit.training import checkpoint, recipe
from coursekit.training.agents import save_agent
from coursekit.training.model import make_dqn

from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import LinearSchedule
from tqdm import tqdm


def train(
    path: str | Path,
    game: str | None = None,
    total_steps: int | None = None,
    *,
    algorithm: str | None = None,
    seed: int | None = None,
    resume: bool = False,
    backend: str | None = None,
    sticky: float | None = None,
    checkpoint_every: int = 50_000,
    log_every: int = 1_000,
    progress: bool = True,
    device: str = "auto",
    **hyperparameters,
) -> Run:
    """Entrena un DQN, o un pariente, y deja en la carpeta `path` lo que hace falta para mirarlo, repetirlo y seguirlo.

    Parámetros
    ----------
    path: carpeta de la corrida. Si ya tiene una, hay que pedir `resume=True`.
    game: nombre del juego (Breakout). total_steps: pasos del agente (transiciones) en total, también al seguir
        (1,000,000).
    algorithm: `"dqn"`, `"munchausen-dqn"` o `"qr-dqn"` (`"dqn"`).
    seed: semilla de la red, de la exploración y de los ambientes (0).
    resume: sigue desde el último punto guardado: pasos, ε, optimizador y curvas. La memoria de repetición también,
        si el entrenamiento se cerró en orden; si no, se vuelve a llenar antes de seguir actualizando la red. Lo que no
        se diga es lo de la corrida; solo pueden cambiar los pasos y los hiperparámetros, y el cambio queda anotado.
        Si la carpeta no tiene una corrida, la comienza.
    backend, sticky: como en `coursekit.envs.make_vec_env` (`"ale"` y 0.0).
    checkpoint_every, log_every: pasos entre puntos guardados y entre filas de métricas.
    progress: muestra una barra con tiempo restante, puntaje medio, ε y pasos por segundo.
    hyperparameters: reemplazan valores de `coursekit.training.recipe.DEFAULTS`.

    Ctrl-C guarda y se detiene en orden. Lo peor que puede pasar (un corte de luz) pierde los pasos dados desde el
    último punto guardado y nunca deja un archivo a medias. Dos entrenamientos no pueden usar la misma carpeta a la vez.

    Lanza `FileExistsError` si la carpeta tiene una corrida y no se pidió seguirla, `BlockingIOError` si otro
    entrenamiento la está usando y `ValueError` si algo de lo pedido no es posible.
    """
    run = Run(path)
    asked = {"game": game and find_game(game)[0], "seed": seed, "backend": backend, "sticky": sticky}
    asked["algorithm"] = algorithm and find_name(algorithm, recipe.ALGORITHMS, "el algoritmo")
    for name, steps in (("total_steps", total_steps), ("checkpoint_every", checkpoint_every), ("log_every", log_every)):
        if steps is not None and steps < 1:
            raise ValueError(f"Se pidieron {steps} pasos en {name}; hace falta al menos 1.")
    recipe.check(hyperparameters)
    if exists(run) and not resume:
        raise FileExistsError(
            f"{str(run.path)!r} ya tiene una corrida: siga con resume=True (--resume, en la terminal) o elija otra."
        )
    with locked(run.path), _stop_in_order() as stop:
        if exists(run):
            state = checkpoint.read(run)
            info, changes = _continued(run, state, asked, total_steps, hyperparameters)
            if info is None:
                return run
        else:
            state, changes = None, {}
            info = _new(asked, total_steps, hyperparameters)
        info["command"] = _command(run, info)
        _train(run, info, state, changes, stop, progress, checkpoint_every, log_every, device)
    return run


def exists(path: Run | str | Path) -> bool:
    """Si en la carpeta hay una corrida que seguir."""
    run = Run(path)
    return (run.path / "run.json").exists() or run.state.exists()


def _new(asked: dict, total_steps: int | None, hyperparameters: dict) -> dict:
    """Lo que `run.json` dirá de una corrida que comienza."""
    chosen = {"game": find_game("Breakout")[0], "algorithm": "dqn", "seed": 0, "backend": BACKENDS[0], "sticky": 0.0}
    chosen |= {name: value for name, value in asked.items() if value is not None}
    return new_info(
        hyperparameters={**recipe.DEFAULTS, **hyperparameters},
        total_steps=1_000_000 if total_steps is None else total_steps,
        **chosen,
    )


def _continued(run: Run, state: dict, asked: dict, total_steps: int | None, hyperparameters: dict):
    """Lo que dirá `run.json` y qué hiperparámetros cambian; `(None, {})` si no queda nada por hacer."""
    info = run.info if (run.path / "run.json").exists() else {"steps": -1}
    behind = state.get("info", {}).get("steps", -1) > info.get("steps", -1)  # murió entre el punto guardado y run.json
    info = state["info"] if behind else info
    if missing := {"game", "algorithm", "steps", "total_steps", "hyperparameters", "segments"} - info.keys():
        raise ValueError(f"A run.json de {str(run.path)!r} le falta {', '.join(sorted(missing))}: recupere una copia.")
    if info["algorithm"] not in recipe.ALGORITHMS:
        raise ValueError(f"{str(run.path)!r} es una corrida de {info['algorithm']}, que train no sabe seguir.")
    for name, value in asked.items():
        if value is not None and value != info[name]:
            raise ValueError(
                f"{str(run.path)!r} se entrena con {name}={info[name]!r} y se pidió {value!r}, que no puede cambiar "
                "a mitad de camino: quítelo o elija otra carpeta."
            )
    before = {**recipe.DEFAULTS, **info["hyperparameters"]}  # las corridas viejas no traen los nombres nuevos
    changes = {name: value for name, value in hyperparameters.items() if before.get(name) != value}
    recipe.check({**before, **changes})
    total = info["total_steps"] if total_steps is None else total_steps
    published = info.get("published_steps", info["steps"])
    finished = run.agent.exists() and not behind and ("selection" in info or published == info["steps"])
    if finished and info["steps"] >= total:
        if changes:
            raise ValueError(
                f"{str(run.path)!r} ya dio sus {info['steps']} pasos y no usaría {', '.join(changes)}: "
                "pida más pasos para seguir, o elija otra carpeta."
            )
        print(f"{str(run.path)!r} ya dio {info['steps']} pasos: no queda nada por hacer. Para seguir, pida más pasos.")
        return None, {}
    if finished and info["steps"] == info["total_steps"]:
        info["published_steps"] = published  # mientras tanto agent.zip sigue siendo el de esos pasos
    info["total_steps"] = total
    info["hyperparameters"] = {**before, **changes}
    return info, {name: (value, before.get(name)) for name, value in changes.items()}


def _train(run, info, state, changes, stop, progress, checkpoint_every, log_every, device) -> None:
    """Entrena hasta `info["total_steps"]` y guarda; `state` es el punto desde el que se sigue, o `None`."""
    for half in run.path.rglob(f"{HALF_WRITTEN}*"):  # lo que dejó una muerte súbita
        shutil.rmtree(half) if half.is_dir() else half.unlink()
    h, total = info["hyperparameters"], info["total_steps"]
    if progress and total <= h["learning_starts"]:
        print(f"En {total} pasos la red no se corrige nunca: comienza a los {h['learning_starts']} (learning_starts).")
    env = make_vec_env(info["game"], h["n_envs"], seed=info["seed"], backend=info["backend"], sticky=info["sticky"])
    try:
        model = make_dqn(env, total, algorithm=info["algorithm"], seed=info["seed"], device=device, **h)
        refill = 0 if state is None else checkpoint.restore(model, run, state)
        if changes:
            now, before = ({name: pair[i] for name, pair in changes.items()} for i in (0, 1))
            info.setdefault("changes", []).append({"from_step": model.num_timesteps, **now, "before": before})
        keeper = _RunKeeper(model, run, info, stop, checkpoint_every, log_every, progress)
        writer = checkpoint.ResumableTensorBoard(run.tensorboard, model.num_timesteps)
        model.set_logger(Logger(str(run.tensorboard), [writer]))
        if state is None:
            keeper.save()
        elif model.num_timesteps < total:
            keeper.derive(again=True)  # lo que la muerte anterior dejó sin hacer
        if refill:  # con la memoria vacía: jugar sin aprender hasta tener de dónde muestrear
            updates, model.gradient_steps = model.gradient_steps, 0
            _learn(model, min(model.num_timesteps + refill, total), keeper)
            model.gradient_steps = updates
        _learn(model, total, keeper)
        if stop.asked:
            print("Guardando lo entrenado; puede tardar unos segundos.", flush=True)
        keeper.save(final=True)
        model.logger.close()
    finally:
        env.close()
    if progress and not stop.asked:
        print(f"Listo: «coursekit evaluate {run.path}» lo mide y «coursekit record {run.path} partida.gif» lo muestra.")
    if stop.asked:
        print(f"Detenido y guardado a los {model.num_timesteps} pasos. Para seguir: {info['command']} --resume")


def _learn(model: DQN, until: int, keeper: _RunKeeper) -> None:
    """`learn` hasta el paso `until`, con ε medido en pasos y no en una fracción de lo que falta."""
    if until <= model.num_timesteps or keeper.stop.asked:
        return
    model.exploration_fraction = keeper.info["hyperparameters"]["exploration_steps"] / until
    model.exploration_schedule = LinearSchedule(
        model.exploration_initial_eps, model.exploration_final_eps, model.exploration_fraction
    )
    model.learn(until - model.num_timesteps, keeper, log_interval=sys.maxsize, reset_num_timesteps=False)


class _RunKeeper(BaseCallback):
    """Mantiene la carpeta de la corrida al día mientras SB3 entrena."""

    def __init__(self, model, run: Run, info: dict, stop: _Stop, checkpoint_every: int, log_every: int, progress: bool):
        super().__init__()
        self.model, self.run, self.info, self.stop = model, run, info, stop
        self.checkpoint_every, self.log_every, self.progress = checkpoint_every, log_every, progress
        self.bar = None
        self.segment = None
        self._set_next()
        if model.num_timesteps < info["total_steps"]:
            command = info["command"] + (" --resume" if info["segments"] else "")
            self.segment = new_segment(model.num_timesteps, command, str(model.device))
            info["segments"].append(self.segment)
        self._start = time.monotonic(), time.process_time()

    def _on_training_start(self) -> None:
        if self.progress and self.bar is None:
            self.bar = tqdm(
                total=self.info["total_steps"],
                initial=self.num_timesteps,
                unit=" pasos",
                mininterval=1.0 if sys.stderr.isatty() else 15.0,
                bar_format="{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} pasos "
                "[van {elapsed}, faltan {remaining}, {rate_fmt}{postfix}]",
            )

    def _set_next(self) -> None:
        n = self.model.num_timesteps
        every = (n // self.checkpoint_every + 1) * self.checkpoint_every
        self._next_save = min(every, *(int(rung) for rung in (*recipe.LADDER, float(2**62)) if rung > n))
        self._next_log = (n // self.log_every + 1) * self.log_every

    def _on_step(self) -> bool:
        n = self.num_timesteps
        if n >= self._next_log:
            self.model.dump_logs()
            self._next_log = (n // self.log_every + 1) * self.log_every
            if self.bar is not None:
                scores = [episode["r"] for episode in self.model.ep_info_buffer]
                score = f"{sum(scores) / len(scores):.1f}" if scores else "–"
                self.bar.set_postfix_str(f"puntaje medio {score}, ε {self.model.exploration_rate:.2f}", refresh=False)
                self.bar.update(n - self.bar.n)
        if self._next_save <= n < self.info["total_steps"]:  # del último se encarga `save(final=True)`
            self.save()
            self._set_next()
        return not self.stop.asked

    def save(self, final: bool = False) -> None:
        """Un punto guardado. Primero `state.pt`, que manda; lo demás se puede volver a hacer con él."""
        n = self.model.num_timesteps
        self.info["steps"] = n
        if self.segment is not None:
            self.segment |= {"to_step": n, **checkpoint.spent(self._start)}
        if final:
            for published in ("published_steps", "selection", "averaged"):
                self.info.pop(published, None)
        checkpoint.save(self.model, self.run, self.info)
        self.derive(final)

    def derive(self, final: bool = False, again: bool = False) -> None:
        """Lo que se hace con el punto guardado: el agente, las métricas y, al final, `run.json`.

        Con `again` el punto ya estaba: solo se hace lo que falte.
        """
        model, run, n = self.model, self.run, self.model.num_timesteps
        if not again or not run.checkpoint(n).exists():
            save_agent(model, run.checkpoint(n))
        if n and run.tensorboard.is_dir():
            metrics.export_csv(run, only=metrics.TAGS, empty_ok=True)
        if final:
            save_agent(model, run.agent)
            if self.bar is not None:
                self.bar.total = max(self.bar.total, n)  # el último paso es de todos los ambientes a la vez
                self.bar.update(n - self.bar.n)
                self.bar.close()
            if self.stop.asked and n < self.info["total_steps"]:  # ocupa gigabytes: solo si falta seguir
                with atomic(run.replay(n)) as temporary:
                    model.replay_buffer.save(temporary)
        for memory in run.state.parent.glob("replay-*.npz"):
            if memory != run.replay(n):
                memory.unlink()  # es de otros pasos
        run.write_json("run.json", self.info)


class _Stop:
    """Si alguien pidió detenerse: Ctrl-C, `kill`, o cerrar la terminal."""

    def __init__(self):
        self.asked = False

    def __call__(self, signum, frame) -> None:
        self.asked = True  # otra vez mientras se guarda: ya se está haciendo lo que pide


@contextmanager
def _stop_in_order() -> Iterator[_Stop]:
    """Ctrl-C termina el paso en curso, guarda y se detiene; en otro hilo no hay señales que atender."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _command(run: Run, info: dict) -> str:
    """La orden que repite esta corrida."""
    parts = ["coursekit", "train", run.path.as_posix(), "--game", info["game"], "--steps", str(info["total_steps"])]
    parts += ["--seed", str(info["seed"])]
    if info["algorithm"] != recipe.ALGORITHMS[0]:
        parts += ["--algorithm", info["algorithm"]]
    if info["backend"] != BACKENDS[0]:
        parts += ["--backend", info["backend"]]
    if info["sticky"]:
        parts += ["--sticky", str(info["sticky"])]
    for name, value in info["hyperparameters"].items():
        if value != recipe.DEFAULTS[name]:
            parts += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(parts)
