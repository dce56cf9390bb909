"""Graba, con ALE, coursekit y PyTorch, con qué se comparan las pruebas de la página.  Uso: python fixtures.py CARPETA

Por juego deja en CARPETA (en binario, una tras otra):
  <juego>.rom       la ROM de ale-py
  <juego>.traza     cuadros de ALE: acción, vidas y puntaje (int16), RAM (128) y pantalla (160×210 colores de 0 a 127)
  <juego>.cuadros   200 pasos: los dos últimos cuadros de ALE (colores) y el de 84×84 que da AtariVectorEnv
  <juego>.estados   500 observaciones (4, 84, 84) y los valores Q en float32 del agente publicado
  <juego>.pesos     el archivo de datos del agente publicado, como lo recibe la página
y además sala/index.html, una página con las tres corridas; celda.html, lo que `arcade` muestra en JupyterLab; y, en
referencias.json, los colores de ALE y la evaluación publicada.
"""

import json
import sys
from pathlib import Path

from coursekit.arcade import arcade
from coursekit.arcade.export import payload, payloads, weights
from coursekit.arcade.page import _PAGE, place, static
from coursekit.envs import make_vec_env
from coursekit.evaluation import load_agent
from coursekit.runs import Run

import ale_py
import cv2
import numpy as np
import torch
from ale_py import ALEInterface, roms
from ale_py.vector_env import AtariVectorEnv

RUNS = Path(__file__).parents[2] / "book" / "runs"
GAMES = {"Breakout": "breakout", "Pong": "pong", "SpaceInvaders": "space_invaders"}
TRACE, FRAMES, STATES = 1500, 200, 500
FIRE = 1


def interface(rom: str) -> ALEInterface:
    """ALE como lo usa NoFrameskip-v4: un cuadro por acción, sin acciones pegajosas."""
    ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", 0)
    ale.loadROM(roms.get_rom_path(rom))
    ale.reset_game()
    return ale


def held_actions(rng, n: int, n_actions: int, fire_every: int) -> np.ndarray:
    """Acciones al azar que duran varios cuadros, con FIRE cada tanto para que siempre haya una pelota en juego."""
    actions = np.repeat(rng.integers(n_actions, size=n // 4 + 1), 4)[:n]
    actions[np.arange(n) % fire_every < 4] = FIRE
    return actions


def screen(ale: ALEInterface) -> np.ndarray:
    return (ale.getScreen() >> 1).astype(np.uint8)  # ALE usa solo los colores pares


def colours(ale: ALEInterface) -> dict[int, list[int]]:
    """Los colores de una pantalla: número (0–127) → [rojo, verde, azul, gris]."""
    for _ in range(200):
        ale.act(ale_py.Action.FIRE)
    number, rgb, gray = screen(ale).ravel(), ale.getScreenRGB().reshape(-1, 3), ale.getScreenGrayscale().ravel()
    first = [int(np.flatnonzero(number == n)[0]) for n in np.unique(number)]
    return {int(number[i]): [*rgb[i].tolist(), int(gray[i])] for i in first}


def trace(rom: str, seed: int) -> bytes:
    ale = interface(rom)
    legal = ale.getMinimalActionSet()
    score, parts = 0, []
    for action in held_actions(np.random.default_rng(seed), TRACE, len(legal), 120):
        score += ale.act(legal[action])
        row = np.array([action, ale.lives(), score], dtype="<i2").tobytes()
        parts.append(row + ale.getRAM().tobytes() + screen(ale).tobytes())
        if ale.game_over():
            break
    return b"".join(parts)


def frames(rom: str, seed: int) -> bytes:
    """AtariVectorEnv y ALE al mismo paso; donde el par deje de coincidir, esto se detiene con un error."""
    options = {"use_fire_reset": False, "noop_max": 1, "repeat_action_probability": 0.0}
    vector = AtariVectorEnv(rom, 1, frameskip=4, stack_num=4, **options)
    vector.reset(seed=np.array([0]))
    ale, parts = interface(rom), []
    legal = ale.getMinimalActionSet()
    rng = np.random.default_rng(seed)
    for step in range(FRAMES):
        action = FIRE if step % 30 == 0 else int(rng.integers(len(legal)))
        obs, *_ = vector.step(np.array([action], dtype=np.int32))
        pair, gray = [], []
        for _ in range(4):
            ale.act(legal[action])
            pair, gray = [*pair[-1:], screen(ale)], [*gray[-1:], ale.getScreenGrayscale()]
        twin = cv2.resize(np.maximum(*gray), (84, 84), interpolation=cv2.INTER_AREA)
        assert np.array_equal(twin, obs[0, -1]), f"{rom}: el par se separó en el paso {step}"
        assert not ale.game_over(), f"{rom}: la partida terminó en el paso {step}"
        parts.append(b"".join(p.tobytes() for p in pair) + obs[0, -1].tobytes())
    vector.close()
    return b"".join(parts)


def states(agent, game: str, seed: int) -> bytes:
    env = make_vec_env(game, 10, seed, training=False)
    rng, chosen = np.random.default_rng(seed), []
    obs, step = env.reset(), 0
    while sum(map(len, chosen)) < STATES:
        greedy = agent.predict(obs, deterministic=True)[0]
        obs, *_ = env.step(np.where(rng.random(10) < 0.05, rng.integers(env.action_space.n, size=10), greedy))
        step += 1
        if step % 10 == 0:
            chosen.append(obs.copy())
    env.close()
    observations = np.concatenate(chosen)[:STATES]
    with torch.no_grad():
        q = agent.q_net(torch.as_tensor(observations)).numpy()
    return observations.tobytes() + q.astype("<f4").tobytes()


def pages(folder: Path) -> None:
    """La sala con las tres corridas, y una celda."""
    room, entries = folder / "sala", []
    room.mkdir(exist_ok=True)
    for rom in GAMES.values():
        entry, contents = payloads(RUNS / f"{rom}-dqn", ladder=rom == "breakout")
        entries.append(entry | {"still": f"{rom}.png"})
        (room / f"{rom}.png").write_bytes(static(f"{rom}.png"))
        for item in contents:
            (room / f"{item.name}.js").write_text(item.text, encoding="ascii")
    page = _PAGE.format(
        title="Sala de juegos",
        heading="<h1>Sala de juegos</h1>",
        place=place(entries, "", "breakout.png"),
        scripts='<script src="arcade.js"></script>',
    )
    (room / "index.html").write_text(page, encoding="utf-8")
    cell = f"<!DOCTYPE html><html lang=es><title>Celda</title>{arcade(RUNS / 'pong-dqn')._repr_html_()}"
    (folder / "celda.html").write_text(cell, encoding="utf-8")


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    reference = {}
    for seed, (game, rom) in enumerate(GAMES.items()):
        run = Run(RUNS / f"{rom}-dqn")
        agent = load_agent(run)
        content = {
            "rom": Path(roms.get_rom_path(rom)).read_bytes(),
            "traza": trace(rom, seed),
            "cuadros": frames(rom, seed),
            "estados": states(agent, game, seed),
            "pesos": payload(f"{rom}-dqn-final", weights(run)).text.encode(),
        }
        for suffix, data in content.items():
            (folder / f"{rom}.{suffix}").write_bytes(data)
        ale = interface(rom)
        reference[game] = {
            "rom": rom,
            "actions": [action.name for action in ale.getMinimalActionSet()],
            "published": run.results["results"]["default"],
            "greedy": {key: run.results["results"]["greedy"][key] for key in ("scores", "lengths")},
            "colours": colours(ale),
        }
    pages(folder)
    (folder / "referencias.json").write_text(json.dumps(reference), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
