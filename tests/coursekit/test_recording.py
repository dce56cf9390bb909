"""Las grabaciones: duran lo que se jugó, muestran la pantalla en color y no dejan archivos a medias."""

from coursekit.envs import make_env
from coursekit.recording import record, show
from coursekit.training.agents import blank_dqn

import imageio.v3 as iio
import numpy as np
import pytest
from IPython.display import Image as ShownImage
from IPython.display import Video
from PIL import Image


def read_gif(path):
    """Duración en segundos, número de repeticiones (0: siempre) y cuadros en color, leídos con Pillow."""
    with Image.open(path) as image:
        milliseconds, frames = 0, []
        for index in range(image.n_frames):
            image.seek(index)
            milliseconds += image.info["duration"]
            frames.append(np.asarray(image.convert("RGB")))
        return milliseconds / 1000, image.info["loop"], frames


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_a_gif_lasts_the_time_played(tmp_path, speed):
    recording = record(None, "Breakout", tmp_path / "a.gif", seconds=8, speed=speed)
    seconds, loop, frames = read_gif(recording.path)
    assert recording.steps == 120 and recording.seconds == pytest.approx(8 / speed)
    assert seconds == pytest.approx(8 / speed, rel=0.02) and loop == 0
    assert frames[0].shape == (210, 160, 3)


def test_the_picture_is_the_colour_screen_of_the_game(tmp_path):
    recording = record(None, "Breakout", tmp_path / "a.gif", seconds=0.1)
    assert recording.steps == 2  # 0.1 s son 1.5 pasos
    _, _, frames = read_gif(recording.path)
    env = make_env("Breakout")
    screen, _ = env.reset(seed=0)
    colours = {tuple(colour) for colour in screen.reshape(-1, 3)}
    assert {tuple(colour) for colour in frames[0].reshape(-1, 3)} <= colours and len(colours) > 5
    assert (frames[0] == screen).mean() > 0.99  # salvo la pelota y la paleta


def test_scale_enlarges_whole_pixels(tmp_path):
    one = record(None, "Breakout", tmp_path / "1.gif", seconds=1)
    two = record(None, "Breakout", tmp_path / "2.gif", seconds=1, scale=2)
    small, big = read_gif(one.path)[2], read_gif(two.path)[2]
    assert big[0].shape == (420, 320, 3)
    for a, b in zip(small, big, strict=True):
        np.testing.assert_array_equal(a.repeat(2, axis=0).repeat(2, axis=1), b)


def test_a_whole_game_ends_when_the_game_ends(tmp_path):
    recording = record(None, "Breakout", tmp_path / "a.gif", seed=4)
    assert recording.lives == {"Breakout": 0} and 60 < recording.steps < 600
    assert read_gif(recording.path)[0] == pytest.approx(recording.steps / 15, rel=0.02)
    cut = record(None, "Breakout", tmp_path / "b.gif", seed=4, seconds=100)
    assert cut.steps == recording.steps and cut.scores == recording.scores


def test_the_score_is_the_raw_one(tmp_path):
    recording = record(None, "SpaceInvaders", tmp_path / "a.gif", seconds=14, seed=1)
    assert recording.scores["SpaceInvaders"] >= 15 and recording.scores["SpaceInvaders"] % 5 == 0


def test_the_same_seed_gives_the_same_file(tmp_path, agent):
    options = {"seconds": 2, "epsilon": 0.3, "sticky": 0.25}
    first, again, other = (
        record(agent, "Breakout", tmp_path / f"{i}.gif", seed=seed, **options).path.read_bytes()
        for i, seed in enumerate((5, 5, 6))
    )
    assert first == again != other


class Firing:
    """Juega siempre FIRE, o siempre NOOP: un agente mínimo con la interfaz de SB3 que anota lo que ve."""

    def __init__(self, env, action):
        self.action_space, self.action, self.seen = env.action_space, action, []
        self.observation_space = blank_dqn(4).observation_space

    def predict(self, obs, deterministic):
        assert deterministic
        self.seen.append(obs.copy())
        return np.full(len(obs), self.action), None


def test_the_agent_sees_what_it_saw_in_training(tmp_path):
    player = Firing(make_env("Breakout"), 0)
    record(player, "Breakout", tmp_path / "a.gif", seconds=2, epsilon=0.0)
    seen = np.concatenate(player.seen)
    assert seen.shape == (30, 4, 84, 84) and seen.dtype == np.uint8
    assert not seen[0, :3].any() and seen[0, 3].any()
    np.testing.assert_array_equal(seen[1:, :-1], seen[:-1, 1:])  # el cuadro nuevo entra al final


def test_a_player_who_never_fires_still_finishes(tmp_path):
    recording = record(Firing(make_env("Breakout"), 0), "Breakout", tmp_path / "a.gif", epsilon=0.0)
    assert recording.lives == {"Breakout": 0} and recording.steps < 200


def test_epsilon_one_never_asks_the_agent(tmp_path):
    player = Firing(make_env("Breakout"), 0)
    record(player, "Breakout", tmp_path / "a.gif", seconds=1, epsilon=1.0)
    assert player.seen == []


