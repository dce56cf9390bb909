"""El entrenamiento: un DQN de SB3 con las cuentas bien hechas, y una corrida que sobrevive a lo que le pase."""

import platform
import shutil
import signal
import subprocess
import sys

from coursekit.envs import make_vec_env
from coursekit.metrics import TAGS, read_metrics
from coursekit.runs import HALF_WRITTEN, Run, new_info
from coursekit.training import loop, recipe
from coursekit.training.agents import load_agent
from coursekit.training.loop import train
from coursekit.training.machine import versions
from coursekit.training.model import make_dqn
from coursekit.training.recipe import DEFAULTS, LADDER
from coursekit.training.replay import FrameReplayBuffer

import numpy as np
import pandas as pd
import pytest
import torch
from stable_baselines3 import DQN


@pytest.fixture(scope="module")
def envs():
    return {n: make_vec_env("Breakout", n) for n in (1, 2, 4, 8)}


def state_of(run):
    return torch.load(run.state, weights_only=True)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def online(state):
    """Los pesos de la red en línea de un punto guardado, con los nombres de `q_net`."""
    return {name[6:]: weights for name, weights in state["policy"].items() if name.startswith("q_net.")}


def logged(run, name="epsilon"):
    table = read_metrics(run)
    return table[table["metric"] == name]


def stop_at(monkeypatch, steps):
    """Ctrl-C de verdad, en este mismo proceso, cuando el entrenamiento llega a `steps`."""
    original = loop._RunKeeper._on_step

    def step(self):
        if self.num_timesteps == steps:
            signal.raise_signal(signal.SIGINT)
        return original(self)

    monkeypatch.setattr(loop._RunKeeper, "_on_step", step)


@pytest.fixture(scope="module")
def stopped_run(tiny, tmp_path_factory):
    """Una corrida de 400 pasos detenida con Ctrl-C a los 150: solo para copiarla."""
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, 150)
        return train(tmp_path_factory.mktemp("detenida") / "corrida", "Breakout", 400, **tiny)


@pytest.fixture
def stopped(stopped_run, tmp_path):
    return Run(shutil.copytree(stopped_run.path, tmp_path / "corrida"))


# make_dqn


def test_make_dqn_is_a_plain_dqn_with_the_defaults(envs):
    model = make_dqn(envs[8], 1_000_000, seed=5, device="cpu", buffer_size=1_000)
    assert type(model) is DQN and type(model.replay_buffer) is FrameReplayBuffer
    assert model.replay_buffer.n_steps == DEFAULTS["n_steps"] == 3 and model.replay_buffer.gamma == model.gamma == 0.99
    for name in ("learning_rate", "batch_size", "learning_starts", "target_update_interval", "exploration_final_eps"):
        assert getattr(model, name) == DEFAULTS[name]
    assert model.buffer_size == 1_000 and model.seed == 5
    assert model.exploration_fraction * 1_000_000 == DEFAULTS["exploration_steps"]
    # La red es la de Mnih et al. (2015): 1 686 180 parámetros con 4 acciones.
    assert sum(weights.numel() for weights in model.q_net.parameters()) == 1_686_180


@pytest.mark.parametrize(
    ("n_envs", "steps_per_update", "train_freq", "gradient_steps"),
    [(8, 8, 1, 1), (8, 4, 1, 2), (8, 1, 1, 8), (8, 16, 2, 1), (4, 16, 4, 1), (1, 4, 4, 1), (2, 4, 2, 1), (1, 1, 1, 1)],
)
def test_steps_per_update_is_translated_to_the_units_of_sb3(envs, n_envs, steps_per_update, train_freq, gradient_steps):
    model = make_dqn(envs[n_envs], 1_000, device="cpu", buffer_size=100, steps_per_update=steps_per_update)
    assert (model.train_freq.frequency, model.train_freq.unit.value) == (train_freq, "step")
    assert model.gradient_steps == gradient_steps
    # Cada ronda da train_freq × n_envs transiciones y hace gradient_steps actualizaciones.
    assert train_freq * n_envs == gradient_steps * steps_per_update


