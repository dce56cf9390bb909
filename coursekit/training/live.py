"""Mirar un entrenamiento mientras corre: `model.learn(20_000, callback=LiveView())`, con cualquier modelo de SB3."""

from __future__ import annotations

import io
import sys
import time

import pandas as pd
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

BAR = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} pasos [van {elapsed}, faltan {remaining}, {rate_fmt}{postfix}]"


class LiveView(BaseCallback):
    """Una barra de avance y, en un cuaderno, una figura que se vuelve a dibujar cada `every` segundos.

    La figura tiene un punto por partida terminada (la suma de recompensas que anota `Monitor`), la media de las últimas
    100 y, cuando el algoritmo la anota, la pérdida. En la terminal solo se ve la barra. Dibujar nunca ocupa más de
    un décimo del tiempo. Sirve con DQN, PPO, A2C y los demás algoritmos de SB3.

    Lanza `ValueError` si `every` no es mayor que 0.
    """

    def __init__(self, every: float = 3.0):
        super().__init__()
        if not every > 0:
            raise ValueError(f"every={every!r} no es posible: use un número de segundos mayor que 0.")
        self.every = every
        self.scores: list[tuple[int, float]] = []
        self.losses: list[tuple[int, float]] = []
        self.bar = self.handle = None

    def _on_training_start(self) -> None:
        done = self.model.num_timesteps
        self.scores, self.losses = (self.scores, self.losses) if done else ([], [])
        self.bar = tqdm(total=self.locals["total_timesteps"], initial=done, bar_format=BAR, unit=" pasos")
        self.handle, self.next = None, time.monotonic() + self.every

    def _on_step(self) -> bool:
        n = self.num_timesteps
        self.scores += [(n, info["episode"]["r"]) for info in self.locals["infos"] if "episode" in info]
        loss = self.logger.name_to_value.get("train/loss")
        if loss is not None and (not self.losses or self.losses[-1][1] != loss):
            self.losses.append((n, loss))
        if self.scores:
            recent = [score for _, score in self.scores[-100:]]
            self.bar.set_postfix_str(f"puntaje medio {sum(recent) / len(recent):.1f}", refresh=False)
        self.bar.update(n - self.bar.n)
        if time.monotonic() >= self.next:
            self._show()
        return True

    def _on_training_end(self) -> None:
        self.bar.close()
        self._show()

    def _show(self) -> None:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if not hasattr(shell, "kernel"):  # una terminal no muestra figuras
            return
        from IPython.display import Image, display

        start = time.monotonic()
        image = Image(self._draw(), alt="Avance del entrenamiento: puntaje de cada partida sobre los pasos del agente")
        if self.handle is None:
            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
        self.next = time.monotonic() + max(self.every, 9 * (time.monotonic() - start))

    def _draw(self) -> bytes:
        """La figura, en PNG; sin pyplot, que en un cuaderno la mostraría otra vez."""
        import matplotlib.style
        from matplotlib.figure import Figure

        with matplotlib.style.context("coursekit.curso"):
            figure, content = Figure(figsize=(7.2, 4.0 if self.losses else 2.6)), io.BytesIO()
            axes = figure.subplots(2 if self.losses else 1, 1, sharex=True, squeeze=False)[:, 0]
            if self.scores:
                steps, scores = zip(*self.scores, strict=True)
                axes[0].plot(steps, scores, ".", markersize=4, alpha=0.35, label="cada partida")
                axes[0].plot(steps, pd.Series(scores).rolling(100, min_periods=1).mean(), label="media de 100")
                axes[0].legend()
            axes[0].set_ylabel("Puntaje")
            if self.losses:
                axes[1].plot(*zip(*self.losses, strict=True))
                axes[1].set_ylabel("Pérdida")
            axes[-1].set_xlabel("Pasos del agente")
            figure.savefig(content, format="png")
        return content.getvalue()
