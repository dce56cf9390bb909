"""La corrida es una carpeta: aquí están sus rutas, sus dos JSON y la escritura sin archivos a medias."""

from __future__ import annotations

import difflib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from coursekit.training.machine import machine, versions

HALF_WRITTEN = ".a-medias-"  # así comienza el nombre de lo que todavía se está escribiendo


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Da una ruta temporal junto a `path` y, si todo salió bien, la pone en su lugar de una sola vez.

    Si algo falla, `path` queda como estaba y el archivo temporal desaparece. Los errores del disco
    (`OSError`: lleno, sin permiso) se explican en español, con la ruta.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=HALF_WRITTEN, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())  # que un corte de luz no deje el nombre nuevo con un archivo vacío
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"No se pudo escribir {str(path)!r} ({error.strerror or error}): "
        "libere espacio o elija una ruta en la que pueda escribir; lo que ya había quedó como estaba.",
    )


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Reserva `folder` para este proceso: `BlockingIOError` si otro la está usando.

    El sistema suelta la reserva cuando el proceso termina, aunque lo maten.
    """
    from filelock import FileLock, Timeout

    path = Path(folder) / "resume" / "en-uso.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"Otro proceso está usando {str(folder)!r}: espere a que termine o elija otra carpeta."
        ) from None
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


def find_name(name: str, names: Iterable[str], what: str, listing: str = "") -> str:
    """El nombre de `names` que es `name` salvo por mayúsculas, espacios y guiones, o `ValueError` con el más parecido.

    `what` dice de qué se trata («el juego»); `listing`, dónde están todos los nombres, si son muchos para el mensaje.
    """
    plain = {re.sub(r"[\s_-]", "", known.lower()): known for known in names}
    wanted = re.sub(r"[\s_-]", "", str(name).lower())
    if wanted not in plain:
        near = plain[difflib.get_close_matches(wanted, plain, n=1, cutoff=0.0)[0]]
        listing = listing or f"los que hay son {', '.join(plain.values())}"
        raise ValueError(f"No existe {what} {name!r}; el más parecido es {near!r} ({listing}).")
    return plain[wanted]


class Run:
    """Una corrida: la carpeta en la que un entrenamiento deja todo lo que produce.

    ========================  =====================================================================
    `info`                    contenido de `run.json`: juego, algoritmo, hiperparámetros, máquina…
    `agent`                   el agente final, `agent.zip`
    `checkpoints()`           la escalera: el mismo agente más joven, de menos a más pasos
    `metrics`                 carpeta de los CSV de métricas
    `tensorboard`             carpeta de los archivos de eventos (no se publica)
    `evaluation`              `evaluation.json`: protocolo, cada puntaje, resumen con intervalo
    ========================  =====================================================================
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.agent = self.path / "agent.zip"
        self.metrics = self.path / "metrics"
        self.tensorboard = self.path / "tensorboard"
        self.evaluation = self.path / "evaluation.json"
        self.state = self.path / "resume" / "state.pt"

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def info(self) -> dict:
        """Lo que dice `run.json`. `FileNotFoundError` si la carpeta no es una corrida."""
        return self._read(self.path / "run.json", f"{str(self.path)!r} no es una corrida: le falta run.json")

    @property
    def results(self) -> dict:
        """Lo que dice `evaluation.json`. `FileNotFoundError` si la corrida no se ha evaluado."""
        return self._read(self.evaluation, f"{str(self.path)!r} no tiene evaluation.json")

    @staticmethod
    def _read(path: Path, missing: str) -> dict:
        if not path.is_file():
            raise FileNotFoundError(f"{missing}; «coursekit train» y «coursekit evaluate» crean esos archivos.")
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{str(path)!r} está dañado (no es JSON válido): recupere una copia o bórrelo.") from error

    def write_json(self, name: str, content: dict) -> None:
        """Escribe `name` (`"run.json"`, `"evaluation.json"`) dentro de la corrida, sin archivos a medias."""
        with atomic(self.path / name) as temporary:
            text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def checkpoint(self, steps: int) -> Path:
        """Ruta del agente guardado a los `steps` pasos."""
        return self.path / "checkpoints" / f"agent-{steps:08d}.zip"

    def replay(self, steps: int) -> Path:
        """Ruta de la memoria de repetición guardada a los `steps` pasos (no se publica)."""
        return self.path / "resume" / f"replay-{steps:08d}.npz"

    def checkpoints(self) -> dict[int, Path]:
        """Los agentes guardados: pasos → archivo, de menos a más pasos."""
        found = {}
        for path in (self.path / "checkpoints").glob("agent-*.zip"):
            if match := re.fullmatch(r"agent-(\d+)\.zip", path.name):
                found[int(match[1])] = path
        return dict(sorted(found.items()))


def new_info(game: str, algorithm: str, seed: int, hyperparameters: dict, total_steps: int, **more) -> dict:
    """El contenido de `run.json` de una corrida que comienza."""
    info = {"game": game, "algorithm": algorithm, "seed": seed, **more, "hyperparameters": hyperparameters}
    return {**info, "steps": 0, "total_steps": total_steps, "segments": []}


def new_segment(from_step: int, command: str, device: str) -> dict:
    """Lo que `run.json` guarda de cada tramo: desde qué paso, con qué orden, cuándo, con qué versiones y dónde."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "from_step": from_step,
        "command": command,
        "started": started,
        "versions": versions(),
        "machine": machine(device),
    }


def new_evaluation(protocol: dict, agent_steps: int, results: dict, ladder: dict | None = None) -> dict:
    """El contenido de `evaluation.json`: `results` y `ladder` llevan los puntajes de cada partida y su resumen."""
    protocol = {**protocol, "versions": versions()}
    return {"protocol": protocol, "agent_steps": agent_steps, "results": results, "ladder": ladder or {}}