@pytest.mark.parametrize(("n_envs", "steps_per_update"), [(2, 8), (4, 4), (8, 2)])
def test_the_updates_made_are_the_steps_over_steps_per_update(envs, n_envs, steps_per_update):
    few = {"buffer_size": 200, "learning_starts": 0, "batch_size": 4}
    model = make_dqn(envs[n_envs], 64, device="cpu", steps_per_update=steps_per_update, **few)
    model.learn(64)
    assert model.num_timesteps == 64 and model._n_updates == 64 / steps_per_update


@pytest.mark.parametrize(("n_envs", "steps_per_update"), [(8, 3), (8, 12), (2, 5)])
def test_incompatible_steps_per_update_is_explained(envs, n_envs, steps_per_update):
    message = f"^Con {n_envs} ambientes no se puede hacer una actualización cada {steps_per_update} transiciones"
    with pytest.raises(ValueError, match=message):
        make_dqn(envs[n_envs], 1_000, steps_per_update=steps_per_update, buffer_size=100)


def test_an_unknown_hyperparameter_is_explained(envs, tmp_path):
    with pytest.raises(ValueError, match="^No existe el hiperparámetro 'lr'; el más parecido es") as caught:
        make_dqn(envs[1], 1_000, lr=1e-3)
    assert all(name in str(caught.value) for name in DEFAULTS)
    with pytest.raises(ValueError, match="'lr'"):
        train(tmp_path / "corrida", "Breakout", 100, lr=1e-3)
    assert list(tmp_path.iterdir()) == []


def test_clearing_denormals_changes_no_weight(envs):
    # Las conexiones de una unidad apagada acumulan momentos denormales, con los que Adam se vuelve muy lento.
    weights, left = [], []
    for clearing in (True, False):
        model = make_dqn(envs[8], 2_000, buffer_size=2_000, learning_starts=200, seed=3, device="cpu")
        optimizer, layer = model.policy.optimizer, model.q_net.features_extractor.linear[0]
        if not clearing:
            optimizer._optimizer_step_post_hooks.clear()
        with torch.no_grad():
            layer.bias[0] = -1e3  # apagada para siempre
        model.learn(400)
        optimizer.state[layer.weight]["exp_avg"][0] = 1e-36
        model.learn(800, reset_num_timesteps=False)
        assert 100 < model._n_updates < 200
        weights.append(model.policy.state_dict())
        left.append(optimizer.state[layer.weight]["exp_avg"][0].max().item())
    assert same(*weights)
    assert left[0] == 0 and 0 < left[1] < torch.finfo(torch.float32).tiny


