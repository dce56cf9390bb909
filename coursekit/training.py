"""El entrenamiento: un DQN de Stable-Baselines3 (`make_dqn`) y una corrida que se puede interrumpir (`train`)."""

from __future__ import annotations

import ctypes
import io
import pickle
import shlex
import shutil
import signal
import sys
import threading
import time
import warnings
import zipfile
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from coursekit import metrics
from coursekit.agents import load_agent, save_agent
from coursekit.envs import find_game, make_vec_env
from coursekit.replay import FrameReplayBuffer
from coursekit.runs import FORMAT, HALF_WRITTEN, Run, atomic, machine, versions

#: Los hiperparámetros con los que se entrenaron los agentes publicados. Todo se cuenta en pasos del agente
#: (transiciones), sumados sobre los ambientes. La razón de cada valor está en el capítulo 4.
DEFAULTS = {
    "n_envs": 8,  # el emulador y la red trabajan por lotes
    "learning_rate": 1e-4,
    "batch_size": 32,
    "buffer_size": 400_000,  # 2.8 GB con FrameReplayBuffer; los retornos de n pasos aprovechan una memoria larga
    "learning_starts": 20_000,
    "steps_per_update": 8,  # una actualización por cada 8 transiciones
    "n_steps": 3,  # el premio llega antes a las jugadas que lo causaron
    "gamma": 0.99,
    "target_update_interval": 4_000,
    "exploration_steps": 400_000,  # ε baja de 1 a su valor final en estos pasos
    "exploration_final_eps": 0.01,
}

#: Peldaños de la escalera de agentes que guarda `train`, además del agente sin entrenar (0).
LADDER = tuple(first * 10**power for power in (4, 5, 6, 7) for first in (1, 2.5, 5))


