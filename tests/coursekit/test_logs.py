"""Los registros de cualquiera: modelos verdaderos de SB3 y archivos de otros programas, contra quien los define."""

import json
import shutil

from coursekit.metrics import COLUMNS, TAGS, export_csv, plot_metrics, read_metrics
from coursekit.runs import Run
from coursekit.training.logs import find_logs, metric_name

import ale_py
import gymnasium as gym
import matplotlib
import numpy as np
import pandas as pd
import pytest
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor, load_results
from stable_baselines3.common.results_plotter import ts2xy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHORT = {
    DQN: {"learning_starts": 50, "buffer_size": 1_000, "learning_rate": 1e-3},
    PPO: {"n_steps": 64, "batch_size": 64, "n_epochs": 1},
    A2C: {"n_steps": 2},
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Tres algoritmos en CartPole con `tensorboard_log`, y PPO dos veces: SB3 hace `PPO_1` y `PPO_2`."""
    folder = tmp_path_factory.mktemp("sb3") / "registros"
    for algorithm, steps in ((DQN, 600), (PPO, 384), (PPO, 384), (A2C, 1_200)):
        env = Monitor(gym.make("CartPole-v1"))
        model = algorithm("MlpPolicy", env, tensorboard_log=str(folder), seed=0, device="cpu", **SHORT[algorithm])
        model.learn(steps)
    return folder


@pytest.fixture
def sb3(trained, tmp_path):
    """Una copia propia, para escribir en ella."""
    return shutil.copytree(trained, tmp_path / "registros")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Una carpeta con todo lo que SB3 sabe escribir de un mismo entrenamiento, con dos ambientes y EvalCallback."""
    folder = tmp_path_factory.mktemp("todo") / "ppo"
    envs = make_vec_env("CartPole-v1", n_envs=2, seed=3, monitor_dir=str(folder))
    model = PPO("MlpPolicy", envs, seed=3, device="cpu", **SHORT[PPO])
    model.set_logger(configure(str(folder), ["csv", "tensorboard"]))
    evaluate = EvalCallback(
        Monitor(gym.make("CartPole-v1")), n_eval_episodes=3, eval_freq=100, log_path=str(folder), verbose=0
    )
    model.learn(512, evaluate)
    model.logger.close()
    envs.close()
    return folder


def by_tensorboard(where):
    """Etiqueta → puntos, según el lector de TensorBoard, también los escalares que se guardan como tensores."""
    events = EventAccumulator(str(where), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    found = {tag: [(e.wall_time, e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            points = [(e.wall_time, e.step, float(make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)]
            found[tag] = points
    return found


def assert_equals_tensorboard(written, where):
    """Cada escalar de TensorBoard está en su CSV, punto por punto, y no hay ninguno más."""
    expected = by_tensorboard(where)
    assert set(written) == {metric_name(tag) for tag in expected} and len(written) == len(expected)
    for tag, points in expected.items():
        table = pd.read_csv(written[metric_name(tag)])
        assert list(table.columns) == COLUMNS and len(table) == len(points) > 0
        np.testing.assert_array_equal(table.to_numpy(), np.array(points))


@pytest.mark.parametrize("run", ["DQN_1", "PPO_1", "PPO_2", "A2C_1"])
def test_one_run_of_sb3_equals_tensorboards_reader(sb3, run):
    written = export_csv(sb3 / run)
    assert_equals_tensorboard(written, sb3 / run)
    assert {path.parent for path in written.values()} == {sb3 / run / "metrics"}
    own = {"DQN": {"epsilon", "loss"}, "PPO": {"loss", "train_approx_kl"}, "A2C": {"train_value_loss"}}
    assert set(written) >= own[run[:3]] | {"rewards", "length", "train_learning_rate", "time_fps"}
    assert ("epsilon" in written) == (run == "DQN_1")


def test_the_folder_given_to_tensorboard_log_exports_each_run_in_its_own(sb3, tmp_path):
    names = ["A2C_1", "DQN_1", "PPO_1", "PPO_2"]
    assert [log.name for log in find_logs(sb3)] == names
    written = export_csv(sb3, tmp_path / "csv")
    for name in names:
        assert_equals_tensorboard({k.split("/")[1]: v for k, v in written.items() if k.startswith(name)}, sb3 / name)
        assert (tmp_path / "csv" / name / "rewards.csv").is_file()
    table = read_metrics(sb3)
    assert list(table["run"].unique()) == names
    assert not any((sb3 / name / "metrics").exists() for name in names)
    assert len(table) == sum(len(points) for name in names for points in by_tensorboard(sb3 / name).values())
    pd.testing.assert_frame_equal(read_metrics(tmp_path / "csv"), table)


def test_a_single_event_file_is_enough(sb3, tmp_path):
    (file,) = (sb3 / "DQN_1").glob("*tfevents*")
    assert_equals_tensorboard(export_csv(file, tmp_path), file)
    assert set(read_metrics(file)["run"]) == {"DQN_1"}


def test_runs_are_in_natural_order_and_twins_are_told_apart(trained, tmp_path):
    for place in ("seed0/DQN_10", "seed0/DQN_2", "seed1/DQN_2", ".oculta/DQN_1"):
        shutil.copytree(trained / "DQN_1", tmp_path / place)
    assert [log.name for log in find_logs(tmp_path)] == ["seed0/DQN_2", "DQN_10", "seed1/DQN_2"]
    written = export_csv(tmp_path, tmp_path / "fuera")
    assert written["seed0/DQN_2/loss"] == tmp_path / "fuera/seed0/DQN_2/loss.csv"
    assert len(plot_metrics(tmp_path / "seed0", "loss").axes[0].get_lines()) == 4


def test_a_metric_that_went_on_after_the_export_is_read_fresh(sb3):
    export_csv(sb3 / "DQN_1")
    model = DQN("MlpPolicy", "CartPole-v1", tensorboard_log=str(sb3), device="cpu", **SHORT[DQN])
    model.num_timesteps = 600
    model.learn(200, reset_num_timesteps=False, tb_log_name="DQN")
    assert_equals_tensorboard(export_csv(sb3 / "DQN_1"), sb3 / "DQN_1")
    table = read_metrics(sb3 / "DQN_1")
    assert len(table) == sum(map(len, by_tensorboard(sb3 / "DQN_1").values())) and table["step"].max() > 600


def test_an_atari_run_of_plain_sb3(tmp_path):
    gym.register_envs(ale_py)
    envs = make_atari_env("PongNoFrameskip-v4", n_envs=1, seed=0, monitor_dir=str(tmp_path / "monitor"))
    slow = {"device": "cpu", "train_freq": 100, **SHORT[DQN]}
    model = DQN("CnnPolicy", envs, tensorboard_log=str(tmp_path / "tb"), **slow)
    model.learn(1_000, log_interval=1)
    envs.close()
    written = export_csv(tmp_path / "tb")
    assert_equals_tensorboard(written, tmp_path / "tb/DQN_1")
    table = read_metrics(tmp_path / "monitor")
    frames = table[table["metric"] == "length"]["value"]
    # En Atari Monitor cuenta cuadros: cuatro por paso del agente.
    steps = pd.read_csv(written["rewards"])["Step"].iloc[0]
    assert frames.iloc[0] == pytest.approx(4 * steps, abs=40)


def test_cleanrl_tags_have_the_courses_names(tmp_path):
    run = tmp_path / "runs" / "BreakoutNoFrameskip-v4__dqn_atari__1__1700000000"
    tags = ("charts/episodic_return", "charts/episodic_length", "losses/td_loss", "charts/epsilon", "losses/q_values")
    with SummaryWriter(str(run)) as writer:
        writer.add_text("hyperparameters", "|param|value|")
        for step in range(0, 900, 3):
            for tag in (*tags, "charts/SPS"):
                writer.add_scalar(tag, np.sin(step), step)
    written = export_csv(tmp_path / "runs")
    assert set(written) == {*TAGS, "losses_q_values", "charts_SPS"}
    assert_equals_tensorboard(written, run)
    figure = plot_metrics(tmp_path / "runs", "charts/episodic_return", x="episodes")
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == list(range(1, 301))
    assert figure.axes[0].get_ylabel() == "Puntaje" and figure.axes[0].get_xlabel() == "Partidas"


def test_scalars_stored_as_tensors_like_tensorflow_2_does(tmp_path):
    writer = EventFileWriter(str(tmp_path / "train"))
    for step in range(12_000):
        summary = Summary()
        for tag in ("epoch_loss", "rollout/ep_rew_mean"):
            tensor = make_tensor_proto(step / 7, dtype=np.float32)
            summary.value.add(tag=tag, tensor=tensor, metadata=create_summary_metadata("", ""))
        writer.add_event(Event(step=step, wall_time=1.7e9 + step, summary=summary))
    writer.close()
    written = export_csv(tmp_path)
    assert sorted(written) == ["epoch_loss", "rewards"]
    assert_equals_tensorboard(written, tmp_path / "train")
    assert len(pd.read_csv(written["rewards"])) == 12_000


def test_odd_tags_and_odd_values_survive(tmp_path):
    tags = ["a/b", "a b", "A_b", "../../fuera", "ñandú/ε", "x" * 300, "rollout/ep_rew_mean", "charts/episodic_return"]
    with SummaryWriter(str(tmp_path / "raro")) as writer:
        for tag in tags:
            for step, value in enumerate((1.5, float("nan"), float("inf"), -float("inf"))):
                writer.add_scalar(tag, value, step)
    written = export_csv(tmp_path / "raro")
    assert len(written) == len({name.casefold() for name in written}) == len(tags)
    assert all(path.parent == tmp_path / "raro" / "metrics" for path in written.values())
    assert {"rewards", "charts_episodic_return", "fuera", "ñandú_ε", "a_b", "a_b_2", "A_b_3"} <= set(written)
    for path in written.values():
        np.testing.assert_array_equal(pd.read_csv(path)["Value"], [1.5, np.nan, np.inf, -np.inf])


def test_events_without_scalars_say_what_there_is(tmp_path):
    with SummaryWriter(str(tmp_path / "otra")) as writer:
        writer.add_text("notas", "hola")
        writer.add_histogram("pesos", np.arange(9), 0)
        writer.add_image("pantalla", np.zeros((3, 4, 4)), 0)
    for function in (export_csv, read_metrics, plot_metrics):
        with pytest.raises(
            ValueError, match=r"^No hay ningún escalar en .*otra'.*pantalla \(images\).*pesos"
        ) as caught:
            function(tmp_path / "otra")
        assert "notas" in str(caught.value)
    assert export_csv(tmp_path, empty_ok=True) == {} and not (tmp_path / "otra" / "metrics").exists()


def test_monitor_equals_load_results(full):
    assert len(list(full.glob("*.monitor.csv"))) == 2
    alone = [file for file in full.iterdir() if file.name.endswith("monitor.csv")]
    folder = full.parent / "solo-monitor"
    folder.mkdir(exist_ok=True)
    for file in alone:
        shutil.copy(file, folder)
    expected, table = load_results(str(folder)), read_metrics(folder)
    assert len(expected) > 10 and set(table["metric"]) == {"rewards", "length"} and set(table["run"]) == {folder.name}
    for metric, column in (("rewards", "r"), ("length", "l")):
        rows = table[table["metric"] == metric]
        np.testing.assert_array_equal(rows["value"], expected[column])
        np.testing.assert_array_equal(rows["step"], ts2xy(expected, "timesteps")[0])
        np.testing.assert_allclose(np.diff(rows["wall_time"]), np.diff(expected["t"]), atol=1e-5)
    start = min(json.loads(file.read_text().splitlines()[0][1:])["t_start"] for file in alone)
    np.testing.assert_allclose(rows["wall_time"] - start, expected["t"], atol=1e-5)


def test_one_monitor_file_and_its_extra_columns(tmp_path):
    env = Monitor(gym.make("CartPole-v1"), str(tmp_path / "dqn"), info_keywords=("extra",))
    for seed in range(3):
        env.reset(seed=seed)
        over = False
        while not over:
            env.env.unwrapped.extra = seed
            over = step_with_extra(env, seed)
    env.close()
    table, expected = read_metrics(tmp_path / "dqn.monitor.csv"), load_results(str(tmp_path))
    assert table[table["metric"] == "extra"]["value"].tolist() == [0, 1, 2]
    assert table[table["metric"] == "rewards"]["value"].tolist() == expected["r"].tolist()
    written = export_csv(tmp_path / "dqn.monitor.csv")
    assert pd.read_csv(written["length"])["Step"].tolist() == expected["l"].cumsum().tolist()
    with (tmp_path / "dqn.monitor.csv").open("a") as file:
        file.write("9.0,9")  # lo que queda si el proceso muere mientras escribe
    pd.testing.assert_frame_equal(read_metrics(tmp_path / "dqn.monitor.csv"), table)


def step_with_extra(env, value):
    """Un paso en un ambiente que anota una columna más en `info`."""
    inner = env.env.step
    env.env.step = lambda action: (*inner(action)[:4], {"extra": value})
    try:
        _, _, terminated, truncated, _ = env.step(0)
    finally:
        del env.env.step
    return terminated or truncated


def test_progress_csv_equals_the_events_of_the_same_training(full, tmp_path):
    shutil.copy(full / "progress.csv", tmp_path)
    table, raw = read_metrics(tmp_path / "progress.csv"), pd.read_csv(full / "progress.csv")
    for tag, points in by_tensorboard(full).items():
        rows = table[table["metric"] == metric_name(tag)]
        assert rows["step"].tolist() == [step for _, step, _ in points]
        np.testing.assert_allclose(rows["value"], [value for *_, value in points], rtol=1e-6)
    assert len(table) == raw.drop(columns="time/total_timesteps").notna().sum().sum()
    elapsed = raw.dropna(subset="rollout/ep_rew_mean")["time/time_elapsed"]
    np.testing.assert_array_equal(table[table["metric"] == "rewards"]["wall_time"], elapsed)
    assert set(export_csv(tmp_path)) == set(table["metric"]) >= {"rewards", "train_explained_variance"}


def test_evaluations_npz_are_the_means_that_evalcallback_logs(full, tmp_path):
    shutil.copy(full / "evaluations.npz", tmp_path)
    table = read_metrics(tmp_path)
    assert set(table["metric"]) == {"eval_mean_reward", "eval_mean_ep_length"} and table["wall_time"].isna().all()
    for tag in ("eval/mean_reward", "eval/mean_ep_length"):
        rows = table[table["metric"] == metric_name(tag)]
        assert rows["step"].tolist() == [step for _, step, _ in by_tensorboard(full)[tag]] == [200, 400]
        np.testing.assert_allclose(rows["value"], [value for *_, value in by_tensorboard(full)[tag]], rtol=1e-6)
    figure = plot_metrics(tmp_path)
    assert [axis.get_ylabel() for axis in figure.axes] == ["eval_mean_ep_length", "eval_mean_reward"]
    with pytest.raises(ValueError, match="no dice a qué horas de reloj corresponden"):
        plot_metrics(tmp_path, x="hours")


def test_a_folder_with_every_format_counts_each_metric_once(full):
    copy = read_metrics(full)
    events = by_tensorboard(full)
    for tag, points in events.items():
        assert len(copy[copy["metric"] == metric_name(tag)]) == len(points)
    assert set(copy["run"]) == {"ppo"} and "time_time_elapsed" in set(copy["metric"])


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04basura", None])
def test_a_damaged_npz_is_explained(tmp_path, damage):
    file = tmp_path / "evaluations.npz"
    if damage is None:
        np.savez(file, timesteps=[1], results=np.array([{}], dtype=object))
    else:
        file.write_bytes(damage)
    with pytest.raises(ValueError, match="evaluations.npz' está dañado o no es un registro"):
        read_metrics(tmp_path)


@pytest.mark.parametrize("name", ["agente.zip", "notas.txt", "datos.npz"])
def test_a_file_of_something_else_is_explained(tmp_path, name):
    (tmp_path / name).write_bytes(b"hola")
    with pytest.raises(ValueError, match="está dañado o no es un registro"):
        read_metrics(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "run", "metric"),
    [
        ("DQN_1.csv", "DQN_1", "DQN_1"),
        ("run-DQN_1-tag-rollout_ep_rew_mean.csv", "DQN_1", "rewards"),
        ("run-PPO_2-tag-train_policy_gradient_loss (1).csv", "PPO_2", "train_policy_gradient_loss"),
        ("run-.-tag-charts_episodic_return.csv", "descargas", "rewards"),
        ("A2C_3_rollout_ep_len_mean.csv", "A2C_3", "length"),
        ("mi curva.csv", "descargas", "mi_curva"),
        ("train_loss_ema.csv", "descargas", "train_loss_ema"),
    ],
)
def test_tensorboards_downloads_by_their_own_names(tmp_path, name, run, metric):
    folder = tmp_path / "descargas"
    folder.mkdir()
    (folder / name).write_text("Wall time,Step,Value\n1700000000.5,1000,0.25\n1700000001.5,2000,0.5\n")
    (folder / "notas.csv").write_text("fecha,comentario\nhoy,nada\n")
    for source in (folder, folder / name):
        table = read_metrics(source)
        assert table[["metric", "run"]].drop_duplicates().to_numpy().tolist() == [[metric, run]]
        assert table["value"].tolist() == [0.25, 0.5]


def test_monitor_files_in_a_folder_called_metrics_are_still_monitors(full, tmp_path):
    (tmp_path / "metrics").mkdir()
    for file in full.glob("*monitor.csv"):
        shutil.copy(file, tmp_path / "metrics")
    assert set(export_csv(tmp_path / "metrics")) == {"rewards", "length"}


def test_a_stray_table_does_not_stop_the_rest(sb3):
    (sb3 / "metrics").mkdir()
    (sb3 / "otra" / "metrics").mkdir(parents=True)
    (sb3 / "otra" / "metrics" / "notas.csv").write_text("fecha,comentario\nhoy,nada\n")
    assert read_metrics(sb3)["run"].nunique() == 4
    (sb3 / "otra" / "run.json").write_text("{}")  # pero en una corrida de coursekit es una métrica perdida
    with pytest.raises(ValueError, match="notas.csv' está dañado"):
        read_metrics(sb3)


def test_downloads_of_two_runs_in_one_folder_are_two_curves(tmp_path):
    for run in ("DQN_1", "PPO_2"):
        (tmp_path / f"run-{run}-tag-train_loss.csv").write_text("Wall time,Step,Value\n1,1,0.5\n2,2,0.25\n")
    assert [text.get_text() for text in plot_metrics(tmp_path, "loss").axes[0].get_legend().get_texts()] == [
        *("DQN_1", "PPO_2")
    ]
    assert set(export_csv(tmp_path)) == {"DQN_1/loss", "PPO_2/loss"}
    assert (tmp_path / "metrics" / "PPO_2" / "loss.csv").is_file()


def test_a_persons_file_is_never_overwritten(sb3, tmp_path):
    mine = tmp_path / "rewards.csv"
    mine.write_text("Wall time,Step,Value\n1,1,1\n")
    with pytest.raises(FileExistsError, match=r"rewards.csv' ya existe y es de otra cosa: muévalo o exporte a otra"):
        export_csv(sb3 / "DQN_1", tmp_path)
    assert mine.read_text() == "Wall time,Step,Value\n1,1,1\n"
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["rewards.csv"]  # no escribió nada
    folder = sb3 / "DQN_1" / "metrics"
    folder.mkdir()
    (folder / "loss.csv").write_text("mis notas\n")
    with pytest.raises(FileExistsError, match="loss.csv' ya existe"):
        export_csv(sb3 / "DQN_1")
    assert [path.name for path in folder.iterdir()] == ["loss.csv"]


def test_an_export_of_the_same_log_is_renewed(sb3, tmp_path):
    written = export_csv(sb3 / "DQN_1", tmp_path / "csv")
    whole = written["loss"].read_bytes()
    written["loss"].write_bytes(whole[: len(whole) // 2])  # una exportación anterior, de cuando había menos puntos
    assert export_csv(sb3 / "DQN_1", tmp_path / "csv") == written and written["loss"].read_bytes() == whole


def test_only_some_metrics_by_either_name(sb3):
    assert set(export_csv(sb3 / "DQN_1", only=["train/learning_rate", "loss", "no_existe"])) == {
        *("train_learning_rate", "loss")
    }


def test_a_course_run_with_several_trainings_inside_is_refused_whole(trained, tmp_path):
    run = Run(tmp_path / "corrida")
    for name in ("DQN_1", "PPO_1"):
        shutil.copytree(trained / name, run.tensorboard / name)
    with pytest.raises(ValueError, match=r"tiene los eventos de varios entrenamientos .*'PPO_1'.*: deje uno solo"):
        export_csv(run)
    assert not run.metrics.exists()
    assert len(find_logs(run.tensorboard)) == 2  # la carpeta de eventos, por sí sola, sí se puede leer
