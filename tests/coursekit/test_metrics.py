"""Las métricas: lo mismo que lee TensorBoard, sin perder un punto, y figuras que dicen lo que muestran."""

import csv
import shutil
from pathlib import Path

from coursekit.metrics import COLUMNS, TAGS, export_csv, plot_metrics, read_metrics, smooth, use_style
from coursekit.runs import Run

import matplotlib
import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def write_events(folder, points=40, tags=None, seed=0):
    """Escribe eventos verdaderos de TensorBoard, con valores al azar."""
    rng = np.random.default_rng(seed)
    with SummaryWriter(log_dir=str(folder)) as writer:
        for step in range(points):
            for tag in tags or TAGS.values():
                writer.add_scalar(tag, rng.normal(), step * 8)


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "corrida")
    write_events(run.tensorboard)
    return run


def test_exported_csv_equals_tensorboards_own_reader_with_nothing_thinned(tmp_path):
    run = Run(tmp_path / "corrida")
    write_events(run.tensorboard, points=10_500, tags=["train/loss"])
    write_events(run.tensorboard, points=200)
    written = export_csv(run)
    assert {name: path.name for name, path in written.items()} == {name: f"{name}.csv" for name in TAGS}
    reader = EventAccumulator(str(run.tensorboard), size_guidance={"scalars": 0})
    reader.Reload()
    for name, tag in TAGS.items():
        with open(written[name], newline="", encoding="utf-8") as file:
            assert file.readline().strip() == "Wall time,Step,Value"
            rows = [(float(wall), int(step), float(value)) for wall, step, value in csv.reader(file)]
        assert rows == [(event.wall_time, event.step, event.value) for event in reader.Scalars(tag)]
        assert len(rows) == (10_700 if name == "loss" else 200)
        table = read_metrics(written[name])
        assert list(zip(table["wall_time"], table["step"], table["value"], strict=True)) == rows


def test_a_real_run_exports_what_it_logged(tiny_run):
    table = read_metrics(tiny_run)
    assert set(table["metric"]) == set(TAGS)
    epsilon = table[table["metric"] == "epsilon"]
    assert epsilon["step"].tolist() == list(range(50, 601, 50))
    # ε baja de 1 a 0.01 en 400 pasos; SB3 anota el del paso anterior de los 2 ambientes.
    expected = np.maximum(1 - 0.99 * (epsilon["step"] - 2) / 400, 0.01)
    np.testing.assert_allclose(epsilon["value"], expected, atol=1e-6)


def test_a_resumed_log_is_exported_without_the_lost_steps(tmp_path):
    run = Run(tmp_path / "corrida")
    write_events(run.tensorboard, points=10, tags=["train/loss"])
    with SummaryWriter(log_dir=str(run.tensorboard), purge_step=41) as writer:
        writer.add_scalar("train/loss", 7.0, 48)
    assert list(export_csv(run)) == ["loss"]
    table = read_metrics(run)
    assert table["step"].tolist() == [0, 8, 16, 24, 32, 40, 48] and table["value"].iloc[-1] == 7.0


def test_no_events_is_explained_and_writes_nothing(tmp_path):
    (tmp_path / "corrida").mkdir()
    with pytest.raises(FileNotFoundError, match="^No hay archivos de eventos ni otros .*: entrene primero"):
        export_csv(tmp_path / "corrida")
    assert list((tmp_path / "corrida").iterdir()) == []


def test_events_of_several_trainings_are_explained_and_write_nothing(run):
    write_events(run.tensorboard / "DQN_2", points=3)
    with pytest.raises(ValueError, match="tiene los eventos de varios entrenamientos .*'DQN_2'.*: deje uno solo"):
        export_csv(run)
    assert not run.metrics.exists()


def test_metrics_are_read_from_a_run_a_folder_or_a_file(run):
    export_csv(str(run.path))
    table = read_metrics(run)
    assert list(table.columns) == ["metric", "step", "value", "wall_time", "run"] and len(table) == 160
    for source in (run.path, str(run.path), run.metrics):
        pd.testing.assert_frame_equal(read_metrics(source), table)
    loss = read_metrics(run.metrics / "loss.csv")
    assert set(loss["metric"]) == {"loss"} and len(loss) == 40