def make_dqn(env: VecEnv, total_steps: int, *, seed: int = 0, device: str = "auto", **hyperparameters) -> DQN:
    """Un `stable_baselines3.DQN` con los hiperparámetros de `DEFAULTS`, listo para `learn(total_steps)`.

    `hyperparameters` reemplaza valores de `DEFAULTS`. Es un DQN común de SB3: estas líneas traducen los pasos del
    agente a las unidades de SB3 (que cuenta `train_freq` en pasos *vectoriales*), usan la memoria que guarda cada
    cuadro una vez y eligen el Adam y el orden de los píxeles que la CPU calcula más rápido.

    Lanza `ValueError` si un hiperparámetro no existe o si `steps_per_update` no es compatible con los ambientes.
    """
    unknown = set(hyperparameters) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"No existe el hiperparámetro {sorted(unknown)[0]!r}; los que hay son {sorted(DEFAULTS)}.")
    h = {**DEFAULTS, **hyperparameters, "n_envs": env.num_envs}
    per_update = h["steps_per_update"]
    if per_update < 1 or max(per_update, env.num_envs) % min(per_update, env.num_envs):
        raise ValueError(
            f"Con {env.num_envs} ambientes no se puede hacer una actualización cada {per_update} transiciones: "
            "uno de los dos números debe dividir al otro."
        )
    model = DQN(
        "CnnPolicy",
        env,
        learning_rate=h["learning_rate"],
        buffer_size=h["buffer_size"],
        learning_starts=h["learning_starts"],
        batch_size=h["batch_size"],
        gamma=h["gamma"],
        train_freq=max(per_update // env.num_envs, 1),
        gradient_steps=max(env.num_envs // per_update, 1),
        target_update_interval=h["target_update_interval"],
        exploration_fraction=h["exploration_steps"] / total_steps,
        exploration_final_eps=h["exploration_final_eps"],
        replay_buffer_class=FrameReplayBuffer,
        replay_buffer_kwargs={"n_steps": h["n_steps"], "gamma": h["gamma"]},
        policy_kwargs={"optimizer_kwargs": {"fused": True}},
        seed=seed,
        device=device,
    )
    model.policy.to(memory_format=torch.channels_last)
    if model.device.type == "cpu":
        model.policy.optimizer.register_step_post_hook(_clear_denormals)
        if torch.cpu._is_avx512_bf16_supported():
            for net in (model.policy.q_net, model.policy.q_net_target):
                net.features_extractor.forward = partial(_in_bfloat16, net.features_extractor)
        _keep_freed_memory()
    return model


def _in_bfloat16(extractor: BaseFeaturesExtractor, observations: torch.Tensor) -> torch.Tensor:
    """La pasada de `extractor` en bfloat16, que los procesadores con AVX512-BF16 o AMX calculan en menos tiempo.

    Los pesos, Adam y la capa que da los valores Q siguen en 32 bits.
    """
    with torch.autocast("cpu", torch.bfloat16):
        features = type(extractor).forward(extractor, observations)
    return features.float()


def _keep_freed_memory() -> None:
    """Que glibc guarde para la próxima actualización la memoria que la anterior dejó libre.

    Por omisión la devuelve al sistema y la vuelve a pedir, página por página, varias veces en cada actualización.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl no la tiene
        if mallopt is not None:
            mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: los bloques de hasta 32 MiB salen de la memoria del proceso
            mallopt(-1, 512 << 20)  # M_TRIM_THRESHOLD: y de lo que queda libre se guarda hasta medio GiB


def _clear_denormals(optimizer: torch.optim.Adam, args, kwargs) -> None:
    """Cada 100 actualizaciones, pone en cero los momentos de Adam que ya no pesan nada.

    Los momentos de una unidad que dejó de activarse decaen hasta los números denormales y, por el redondeo, se quedan
    ahí. La CPU los calcula mucho más despacio: con un millón de pasos de Breakout, Adam tardaba 15 veces más. Por
    debajo de 1e-30, frente al 1e-8 de su denominador, no mueven ningún peso.
    """
    for state in optimizer.state.values():
        if state["step"] % 100 == 0:
            for moment in (state["exp_avg"], state["exp_avg_sq"]):
                moment.masked_fill_(moment.abs() < 1e-30, 0.0)


def train(
    path: str | Path,
    game: str = "Breakout",
    total_steps: int = 1_000_000,
    *,
    seed: int = 0,
    resume: bool = False,
    backend: str = "ale",
    sticky: float = 0.0,
    checkpoint_every: int = 50_000,
    log_every: int = 1_000,
    progress: bool = True,
    device: str = "auto",
    **hyperparameters,
) -> Run:
    """Entrena un DQN y deja en la carpeta `path` todo lo que hace falta para mirarlo, repetirlo y seguirlo.

    Parámetros
    ----------
    path: carpeta de la corrida. Si ya tiene una, hay que pedir `resume=True`.
    game: nombre del juego. total_steps: pasos del agente (transiciones) en total, también al seguir.
    seed: semilla de la red, de la exploración y de los ambientes.
    resume: sigue desde el último punto guardado: pasos, ε, optimizador y curvas. La memoria de repetición también,
        si el entrenamiento se cerró en orden; si no, se vuelve a llenar antes de seguir actualizando la red. Si la
        carpeta no tiene una corrida, la comienza.
    backend, sticky: como en `coursekit.envs.make_vec_env`.
    checkpoint_every, log_every: pasos entre puntos guardados y entre filas de métricas.
    progress: muestra una barra con tiempo restante, puntaje medio, ε y pasos por segundo.
    hyperparameters: reemplazan valores de `DEFAULTS`.

    Ctrl-C guarda y se detiene en orden. Lo peor que puede pasar (un corte de luz) pierde los pasos dados desde el
    último punto guardado y nunca deja un archivo a medias.
    """
    run = Run(path)
    name, _ = find_game(game)
    if total_steps < 1:
        raise ValueError(f"Se pidieron {total_steps} pasos; hace falta al menos 1.")
    exists = (run.path / "run.json").exists()
    if exists and not resume:
        raise FileExistsError(f"{str(run.path)!r} ya tiene una corrida: siga con resume=True o elija otra carpeta.")
    if exists:
        info = run.info
        if info["game"] != name:
            raise ValueError(f"{str(run.path)!r} es una corrida de {info['game']}, no de {name}: elija otra carpeta.")
        if info["algorithm"] != "dqn":
            raise ValueError(f"{str(run.path)!r} es una corrida de {info['algorithm']}, que train no sabe seguir.")
        seed, backend, sticky = info["seed"], info["backend"], info["sticky"]
        changes = {name: value for name, value in hyperparameters.items() if info["hyperparameters"].get(name) != value}
        before = {name: info["hyperparameters"].get(name) for name in changes}
        hyperparameters = info["hyperparameters"] = {**info["hyperparameters"], **hyperparameters}
        if info["steps"] >= total_steps:
            return run
        for half in run.path.rglob(f"{HALF_WRITTEN}*"):  # lo que dejó una muerte súbita
            shutil.rmtree(half) if half.is_dir() else half.unlink()
    n_envs = hyperparameters.get("n_envs", DEFAULTS["n_envs"])
    env = make_vec_env(name, n_envs, seed=seed, backend=backend, sticky=sticky)
    try:
        model = make_dqn(env, total_steps, seed=seed, device=device, **hyperparameters)
        if not exists:
            info = {
                "format": FORMAT,
                "game": name,
                "algorithm": "dqn",
                "seed": seed,
                "backend": backend,
                "sticky": sticky,
                "hyperparameters": {**DEFAULTS, **hyperparameters},
                "steps": 0,
                "segments": [],
            }
        refill = _restore(model, run) if exists else 0
        info["total_steps"] = total_steps
        info["command"] = _command(run, info)
        if exists and changes:
            info.setdefault("changes", []).append({"from_step": model.num_timesteps, **changes, "before": before})
        callback = _RunCallback(run, info, total_steps, checkpoint_every, log_every, progress)
        if not exists:
            callback.begin(model)
            callback.save()
        logger = Logger(str(run.tensorboard), [_ResumableTensorBoard(run.tensorboard, model.num_timesteps)])
        model.set_logger(logger)
        with _stop_in_order(callback):
            if refill:  # con la memoria vacía: jugar sin aprender hasta tener de dónde muestrear
                updates, model.gradient_steps = model.gradient_steps, 0
                _learn(model, min(model.num_timesteps + refill, total_steps), callback)
                model.gradient_steps = updates
            if not callback.stopped:
                _learn(model, total_steps, callback)
        callback.save(final=True)
        logger.close()
    finally:
        env.close()
    if callback.stopped:
        print(f"Detenido y guardado a los {model.num_timesteps} pasos. Para seguir: {info['command']} --resume")
    return run


def _learn(model: DQN, until: int, callback: BaseCallback) -> None:
    """`learn` hasta el paso `until`, con ε medido en pasos y no en una fracción de lo que falta."""
    if until <= model.num_timesteps:
        return
    steps = callback.info["hyperparameters"]["exploration_steps"]
    model.exploration_fraction = steps / until
    model.exploration_schedule = LinearSchedule(
        model.exploration_initial_eps, model.exploration_final_eps, model.exploration_fraction
    )
    model.learn(until - model.num_timesteps, callback, log_interval=sys.maxsize, reset_num_timesteps=False)


def _restore(model: DQN, run: Run) -> int:
    """Pone en `model` el último punto guardado; devuelve cuántos pasos hay que jugar para rellenar la memoria.

    Una corrida publicada no trae el punto guardado, que es grande: entonces sigue desde su agente más reciente, con el
    optimizador en cero, y sus curvas vuelven de los CSV.
    """
    model.ep_info_buffer = deque(maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    if run.state.exists():
        try:
            state = torch.load(run.state, map_location=model.device, weights_only=True)
            model.policy.load_state_dict(state["policy"])
            model.policy.optimizer.load_state_dict(state["optimizer"])
            model.num_timesteps, model._n_updates = state["num_timesteps"], state["n_updates"]
            model._n_calls = state["n_calls"]
            model.ep_info_buffer.extend(state["episodes"])
        except (EOFError, RuntimeError, LookupError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(
                f"El punto guardado {str(run.state)!r} está dañado: recupere una copia o comience en otra carpeta."
            ) from error
    elif checkpoints := run.checkpoints():
        model.num_timesteps, path = checkpoints.popitem()
        model.policy.load_state_dict(load_agent(path).policy.state_dict())
    else:
        raise FileNotFoundError(f"{str(run.path)!r} no tiene de dónde seguir: le faltan sus puntos guardados.")
    _restore_curves(run, model.num_timesteps)
    model.set_random_seed(model.seed + model.num_timesteps)  # que no repita los mismos números
    if run.state.exists() and run.replay.exists():
        try:
            model.replay_buffer.restore(run.replay)
            return 0
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            warnings.warn(f"La memoria de repetición guardada no sirve ({error}): se vuelve a llenar.", stacklevel=2)
    return model.learning_starts


def _restore_curves(run: Run, step: int) -> None:
    """Vuelve a escribir como eventos de TensorBoard las métricas de los CSV hasta el paso `step`."""
    if any(run.tensorboard.glob("*tfevents*")) or not any(run.metrics.glob("*.csv")):
        return
    rows = metrics.read_metrics(run).query("step <= @step and metric in @metrics.TAGS")
    rows = rows.sort_values("step", kind="stable")
    half = run.path / f"{HALF_WRITTEN}tensorboard"
    with SummaryWriter(log_dir=str(half)) as writer:
        for row in rows.itertuples():
            writer.add_scalar(metrics.TAGS[row.metric], row.value, row.step, walltime=row.wall_time)
    run.tensorboard.mkdir(exist_ok=True)
    for file in half.iterdir():  # es uno solo: aparece entero o no aparece
        file.replace(run.tensorboard / file.name)
    half.rmdir()


class _RunCallback(BaseCallback):
    """Mantiene la carpeta de la corrida al día mientras SB3 entrena."""

    def __init__(self, run: Run, info: dict, total_steps: int, checkpoint_every: int, log_every: int, progress: bool):
        super().__init__()
        self.run, self.info, self.total_steps = run, info, total_steps
        self.checkpoint_every, self.log_every, self.progress = checkpoint_every, log_every, progress
        self.stopped = False
        self.bar = None

    def begin(self, model: DQN) -> None:
        self.model = model
        self.segment = {
            "from_step": model.num_timesteps,
            "command": self.info["command"] + (" --resume" if model.num_timesteps else ""),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "machine": machine(),
        }
        self.info["segments"].append(self.segment)
        self._start = time.monotonic()
        self._set_next()

    def _on_training_start(self) -> None:
        if not hasattr(self, "segment"):
            self.begin(self.model)
        if self.progress and self.bar is None:
            self.bar = tqdm(
                total=self.total_steps,
                initial=self.num_timesteps,
                unit=" pasos",
                mininterval=1.0 if sys.stderr.isatty() else 15.0,
                bar_format="{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} pasos "
                "[van {elapsed}, faltan {remaining}, {rate_fmt}{postfix}]",
            )

    def _set_next(self) -> None:
        n = self.model.num_timesteps
        every = (n // self.checkpoint_every + 1) * self.checkpoint_every
        self._next_save = min(every, *(int(rung) for rung in (*LADDER, float(2**62)) if rung > n))
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
        if n >= self._next_save:
            self.save()
            self._set_next()
        return not self.stopped

    def save(self, final: bool = False) -> None:
        """Un punto guardado. `run.json` va al final: lo que anuncia ya está en el disco."""
        model, run = self.model, self.run
        n = model.num_timesteps
        save_agent(model, run.checkpoint(n))
        state = {
            "policy": model.policy.state_dict(),
            "optimizer": model.policy.optimizer.state_dict(),
            "num_timesteps": n,
            "n_updates": model._n_updates,
            "n_calls": model._n_calls,
            "episodes": list(model.ep_info_buffer or ()),
        }
        with atomic(run.state) as temporary:
            content = io.BytesIO()  # torch explica mal un disco lleno; write_bytes, bien
            torch.save(state, content)
            temporary.write_bytes(content.getvalue())
        if n and (run.tensorboard).is_dir():
            metrics.export_csv(run)
        if final:
            save_agent(model, run.agent)
            for published in ("published_steps", "selection", "averaged"):
                self.info.pop(published, None)
            if self.bar is not None:
                self.bar.update(n - self.bar.n)
                self.bar.close()
        if final and self.stopped:  # ocupa gigabytes: solo si falta seguir
            with atomic(run.replay) as temporary:
                model.replay_buffer.save(temporary)
        elif run.replay.exists() and n > self.segment["from_step"]:
            run.replay.unlink()  # ya no corresponde a estos pasos
        self.info["steps"] = n
        self.segment["to_step"] = n
        self.segment["seconds"] = round(time.monotonic() - self._start, 1)
        run.write_json("run.json", self.info)


class _ResumableTensorBoard(TensorBoardOutputFormat):
    """El escritor de SB3, que además borra de las curvas lo que se perdió después del último punto guardado."""

    def __init__(self, folder: Path, step: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.writer = SummaryWriter(log_dir=str(folder), purge_step=step + 1)
        self._is_closed = False


@contextmanager
def _stop_in_order(callback: _RunCallback):
    """Ctrl-C (o SIGTERM) termina el paso en curso, guarda y se detiene; en otro hilo no hay señales que atender."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum, frame):
        callback.stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _command(run: Run, info: dict) -> str:
    """La orden que repite esta corrida."""
    parts = [
        "coursekit",
        "train",
        run.path.as_posix(),
        "--game",
        info["game"],
        "--steps",
        str(info["total_steps"]),
    ]
    parts += ["--seed", str(info["seed"])]
    if info["backend"] != "ale":
        parts += ["--backend", info["backend"]]
    if info["sticky"]:
        parts += ["--sticky", str(info["sticky"])]
    for name, value in info["hyperparameters"].items():
        if value != DEFAULTS[name]:
            parts += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(parts)
