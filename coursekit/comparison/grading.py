"""Calificar entregas: todos los agentes juegan lo mismo, y lo que se interrumpe sigue donde quedó (`grade`)."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from coursekit.comparison.sheet import write_sheet
from coursekit.comparison.sweep import open_client
from coursekit.envs import find_game, sticky_of
from coursekit.evaluation import FIRE_RULE, evaluate, result
from coursekit.playing.adapt import stacked_screens
from coursekit.playing.screens import ATARI_RATE, play_atari
from coursekit.runs import HALF_WRITTEN, Run, locked
from coursekit.training.agents import load_agent
from coursekit.training.machine import versions
from coursekit.training.recipe import EPISODES, PROTOCOLS, SEED

import pandas as pd
import psutil
import torch
from PIL import Image
from tqdm import tqdm

FOLDER, GAMES = "calificaciones", "partidas"
STILL = 20  # segundos de juego después de los que se toma la foto


def grade(
    agents: Iterable[str | Path],
    game: str,
    out: str | Path | None = None,
    *,
    episodes: int = EPISODES,
    epsilon: float = PROTOCOLS["default"]["epsilon"],
    sticky: float | None = None,
    seed: int = SEED,
    scheduler: str | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Evalúa cada entrega con el mismo protocolo y deja la tabla en una carpeta: `calificaciones.csv` e `index.html`.

    Parámetros
    ----------
    agents: archivos `.zip` (los que abre `load_agent`), carpetas con un solo `.zip` y corridas, mezclados.
        Se aceptan patrones (`"entregas/*.zip"`), que la terminal de Windows no despliega.
    game: el juego de Atari que juegan todos.
    out: la carpeta (`calificaciones`).
    episodes, epsilon, sticky, seed: los de `evaluate`, que daría a cada agente los mismos puntajes.
    scheduler, workers: como en `sweep`; sin Dask, los agentes juegan uno tras otro.

    Las partidas de cada archivo se guardan al terminar, con su huella (SHA-256): la misma orden juega solo lo que falta
    o cambió. La entrega que no se puede evaluar lleva una frase en `problema` y no detiene a las demás.
    Devuelve la tabla de `coursekit.comparison.sheet`. Lanza `ValueError` si algo del protocolo no es posible o la
    carpeta tiene otro, `BlockingIOError` si otro proceso la usa, y lo mismo que `sweep` sobre Dask.
    """
    game, sticky = find_game(game)[0], sticky_of(game, sticky)
    if min(episodes, seed + 1, 1 if workers is None else workers) < 1 or not 0.0 <= epsilon <= 1.0:
        asked = f"Se pidieron {episodes} partidas, epsilon={epsilon!r}, semilla {seed} y workers={workers!r}"
        raise ValueError(f"{asked}: las partidas y los procesos van desde 1; la semilla, desde 0; ε, de 0.0 a 1.0.")
    protocol = {"game": game, "episodes": episodes, "epsilon": epsilon, "sticky": sticky, "seed": seed}
    folder, rows = Run(out or FOLDER), list(_identified(agents, game))
    with locked(folder.path):
        _keep_to(protocol, folder)
        _play_missing(rows, folder, protocol, scheduler, workers)
        return write_sheet(folder.path, protocol, rows)


def _keep_to(protocol: dict, folder: Run) -> None:
    """Anota el protocolo en la carpeta; `ValueError` si lo que hay en ella se jugó con otro."""
    for half in folder.path.glob(f"{GAMES}/{HALF_WRITTEN}*"):  # lo que dejó quien murió escribiendo
        half.unlink()
    path = folder.path / "protocolo.json"
    if not path.exists() or not list(folder.path.glob(f"{GAMES}/*.json")):
        folder.write_json(path.name, {**protocol, "fire": FIRE_RULE, "noop_max": 30, "versions": versions()})
    used = Run._read(path, "")
    if odd := [f"{name}={used.get(name)} y no {value}" for name, value in protocol.items() if used.get(name) != value]:
        raise ValueError(f"Las calificaciones de {str(folder.path)!r} son con {', '.join(odd)}: elija otra con --out.")


def _or_problem(function: Callable[..., dict], path: Path | str, *arguments) -> dict:
    """Lo que devuelve la función o, si falla, `{"problem": frase}`: una entrega puede fallar de cualquier modo."""
    try:
        return function(path, *arguments)
    except Exception as error:
        place = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        ours = isinstance(error, (ValueError, FileNotFoundError)) and Path(__file__).parents[1] in place.parents
        other = f"No se pudo evaluar {str(path)!r} ({type(error).__name__}): pida otra copia a quien lo entregó."
        return {"problem": textwrap.shorten(str(error) if ours else other, 600, placeholder="…")}


def _identified(agents: Iterable[str | Path], game: str) -> Iterator[dict]:
    """Una fila por entrega, con el nombre de su archivo o, si otra se llama igual, su ruta."""
    found = (sorted(glob(str(given))) or [given] if "*" in str(given) else [given] for given in agents)
    paths = list(dict.fromkeys(map(Path, itertools.chain(*found))))
    short = [path.absolute().name.removesuffix(".zip") for path in paths]
    first = {}
    for path, name in zip(paths, short, strict=True):
        name = name if short.count(name) == 1 else path.as_posix()
        name = "".join(letter if letter.isprintable() else "�" for letter in name)
        row = {"name": name, "path": path} | _or_problem(_identify, path, game)
        same = first.setdefault(row.get("digest", path), name)
        yield row | {"same": "" if same == name else same}


