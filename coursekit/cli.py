"""La línea de órdenes: `coursekit doctor · train · sweep · evaluate · record · export · arcade`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coursekit.envs import BACKENDS, find_game
from coursekit.training.recipe import DEFAULTS, EPISODES, PROTOCOLS, SEED

EPSILON, STICKY = PROTOCOLS["default"].values()

# Lo que argparse dice por su cuenta, en español.
_SPANISH = {
    "usage: ": "uso: ",
    "positional arguments": "argumentos",
    "options": "opciones",
    "show this help message and exit": "muestra esta ayuda y termina",
    "%(prog)s: error: %(message)s\n": "%(prog)s: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "the following arguments are required: %s": "faltan los argumentos %s; vea la ayuda con --help",
    "unrecognized arguments: %s": "no existen los argumentos %s; vea la ayuda con --help",
    "expected one argument": "espera un valor",
    "expected at least one argument": "espera al menos un valor",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)s no es una opción; use una de %(choices)s",
    "invalid %(type)s value: %(value)r": "%(value)r no es un número válido",
}


def main(arguments: list[str] | None = None) -> int:
    """Ejecuta la línea de órdenes; devuelve 0 si todo salió bien y 2 si lo pedido no es posible."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # una página de códigos de Windows no tiene todas las letras
            stream.reconfigure(errors="replace")
    with _spanish():
        options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BrokenPipeError:  # quien leía la salida se fue («| head»): no hay nada que decir
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("coursekit: interrumpido; si se guarda por partes, la misma orden sigue donde quedó.", file=sys.stderr)
        return 2
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print("coursekit:", getattr(error, "strerror", None) or error, file=sys.stderr)
        return 2
    return 0


