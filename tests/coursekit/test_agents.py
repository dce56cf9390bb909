"""El agente en un archivo: las mismas acciones que el original, en 3 MB, y ningún código ajeno que se ejecute."""

import base64
import contextlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

from coursekit.envs import make_vec_env
from coursekit.training.agents import average_agents, load_agent, save_agent
from coursekit.training.model import make_dqn

import ale_py
import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN, TRPO
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.env_util import make_vec_env as make_sb3_env
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import VecFrameStack
from torch import nn

gymnasium.register_envs(ale_py)
RUNS = Path(__file__).parents[2] / "book/runs"
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


@pytest.mark.parametrize("weights", [{}, {"q_net.q_net.0.bias": torch.tensor(1.0)}], ids=str)
def test_weights_of_another_network_are_explained(saved, tmp_path, weights):
    path = zip_with(tmp_path / "otro.zip", saved, **{"policy.pth": torch_bytes(weights)})
    with pytest.raises(ValueError, match=r"otro\.zip' no describe bien la red de sus pesos, y load_agent solo abre"):
        load_agent(path)


@pytest.mark.parametrize(
    "weights",
    [[], torch.zeros(3), {"q_net.q_net.0.bias": 3}, {"q_net.q_net.0.bias": torch.zeros(1).expand(10**13)}],
    ids=["lista", "tensor", "número", "inmenso"],
)
def test_what_is_not_a_set_of_weights_is_explained(saved, tmp_path, weights):
    path = zip_with(tmp_path / "otro.zip", saved, **{"policy.pth": torch_bytes(weights)})
    with pytest.raises(ValueError, match=r"otro\.zip' está dañado o no es un agente de Stable-Baselines3: consiga"):
        load_agent(path)


# --- Los zips del propio SB3 ------------------------------------------------------------------------------------------