@pytest.mark.parametrize("supported", [True, False])
def test_bfloat16_is_used_where_the_processor_has_it_and_keeps_the_network_of_sb3(envs, monkeypatch, supported):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    model = make_dqn(envs[8], 1_000, buffer_size=100, device="cpu")
    fresh = DQN("CnnPolicy", envs[8], buffer_size=8, device="cpu")
    fresh.policy.load_state_dict(model.policy.state_dict())
    obs = torch.as_tensor(envs[8].reset())
    ours, plain = model.q_net(obs), fresh.q_net(obs)
    error = (ours - plain).abs().max() / plain.abs().max()
    assert ours.dtype == torch.float32
    assert 1e-4 < error < 0.02 if supported else error < 1e-5  # el redondeo se ve, o no hay redondeo


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("gamma", 1.5, "un número de 0 a 1"),
        ("learning_rate", 0, "un número mayor que 0"),
        ("learning_rate", float("nan"), "un número mayor que 0"),
        ("batch_size", 0, "un entero mayor que 0"),
        ("buffer_size", 1e4, "un entero mayor que 0"),
        ("learning_starts", -1, "un entero de 0 o más"),
        ("exploration_steps", 0, "un entero mayor que 0"),
        ("n_envs", True, "un entero mayor que 0"),
        ("steps_per_update", -8, "un entero mayor que 0"),
    ],
)
def test_an_impossible_hyperparameter_is_explained_and_leaves_nothing(tmp_path, name, value, allowed):
    with pytest.raises(ValueError, match=f"^{name}={value!r} no es posible: debe ser {allowed}, como"):
        train(tmp_path / "corrida", "Breakout", 100, **{name: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="solo glibc devuelve la memoria en cada actualización")
def test_the_memory_that_an_update_frees_is_not_given_back():
    # En un proceso nuevo: en este, otra prueba ya pudo pedirlo.
    program = """
import resource, torch
from coursekit.training.cpu import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        tensors = [torch.zeros(5_000_000) for _ in range(5)]  # 100 MB
        del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

by_default = faults()
keep_freed_memory()
faults()
print(by_default, faults())
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    by_default, kept = map(int, output.split())
    assert by_default > 10_000 and kept < 100


# La carpeta de una corrida


def test_a_run_folder_has_everything(tiny_run, tiny):
    info = tiny_run.info
    assert set(info) == {
        *("game", "algorithm", "seed", "backend", "sticky", "hyperparameters", "steps", "total_steps"),
        *("command", "segments"),
    }
    assert (info["game"], info["algorithm"], info["seed"], info["backend"]) == ("Breakout", "dqn", 0, "ale")
    assert info["steps"] == info["total_steps"] == 600
    assert info["hyperparameters"] == {**DEFAULTS, **{name: tiny[name] for name in tiny if name in DEFAULTS}}
    (segment,) = info["segments"]
    assert (segment["from_step"], segment["to_step"], segment["versions"]) == (0, 600, versions())
    assert segment["command"] == info["command"]
    assert segment["seconds"] > 0 and segment["cpu_seconds"] > 0 and segment["machine"]["cores"] >= 1
    assert segment["started"].endswith("+00:00")

    assert list(tiny_run.checkpoints()) == [0, 200, 400, 600]
    assert sorted(path.name for path in tiny_run.metrics.iterdir()) == sorted(f"{name}.csv" for name in TAGS)
    assert logged(tiny_run)["step"].tolist() == list(range(50, 601, 50))
    assert logged(tiny_run, "loss")["step"].min() > 100  # no hay pérdida antes de learning_starts
    assert (logged(tiny_run, "length")["value"] > 300).all()
    weights = state_of(tiny_run)
    assert weights["n_updates"] == 63  # después de learning_starts = 100: a los 104, 112, … 600 pasos
    final = load_agent(tiny_run).q_net.state_dict()
    assert same(final, load_agent(tiny_run.checkpoints()[600]).q_net.state_dict())
    assert not same(final, load_agent(tiny_run.checkpoints()[400]).q_net.state_dict())
    assert same(final, {name: values.half().float() for name, values in online(weights).items()})
    assert type(DQN.load(tiny_run.agent)) is DQN
    assert sorted(path.name for path in tiny_run.state.parent.iterdir()) == ["en-uso.lock", "state.pt"]
    assert not list(tiny_run.path.rglob(".*"))


def test_the_command_repeats_the_run(tiny_run):
    from coursekit.cli import _parser

    words = tiny_run.info["command"].split()
    assert words[:4] == ["coursekit", "train", tiny_run.path.as_posix(), "--game"]
    options = vars(_parser().parse_args(words[1:]))
    assert (options["steps"], options["seed"], options["game"]) == (600, 0, "Breakout")
    given = {name: options[name] for name in DEFAULTS if options[name] is not None}
    assert {**DEFAULTS, **given} == tiny_run.info["hyperparameters"]


def test_the_command_names_what_is_not_the_default(tmp_path, tiny):
    run = train(tmp_path / "corrida", "Pong", 8, seed=3, backend="sb3", sticky=0.25, **tiny)
    assert "--game Pong --steps 8 --seed 3 --backend sb3 --sticky 0.25 --n-envs 2" in run.info["command"]


def test_the_ladder_is_saved_whatever_the_interval(tmp_path, tiny, monkeypatch):
    assert LADDER[:5] == (10_000, 25_000, 50_000, 100_000, 250_000)
    monkeypatch.setattr(recipe, "LADDER", (24, 56))
    run = train(tmp_path / "corrida", "Breakout", 96, **{**tiny, "checkpoint_every": 40})
    assert list(run.checkpoints()) == [0, 24, 40, 56, 80, 96]


def test_one_seed_gives_the_same_weights(tiny_run, tiny, tmp_path):
    again = train(tmp_path / "otra", "Breakout", 600, **tiny)
    assert same(state_of(again)["policy"], state_of(tiny_run)["policy"])
    columns = ["metric", "step", "value"]
    pd.testing.assert_frame_equal(read_metrics(again)[columns], read_metrics(tiny_run)[columns])
    other = train(tmp_path / "distinta", "Breakout", 8, seed=1, **tiny)
    first = [load_agent(run.checkpoints()[0]).q_net.state_dict() for run in (other, tiny_run)]
    assert not same(*first)


def test_progress_shows_time_left_score_and_speed(tmp_path, tiny, capsys):
    train(tmp_path / "corrida", "Breakout", 400, **{**tiny, "progress": True, "learning_starts": 1_000})
    shown = capsys.readouterr().err
    assert "400/400 pasos" in shown and "faltan 00:00" in shown and "pasos/s" in shown and "puntaje medio" in shown


def test_training_off_the_main_thread(tmp_path, tiny):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(train, tmp_path / "corrida", "Breakout", 8, **tiny).result()
    assert run.info["steps"] == 8


# Lo que no se puede hacer


def test_an_existing_run_is_not_overwritten(copied_run, tiny, capsys):
    before = {path: path.stat().st_mtime_ns for path in copied_run.path.rglob("*")}
    with pytest.raises(FileExistsError, match="ya tiene una corrida: siga con resume=True .--resume, en la terminal"):
        train(copied_run, "Breakout", 1_000, **tiny)
    impossible = {"game": "Pong", "seed": 7, "sticky": 0.25, "backend": "sb3"}
    for name, value in impossible.items():
        message = f"se entrena con {name}=.* y se pidió {value!r}, que no puede cambiar a mitad de camino"
        with pytest.raises(ValueError, match=message):
            train(copied_run, resume=True, **{"game": None, name: value}, **tiny)
    with pytest.raises(ValueError, match="ya dio sus 600 pasos y no usaría batch_size: pida más pasos"):
        train(copied_run, resume=True, batch_size=64, **tiny)
    for steps in (None, 600, 500):
        assert train(copied_run, None, steps, resume=True, **tiny).path == copied_run.path
        assert "ya dio 600 pasos: no queda nada por hacer. Para seguir, pida más pasos" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in copied_run.path.rglob("*")}


def test_a_run_of_another_algorithm_is_not_resumed(tmp_path, tiny):
    run = Run(tmp_path)
    run.write_json("run.json", {**new_info("Breakout", "ppo", 0, {}, 100)})
    with pytest.raises(ValueError, match="es una corrida de ppo, que train no sabe seguir"):
        train(run, "Breakout", 1_000, resume=True, **tiny)


def test_zero_steps_are_explained(tmp_path):
    with pytest.raises(ValueError, match="^Se pidieron 0 pasos en total_steps; hace falta al menos 1"):
        train(tmp_path / "corrida", "Breakout", 0)


def test_a_run_without_its_saved_points_is_explained(published_run, tiny):
    shutil.rmtree(published_run.path / "checkpoints")
    with pytest.raises(FileNotFoundError, match="no tiene de dónde seguir: le faltan sus puntos guardados"):
        train(published_run, "Breakout", 1_000, resume=True, **tiny)


@pytest.mark.parametrize("content", ["vacío", "texto", "truncado", "otra cosa"])
def test_a_damaged_saved_point_is_explained_and_kept(stopped, tiny, content):
    data = stopped.state.read_bytes()
    new = {"vacío": b"", "texto": b"hola", "truncado": data[: len(data) // 2]}.get(content)
    if new is None:
        torch.save({"policy": {}}, stopped.state)
    else:
        stopped.state.write_bytes(new)
    before, info = stopped.state.read_bytes(), stopped.info
    with pytest.raises(ValueError, match=r"^El punto guardado .*state\.pt' está dañado: recupere una copia"):
        train(stopped, "Breakout", 400, resume=True, **tiny)
    assert stopped.state.read_bytes() == before and stopped.info == info


def test_a_full_disk_is_explained_and_keeps_the_last_point(tmp_path, tiny, small_disk, check_files):
    with small_disk(tmp_path / "disco", "40m") as disk:  # cabe el primer punto guardado, y no el segundo
        run = Run(disk / "corrida")
        with pytest.raises(OSError, match=r"No se pudo escribir .*state\.pt.*: libere espacio") as caught:
            train(run, "Breakout", 600, **tiny)
        assert "\n" not in str(caught.value)
        assert run.info["steps"] == 0 and state_of(run)["num_timesteps"] == 0
        check_files(run)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        train(run, "Breakout", 208, resume=True, **tiny)
        assert run.info["steps"] == 208 and logged(run)["step"].tolist() == [50, 100, 150, 200]


def test_a_disk_that_fills_up_while_logging_is_explained(tmp_path, tiny, small_disk, monkeypatch):
    original = loop._RunKeeper._on_step

    def step(self):
        if self.num_timesteps == 120:
            with pytest.raises(OSError), open(disk / "lastre", "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 1024)
        return original(self)

    monkeypatch.setattr(loop._RunKeeper, "_on_step", step)
    with small_disk(tmp_path / "disco", "60m") as disk:
        run = Run(disk / "corrida")
        with pytest.raises(OSError, match="No se pudo escribir .*: libere espacio"):
            train(run, "Breakout", 600, **tiny)
        assert run.info["steps"] == 0


# Seguir


def test_ctrl_c_saves_and_says_how_to_go_on(stopped, tiny, monkeypatch, capsys):
    stop_at(monkeypatch, 252)
    train(stopped, "Breakout", 400, resume=True, **tiny)
    said = capsys.readouterr().out
    saved = f"Detenido y guardado a los 252 pasos. Para seguir: {stopped.info['command']} --resume"
    assert said.splitlines() == ["Guardando lo entrenado; puede tardar unos segundos.", saved]
    assert stopped.info["steps"] == state_of(stopped)["num_timesteps"] == 252 and stopped.replay(252).is_file()
    assert list(stopped.checkpoints()) == [0, 150, 200, 252]
    assert same(load_agent(stopped).q_net.state_dict(), load_agent(stopped.checkpoints()[252]).q_net.state_dict())


def test_resume_continues_steps_epsilon_optimiser_and_curves(stopped, tiny):
    before = state_of(stopped)
    old_curves = read_metrics(stopped)
    assert before["num_timesteps"] == 150 and before["n_updates"] == 6
    train(stopped, "Breakout", 310, resume=True, **tiny)
    after = state_of(stopped)
    # La memoria volvió: las actualizaciones siguen de inmediato, y Adam cuenta las de antes.
    assert after["num_timesteps"] == 310 and after["n_updates"] == 6 + (310 - 150) // 8
    counters = {int(weights["step"]) for weights in after["optimizer"]["state"].values()}
    assert counters == {after["n_updates"]} and not list(stopped.state.parent.glob("replay*"))
    table = logged(stopped)
    assert table["step"].tolist() == [50, 100, 150, 200, 250, 300]  # ni repetidos ni perdidos
    np.testing.assert_allclose(table["value"], 1 - 0.99 * (table["step"] - 2) / 400, atol=1e-6)
    for name in TAGS:
        rows = logged(stopped, name).reset_index(drop=True)
        old = old_curves[old_curves["metric"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.iloc[: len(old)], old)
        assert rows["step"].is_monotonic_increasing and rows["step"].is_unique
    assert [(s["from_step"], s["to_step"]) for s in stopped.info["segments"]] == [(0, 150), (150, 310)]
    assert stopped.info["total_steps"] == 310 and "--steps 310" in stopped.info["command"]


def test_resume_does_not_repeat_the_random_numbers(stopped, tiny, monkeypatch):
    used = []
    monkeypatch.setattr(DQN, "set_random_seed", lambda self, seed=None: used.append(seed))
    train(stopped, "Breakout", 152, resume=True, **tiny)
    assert [seed for seed in used if seed is not None] == [0, 150]


@pytest.mark.parametrize("content", ["falta", "vacía", "texto", "truncada", "otro tamaño"])
def test_without_its_memory_the_run_plays_before_it_learns_again(stopped, tiny, content):
    data = stopped.replay(150).read_bytes()
    options = dict(tiny)
    if content == "falta":
        stopped.replay(150).unlink()
    elif content == "otro tamaño":
        options["buffer_size"] = 1_000
    else:
        stopped.replay(150).write_bytes({"vacía": b"", "texto": b"hola", "truncada": data[: len(data) // 2]}[content])
    before = state_of(stopped)
    if content == "falta":
        train(stopped, "Breakout", 250, resume=True, **options)
    else:
        with pytest.warns(UserWarning, match="^La memoria de repetición guardada no sirve .*: se vuelve a llenar"):
            train(stopped, "Breakout", 250, resume=True, **options)
    after = state_of(stopped)
    assert after["n_updates"] == before["n_updates"] and same(online(after), online(before))
    train(stopped, "Breakout", after["num_timesteps"] + 100 + 24, resume=True, **options)
    made = state_of(stopped)["n_updates"] - before["n_updates"]
    assert 2 <= made <= 4  # cada vez se rellenan learning_starts = 100 pasos, en rondas de 8
    assert stopped.info["segments"][-1]["command"].endswith("--resume")
    change = {"from_step": 150, "buffer_size": 1_000, "before": {"buffer_size": 2_000}}
    changed = [change] if content == "otro tamaño" else None
    assert stopped.info.get("changes") == changed


def test_a_run_finished_can_be_made_longer(copied_run, tiny):
    before = state_of(copied_run)
    train(copied_run, "Breakout", 744, resume=True, **tiny)
    after = state_of(copied_run)
    assert after["n_updates"] == before["n_updates"] + 5 and copied_run.info["steps"] == 744
    known = len(before["episodes"])  # el puntaje medio también sigue contando las partidas de antes
    assert known >= 2 and after["episodes"][:known] == before["episodes"]
    assert logged(copied_run)["step"].tolist() == list(range(50, 701, 50))
    assert logged(copied_run)["value"].iloc[-1] == pytest.approx(0.01)


def test_a_published_run_continues_from_its_newest_agent_with_its_curves(published_run, tiny):
    old = read_metrics(published_run)
    (published_run.metrics / "notas.csv").write_text("Wall time,Step,Value\n0,0,7\n")  # de la persona: se deja en paz
    mine = published_run.path / ".notas-12345678.txt"
    mine.write_text("mías")
    (published_run.path / f"{HALF_WRITTEN}tensorboard").mkdir()  # murió al reponer las curvas
    newest = load_agent(published_run.checkpoints()[600]).q_net.state_dict()
    train(published_run, "Breakout", 696, resume=True, **tiny)  # todavía rellena la memoria
    state = state_of(published_run)
    assert state["num_timesteps"] == 696 and state["optimizer"]["state"] == {}
    assert same(online(state), newest)
    for name in TAGS:
        rows, before = logged(published_run, name), old[old["metric"] == name]
        pd.testing.assert_frame_equal(rows.iloc[: len(before)].reset_index(drop=True), before.reset_index(drop=True))
        assert rows["step"].is_unique
    assert logged(published_run)["step"].tolist() == list(range(50, 651, 50))
    assert mine.read_text() == "mías" and [path.name for path in published_run.path.rglob(".*")] == [mine.name]


def test_curves_survive_a_lost_tensorboard_folder(stopped, tiny):
    shutil.rmtree(stopped.tensorboard)
    old = logged(stopped)
    train(stopped, "Breakout", 210, resume=True, **tiny)
    assert logged(stopped)["step"].tolist() == [*old["step"], 200]