@contextmanager
def _spanish() -> Iterator[None]:
    """Mientras se leen los argumentos, argparse habla en español; después queda como estaba."""
    before, argparse._ = argparse._, lambda text: _SPANISH.get(text, text)
    try:
        yield
    finally:
        argparse._ = before


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coursekit", description="DQN a partir de píxeles, en la terminal.")
    orders = parser.add_subparsers(title="órdenes", dest="order", required=True, metavar="ORDEN")

    order = orders.add_parser("doctor", help="revisa esta máquina y estima cuánto tardaría un entrenamiento")
    order.add_argument("--game", default="Breakout", help="juego con el que se mide (%(default)s)")
    order.add_argument("--buffer-size", type=int, help="transiciones de la memoria de repetición que se piensa usar")
    order.add_argument("--seconds", type=float, default=10.0, help="segundos de cada medición (%(default)s)")
    order.set_defaults(run=_doctor)

    order = orders.add_parser("train", help="entrena un DQN y deja todo en una carpeta")
    order.add_argument("folder", metavar="CARPETA", help="carpeta de la corrida")
    order.add_argument("--game", help="juego (Breakout, o el de la corrida que se sigue)")
    order.add_argument("--steps", type=int, help="pasos del agente en total (1000000, o los de la corrida)")
    order.add_argument("--algorithm", help="dqn, munchausen-dqn o qr-dqn (dqn)")
    order.add_argument("--seed", type=int, help="semilla (0)")
    order.add_argument("--resume", action="store_true", help="sigue una corrida desde su último punto guardado")
    order.add_argument("--backend", choices=BACKENDS, help="ambientes (ale)")
    order.add_argument("--sticky", type=float, help="probabilidad de las acciones pegajosas (0)")
    order.add_argument("--device", default="auto", help="auto, cpu o cuda (%(default)s)")
    order.add_argument("--checkpoint-every", type=int, default=50_000, help="pasos entre puntos guardados (50000)")
    order.add_argument("--log-every", type=int, default=1_000, help="pasos entre filas de métricas (%(default)s)")
    order.add_argument("--quiet", action="store_true", help="sin barra de progreso")
    for name, value in DEFAULTS.items():
        order.add_argument("--" + name.replace("_", "-"), type=type(value), help=f"hiperparámetro ({value})")
    order.set_defaults(run=_train)

    order = orders.add_parser("sweep", help="compara algoritmos: los entrena con varias semillas, repartidos con Dask")
    order.add_argument("folder", metavar="CARPETA", help="carpeta del barrido; cada corrida es una carpeta dentro")
    order.add_argument("--algorithms", nargs="+", required=True, metavar="NOMBRE", help="dqn, double-dqn, ppo…")
    order.add_argument("--games", nargs="+", required=True, metavar="JUEGO", help="atrapa, vendaval, o juegos de Atari")
    order.add_argument("--seeds", type=int, default=5, metavar="N", help="cuántas semillas (%(default)s)")
    order.add_argument("--first-seed", type=int, default=0, metavar="N", help="la primera semilla (%(default)s)")
    order.add_argument("--learning-rate", type=float, metavar="TASA", help="la de todos (la de cada uno)")
    order.add_argument("--steps", type=int, required=True, help="pasos del agente de cada corrida")
    order.set_defaults(run=_sweep)

    order = orders.add_parser("evaluate", help="juega partidas completas y resume sus puntajes con su intervalo")
    order.add_argument("agents", nargs="+", metavar="AGENTE", help="corrida o .zip; varios dejan una tabla en --out")
    order.add_argument("--game", help="juego (hace falta con un .zip)")
    order.add_argument("--episodes", type=int, default=EPISODES, help="partidas (%(default)s)")
    order.add_argument("--seed", type=int, default=SEED, help="semilla de la evaluación (%(default)s)")
    order.add_argument("--epsilon", type=float, default=EPSILON, help="con un .zip: acciones al azar (%(default)s)")
    order.add_argument("--sticky", type=float, default=STICKY, help="con un .zip: acciones pegajosas (%(default)s)")
    order.add_argument("--out", metavar="DIR", help="con varios: dónde quedan la tabla y las partidas (calificaciones)")
    order.add_argument("--no-ladder", action="store_true", help="con una corrida: sin los agentes más jóvenes")
    order.add_argument("--choose", type=int, metavar="N", help="con una corrida: publica el mejor de N o su promedio")
    order.set_defaults(run=_evaluate)
    for order in (orders.choices["sweep"], orders.choices["evaluate"]):
        order.add_argument("--scheduler", "--cluster", metavar="DIRECCIÓN", help="el de Dask: tcp://maquina:8786")
        order.add_argument("--workers", type=int, metavar="N", help="procesos de esta máquina (uno por núcleo)")

    order = orders.add_parser("record", help="graba una partida en un GIF o un MP4")
    order.add_argument("agent", metavar="AGENTE", help="carpeta de una corrida, un agente .zip, o «azar»")
    order.add_argument("file", metavar="ARCHIVO", help="archivo .gif o .mp4 que se crea")
    order.add_argument("--game", help="juego (hace falta con un .zip o con «azar»)")
    order.add_argument("--seconds", type=float, help="segundos de juego (toda la partida)")
    order.add_argument("--seed", type=int, default=0, help="semilla de la partida (%(default)s)")
    order.add_argument("--epsilon", type=float, default=EPSILON, help="parte de las acciones al azar (%(default)s)")
    order.add_argument("--speed", type=float, default=1.0, help="2 es el doble de la del juego (%(default)s)")
    order.add_argument("--scale", type=int, default=1, help="agranda la pantalla este número entero (%(default)s)")
    order.add_argument("--score", action="store_true", help="escribe el puntaje en una esquina")
    order.set_defaults(run=_record)

    order = orders.add_parser("export", help="pasa a CSV las métricas de una corrida o de TensorBoard")
    order.add_argument("folder", metavar="CARPETA", help="carpeta de la corrida o de los registros")
    order.set_defaults(run=_export)

    order = orders.add_parser("arcade", help="hace una página en la que el agente juega, y se juega contra él")
    order.add_argument("folder", metavar="CARPETA", help="carpeta de la corrida")
    order.add_argument("--out", metavar="DIR", help="carpeta que se crea (arcade, dentro de la corrida)")
    order.set_defaults(run=_arcade)
    return parser


def _doctor(options: argparse.Namespace) -> None:
    from coursekit.training.doctor import report

    for line in report(options.game, options.buffer_size, options.seconds):
        print(line, flush=True)


