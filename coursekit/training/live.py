"""Mirar un entrenamiento mientras corre: `model.learn(20_000, callback=LiveView())`, con cualquier modelo de SB3."""

import io
import sys
import time

import pandas as pd
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

BAR = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} pasos [van {elapsed}, faltan {remaining}, {rate_fmt}{postfix}]"
ALT = "Avance del entrenamiento: el puntaje de cada partida y su media de 100, sobre los pasos del agente"


class LiveView(BaseCallback):
    """Una barra de avance y, en un cuaderno, una figura que se vuelve a dibujar cada `every` segundos.

    La figura tiene un punto por partida (la suma de recompensas que anota `Monitor`) y la media de las últimas 100.
    Dibujar ocupa a lo sumo un quinto del tiempo. Lanza `ValueError` si `every` no es mayor que 0.
    """

    def __init__(self, every: float = 3.0):
        super().__init__()
        if not every > 0:
            raise ValueError(f"every={every!r} no es posible: use un número de segundos mayor que 0.")
        self.every, self.scores = every, []  # de cada partida, el paso en que terminó y el puntaje

    def _on_training_start(self) -> None:
        done, options = self.num_timesteps, {"bar_format": BAR, "unit": " pasos", "mininterval": 0.5}
        self.scores = [pair for pair in self.scores if pair[0] <= done]  # `learn` puede seguir uno anterior
        self.handle = None
        self._show()  # antes que la barra, que así queda debajo de la figura y no partida por ella
        self.bar = tqdm(total=self.locals["total_timesteps"], initial=done, **options)

    def _on_step(self) -> bool:
        n, ended = self.num_timesteps, [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        if ended:
            self.scores += [(n, score) for score in ended]
            mean = pd.DataFrame(self.scores[-100:])[1].mean()
            self.bar.set_postfix_str(f"puntaje medio {mean:.1f}", refresh=False)
        self.bar.update(n - self.bar.n)
        if time.monotonic() >= self.next:
            self._show()
        return True

    def _on_training_end(self) -> None:
        self.bar.close()
        self._show()

    def _show(self) -> None:
        start, shell = time.monotonic(), sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if hasattr(shell, "kernel"):  # una terminal no muestra figuras
            from IPython.display import Image, display

            show = self.handle.update if self.handle else lambda image: display(image, display_id=True)
            self.handle = show(Image(self._draw(), alt=ALT)) or self.handle
        self.next = time.monotonic() + max(self.every, 4 * (time.monotonic() - start))

    def _draw(self) -> bytes:
        from matplotlib import figure, style  # sin pyplot, que en un cuaderno la mostraría otra vez

        with style.context("coursekit.curso"):
            picture, content = figure.Figure(figsize=(7.2, 3.0)), io.BytesIO()
            axis, table = picture.subplots(), pd.DataFrame(self.scores, columns=["step", "score"])
            axis.plot(table["step"], table["score"], ".", markersize=4, alpha=0.35, label="cada partida")
            axis.plot(table["step"], table["score"].rolling(100, min_periods=1).mean(), label="media de 100")
            axis.set(xlabel="Pasos del agente", ylabel="Puntaje")
            axis.legend()
            picture.savefig(content, format="png")
        return content.getvalue()
