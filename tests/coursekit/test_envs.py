"""Los ambientes: nombres de juegos, formas y versiones, y la igualdad con los envoltorios de SB3, byte por byte."""

from coursekit.envs import find_game, games, make_env, make_vec_env, sticky_of

import ale_py
import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack, VecTransposeImage

gymnasium.register_envs(ale_py)


def test_games_lists_the_catalogue_of_gymnasium_in_order():
    listed = games()
    assert list(listed) == sorted(listed) and len(listed) == 104
    assert {"Breakout", "Pong", "SpaceInvaders", "MsPacman"} <= set(listed)
    for name, versions in listed.items():
        assert "v5" in versions and f"ALE/{name}-v5" in gymnasium.registry
        assert ("NoFrameskip-v4" in versions) == (f"{name}NoFrameskip-v4" in gymnasium.registry)
    assert sum("NoFrameskip-v4" in versions for versions in listed.values()) == 62


@pytest.mark.parametrize(
    "spelling", ["SpaceInvaders", "spaceinvaders", "space_invaders", "Space Invaders", "SPACE-invaders"]
)
def test_find_game_accepts_usual_spellings(spelling):
    assert find_game(spelling) == ("SpaceInvaders", "space_invaders")


@pytest.mark.parametrize(
    ("wrong", "near"), [("Breakuot", "Breakout"), ("Spaceinvader", "SpaceInvaders"), ("PONG!", "Pong"), (None, "Pong")]
)
def test_find_game_names_the_nearest_when_it_does_not_exist(wrong, near):
    with pytest.raises(ValueError, match="^No existe el juego .* el más parecido es") as caught:
        find_game(wrong)
    assert repr(wrong) in str(caught.value)
    assert near is None or wrong is None or f"el más parecido es {near!r}" in str(caught.value)


@pytest.mark.parametrize("make", [find_game, make_env, make_vec_env])
def test_missing_rom_is_explained(make, tmp_path, monkeypatch):
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="^La ROM de Breakout falta o está dañada: repárela con"):
        make("Breakout")


def test_damaged_rom_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    (tmp_path / "breakout.bin").write_bytes(b"esto no es Breakout")
    with pytest.raises(FileNotFoundError, match="^La ROM de Breakout falta o está dañada"):
        find_game("Breakout")


def frames_and_sticky(env):
    """Cuadros que avanza un paso y probabilidad de repetir la acción, preguntados al emulador mismo."""
    _, info = env.reset(seed=0)
    _, _, _, _, after = env.step(0)
    sticky = env.unwrapped.ale.getFloat("repeat_action_probability")
    return after["episode_frame_number"] - info["episode_frame_number"], pytest.approx(sticky)


@pytest.mark.parametrize(("version", "expected"), [("NoFrameskip-v4", (1, 0.0)), ("v5", (4, 0.25))])
def test_versions_differ_in_frame_skip_and_sticky_actions(version, expected):
    env = make_env("Breakout", version=version)
    assert frames_and_sticky(env) == expected
    env.close()


def test_make_env_passes_its_options_to_gymnasium():
    env = make_env("Breakout", version="v5", frameskip=1, repeat_action_probability=0.0)
    assert frames_and_sticky(env) == (1, 0.0)
    env.close()


@pytest.mark.parametrize(("kwargs", "shape"), [({}, (210, 160, 3)), ({"obs_type": "ram"}, (128,))])
def test_make_env_observations(kwargs, shape):
    env = make_env("breakout", **kwargs)
    obs, _ = env.reset(seed=0)
    assert obs.shape == shape and obs.dtype == np.uint8
    assert env.unwrapped.get_action_meanings() == ["NOOP", "FIRE", "RIGHT", "LEFT"]
    assert env.render().shape == (210, 160, 3)
    env.close()