def _train(options: argparse.Namespace) -> None:
    from coursekit.training.loop import exists, train

    if options.resume and not exists(options.folder):
        raise ValueError(f"{options.folder!r} no tiene una corrida que seguir: revise la ruta o quite --resume.")
    names = ("game", "algorithm", "seed", "resume", "backend", "sticky", "checkpoint_every", "log_every", "device")
    given = {name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None}
    asked = {name: getattr(options, name) for name in names}
    train(options.folder, total_steps=options.steps, progress=not options.quiet, **asked, **given)


def _sweep(options: argparse.Namespace) -> None:
    from coursekit.comparison.sweep import sweep

    names = ("folder", "algorithms", "games", "seeds", "first_seed", "steps", "learning_rate", "scheduler", "workers")
    for run in sweep(**{name: getattr(options, name) for name in names}):
        summary = run.results["results"]["greedy"]["summary"]
        print(f"{run.path.name}: puntaje medio {summary['mean']:.2f} en {summary['games']} partidas voraces")


def _game_of(options: argparse.Namespace) -> str:
    from coursekit.runs import Run

    if options.game is None and not Path(options.agent).is_dir():
        raise ValueError(f"{options.agent!r} no dice de qué juego es: agregue --game, por ejemplo --game Breakout.")
    return Run(options.agent).info["game"] if options.game is None else options.game


def _evaluate(options: argparse.Namespace) -> None:
    from coursekit.comparison.grading import FOLDER, grade
    from coursekit.comparison.sheet import line, published_text, run_text, text
    from coursekit.evaluation import evaluate, evaluate_run, load_agent, summarize
    from coursekit.runs import Run
    from coursekit.training.selection import choose_agent

    options.agent = options.agents[0]
    protocol = {name: getattr(options, name) for name in ("epsilon", "sticky", "seed")}
    if len(options.agents) > 1 or options.out or "*" in options.agent:
        if options.choose:
            raise ValueError("--choose es de una sola corrida: elija primero el agente de cada una, por separado.")
        asked = {name: getattr(options, name) for name in ("out", "episodes", "scheduler", "workers")}
        print(*text(grade(options.agents, _game_of(options), **asked, **protocol)), sep="\n")
        print(f"{Path(options.out or FOLDER) / 'index.html'}: se abre con doble clic")
    elif Path(options.agent).is_dir():
        game = find_game(options.game or Run(options.agent).info["game"])[0]
        if (game, options.epsilon, options.sticky) != (Run(options.agent).info["game"], EPSILON, STICKY):
            raise ValueError(
                "Una corrida se mide en su juego y con los tres protocolos; para otra cosa, dé su agent.zip."
            )
        if options.choose:
            choose_agent(options.agent, options.choose, options.episodes)
            print(published_text(Run(options.agent).info))
        played = evaluate_run(options.agent, options.episodes, seed=options.seed, ladder=not options.no_ladder)
        print(*run_text(played), sep="\n")
    elif options.choose or options.no_ladder:
        raise ValueError(f"--choose y --no-ladder son de una corrida, y {options.agent!r} no es su carpeta.")
    else:
        table = evaluate(load_agent(options.agent), game := _game_of(options), options.episodes, **protocol)
        print(line(Path(options.agent).name, summarize(table["score"], game)))


def _record(options: argparse.Namespace) -> None:
    from coursekit.evaluation import load_agent
    from coursekit.recording import record

    agent = None if re.fullmatch("azar", options.agent, re.I) else load_agent(options.agent)
    names = ("seconds", "seed", "epsilon", "speed", "scale", "score")
    recording = record(agent, _game_of(options), options.file, **{name: getattr(options, name) for name in names})
    print(f"{recording.path}: {recording.seconds:.1f} s, {recording.steps} pasos, puntaje", *recording.scores.values())


def _export(options: argparse.Namespace) -> None:
    from coursekit.metrics import export_csv

    print(*export_csv(options.folder).values(), sep="\n")


def _arcade(options: argparse.Namespace) -> None:
    from coursekit.arcade import export_arcade

    print(f"{export_arcade(options.folder, options.out)}: se abre con doble clic")


if __name__ == "__main__":
    sys.exit(main())
