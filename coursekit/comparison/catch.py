"""Dos juegos de 10×10 píxeles que se aprenden en segundos: «atrapa la pelota» y, más difícil, «vendaval»."""

from __future__ import annotations

from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

SIZE = 10  # filas y columnas del cuadro
PADDLE = 3  # celdas que ocupa la paleta
ACTIONS = ("izquierda", "quieta", "derecha")

_CELL = 16  # píxeles por celda en la imagen en color
_BACKGROUND, _BALL, _PADDLE = (24, 28, 38), (240, 165, 60), (86, 180, 233)


class CatchEnv(gymnasium.Env):
    """Una pelota cae en diagonal, rebota en las paredes y hay que atraparla con una paleta de 3 celdas.

    - Observación: `uint8` de forma `(2, 10, 10)`, los dos últimos cuadros con el más nuevo al final; 0 es
      fondo y 255 es pelota o paleta. Al comenzar no hay cuadro anterior y su lugar va en ceros.
    - Acciones: 0 mueve la paleta una celda a la izquierda, 1 la deja quieta y 2 la mueve a la derecha.
    - Recompensa: 0 en cada paso y, en el último, +1 si la pelota cae sobre la paleta o −1 si no.
    - Episodio: 9 pasos, uno por fila que la pelota baja. Pelota, dirección y paleta comienzan al azar, y
      siempre hay tiempo de llegar. En el último paso, `info["is_success"]` dice si la pelota se atrapó.

    Con `render_mode="rgb_array"`, `render()` devuelve la imagen en color, `uint8` de forma `(160, 160, 3)`.
    """

    metadata: ClassVar[dict] = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, render_mode: str | None = None):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode={render_mode!r} no existe; use 'rgb_array' o None.")
        self.render_mode = render_mode
        self.observation_space = spaces.Box(0, 255, (2, SIZE, SIZE), np.uint8)
        self.action_space = spaces.Discrete(len(ACTIONS))
        self.ball_row: int | None = None  # None: falta reset()

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Comienza un episodio, con la pelota en la fila de arriba y la paleta en la de abajo, al azar."""
        super().reset(seed=seed)
        self.ball_row = 0
        self.ball_col = int(self.np_random.integers(SIZE))
        self.ball_dx = int(self.np_random.choice((-1, 1)))  # hacia dónde cae: −1 izquierda, +1 derecha
        self.paddle_col = int(self.np_random.integers(SIZE - PADDLE + 1))  # su celda de la izquierda
        self._previous, self._newest = np.zeros((SIZE, SIZE), np.uint8), self._picture()
        return self._observation(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Mueve la paleta y luego la pelota; devuelve `obs, reward, terminated, truncated, info`."""
        if self.ball_row is None or self.ball_row == SIZE - 1:
            raise gymnasium.error.ResetNeeded("El episodio no ha comenzado o ya terminó: llame a reset().")
        if not self.action_space.contains(action):
            raise ValueError(f"La acción {action!r} no existe; use 0 (izquierda), 1 (quieta) o 2 (derecha).")
        self.paddle_col = min(max(self.paddle_col + int(action) - 1, 0), SIZE - PADDLE)
        if not 0 <= self.ball_col + self.ball_dx < SIZE:
            self.ball_dx = -self.ball_dx
        self.ball_col += self.ball_dx
        self.ball_row += 1
        self._previous, self._newest = self._newest, self._picture()
        if self.ball_row < SIZE - 1:
            return self._observation(), 0.0, False, False, {}
        caught = 0 <= self.ball_col - self.paddle_col < PADDLE
        return self._observation(), 1.0 if caught else -1.0, True, False, {"is_success": caught}

    def render(self) -> np.ndarray | None:
        """La imagen en color del cuadro actual, o `None` si se creó sin `render_mode`."""
        if self.render_mode is None:
            return None
        if self.ball_row is None:
            raise gymnasium.error.ResetNeeded("Todavía no hay nada que dibujar: llame a reset().")
        picture = np.full((SIZE, SIZE, 3), _BACKGROUND, np.uint8)
        picture[-1, self.paddle_col : self.paddle_col + PADDLE] = _PADDLE
        picture[self.ball_row, self.ball_col] = _BALL
        return picture.repeat(_CELL, axis=0).repeat(_CELL, axis=1)

    def _picture(self) -> np.ndarray:
        picture = np.zeros((SIZE, SIZE), np.uint8)
        picture[-1, self.paddle_col : self.paddle_col + PADDLE] = 255
        picture[self.ball_row, self.ball_col] = 255
        return picture

    def _observation(self) -> np.ndarray:
        return np.stack([self._previous, self._newest])


class GaleEnv(CatchEnv):
    """«Vendaval»: una racha de hasta 10 pelotas, que cruzan dos columnas por paso y a las que el viento da vuelta.

    - Recompensa: cada pelota atrapada vale 1 y trae otra; fallar vale 0 y termina el episodio, como la décima.
    - Viento: después de cada paso la pelota cambia de dirección con probabilidad 0.1. Ni el mejor jugador las atrapa
      todas: la pelota es más rápida que la paleta, y hay que apostar a dónde va a caer.

    Lo demás, observaciones y acciones incluidas, es de `CatchEnv`.
    """

    BALLS, WIND = 10, 0.1

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Comienza una racha."""
        self.caught = 0
        return self._throw(seed)

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Como en `CatchEnv`, y después sopla el viento; si la pelota se atrapó, la observación es de la siguiente."""
        observation, _, landed, _, info = super().step(action)
        if self.np_random.random() < self.WIND:
            self.ball_dx = -self.ball_dx
        if not landed:
            return observation, 0.0, False, False, info
        self.caught += info["is_success"]
        if info["is_success"] and self.caught < self.BALLS:
            return self._throw()[0], 1.0, False, False, info
        return observation, float(info["is_success"]), True, False, info

    def _throw(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        observation, info = super().reset(seed=seed)
        self.ball_dx *= 2
        return observation, info