VALUE = {"buffer_size": 500, "learning_starts": 50, "train_freq": 16, "target_update_interval": 100}
EXTRA = {DQN: VALUE, QRDQN: VALUE, A2C: {}, PPO: {"n_steps": 64, "batch_size": 64, "n_epochs": 2}}
CASES = {
    "dqn-cartpole": (DQN, "CartPole-v1", {}),
    "dqn-frozenlake": (DQN, "FrozenLake-v1", {"net_arch": [16], "activation_fn": nn.Tanh}),
    "dqn-breakout": (DQN, "BreakoutNoFrameskip-v4", {}),
    "dqn-ram": (DQN, "ram", {"net_arch": [32, 16, 8]}),
    "qrdqn-cartpole": (QRDQN, "CartPole-v1", {"n_quantiles": 11, "activation_fn": nn.ELU}),
    "qrdqn-frozenlake": (QRDQN, "FrozenLake8x8-v1", {"net_arch": []}),
    "qrdqn-breakout": (QRDQN, "BreakoutNoFrameskip-v4", {"n_quantiles": 20, "net_arch": [32]}),
    "a2c-cartpole": (A2C, "CartPole-v1", {"activation_fn": nn.GELU}),
    "a2c-pendulum": (A2C, "Pendulum-v1", {"net_arch": {"pi": [8], "vf": [16, 4]}}),
    "a2c-frozenlake": (A2C, "FrozenLake-v1", {"net_arch": []}),
    "a2c-breakout": (A2C, "BreakoutNoFrameskip-v4", {}),
    "ppo-cartpole": (PPO, "CartPole-v1", {"net_arch": {"vf": [8]}, "optimizer_class": torch.optim.SGD}),
    "ppo-pendulum": (PPO, "Pendulum-v1", {"activation_fn": nn.ReLU, "ortho_init": False}),
    "ppo-frozenlake": (PPO, "FrozenLake-v1", {}),
    "ppo-breakout": (
        PPO,
        "BreakoutNoFrameskip-v4",
        {"share_features_extractor": False, "features_extractor_kwargs": {"features_dim": 64}, "net_arch": [32]},
    ),
    "ppo-crudo": (PPO, "BreakoutNoFrameskip-v4", {"normalize_images": False}),
}
ONE_EACH = ("dqn-cartpole", "qrdqn-cartpole", "a2c-pendulum", "ppo-frozenlake")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Una función: el modelo de SB3 de un caso, entrenado 300 pasos una sola vez, su zip y 60 observaciones al azar."""
    made, folder = {}, tmp_path_factory.mktemp("sb3")

    def train(case):
        if case not in made:
            algorithm, name, kwargs = CASES[case]
            if name == "ram":
                env = make_sb3_env("ALE/Breakout-v5", env_kwargs={"obs_type": "ram"})
            elif name.startswith("Breakout"):
                env = VecFrameStack(make_atari_env(name, seed=0), 4)
            else:
                env = make_sb3_env(name, seed=0)
            policy = "CnnPolicy" if name.startswith("Breakout") else "MlpPolicy"
            model = algorithm(policy, env, policy_kwargs=dict(kwargs), seed=0, device="cpu", **EXTRA[algorithm])
            model.learn(300)
            model.save(folder / case)
            env = model.get_env()
            seen = [env.reset(), *(env.step(np.array([env.action_space.sample()]))[0].copy() for _ in range(59))]
            made[case] = model, folder / f"{case}.zip", np.concatenate(seen)
        return made[case]

    return train


def outputs(model, observations):
    """Lo que calcula la red: valores de las acciones, o política y valor del estado."""
    obs, _ = model.policy.obs_to_tensor(observations)
    with torch.no_grad():
        if isinstance(model, DQN):
            return [model.q_net(obs), model.q_net_target(obs)]
        if isinstance(model, QRDQN):
            return [model.quantile_net(obs), model.quantile_net_target(obs)]
        distribution = model.policy.get_distribution(obs).distribution
        extra = [distribution.stddev] if isinstance(model.action_space, spaces.Box) else []
        mean = distribution.mean if extra else distribution.logits
        return [mean, *extra, model.policy.predict_values(obs)]


def assert_same_agent(loaded, model, observations):
    for ours, theirs in zip(outputs(loaded, observations), outputs(model, observations), strict=True):
        assert torch.equal(ours, theirs)
    for deterministic in (True, False) if isinstance(model, A2C | PPO) else (True,):
        torch.manual_seed(0)
        ours = loaded.predict(observations, deterministic=deterministic)[0]
        torch.manual_seed(0)
        np.testing.assert_array_equal(ours, model.predict(observations, deterministic=deterministic)[0])


@pytest.mark.parametrize("case", CASES)
def test_an_agent_of_sb3_is_the_same_after_loading_only_its_weights(trained, case):
    model, path, observations = trained(case)
    loaded = load_agent(path)
    assert type(loaded) is CASES[case][0] and not loaded.policy.training
    assert loaded.observation_space == model.observation_space and loaded.action_space == model.action_space
    assert loaded.num_timesteps == model.num_timesteps >= 300
    assert getattr(loaded, "exploration_rate", None) == getattr(model, "exploration_rate", None)
    assert_same_agent(loaded, model, observations)


@pytest.mark.parametrize("case", ["a2c-breakout", "ppo-frozenlake", "dqn-breakout"])
def test_a_zip_of_an_old_sb3_opens_too(trained, tmp_path, case):
    """Los anteriores a gymnasium nombran a gym, dan `n` como número y no repiten la red que ve para cada cabeza."""
    model, path, observations = trained(case)
    with zipfile.ZipFile(path) as archive:
        weights = torch.load(io.BytesIO(archive.read("policy.pth")))
        data = archive.read("data").decode().replace("gymnasium.spaces", "gym.spaces")
    data = json.loads(data)
    data["action_space"] |= {"n": int(data["action_space"]["n"])}
    data["action_space"].pop("start")
    weights = {name: value for name, value in weights.items() if not name.startswith(("pi_", "vf_"))}
    members = {"policy.pth": torch_bytes(weights), "data": json.dumps(data)}
    assert_same_agent(load_agent(zip_with(tmp_path / "viejo.zip", path, **members)), model, observations)


@pytest.mark.parametrize("case", ONE_EACH)
def test_no_member_of_any_zip_runs_code(trained, tmp_path, case):
    model, path, observations = trained(case)
    target = tmp_path / "intruso"
    evil = pickle.dumps(Intruder(target))
    with zipfile.ZipFile(path) as archive:
        data = json.loads(archive.read("data"))
    for item in data.values():
        if isinstance(item, dict):
            item[":serialized:"] = base64.b64encode(evil).decode()
    others = {name: evil for name in ("policy.optimizer.pth", "pytorch_variables.pth", "regalo.pkl")}
    bad = zip_with(tmp_path / "regalo.zip", path, **others, data=json.dumps(data))
    with contextlib.suppress(Exception):
        type(model).load(bad)
    assert target.is_dir()  # el zip es de verdad peligroso
    target.rmdir()

    assert_same_agent(load_agent(bad), model, observations)
    with pytest.raises(ValueError, match=r"datos\.zip' está dañado o no es un agente de Stable-Baselines3: consiga"):
        load_agent(zip_with(tmp_path / "datos.zip", path, data=evil))
    with pytest.raises(ValueError, match=r"pesos\.zip' trae código \((posix|nt)\.mkdir\)"):
        load_agent(zip_with(tmp_path / "pesos.zip", path, **{"policy.pth": torch_bytes({"x": Intruder(target)})}))
    assert not target.exists()


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[" * 100_000, pickle.dumps(0)], ids=range(5))
def test_the_agents_of_the_book_need_no_description(saved, tmp_path, original, data):
    assert_same_agent(load_agent(zip_with(tmp_path / "sin.zip", saved, data=data)), load_agent(saved), original[1][:50])


def test_every_published_agent_opens(tmp_path):
    paths = sorted(RUNS.rglob("*.zip"))
    assert len(paths) > 20
    for path in paths:
        agent, bare = load_agent(path), load_agent(zip_with(tmp_path / "sin.zip", path, data=b""))
        assert agent.num_timesteps == DQN.load(path).num_timesteps and type(agent) is DQN
        for ours, theirs in zip(agent.q_net.parameters(), bare.q_net.parameters(), strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("observation_space", {"_shape": [10**12]}),
        ("observation_space", {"_shape": [-4]}),
        ("observation_space", {"_shape": "4"}),
        ("observation_space", {"_shape": [5]}),
        ("observation_space", {"dtype": "(1000000,1000000)f8"}),
        ("observation_space", {"low": "[__import__('os')]"}),
        ("observation_space", {"low": "[-1. ... 3.]"}),
        ("observation_space", {":type:": None}),
        ("action_space", {"n": "9" * 12}),
        ("action_space", {"n": "0"}),
        ("action_space", {"n": "dos"}),
        ("policy_kwargs", {"activation_fn": "<class 'os.system'>"}),
        ("policy_kwargs", {"activation_fn": ["<class 'os.system'>"]}),
        ("policy_kwargs", {"activation_fn": "dos\nrenglones"}),
        ("policy_class", {"__module__": "os\nsys"}),
        ("policy_class", {"__module__": None}),
    ],
    ids=str,
)
@pytest.mark.parametrize("case", ["dqn-cartpole", "qrdqn-cartpole", "ppo-cartpole"])
def test_a_false_description_is_refused_in_one_sentence(trained, tmp_path, case, key, changes):
    path = trained(case)[1]
    with zipfile.ZipFile(path) as archive:
        data = json.loads(archive.read("data"))
    data[key] |= changes
    with pytest.raises(ValueError, match=r"falso\.zip' .*, y load_agent solo abre DQN, QR-DQN, A2C y PPO con") as e:
        load_agent(zip_with(tmp_path / "falso.zip", path, data=json.dumps(data)))
    assert "\n" not in str(e.value)


class Strange(gymnasium.Env):
    """Un ambiente con los espacios que se le den."""

    def __init__(self, observation_space=None, action_space=None):
        self.observation_space = observation_space or spaces.Box(-1, 1, (3,))
        self.action_space = action_space or spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return self.observation_space.sample(), {}


class OwnExtractor(FlattenExtractor):
    pass


class OwnPolicy(ActorCriticPolicy):
    pass


CONTINUOUS = spaces.Box(-1, 1, (2,))
PIECES = spaces.Dict(a=spaces.Box(-1, 1, (2,)), b=spaces.Discrete(3))
FOREIGN = {
    "SAC": (lambda: SAC("MlpPolicy", Strange(action_space=CONTINUOUS), buffer_size=1), "es un agente de SAC,"),
    "TRPO": (lambda: TRPO("MlpPolicy", Strange(), n_steps=8, batch_size=8), "es un agente de TRPO,"),
    "gSDE": (lambda: A2C("MlpPolicy", Strange(action_space=CONTINUOUS), use_sde=True), "es un agente de A2C con gSDE,"),
    "Dict": (lambda: PPO("MultiInputPolicy", Strange(PIECES)), "tiene observaciones Dict,"),
    "Dict DQN": (lambda: DQN("MultiInputPolicy", Strange(PIECES), buffer_size=1), "tiene observaciones Dict,"),
    "MultiBinary": (lambda: A2C("MlpPolicy", Strange(spaces.MultiBinary(3))), "tiene observaciones MultiBinary,"),
    "MultiDiscrete": (
        lambda: A2C("MlpPolicy", Strange(action_space=spaces.MultiDiscrete([2, 3]))),
        "tiene acciones MultiDiscrete,",
    ),
    "extractor": (
        lambda: A2C("MlpPolicy", Strange(), policy_kwargs={"features_extractor_class": OwnExtractor}),
        "usa features_extractor_class=.*OwnExtractor.*,",
    ),
    "activación": (
        lambda: DQN("MlpPolicy", Strange(), buffer_size=1, policy_kwargs={"activation_fn": nn.Hardtanh}),
        "usa activation_fn=.*Hardtanh.*,",
    ),
    "política": (lambda: A2C(OwnPolicy, Strange()), "usa una política propia, del módulo '.*test_agents',"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_it_cannot_open_is_named(tmp_path, kind):
    make, named = FOREIGN[kind]
    make().save(tmp_path / "otro.zip")
    with pytest.raises(ValueError, match=rf"otro\.zip' {named} y load_agent solo abre .*: cárguelo con la clase") as e:
        load_agent(tmp_path / "otro.zip")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "case",
    ["qrdqn-breakout", "qrdqn-cartpole", "dqn-frozenlake", "ppo-breakout", "ppo-frozenlake", "a2c-breakout"],
)
def test_any_agent_that_is_loaded_can_be_saved_slim(trained, tmp_path, case):
    model, path, observations = trained(case)
    slim = tmp_path / "delgado.zip"
    save_agent(model, slim)
    if case.endswith("breakout"):
        assert slim.stat().st_size < path.stat().st_size / 3
    for load in (load_agent, type(model).load):
        for ours, theirs in zip(outputs(load(slim), observations), outputs(model, observations), strict=True):
            assert ours.shape == theirs.shape
        online = [value.half().float() for name, value in model.policy.state_dict().items() if "_target" not in name]
        stored = [value for name, value in load(slim).policy.state_dict().items() if "_target" not in name]
        assert all(torch.equal(a, b) for a, b in zip(stored, online, strict=True))


def test_another_algorithm_is_not_saved_slim(tmp_path):
    with pytest.raises(ValueError, match=r"guarda agentes DQN, QR-DQN, A2C y PPO, no SAC: use «model\.save\("):
        save_agent(FOREIGN["SAC"][0](), tmp_path / "x.zip")
    assert not any(tmp_path.iterdir())


def test_agents_of_actor_and_critic_can_be_averaged_too(trained):
    model, path, observations = trained("a2c-pendulum")
    assert_same_agent(average_agents([path, path]), model, observations)
    with pytest.raises(ValueError, match="promediar 2 agentes; .* la misma red y las mismas acciones"):
        average_agents([path, trained("ppo-pendulum")[1]])


def test_a_device_that_does_not_exist_is_explained(saved):
    with pytest.raises(ValueError, match="^El dispositivo 'gpu' no existe: use 'cpu', 'cuda' o 'auto'"):
        load_agent(saved, "gpu")


@pytest.mark.parametrize("name", ["no_existe.zip", "carpeta"])
def test_a_missing_agent_is_explained(tmp_path, name):
    (tmp_path / "carpeta").mkdir()
    with pytest.raises(FileNotFoundError, match="^No existe el agente .*: revise la ruta o entrene uno"):
        load_agent(Path(tmp_path, name))