def play(env, steps, seed=0):
    """Observaciones, recompensas, finales e infos de `steps` pasos al azar, con la primera observación adelante."""
    rng = np.random.default_rng(seed)
    first = env.reset()
    history = [env.step(rng.integers(env.action_space.n, size=env.num_envs)) for _ in range(steps)]
    env.close()
    return first, history


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_sb3_backend_is_exactly_that_of_stable_baselines3(training, sticky):
    wrappers = {
        "terminal_on_life_loss": training,
        "clip_reward": training,
        "action_repeat_probability": sticky,
    }
    theirs = make_atari_env("BreakoutNoFrameskip-v4", n_envs=3, seed=7, wrapper_kwargs=wrappers)
    theirs = VecTransposeImage(VecFrameStack(theirs, n_stack=4))
    ours = make_vec_env("Breakout", 3, seed=7, backend="sb3", training=training, sticky=sticky)
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space

    (a, mine), (b, reference) = play(ours, 300), play(theirs, 300)
    np.testing.assert_array_equal(a, b)
    games_finished = 0
    for (obs, rewards, dones, infos), (obs_b, rewards_b, dones_b, infos_b) in zip(mine, reference, strict=True):
        np.testing.assert_array_equal(obs, obs_b)
        np.testing.assert_array_equal(rewards, rewards_b)
        np.testing.assert_array_equal(dones, dones_b)
        for info, info_b in zip(infos, infos_b, strict=True):
            assert info.keys() == info_b.keys() and info["lives"] == info_b["lives"]
            if "episode" in info_b:
                games_finished += 1
                assert all(info["episode"][key] == info_b["episode"][key] for key in ("r", "l"))
            if "terminal_observation" in info_b:
                np.testing.assert_array_equal(info["terminal_observation"], info_b["terminal_observation"])
    assert games_finished >= 2


@pytest.mark.parametrize("backend", ["ale", "sb3"])
@pytest.mark.parametrize("training", [True, False])
def test_both_backends_speak_the_same_shapes_and_rules(backend, training):
    env = make_vec_env("Space Invaders", 2, seed=1, backend=backend, training=training)
    assert env.observation_space.shape == (4, 84, 84) and env.observation_space.dtype == np.uint8
    first, history = play(env, 700)
    assert first.shape == (2, 4, 84, 84) and first.dtype == np.uint8
    assert not first[:, :3].any() and first[:, 3].any()  # el cuadro más nuevo, al final
    obs, rewards, dones, _ = history[0]
    assert obs.dtype == np.uint8 and rewards.dtype == np.float32 and dones.shape == (2,)
    given = {float(reward) for _, rewards, _, _ in history for reward in rewards}
    assert given <= {0.0, 1.0} if training else max(given) >= 5.0  # un invasor vale 5 puntos o más
    ends = [
        (bool(done), "episode" in info)
        for _, _, dones, infos in history
        for done, info in zip(dones, infos, strict=True)
    ]
    assert (True, True) in ends and (False, True) not in ends  # los puntajes llegan con los finales…
    assert ((True, False) in ends) == training  # …y una vida perdida solo es un final al entrenar


