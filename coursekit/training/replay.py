"""La memoria de repetición que guarda cada cuadro una sola vez."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import torch
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples


class FrameReplayBuffer(ReplayBuffer):
    """Memoria de repetición para observaciones apiladas: la octava parte de la memoria de `ReplayBuffer`.

    Una transición de SB3 guarda dos pilas de 4 cuadros: 8 × 84 × 84 = 56 448 bytes. Pero la pila siguiente repite
    tres cuadros de la actual. Aquí cada cuadro entra una vez, en un anillo por ambiente, y las pilas se arman al
    muestrear; el cuadro que cierra un episodio se guarda aparte, porque en su lugar del anillo comienza el siguiente.

    Se usa como cualquier memoria de SB3, `DQN(..., replay_buffer_class=FrameReplayBuffer)`, y con la misma semilla
    devuelve exactamente las mismas muestras que `ReplayBuffer` (o que `NStepReplayBuffer` si `n_steps > 1`).

    Parámetros
    ----------
    buffer_size: transiciones en total, repartidas entre los `n_envs` ambientes.
    observation_space: `Box` de `uint8` con los cuadros primero, `(pila, alto, ancho)`.
    n_steps: pasos del retorno (1 es el DQN original). Como SB3 ignora su propio `n_steps` cuando recibe una clase
        de memoria, se pasa por `replay_buffer_kwargs={"n_steps": 3, "gamma": 0.99}`.
    gamma: factor de descuento, solo para `n_steps > 1`.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space,
        action_space,
        device="auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        n_steps: int = 1,
        gamma: float = 0.99,
    ):
        # Salta el constructor de ReplayBuffer, que reservaría las dos pilas por transición.
        BaseBuffer.__init__(self, buffer_size, observation_space, action_space, device, n_envs=n_envs)
        if optimize_memory_usage:
            raise ValueError("FrameReplayBuffer ya guarda cada cuadro una vez: quite optimize_memory_usage=True.")
        if len(self.obs_shape) != 3 or self.obs_shape[0] >= min(self.obs_shape[1:]):
            raise ValueError(
                f"FrameReplayBuffer espera pilas (cuadros, alto, ancho) y recibió la forma {self.obs_shape}."
            )
        if n_steps < 1:
            raise ValueError(f"n_steps={n_steps} no es posible: use 1 (DQN original) o más.")
        self.optimize_memory_usage = False
        self.handle_timeout_termination = handle_timeout_termination
        self.n_steps = n_steps
        self.gamma = gamma
        self.stack = self.obs_shape[0]

        self.buffer_size = max(buffer_size // n_envs, 1)
        rows = (self.buffer_size, n_envs)
        # El anillo de cuadros lleva `stack` filas más: los cuadros anteriores a la transición más vieja
        # y el que sigue a la más nueva.
        self.n_rows = self.buffer_size + self.stack
        self.frames = np.zeros((self.n_rows, n_envs, *self.obs_shape[1:]), dtype=observation_space.dtype)
        self.depth = np.zeros(rows, dtype=np.uint8)  # cuadros de la pila que son del mismo episodio
        self.actions = np.zeros((*rows, self.action_dim), dtype=np.int64)
        self.rewards = np.zeros(rows, dtype=np.float32)
        self.dones = np.zeros(rows, dtype=np.float32)
        self.timeouts = np.zeros(rows, dtype=np.float32)
        self.cuts = np.zeros(rows, dtype=bool)  # el episodio siguió, pero no en esta memoria
        self.last_frames: dict[tuple[int, int], np.ndarray] = {}
        self._expected: np.ndarray | None = None  # la observación que debe seguir si nadie reinició los ambientes
        self.count = 0  # transiciones por ambiente desde el comienzo

    def add(self, obs, next_obs, action, reward, done, infos) -> None:
        """Agrega una transición por ambiente; los argumentos son los de `ReplayBuffer.add` de SB3."""
        done = np.asarray(done, dtype=bool)
        row, newest = self.count % self.n_rows, obs[:, -1]
        previous = (self.pos - 1) % self.buffer_size
        started = (self.dones[previous] > 0) | self.cuts[previous] | (self.count == 0)
        other = True if self._expected is None else (obs != self._expected).any(axis=(1, 2, 3))
        moved = ~started & other  # alguien reinició los ambientes a mitad de un episodio
        started |= moved
        if obs[started, :-1].any():
            raise ValueError(
                "Un episodio comenzó con una pila que ya traía cuadros anteriores; FrameReplayBuffer espera ceros "
                "en su lugar, como los ponen VecFrameStack y coursekit: reinicie los ambientes antes de entrenar."
            )
        for env in np.flatnonzero(moved):
            self.last_frames[previous, env] = self.frames[row, env].copy()
        self.cuts[previous] |= moved

        for env in np.flatnonzero((self.dones[self.pos] > 0) | self.cuts[self.pos]):
            self.last_frames.pop((self.pos, env), None)  # esa transición se reemplaza ahora
        self.frames[row] = newest
        self.frames[(row + 1) % self.n_rows] = next_obs[:, -1]
        for env in np.flatnonzero(done):
            self.last_frames[self.pos, env] = np.array(next_obs[env, -1])
        self.depth[self.pos] = np.where(started, 1, np.minimum(self.depth[previous] + 1, self.stack))
        self.actions[self.pos] = np.asarray(action).reshape(self.n_envs, self.action_dim)
        self.rewards[self.pos] = reward
        self.dones[self.pos] = done
        self.cuts[self.pos] = False
        self._expected = np.array(next_obs)
        if self.handle_timeout_termination:
            self.timeouts[self.pos] = [info.get("TimeLimit.truncated", False) for info in infos]

        self.count += 1
        self.pos += 1
        if self.pos == self.buffer_size:
            self.full = True
            self.pos = 0

    def _stacks(self, inds: np.ndarray, envs: np.ndarray, ahead: int) -> np.ndarray:
        """Pilas `(lote, pila, alto, ancho)` de las transiciones `inds`: la propia (`ahead=0`) o la siguiente (1)."""
        age = (self.pos - 1 - inds) % self.buffer_size  # cuántas transiciones más nuevas hay
        rows = (self.count - 1 - age + ahead)[:, None] + np.arange(1 - self.stack, 1)
        stacks = self.frames[rows % self.n_rows, envs[:, None]]
        depth = self.depth[inds, envs].astype(np.int64) + ahead
        for i in np.flatnonzero(depth < self.stack):
            stacks[i, : self.stack - depth[i]] = 0
        return stacks

    def _get_samples(self, batch_inds: np.ndarray, env=None) -> ReplayBufferSamples:
        envs = np.random.randint(0, high=self.n_envs, size=(len(batch_inds),))
        # Recorre n pasos hacia adelante hasta el primer final, o hasta la transición más nueva.
        steps = (batch_inds[:, None] + np.arange(self.n_steps)) % self.buffer_size
        dones, timeouts = self.dones[steps, envs[:, None]], self.timeouts[steps, envs[:, None]]
        ends = (dones > 0) | (timeouts > 0) | self.cuts[steps, envs[:, None]]
        ends |= steps == (self.pos - 1) % self.buffer_size
        ends[:, -1] = True
        last = ends.argmax(axis=1)
        final = (batch_inds + last) % self.buffer_size

        batch = np.arange(len(batch_inds))
        powers = self.gamma ** np.arange(self.n_steps, dtype=np.float32)
        until_end = np.arange(self.n_steps) <= last[:, None]
        rewards = (self.rewards[steps, envs[:, None]] * powers * until_end).sum(axis=1, keepdims=True)

        next_obs = self._stacks(final, envs, ahead=1)
        for i in np.flatnonzero((self.dones[final, envs] > 0) | self.cuts[final, envs]):
            next_obs[i, -1] = self.last_frames[final[i], envs[i]]
        discounts = None
        if self.n_steps > 1:
            discounts = self._to_device(self.gamma ** (last[:, None] + 1).astype(np.float32))
        return ReplayBufferSamples(
            observations=self._to_device(self._stacks(batch_inds, envs, ahead=0)),
            actions=self._to_device(self.actions[batch_inds, envs]),
            next_observations=self._to_device(next_obs),
            dones=self._to_device((dones[batch, last] * (1 - timeouts[batch, last]))[:, None]),
            rewards=self._to_device(rewards),
            discounts=discounts,
        )

    def _to_device(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)  # el arreglo es nuevo: no hace falta copiarlo

    def bytes_per_transition(self) -> float:
        """Bytes que ocupa cada transición con la memoria llena, cuadros finales incluidos."""
        arrays = (self.frames, self.depth, self.actions, self.rewards, self.dones, self.timeouts, self.cuts)
        final = sum(frame.nbytes for frame in self.last_frames.values())
        return (sum(array.nbytes for array in arrays) + final) / (self.buffer_size * self.n_envs)

    _SAVED = ("frames", "depth", "actions", "rewards", "dones", "timeouts", "cuts")

    def save(self, path: str | Path) -> None:
        """Guarda la memoria en `path` (formato `.npz`, sin pickle)."""
        keys = np.array(list(self.last_frames), dtype=np.int64).reshape(-1, 2)
        last = np.array(list(self.last_frames.values()), dtype=self.frames.dtype).reshape(-1, *self.obs_shape[1:])
        counters = np.array([self.pos, self.full, self.count], dtype=np.int64)
        with open(path, "wb") as file:
            arrays = {name: getattr(self, name) for name in self._SAVED}
            expected = self.frames[:0] if self._expected is None else self._expected
            np.savez(file, last_keys=keys, last_values=last, counters=counters, expected=expected, **arrays)

    def restore(self, path: str | Path) -> None:
        """Recupera lo que guardó `save`, sin ocupar la memoria dos veces.

        Lanza `ValueError` si aquella memoria tenía otro tamaño. Si el archivo está dañado, esta queda vacía.
        """
        with np.load(path, allow_pickle=False) as data, zipfile.ZipFile(path) as archive:
            keys, last = map(tuple, data["last_keys"].tolist()), data["last_values"]
            counters, expected = data["counters"].tolist(), data["expected"]
            for name in self._SAVED:
                with archive.open(f"{name}.npy") as file:
                    _read_into(getattr(self, name), file)
        self.last_frames = dict(zip(keys, last, strict=True))
        self.pos, full, self.count = counters
        self.full, self._expected = bool(full), expected if len(expected) else None


def _read_into(array: np.ndarray, file: IO[bytes]) -> None:
    """Llena `array` con un `.npy`, directamente: `np.load` haría antes una copia, que puede ser de gigabytes."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if (shape, dtype) != (array.shape, array.dtype):
        raise ValueError(f"guarda {shape} y esta es {array.shape}; use el mismo buffer_size y el mismo n_envs")
    view = memoryview(array).cast("B")
    while view.nbytes:
        read = file.readinto(view)
        if not read:
            raise EOFError("está cortada")
        view = view[read:]
