"""De una corrida a los archivos que lee la página: los pesos, la ROM y el catálogo que los nombra.

Cada archivo es un guion de una línea, `arcadeDato("nombre","…")`, con un gzip en base64: un `<script>` se puede pedir
también cuando la página se abrió con doble clic (`file://`), y la suma de control del gzip delata un archivo dañado.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coursekit.evaluation import HUMAN_NORMALISED, agent_steps, load_agent
from coursekit.runs import Run

#: Los juegos que la página sabe jugar (en ellos se comparó su emulador con ALE, cuadro por cuadro) y sus ROM.
GAMES = {"Breakout": "breakout", "Pong": "pong", "SpaceInvaders": "space_invaders"}
#: Orden de los pesos en el archivo: el de la red de Mnih et al. (2015), cada capa con su sesgo.
LAYERS = (
    "features_extractor.cnn.0",
    "features_extractor.cnn.2",
    "features_extractor.cnn.4",
    "features_extractor.linear.0",
    "q_net.0",
)
NO_ROM = "No se pudo copiar la ROM de {game} de la instalación de ale-py, y sin ella la página no puede jugar."


@dataclass(frozen=True)
class Payload:
    """Un archivo de datos: `name` es su nombre sin terminación y `text`, lo que lleva dentro."""

    name: str
    text: str


def payload(name: str, content: bytes) -> Payload:
    """`content` comprimido y en base64, dentro de una llamada que el navegador puede ejecutar.

    El gzip no lleva fecha: los mismos pesos dan siempre el mismo archivo.
    """
    packed = base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode("ascii")
    return Payload(name, f'arcadeDato("{name}","{packed}");\n')


def weights(source: Run | str | Path) -> bytes:
    """Los pesos de un agente en media precisión, capa por capa: `float16`, little-endian, pesos y luego sesgo.

    Vale para los agentes de coursekit y para cualquier zip de SB3 que `load_agent` sepa abrir.
    """
    state = load_agent(source).q_net.state_dict()
    arrays = [state[f"{layer}.{part}"].numpy() for layer in LAYERS for part in ("weight", "bias")]
    return b"".join(array.astype("<f2").tobytes() for array in arrays)


def rom(game: str) -> bytes | None:
    """La ROM de `game`, de la instalación de `ale-py`; `None` si falta o está dañada."""
    from ale_py import roms

    try:
        path = roms.get_rom_path(GAMES[game])
    except (FileNotFoundError, NotADirectoryError, OSError):
        return None
    return Path(path).read_bytes() if path else None


def catalogue(run: Run | str | Path, *, name: str | None = None, ladder: bool = True) -> tuple[dict, dict[str, Path]]:
    """Lo que la página debe saber de una corrida, y de qué archivo sale cada agente que nombra.

    Devuelve el catálogo (juego, ROM, puntajes de referencia y un agente por peldaño, de menos a más pasos) y un
    diccionario nombre → zip de SB3. Con `ladder=False`, solo el agente final.

    Lanza `ValueError` si la corrida es de un juego que la página no sabe jugar o no tiene agente.
    """
    run = Run(run)
    info = run.info
    game = info["game"]
    if game not in GAMES:
        raise ValueError(
            f"La corrida {str(run.path)!r} es de {game}, y la página solo sabe jugar {', '.join(GAMES)}: "
            "para ver a este agente use coursekit.recording.show."
        )
    name = name or run.path.resolve().name
    evaluation = run.results if run.evaluation.is_file() else {}
    agents, sources = [], {}

    def add(identifier: str, steps: int, path: Path, summary: dict | None) -> None:
        entry = {"id": identifier, "steps": steps}
        if summary:
            entry |= {key: round(summary[key], 2) for key in ("mean", "ci_low", "ci_high", "games")}
        agents.append(entry)
        sources[identifier] = path

    if ladder:
        for steps, path in run.checkpoints().items():
            add(f"{name}-{steps:08d}", steps, path, evaluation.get("ladder", {}).get(str(steps), {}).get("summary"))
    if run.agent.is_file():
        final = evaluation.get("results", {}).get("default", {}).get("summary")
        add(f"{name}-final", agent_steps(run), run.agent, final)
        agents[-1]["final"] = True
    if not agents:
        raise ValueError(
            f"{str(run.path)!r} no tiene ningún agente guardado: entrene uno con «coursekit train» o revise la ruta."
        )
    chance, human = HUMAN_NORMALISED[game]
    return {"name": name, "game": game, "chance": chance, "human": human, "agents": agents}, sources


def payloads(run: Run | str | Path, *, name: str | None = None, ladder: bool = True) -> tuple[dict, Iterator[Payload]]:
    """El catálogo de una corrida y, uno por uno, sus archivos de datos (la ROM primero).

    Sin la ROM, el catálogo lleva en `"missing"` la frase que muestra la página, y no hay archivos: de nada servirían.
    """
    entry, sources = catalogue(run, name=name, ladder=ladder)
    content = rom(entry["game"])
    if content is None:
        return entry | {"missing": NO_ROM.format(game=entry["game"])}, iter(())
    entry["rom"] = f"rom-{GAMES[entry['game']]}"

    def files() -> Iterator[Payload]:
        yield payload(entry["rom"], content)
        for identifier, path in sources.items():
            yield payload(identifier, weights(path))

    return entry, files()


def to_json(entries: list[dict], base: str, **options) -> str:
    """El catálogo como JSON que se puede escribir dentro de un `<script>` sin cerrarlo por accidente."""
    content = {"base": base, "runs": entries, **options}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


__all__ = ["GAMES", "Payload", "catalogue", "payload", "payloads", "rom", "to_json", "weights"]