@pytest.mark.parametrize("n_envs", [0, -3, True, 2.5, "8", None])
def test_a_bad_number_of_environments_is_explained(n_envs):
    with pytest.raises(ValueError, match="^Se pidieron .* ambientes; hace falta un número entero de al menos 1"):
        make_vec_env("Breakout", n_envs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"backend": "gpu"}, r"^El backend 'gpu' no existe; use uno de \('ale', 'sb3'\)\.$"),
        ({"sticky": 1.0}, "^sticky=1.0 no es una probabilidad: use un número desde 0.0 y menor que 1.0"),
        ({"sticky": -0.1}, "^sticky=-0.1 no es una probabilidad"),
        ({"sticky": float("nan")}, "^sticky=nan no es una probabilidad"),
    ],
)
def test_impossible_settings_are_explained(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_vec_env("Breakout", 1, **kwargs)


def test_an_unknown_version_is_explained():
    with pytest.raises(ValueError, match="^Breakout no tiene la versión 'v9'; use una de v0, v4, NoFrameskip-v0"):
        make_env("Breakout", version="v9")
    with pytest.raises(ValueError, match="^'ALE/Pong-v5' ya dice su versión: quite version='v5'"):
        make_env("ALE/Pong-v5", version="v5")
    with pytest.raises(ValueError, match="^No existe el ambiente 'CartPol-v1'; el más parecido es 'CartPole-v"):
        make_env("CartPol-v1")


def emulator(env_id):
    """Cuadros por paso y acciones pegajosas con que gymnasium crea un id."""
    env = make_env(env_id)
    try:
        return frames_and_sticky(env)
    finally:
        env.close()


@pytest.mark.parametrize(
    ("env_id", "expected"),
    [("BreakoutNoFrameskip-v4", (1, 0.0)), ("ALE/Pong-v5", (4, 0.25)), ("BreakoutNoFrameskip-v0", (1, 0.25))],
)
def test_an_id_keeps_what_it_says(env_id, expected):
    assert emulator(env_id) == expected
    env = make_vec_env(env_id, 1)
    try:  # el preprocesamiento salta siempre 4 cuadros, y las acciones pegajosas son las del id
        assert env.reset().shape == (1, 4, 84, 84)
    finally:
        env.close()
    assert sticky_of(env_id) == expected[1]


@pytest.mark.parametrize(
    ("game", "options", "message"),
    [
        ("Breakout-v4", {}, "salta de 2 a 4 cuadros al azar, y el preprocesamiento salta 4 siempre: use 'Breakout'"),
        ("ALE/Pong-v5", {"sticky": 0.0}, "tiene acciones pegajosas con 0.25 y se pidió 0.0: use 'Pong' con sticky"),
        ("CartPole-v1", {}, "no es de Atari: use stable_baselines3.common.env_util.make_vec_env"),
        ("Breakout", {"obs_type": "sonido"}, "El obs_type 'sonido' no existe"),
    ],
)
def test_what_an_id_says_against_the_preprocessing_is_refused_with_the_reason(game, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_vec_env(game, 1, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("backend", ["ale", "sb3"])
def test_games_without_the_old_version_play_with_their_own_protocol(backend):
    assert games()["Atlantis2"] == ("v5",) and sticky_of("Atlantis2") == 0.25 and sticky_of("Atlantis2", 0.0) == 0.0
    env = make_vec_env("atlantis 2", 2, backend=backend)
    assert env.reset().shape == (2, 4, 84, 84)
    for _ in range(3):
        env.step(np.zeros(2, dtype=int))
    env.close()


def test_any_other_id_is_made_as_it_is():
    env = make_env("CartPole-v1")
    assert env.spec.id == "CartPole-v1" and env.reset(seed=0)[0].shape == (4,) and env.render().ndim == 3
    env.close()


def test_ram_is_the_memory_of_the_console_every_four_frames():
    env = make_vec_env("Breakout", 2, obs_type="ram", seed=3)
    obs = env.reset()
    assert obs.shape == (2, 128) and obs.dtype == np.uint8
    before = [info.ale.getFrameNumber() for info in env.get_attr("unwrapped")]
    env.step(np.array([1, 0]))
    assert [info.ale.getFrameNumber() for info in env.get_attr("unwrapped")] == [n + 4 for n in before]
    env.close()


def test_a_game_without_noop_plays_with_ale_and_is_refused_by_the_wrappers_of_sb3():
    env = make_vec_env("Backgammon", 1)
    assert env.action_meanings[0] == "FIRE" and env.reset().shape == (1, 4, 84, 84)
    env.step(np.array([2]))
    env.close()
    with pytest.raises(ValueError, match="piden NOOP y ALE/Backgammon-v5 no lo tiene: use backend='ale'"):
        make_vec_env("Backgammon", 1, backend="sb3")
