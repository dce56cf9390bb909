"""El agente en un archivo: las mismas acciones que el original, en 3 MB, y ningún código ajeno que se ejecute."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

from coursekit.envs import make_vec_env
from coursekit.training.agents import load_agent, save_agent
from coursekit.training.model import make_dqn

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO

GAMES = ("Breakout", "Pong", "SpaceInvaders", "Seaquest")


@pytest.fixture(scope="module")
def original():
    """Un DQN en precisión completa que prefiere una acción en cada juego, y observaciones verdaderas de los cuatro."""
    rng, seen = np.random.default_rng(0), []
    for game in GAMES:
        env = make_vec_env(game, 4, seed=3)
        env.reset()
        seen += [env.step(rng.integers(env.action_space.n, size=4))[0].copy() for _ in range(50)]
        env.close()
    observations, labels = np.concatenate(seen), np.repeat(np.arange(4), 200)
    env = make_vec_env("Breakout", 2)
    model = make_dqn(env, 400, device="cpu", buffer_size=100, learning_rate=3e-4)
    for _ in range(40):
        batch = rng.integers(len(labels), size=32)
        values = model.q_net(torch.as_tensor(observations[batch]))
        loss = torch.nn.functional.cross_entropy(values, torch.as_tensor(labels[batch]))
        model.policy.optimizer.zero_grad()
        loss.backward()
        model.policy.optimizer.step()
    model.num_timesteps = 400
    return model, observations


@pytest.fixture
def saved(original, tmp_path):
    path = tmp_path / "agente.zip"
    save_agent(original[0], path)
    return path


@pytest.mark.parametrize("load", [load_agent, DQN.load])
def test_a_saved_agent_plays_as_the_original(original, saved, load):
    model, observations = original
    loaded = load(saved)
    actions, _ = model.predict(observations, deterministic=True)
    assert len(observations) > 500 and len(set(actions.tolist())) == 4
    np.testing.assert_array_equal(loaded.predict(observations, deterministic=True)[0], actions)
    assert type(loaded) is DQN and loaded.action_space.n == 4 and loaded.observation_space.shape == (4, 84, 84)


def test_the_file_is_slim_and_says_its_steps(original, saved):
    assert saved.stat().st_size < 4e6
    loaded = DQN.load(saved)
    assert loaded.num_timesteps == original[0].num_timesteps == 400
    assert loaded.exploration_rate == pytest.approx(0.01)
    for stored, weights in zip(loaded.q_net.parameters(), original[0].q_net.parameters(), strict=True):
        torch.testing.assert_close(stored, weights.half().float(), rtol=0, atol=0)
    for ours, target in zip(loaded.q_net.parameters(), loaded.q_net_target.parameters(), strict=True):
        torch.testing.assert_close(ours, target, rtol=0, atol=0)


def test_a_plain_agent_can_be_given_an_environment_and_go_on(saved):
    env = make_vec_env("Breakout", 2)
    model = DQN.load(saved, env=env, device="cpu", custom_objects={"buffer_size": 200, "learning_starts": 8})
    before = [weights.detach().clone() for weights in model.q_net.parameters()]
    model.learn(40, reset_num_timesteps=False)
    assert any((old != new).any() for old, new in zip(before, model.q_net.parameters(), strict=True))


def test_the_file_loads_where_coursekit_is_not_installed(original, saved, tmp_path):
    model, observations = original
    np.save(tmp_path / "obs.npy", observations[::10])
    program = (
        "import sys; sys.modules['coursekit'] = None\n"
        "import numpy as np; from stable_baselines3 import DQN\n"
        "print(DQN.load(sys.argv[1]).predict(np.load(sys.argv[2]), deterministic=True)[0].tolist())"
    )
    order = [sys.executable, "-c", program, str(saved), str(tmp_path / "obs.npy")]
    done = subprocess.run(order, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(model.predict(observations[::10], deterministic=True)[0].tolist())


def test_load_agent_reads_the_folder_of_a_run(tiny_run):
    obs = make_vec_env("Breakout", 2, seed=1).reset()
    expected = load_agent(tiny_run.agent).q_net(torch.as_tensor(obs))
    for source in (tiny_run, tiny_run.path, str(tiny_run.path), str(tiny_run.agent)):
        torch.testing.assert_close(load_agent(source).q_net(torch.as_tensor(obs)), expected, rtol=0, atol=0)


def test_saving_over_a_bad_path_leaves_nothing(original, tmp_path):
    (tmp_path / "archivo").write_text("no soy una carpeta")
    with pytest.raises(OSError, match="^.*No se pudo escribir"):
        save_agent(original[0], tmp_path / "archivo" / "agente.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["archivo"]


class Intruder:
    """Al deshacer su pickle, crea un archivo."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def zip_with(path, source, **members):
    """Una copia del zip `source` con algunos miembros cambiados."""
    with zipfile.ZipFile(source) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**content, **members}.items():
            archive.writestr(name, data)
    return path


