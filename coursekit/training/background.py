"""Entrenar en otro proceso mientras el cuaderno sigue (`Background("coursekit train …")`), mirarlo y detenerlo."""

from __future__ import annotations

import _thread
import atexit
import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

from coursekit.metrics import DEFAULT, plot_metrics, read_metrics
from coursekit.runs import Run, locked

import pandas as pd

_CHILD = """
import sys
from coursekit.training.background import obey
obey()
from coursekit import cli
sys.exit(cli.main(sys.argv[1:]))
"""
_LAUNCHED: dict[str, Background] = {}  # carpeta → quién entrena en ella
_GRACE = 300.0  # segundos que se le dan para guardar lo entrenado
_ALT = "Avance del entrenamiento: la media del puntaje, ε y la pérdida, sobre los pasos del agente"


class Background:
    """Una orden `coursekit train CARPETA …` en otro proceso, con un solo hilo de cálculo.

    `run` es su carpeta, y lo que escribe en su terminal queda al lado, en `CARPETA.log`; con `fresh`, la corrida que
    hubiera se borra antes. Si este cuaderno ya entrenaba ahí, detiene aquel proceso. Ninguno sobrevive al cuaderno:
    cuando el kernel termina, o lo matan, se cierra la entrada estándar del entrenamiento, y entonces guarda y se
    detiene como con Ctrl-C. Lanza `ValueError` si la orden es otra y `BlockingIOError` si no es de este cuaderno el
    entrenamiento que usa la carpeta.
    """

    def __init__(self, order: str, fresh: bool = False):
        program, *words = shlex.split(order) or [""]
        if program != "coursekit" or words[:1] != ["train"] or len(words) < 2:
            raise ValueError(f"La orden {order!r} no es un entrenamiento: empieza con «coursekit train CARPETA».")
        self.run = Run(words[1])
        # En un archivo: si el cuaderno muere, escribir en un tubo sería un error y no se guardaría lo entrenado.
        self._log = self.run.path.with_name(f"{self.run.path.name}.log")
        if before := _LAUNCHED.get(str(self.run.path)):
            before.stop()
        with locked(self.run.path):
            pass
        if fresh:
            shutil.rmtree(self.run.path, ignore_errors=True)
        # En un grupo aparte: detener una celda de JupyterLab no lo detiene.
        apart = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
        with self._log.open("wb") as log:
            files = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.STDOUT}
            self._process = subprocess.Popen([sys.executable, "-c", _CHILD, *words], env=environment, **files, **apart)
        atexit.register(self.stop)
        _LAUNCHED[str(self.run.path)] = self

    @property
    def running(self) -> bool:
        """Si todavía entrena."""
        return self._process.poll() is None

    @property
    def said(self) -> list[str]:
        """Los renglones que el proceso escribió; de la barra, que se reescribe, el último estado."""
        text = self._log.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        return [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n") if line.strip()]

    def stop(self) -> None:
        """Lo mismo que Ctrl-C en una terminal: termina el paso en curso, guarda y acaba; vuelve cuando acabó."""
        atexit.unregister(self.stop)
        self._process.stdin.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def watch(self, until: int) -> None:
        """Muestra las métricas en la celda y las vuelve a dibujar hasta que la corrida pase del paso `until`.

        Detener la celda deja de mirar; el entrenamiento sigue. Lanza `RuntimeError`, con lo que dijo el proceso, si un
        error lo detuvo.
        """
        handle, step = None, -1
        try:
            while step < until:
                alive = self.running
                if not alive and self._process.returncode:
                    raise RuntimeError("El entrenamiento se detuvo con un error:\n" + "\n".join(self.said[-6:]))
                table = self._table()
                if len(table) and table["step"].max() > step:
                    step, names = table["step"].max(), [name for name in DEFAULT if name in set(table["metric"])]
                    handle = _show(_png(plot_metrics(self.run.tensorboard, names, smoothing=0.6)), handle)
                if not alive:
                    return
                time.sleep(1.0 if step < until else 0.0)
        except KeyboardInterrupt:
            return

    def _table(self) -> pd.DataFrame:
        """Las tres métricas de ahora; vacía si todavía no hay ninguna."""
        try:
            return read_metrics(self.run.tensorboard).query("metric in @DEFAULT")  # los CSV esperan al punto guardado
        except (FileNotFoundError, ValueError):
            return pd.DataFrame()


def _png(figure) -> bytes:
    import matplotlib.pyplot as plt

    content = io.BytesIO()
    figure.savefig(content, format="png")
    plt.close(figure)  # si no, el cuaderno la mostraría otra vez
    return content.getvalue()


def _show(picture: bytes, handle):
    from IPython.display import Image, display

    image = Image(picture, alt=_ALT)
    return (handle.update(image) if handle else display(image, display_id=True)) or handle


def obey() -> None:
    """Que este proceso se interrumpa, como con Ctrl-C, cuando se cierre su entrada estándar."""

    def listen() -> None:
        sys.stdin.buffer.read()
        _thread.interrupt_main()  # en Windows no hay otra manera de hacerlo sin interrumpir también al cuaderno
        time.sleep(_GRACE)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=listen, daemon=True).start()