def _identify(path: Path, game: str) -> dict:
    """El archivo de una entrega y su huella; `ValueError` si no hay uno solo o la corrida es de otro juego."""
    file = path
    if (path / "run.json").exists():
        file, trained = Run(path).agent, str(Run(path).info.get("game"))
        if trained.casefold() != game.casefold():
            raise ValueError(f"{str(path)!r} es una corrida de {trained} y aquí se juega {game}: pida la de {game}.")
    elif path.is_dir():
        found = sorted(path.glob("*.zip"))
        if len(found) != 1:
            raise ValueError(f"{str(path)!r} tiene {len(found)} archivos .zip y debe tener uno: deje solo el agente.")
        file = found[0]
    if not file.is_file():
        raise FileNotFoundError(f"No existe el agente {str(file)!r}: revise la ruta o pida otra vez la entrega.")
    with file.open("rb") as content:
        return {"file": file.resolve(), "digest": hashlib.file_digest(content, "sha256").hexdigest()}


def _play_missing(rows: list[dict], folder: Run, protocol: dict, scheduler: str | None, workers: int | None) -> None:
    """Pone en cada fila sus partidas: las guardadas o, si faltan, las que juega y guarda ahora."""
    known, jobs = {}, {}
    for row in rows:
        if digest := row.get("digest"):
            try:
                known[digest] = json.loads((folder.path / GAMES / f"{digest}.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                jobs[digest] = str(row["file"])
    bar = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} agentes [van {elapsed}, faltan {remaining}]"
    with tqdm(total=len(known) + len(jobs), initial=len(known), bar_format=bar) as progress:
        for digest, played in _distribute(jobs, protocol, scheduler, workers) if jobs else ():
            known[digest] = played
            if "problem" not in played:
                folder.write_json(f"{GAMES}/{digest}.json", played)
            progress.update()
    for row in rows:
        row |= known.get(row.get("digest"), {})
        if "problem" in row:
            row["problem"] = row["problem"].replace(str(row.get("file")), str(row["path"]))


def _distribute(jobs: dict[str, str], protocol: dict, scheduler, workers) -> Iterator[tuple[str, dict]]:
    """La huella de cada trabajo y sus partidas, a medida que terminan."""
    workers = workers or (psutil.cpu_count(logical=False) or 1 if find_spec("distributed") else 1)
    if scheduler is None and min(workers, len(jobs)) == 1:
        yield from ((digest, _or_problem(play, file, protocol)) for digest, file in jobs.items())
        return
    with open_client(scheduler, min(workers, len(jobs))) as client:
        from distributed import KilledWorker, as_completed

        futures = {client.submit(_or_problem, play, f, protocol, pure=False): (key, f) for key, f in jobs.items()}
        for future in as_completed(futures):
            digest, file = futures[future]
            try:
                played = future.result()
            except KilledWorker:
                played = {"problem": f"{file!r} mató varias veces a su proceso (¿falta memoria?): se evalúa aparte."}
            yield digest, played


def play(path: str, protocol: dict) -> dict:
    """Las partidas de un agente, su resumen y una foto; es lo que hace cada proceso.

    Lanza `ValueError` si el agente no es de este juego o espera otra cosa que las pantallas de 84×84 del protocolo.
    """
    torch.set_num_threads(1)
    agent = load_agent(path)
    if not stacked_screens(agent):
        seen = f"espera observaciones de forma {agent.observation_space.shape}"
        raise ValueError(f"{path!r} {seen} y aquí todos ven pantallas de 84×84: se evalúa aparte.")
    if not all(value.isfinite().all() for value in agent.policy.state_dict().values()):
        raise ValueError(f"{path!r} tiene pesos que no son números (NaN o infinitos): pida el agente de antes.")
    options = {name: protocol[name] for name in ("epsilon", "sticky")}
    table = evaluate(agent, protocol["game"], protocol["episodes"], seed=protocol["seed"], **options)
    return result(table, protocol["game"], **options) | _still(agent, protocol)


def _still(agent, protocol: dict) -> dict:
    """La pantalla a los `STILL` segundos de una partida (o al terminar, si termina antes), como PNG en base 64."""
    game = (protocol["game"], protocol["seed"], protocol["epsilon"], 1, protocol["sticky"])
    with closing(play_atari(agent, *game)) as states:
        for steps, state in enumerate(itertools.islice(states, round(STILL * ATARI_RATE)), 1):  # noqa: B007
            pass
    png = io.BytesIO()
    Image.fromarray(state.screen).quantize().save(png, "PNG", optimize=True)
    still = {"png": base64.b64encode(png.getvalue()).decode("ascii"), "seconds": round(steps / ATARI_RATE)}
    return {"still": still | {"score": state.score}}
