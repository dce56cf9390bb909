"""La sala de juegos: lo que se exporta son los pesos y la ROM de verdad, y la carpeta y la celda se bastan solas."""

import base64
import gzip
import hashlib
import json
import re
import shutil

from coursekit.arcade import arcade, export_arcade
from coursekit.arcade.export import LAYERS, NO_ROM, catalogue, payload, payloads, to_json, weights
from coursekit.arcade.page import MARK, static
from coursekit.evaluation import load_agent
from coursekit.runs import Run

import numpy as np
import pytest
from ale_py import roms

RUN = "book/runs/breakout-dqn"


def unpack(text):
    name, packed = re.fullmatch(r'arcadeDato\("([^"]+)","([^"]+)"\);\n', text).groups()
    return name, gzip.decompress(base64.b64decode(packed))


@pytest.fixture
def copied(tmp_path):
    """Una copia de la corrida de Breakout con dos peldaños."""
    run = Run(tmp_path / "mi-corrida")
    (run.path / "checkpoints").mkdir(parents=True)
    published = Run(RUN)
    for name in ("run.json", "evaluation.json", "agent.zip"):
        shutil.copy(published.path / name, run.path)
    for steps in (0, 250_000):
        shutil.copy(published.checkpoint(steps), run.checkpoint(steps))
    return run


def test_the_exported_weights_are_the_agents_in_half_precision():
    exported = np.frombuffer(weights(RUN), "<f2")
    state = load_agent(RUN).q_net.state_dict()
    expected = np.concatenate(
        [state[f"{layer}.{part}"].numpy().ravel() for layer in LAYERS for part in ("weight", "bias")]
    )
    assert set(state) == {f"{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")}
    np.testing.assert_array_equal(exported, expected.astype("<f2"))


def test_a_payload_gives_back_its_bytes_and_is_the_same_every_time():
    content = bytes(range(256)) * 10
    assert unpack(payload("uno", content).text) == ("uno", content)
    assert payload("uno", content) == payload("uno", content)


def test_a_damaged_payload_does_not_pass_the_checksum():
    text = payload("uno", bytes(1000) + b"x" * 1000).text
    packed = bytearray(base64.b64decode(text.split('"')[3]))
    packed[-5] ^= 1
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(bytes(packed))


def test_the_catalogue_names_every_rung_with_its_published_score():
    entry, sources = catalogue(RUN)
    evaluation = Run(RUN).results
    assert [a["steps"] for a in entry["agents"][:-1]] == [int(steps) for steps in evaluation["ladder"]]
    for agent in entry["agents"][:-1]:
        assert agent["mean"] == round(evaluation["ladder"][str(agent["steps"])]["summary"]["mean"], 2)
    last = entry["agents"][-1]
    assert last["final"] and last["mean"] == round(evaluation["results"]["default"]["summary"]["mean"], 2)
    assert sources[last["id"]] == Run(RUN).agent
    assert list(sources) == [a["id"] for a in entry["agents"]]
    assert (entry["chance"], entry["human"]) == (1.7, 30.5)


def test_no_data_file_passes_four_and_a_half_megabytes(copied):
    entry, contents = payloads(copied)
    sizes = {item.name: len(item.text) for item in contents}
    assert set(sizes) == {entry["rom"], *(a["id"] for a in entry["agents"])}
    assert max(sizes.values()) <= 4.5e6


def test_the_folder_has_all_that_its_page_names(copied, tmp_path):
    page = export_arcade(copied, tmp_path / "sala")
    html = page.read_text(encoding="utf-8")
    manifest = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1])
    (run,) = manifest["runs"]
    assert manifest["base"] == ""
    names = {"index.html", "arcade.js", run["still"], f"{run['rom']}.js", *(f"{a['id']}.js" for a in run["agents"])}
    assert {p.name for p in page.parent.iterdir()} == names
    assert not re.search(r"https?://", html)
    name, content = unpack((page.parent / f"{run['rom']}.js").read_text())
    assert name == "rom-breakout"
    assert hashlib.md5(content).digest() == hashlib.md5(roms.get_rom_path("breakout").read_bytes()).digest()


def test_a_run_that_was_never_evaluated_also_opens(copied, tmp_path):
    copied.evaluation.unlink()
    entry, _ = catalogue(copied)
    assert all("mean" not in agent for agent in entry["agents"])
    assert export_arcade(copied, tmp_path / "sala", ladder=False).is_file()


def test_without_the_rom_the_catalogue_says_so_and_the_folder_is_refused(copied, tmp_path, monkeypatch):
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    entry, contents = payloads(copied)
    assert entry["missing"] == NO_ROM.format(game="Breakout") and list(contents) == []
    with pytest.raises(FileNotFoundError, match="--force-reinstall"):
        export_arcade(copied, tmp_path / "sala")
    assert not (tmp_path / "sala").exists()


def test_a_game_that_the_page_cannot_play_is_refused_in_one_sentence(copied):
    copied.write_json("run.json", {**copied.info, "game": "Freeway"})
    with pytest.raises(ValueError, match="es de Freeway, y la página solo sabe jugar Breakout, Pong, SpaceInvaders"):
        catalogue(copied)


def test_a_run_without_agents_is_refused(copied):
    shutil.rmtree(copied.path / "checkpoints")
    copied.agent.unlink()
    with pytest.raises(ValueError, match="no tiene ningún agente guardado"):
        catalogue(copied)


def test_a_file_in_the_way_is_not_overwritten(copied, tmp_path):
    (tmp_path / "sala").write_text("mío")
    with pytest.raises(ValueError, match="no es una carpeta"):
        export_arcade(copied, tmp_path / "sala")
    assert (tmp_path / "sala").read_text() == "mío"


def test_the_cell_carries_everything_and_says_which_run_it_shows(copied):
    html = arcade(copied, mode="duel")._repr_html_()
    assert html.startswith(MARK)
    mark = json.loads(html[len(MARK) : html.index(" -->")])
    assert mark == {"run": "mi-corrida", "mode": "duel"}
    assert "arcadeDato(&quot;rom-breakout&quot;" in html and "arcadeDato(&quot;mi-corrida-final&quot;" in html
    assert "mi-corrida-00000000" not in html  # sin la escalera, que pesa 4 MB por peldaño
    with pytest.raises(ValueError, match="El modo 'solo' no existe"):
        arcade(copied, mode="solo")


def test_the_catalogue_cannot_close_its_script():
    assert "</script" not in to_json([{"name": "</script><b>"}], "")


def test_the_built_script_is_there_and_small_and_says_whose_emulator_it_carries():
    script = static("arcade.js")
    assert len(script) <= 350_000 and len(gzip.compress(script)) <= 120_000
    assert b"6502.ts (c) Christian Speckner" in script[:200]
    assert not re.search(rb"import\(|[^_]fetch\(", script)
    with pytest.raises(FileNotFoundError, match="npm run build"):
        static("no-existe.js")