def test_half_written_files_of_a_sudden_death_are_not_read(run):
    export_csv(run)
    table = read_metrics(run)
    (run.metrics / ".loss-abcd1234.csv").write_text("Wall time,St")
    pd.testing.assert_frame_equal(read_metrics(run), table)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("rollout_ep_rew_mean.csv", "rewards"),
        ("run-tensorboard-tag-rollout_exploration_rate.csv", "epsilon"),
        ("DQN_1_train_loss (1).csv", "loss"),
        ("otra_cosa.csv", "otra_cosa"),
    ],
)
def test_files_downloaded_from_tensorboard_are_recognised(tmp_path, name, metric):
    (tmp_path / name).write_text("Wall time,Step,Value\n1700000000.5,1000,0.25\n1700000001.5,2000,0.5\n")
    table = read_metrics(tmp_path)
    assert set(table["metric"]) == {metric}
    assert table["step"].tolist() == [1000, 2000] and table["value"].tolist() == [0.25, 0.5]
    assert table["wall_time"].iloc[0] == 1700000000.5


@pytest.mark.parametrize(
    "content",
    [
        *(b"Wall time,Step\n1,2\n", b"a,b\n1,2\n", b"", b"Wall time,Step,Value\n1,2,3\n1,2,3,4,5\n"),
        bytes(range(128, 256)),
    ],
)
def test_a_file_without_the_columns_is_explained(tmp_path, content):
    path = tmp_path / "metrics" / "loss.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    message = r"^'.*loss\.csv' está dañado .* tiene las columnas \['Wall time', 'Step', 'Value'\]: expórtelo de nuevo"
    for source in (path, path.parent, tmp_path):
        with pytest.raises(ValueError, match=message):
            read_metrics(source)


@pytest.mark.parametrize("name", ["vacía", "no_existe", "no_existe.csv"])
def test_no_metrics_is_explained(tmp_path, name):
    (tmp_path / "vacía").mkdir()
    with pytest.raises(FileNotFoundError, match="^No hay archivos de eventos ni otros registros en"):
        read_metrics(tmp_path / name)


def tensorboard_smoothing(values, weight):
    """El algoritmo del control *Smoothing* de TensorBoard: media exponencial que parte de 0, corregida."""
    last, smoothed = 0.0, []
    for count, value in enumerate(values, start=1):
        last = last * weight + (1 - weight) * value
        smoothed.append(last / (1 - weight**count))
    return smoothed


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.99])
def test_smoothing_is_that_of_tensorboard(weight):
    values = np.random.default_rng(0).normal(5, 3, 200)
    np.testing.assert_allclose(smooth(values, weight), tensorboard_smoothing(values, weight), rtol=1e-10)


@pytest.mark.parametrize("weight", [1.0, -0.1, 7])
def test_impossible_smoothing_is_explained(weight):
    with pytest.raises(ValueError, match=f"^smoothing={weight} no es posible"):
        smooth([1, 2], weight)


def test_plot_of_one_run(run):
    export_csv(run)
    table = read_metrics(run)
    figure = plot_metrics(run, smoothing=0.8)
    assert [axis.get_ylabel() for axis in figure.axes] == ["Puntaje medio\n(100 partidas)", "ε", "Pérdida"]
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "", "Pasos del agente"]
    figure.axes[0].set_xlim(0, 100)
    assert figure.axes[2].get_xlim() == (0, 100)  # un solo eje de pasos para todas
    for axis, name in zip(figure.axes, ("rewards", "epsilon", "loss"), strict=True):
        rows = table[table["metric"] == name]
        smoothed, raw = axis.get_lines()
        np.testing.assert_array_equal(raw.get_ydata(), rows["value"])
        np.testing.assert_array_equal(smoothed.get_xdata(), rows["step"])
        expected = rows["value"] if name == "epsilon" else tensorboard_smoothing(rows["value"], 0.8)
        np.testing.assert_allclose(smoothed.get_ydata(), expected)
        assert raw.get_alpha() < 0.5 and raw.get_color() == smoothed.get_color()
        assert raw.get_linewidth() < smoothed.get_linewidth() and axis.get_legend() is None