def torch_bytes(content):
    stored = io.BytesIO()
    torch.save(content, stored)
    return stored.getvalue()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    ("pack", "named"),
    [
        (torch_bytes, r"código \((posix|nt)\.mkdir\)"),
        (lambda content: pickle.dumps(content, protocol=2), r"código \((posix|nt)\.mkdir\)"),
        (lambda content: pickle.dumps(content, protocol=5), "algo más"),
    ],
    ids=["torch", "pickle 2", "pickle 5"],
)
def test_a_zip_with_code_is_refused_by_name_and_does_not_run(saved, tmp_path, pack, named):
    target = tmp_path / "intruso"
    bad = zip_with(tmp_path / "regalo.zip", saved, **{"policy.pth": pack({"q_net": Intruder(target)})})
    torch.load(io.BytesIO(torch_bytes(Intruder(target))), weights_only=False)
    assert target.is_dir()  # el pickle es de verdad peligroso
    target.rmdir()
    with pytest.raises(ValueError, match=rf"regalo\.zip' trae {named} donde debería haber solo pesos") as e:
        load_agent(bad)
    assert "no se carga" in str(e.value) and "\n" not in str(e.value)
    assert not target.exists()


def test_code_outside_the_weights_is_never_touched(saved, tmp_path, original):
    target = tmp_path / "intruso"
    evil = pickle.dumps(Intruder(target))
    bad = zip_with(tmp_path / "regalo.zip", saved, **{"pytorch_variables.pth": evil, "policy.optimizer.pth": evil})
    obs = original[1][:50]
    np.testing.assert_array_equal(
        load_agent(bad).predict(obs, deterministic=True)[0], load_agent(saved).predict(obs, deterministic=True)[0]
    )
    assert not target.exists()


def damaged(kind, saved, path):
    data = saved.read_bytes()
    if kind == "truncado":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "vacío":
        path.write_bytes(b"")
    elif kind == "texto":
        path.write_text("esto no es un zip")
    elif kind == "un byte cambiado":
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :])
    elif kind == "otro zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tarea.txt", "hola")
    else:
        zip_with(path, saved, **{"policy.pth": b""})


@pytest.mark.parametrize("kind", ["truncado", "vacío", "texto", "un byte cambiado", "otro zip", "pesos vacíos"])
def test_a_damaged_file_is_explained(saved, tmp_path, kind):
    path = tmp_path / "roto.zip"
    damaged(kind, saved, path)
    with pytest.raises(
        ValueError, match=r"roto\.zip' está dañado o no es un agente de Stable-Baselines3: consiga"
    ) as e:
        load_agent(path)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("weights", [{}, [], torch.zeros(3), {"q_net.q_net.0.bias": torch.tensor(1.0)}], ids=str)
def test_weights_of_something_else_are_explained(saved, tmp_path, weights):
    path = zip_with(tmp_path / "otro.zip", saved, **{"policy.pth": torch_bytes(weights)})
    with pytest.raises(ValueError, match=r"otro\.zip' no es un DQN con la red de Mnih"):
        load_agent(path)


@pytest.mark.parametrize(("algorithm", "policy"), [(PPO, "CnnPolicy"), (DQN, "MlpPolicy")])
def test_another_algorithm_is_explained(tmp_path, algorithm, policy):
    env = make_vec_env("Breakout", 1)
    kwargs = (
        {"buffer_size": 10, "policy_kwargs": {"net_arch": [8]}} if algorithm is DQN else {"n_steps": 8, "batch_size": 8}
    )
    algorithm(policy, env, device="cpu", **kwargs).save(tmp_path / "otro.zip")
    with pytest.raises(ValueError, match=r"otro\.zip' no es un DQN con la red de Mnih et al\. \(2015\)"):
        load_agent(tmp_path / "otro.zip")


@pytest.mark.parametrize("name", ["no_existe.zip", "carpeta"])
def test_a_missing_agent_is_explained(tmp_path, name):
    (tmp_path / "carpeta").mkdir()
    with pytest.raises(FileNotFoundError, match="^No existe el agente .*: revise la ruta o entrene uno"):
        load_agent(Path(tmp_path, name))