def test_agents_play_side_by_side_from_the_same_start(tmp_path, agent):
    players = {"al azar": None, "entrenado": agent, "otra vez": agent}
    recording = record(players, "Breakout", tmp_path / "a.gif", seconds=3, scale=1)
    _, _, frames = read_gif(recording.path)
    header, width, gap = 34, 160, 6
    assert frames[0].shape == (210 + header, 3 * width + 2 * gap, 3)
    screens = [[f[header:, i * (width + gap) :][:, :width] for f in frames] for i in range(3)]
    np.testing.assert_array_equal(screens[0][0], screens[1][0])  # el primer paso es FIRE para todos
    for a, b in zip(screens[1], screens[2], strict=True):
        np.testing.assert_array_equal(a, b)  # el mismo agente, la misma partida
    assert any((a != b).any() for a, b in zip(screens[0], screens[1], strict=True))
    assert (frames[0][:header, : width // 2] != 255).any()  # cada pantalla lleva su etiqueta
    assert list(recording.scores) == list(recording.lives) == list(players)
    assert recording.scores["entrenado"] == recording.scores["otra vez"]


def test_who_finishes_first_waits_for_the_others(tmp_path):
    env = make_env("Breakout")
    players = {"quieto": Firing(env, 0), "al azar": None}
    together = record(players, "Breakout", tmp_path / "a.gif", epsilon=0.05, seed=2)
    alone = {
        name: record(player, "Breakout", tmp_path / "b.gif", epsilon=0.05, seed=2) for name, player in players.items()
    }
    assert together.steps == max(one.steps for one in alone.values()) > min(one.steps for one in alone.values())
    assert together.scores == {name: one.scores["Breakout"] for name, one in alone.items()}


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_an_mp4_is_readable_and_lasts_the_time_played(tmp_path, speed):
    recording = record(None, "Breakout", tmp_path / "a.mp4", seconds=4, speed=speed)
    meta = iio.immeta(recording.path, plugin="FFMPEG")
    assert meta["duration"] == pytest.approx(4 / speed, rel=0.02) and meta["fps"] == 15 * speed
    assert meta["codec"] == "h264" and "yuv420p" in meta["pix_fmt"]
    frames = iio.imread(recording.path, plugin="FFMPEG")
    assert frames.shape == (60, 210, 160, 3)
    gif = read_gif(record(None, "Breakout", tmp_path / "a.gif", seconds=0.1).path)[2][0]
    assert np.abs(frames[0].astype(int) - gif).mean() < 12  # comprimido, pero los mismos colores


def test_an_mp4_with_labels_has_even_sides(tmp_path):
    recording = record({"uno": None}, "Breakout", tmp_path / "a.MP4", seconds=0.2, scale=3)
    assert iio.imread(recording.path, plugin="FFMPEG").shape[1:] == (732, 480, 3)


BAD = [
    ({"seconds": 0}, ValueError, "^Se pidieron 0 segundos de grabación; deben ser más de 0"),
    ({"seconds": -1}, ValueError, "^Se pidieron -1 segundos"),
    ({"seconds": float("nan")}, ValueError, "^Se pidieron nan segundos"),
    ({"speed": 0}, ValueError, "^speed=0 debe pasar de 0"),
    ({"scale": 0}, ValueError, "scale=0 y episodes=1, enteros desde 1"),
    ({"scale": 1.5}, ValueError, "scale=1.5 y episodes=1, enteros desde 1"),
    ({"epsilon": 2}, ValueError, "^epsilon=2 no es una probabilidad"),
    ({"sticky": 1.5}, ValueError, "^sticky=1.5 no es una probabilidad"),
    ({"name": "a.avi"}, ValueError, r"^No se puede grabar en 'a\.avi': la terminación debe ser \.gif o \.mp4"),
    ({"name": "a"}, ValueError, "^No se puede grabar en 'a'"),
    ({"game": "Breakuot"}, ValueError, "^No existe el juego 'Breakuot'; el más parecido es"),
    ({"agent": {}}, ValueError, "^El diccionario de agentes está vacío"),
    ({"agent": blank_dqn(6)}, ValueError, "^El agente conoce 6 acciones y el ambiente tiene 4: cargue un agente"),
    ({"agent": blank_dqn(4, (4, 42, 42))}, ValueError, r"^El agente espera observaciones de forma \(4, 42, 42\)"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("existing", [False, True])
def test_what_cannot_be_recorded_is_explained_and_leaves_no_file(tmp_path, options, error, message, existing):
    options = {"agent": None, "game": "Breakout", "name": "a.gif", "seconds": 0.2, **options}
    path = tmp_path / options.pop("name")
    if existing:
        path.write_text("lo de antes")
    with pytest.raises(error, match=message) as caught:
        record(options.pop("agent"), options.pop("game"), path, **options)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ([path.name] if existing else [])
    assert not existing or path.read_text() == "lo de antes"


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_a_disk_that_fills_up_keeps_the_old_recording(tmp_path, small_disk, name):
    with small_disk(tmp_path / "disco", "16k") as disk:
        path = disk / name
        path.write_text("lo de antes")
        with pytest.raises(OSError, match="No se pudo escribir .*: libere espacio") as caught:
            record(None, "SpaceInvaders", path, seconds=20)
        assert "\n" not in str(caught.value)
        assert path.read_text() == "lo de antes" and [file.name for file in disk.iterdir()] == [name]


def test_show_displays_pictures_and_videos_with_their_words(tmp_path):
    gif = record(None, "Breakout", tmp_path / "a.gif", seconds=0.2).path
    shown = show(gif, alt='Una partida "al azar"')
    assert type(shown) is ShownImage and shown.data == gif.read_bytes() and shown.alt == 'Una partida "al azar"'
    mp4 = record(None, "Breakout", tmp_path / "a.mp4", seconds=0.2).path
    video = show(mp4, alt='Una partida "al azar"')
    assert type(video) is Video
    html = video._repr_html_()
    assert "data:video/mp4;base64," in html and 'aria-label="Una partida &quot;al azar&quot;"' in html


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_showing_a_missing_file_is_explained(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"^No existe .*{name}': grábelo primero con record"):
        show(tmp_path / name)