def test_plot_compares_runs(run, tmp_path):
    export_csv(run)
    other = Run(tmp_path / "otra")
    write_events(other.tensorboard, points=5, seed=1)
    export_csv(other)
    figure = plot_metrics([run, other], metrics=("length", "loss"))
    assert [axis.get_ylabel() for axis in figure.axes] == ["Duración\n(cuadros)", "Pérdida"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["corrida", "otra"]
    lines = figure.axes[1].get_lines()
    assert [len(line.get_xdata()) for line in lines] == [40, 40, 5, 5]
    assert lines[0].get_color() != lines[2].get_color() and lines[0].get_linestyle() != lines[2].get_linestyle()
    labelled = plot_metrics({"con 3 pasos": run, "con 1": str(other.path)}, metrics=["loss"])
    assert [text.get_text() for text in labelled.axes[0].get_legend().get_texts()] == ["con 3 pasos", "con 1"]


def test_runs_of_one_name_are_both_drawn(run, tmp_path):
    export_csv(run)
    twin = shutil.copytree(run.path, tmp_path / "b" / "corrida")
    figure = plot_metrics([run, twin], metrics=("loss",))
    assert len(figure.axes[0].get_lines()) == 4
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [str(run.path), str(twin)]


def test_a_run_without_one_of_the_metrics_is_drawn_where_it_can(run, tmp_path):
    export_csv(run)
    other = Run(tmp_path / "otra")
    write_events(other.tensorboard, tags=["train/loss"])
    export_csv(other)
    figure = plot_metrics([run, other])
    assert [len(line.get_xdata()) for line in figure.axes[0].get_lines()] == [40, 40, 0]


def test_an_absent_default_is_left_out_and_said(tmp_path, capsys):
    run = Run(tmp_path / "ppo")
    write_events(run.tensorboard, tags=["rollout/ep_rew_mean", "train/loss", "train/clip_range"])
    figure = plot_metrics(run)
    assert [axis.get_ylabel() for axis in figure.axes] == ["Puntaje medio\n(100 partidas)", "Pérdida"]
    assert capsys.readouterr().out == "Sin dibujar, porque ninguna corrida la tiene: epsilon.\n"
    with pytest.raises(ValueError, match=r"\['clip_rango'\]; las más parecidas son \['train_clip_range'\]"):
        plot_metrics(run, "clip_rango")


def test_without_any_default_everything_there_is_drawn(tmp_path, capsys):
    write_events(tmp_path / "otra", tags=["b/uno", "a/dos"])
    assert [axis.get_ylabel() for axis in plot_metrics(tmp_path / "otra").axes] == ["a_dos", "b_uno"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["train/learning_rate", "train_learning_rate"])
def test_any_tag_is_drawn_by_either_name(tmp_path, name):
    write_events(tmp_path / "otra", tags=["train/learning_rate"])
    (axis,) = plot_metrics(tmp_path / "otra", name, smoothing=0.0).axes
    np.testing.assert_array_equal(axis.get_lines()[0].get_ydata(), read_metrics(tmp_path)["value"])


def test_seeds_are_drawn_as_their_mean_and_a_band_from_least_to_most(tmp_path):
    rng, curves = np.random.default_rng(0), []
    for seed, steps in enumerate((range(0, 100, 10), range(20, 120, 10), range(5, 95, 9))):
        curves.append((list(steps), rng.normal(size=len(steps))))
        with SummaryWriter(str(tmp_path / f"semilla{seed}")) as writer:
            for step, value in zip(*curves[-1], strict=True):
                writer.add_scalar("train/loss", value, step)
    figure = plot_metrics({"DQN": [tmp_path / f"semilla{seed}" for seed in range(3)]}, "loss", smoothing=0.5)
    (line,), (band,) = figure.axes[0].get_lines(), figure.axes[0].collections
    grid = sorted({step for steps, _ in curves for step in steps if 20 <= step <= 86})
    expected = [
        np.interp(grid, steps, tensorboard_smoothing(np.float32(values).astype(float), 0.5)) for steps, values in curves
    ]
    assert line.get_xdata().tolist() == grid
    np.testing.assert_allclose(line.get_ydata(), np.mean(expected, axis=0), rtol=1e-6)
    low, high = band.get_datalim(figure.axes[0].transData).intervaly
    assert (low, high) == pytest.approx((np.min(expected), np.max(expected)))
    whole = plot_metrics({"DQN": tmp_path}, "loss", smoothing=0.5)  # una carpeta con las tres es lo mismo
    np.testing.assert_array_equal(whole.axes[0].get_lines()[0].get_ydata(), line.get_ydata())
    assert len(plot_metrics(tmp_path, "loss").axes[0].get_lines()) == 6  # sin etiqueta, cada una por su lado


def test_seeds_without_a_common_stretch_are_refused(tmp_path):
    for seed, steps in enumerate((range(3), range(5, 8))):
        with SummaryWriter(str(tmp_path / f"{seed}")) as writer:
            for step in steps:
                writer.add_scalar("train/loss", 1.0, step)
    with pytest.raises(ValueError, match="^Las corridas de 'A' no tienen ningún tramo en común: dibújelas"):
        plot_metrics({"A": tmp_path}, "loss")


def test_the_x_axis_in_hours_and_episodes(tmp_path):
    with SummaryWriter(str(tmp_path / "tb")) as writer:
        for hour in range(4):
            writer.add_scalar("rollout/ep_rew_mean", 1.0, hour * 1_000, walltime=1.7e9 + 3_600 * hour)
    figure = plot_metrics(tmp_path / "tb", x="hours")
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [0, 1, 2, 3]
    assert figure.axes[0].get_xlabel() == "Horas de reloj"
    with pytest.raises(ValueError, match="^'tb' no dice a qué partidas corresponden sus puntos: use x='steps'"):
        plot_metrics(tmp_path / "tb", x="episodes")
    progress = "time/total_timesteps,time/episodes,train/loss\n10,2,0.5\n20,6,\n30,8,0.25\n"
    (tmp_path / "progress.csv").write_text(progress)
    figure = plot_metrics(tmp_path / "progress.csv", "loss", x="episodes")
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [2, 8]
    (tmp_path / "monitor.csv").write_text('#{"t_start": 1.7e9}\nr,l,t\n1,10,1\n2,20,2\n3,30,3\n')
    figure = plot_metrics(tmp_path / "monitor.csv", x="episodes", smoothing=0.0)
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [1, 2, 3]
    assert plot_metrics(tmp_path / "monitor.csv").axes[0].get_xlabel() == "Pasos"
    with pytest.raises(ValueError, match="^No existe el eje 'episodios'; el más parecido es 'episodes'"):
        plot_metrics(tmp_path / "tb", x="episodios")


def test_the_style_of_who_calls_it_is_left_as_it_was(run):
    plt.rcdefaults()  # otra prueba pudo poner el estilo del curso
    before = dict(plt.rcParams)
    figure = plot_metrics(run)
    assert dict(plt.rcParams) == before and figure.get_dpi() == 110 != before["figure.dpi"]
    use_style()
    assert plt.rcParams["figure.dpi"] == 110
    plt.rcdefaults()


def test_a_run_too_short_to_have_scalars_is_tolerated_only_if_asked(tmp_path):
    run = Run(tmp_path / "corta")
    SummaryWriter(str(run.tensorboard)).close()
    assert export_csv(run, empty_ok=True) == {} and not run.metrics.exists()
    with pytest.raises(ValueError, match="^No hay ningún escalar en .*corta': todavía no hay nada"):
        export_csv(run)


def test_the_published_runs_read_as_pandas_reads_them():
    for path in (Path(__file__).parents[2] / "book" / "runs").rglob("metrics/*.csv"):
        table, raw = read_metrics(path), pd.read_csv(path)
        assert set(table["metric"]) == {path.stem} and set(table["run"]) == {path.parents[1].name}
        np.testing.assert_array_equal(table[["wall_time", "step", "value"]].to_numpy(), raw.to_numpy())


@pytest.mark.parametrize("metrics", [("puntaje",), ("rewards", "puntaje"), ()])
def test_an_unknown_metric_is_explained(run, metrics):
    export_csv(run)
    absent = [name for name in metrics if name == "puntaje"]
    with pytest.raises(ValueError, match="^Ninguna corrida tiene las métricas .*; las más parecidas son") as caught:
        plot_metrics(run, metrics=metrics)
    assert str(absent) in str(caught.value) and "['epsilon', 'length', 'loss', 'rewards']" in str(caught.value)


@pytest.mark.parametrize("nothing", [[], {}, {"A": []}])
def test_nothing_to_draw_is_explained(nothing):
    with pytest.raises(ValueError, match="^No se dio ningún registro que dibujar"):
        plot_metrics(nothing)


def test_steps_are_written_short(run):
    export_csv(run)
    formatter = plot_metrics(run).axes[-1].xaxis.get_major_formatter()
    assert [formatter(n, 0) for n in (0, 500, 1_500, 250_000, 2_000_000)] == ["0", "500", "1.5 k", "250 k", "2 M"]


def test_style_is_readable_without_colour():
    use_style()
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert len({style["linestyle"] for style in cycle[:4]}) == 4 and len({style["color"] for style in cycle}) == 7
    assert COLUMNS == ["Wall time", "Step", "Value"]
