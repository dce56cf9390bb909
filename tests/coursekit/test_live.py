"""La vista en vivo: en un núcleo de Jupyter verdadero la figura se renueva; en una terminal solo hay una barra."""

import base64
import io
import os
import subprocess
import sys

from coursekit.training.live import LiveView

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image
from stable_baselines3 import DQN

TRAIN = """
from coursekit.training.live import LiveView
from stable_baselines3 import {name}
modelo = {name}("MlpPolicy", "CartPole-v1", seed=0, device="cpu"{options})
vista = LiveView(every=0.3)
modelo.learn({steps}, callback=vista);
"""
CASES = {
    "DQN": (", learning_starts=50, train_freq=8", 6_000),
    "PPO": (", n_steps=128, batch_size=64, n_epochs=2", 6_144),
    "A2C": (", n_steps=16", 6_000),
}


class Watching(NotebookClient):
    """Cuenta los mensajes con los que el núcleo renueva una figura."""

    updates = 0

    def process_message(self, msg, cell, cell_index):
        self.updates += msg["msg_type"] == "update_display_data"
        return super().process_message(msg, cell, cell_index)


@pytest.mark.parametrize("name", CASES)
def test_in_a_notebook_one_figure_is_redrawn_and_the_bar_ends_full(name):
    options, steps = CASES[name]
    code = TRAIN.format(name=name, options=options, steps=steps) + "print(len(vista.scores))"
    rc = "import matplotlib; print(matplotlib.rcParams['axes.grid'], matplotlib.rcParams['figure.dpi'])"
    cells = [nbformat.v4.new_code_cell(source) for source in (rc, code, rc)]
    client = Watching(nbformat.v4.new_notebook(cells=cells), timeout=120, kernel_name="python3")
    client.execute()
    before, cell, after = client.nb.cells
    figures = [output for output in cell.outputs if output.output_type == "display_data"]
    assert len(figures) == 1 and client.updates >= 2
    picture = Image.open(io.BytesIO(base64.b64decode(figures[0].data["image/png"])))
    assert picture.width > 700 and len(picture.convert("RGB").getcolors(1 << 20)) > 20
    assert int(next(output.text for output in cell.outputs if output.get("name") == "stdout")) > 20
    kinds = list(dict.fromkeys(output.get("name", "figura") for output in cell.outputs))
    assert kinds == ["figura", "stderr", "stdout"]  # la figura no parte la barra en dos
    bar = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
    assert "100% |" in bar and f"{steps}/{steps} pasos [van" in bar and "puntaje medio" in bar
    assert before.outputs[0].text == after.outputs[0].text  # el estilo de quien la usa queda como estaba


def test_in_a_plain_process_there_is_only_the_bar():
    code = TRAIN.format(name="DQN", options=CASES["DQN"][0], steps=600) + "print(vista.handle)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0 and done.stdout == "None\n"
    assert "600/600 pasos [van" in done.stderr and "puntaje medio" in done.stderr and "Error" not in done.stderr


def test_a_training_that_goes_on_keeps_its_history(capsys):
    view = LiveView()
    model = DQN("MlpPolicy", "CartPole-v1", seed=0, device="cpu", learning_starts=50)
    model.learn(300, view)
    first = list(view.scores)
    model.learn(300, view, reset_num_timesteps=False)
    assert view.scores[: len(first)] == first and view.scores[-1][0] > 300
    assert "600/600 pasos" in capsys.readouterr().err
    model.learn(200, view)
    assert view.scores[-1][0] <= 200


def test_its_scores_are_those_of_monitor():
    view = LiveView()
    model = DQN("MlpPolicy", "CartPole-v1", seed=0, device="cpu", learning_starts=50)
    model.learn(800, view)
    (monitor,) = model.get_env().envs
    assert [score for _, score in view.scores] == monitor.get_episode_rewards()
    assert [step for step, _ in view.scores] == list(map(sum, running(monitor.get_episode_lengths())))


def running(lengths):
    return [lengths[: count + 1] for count in range(len(lengths))]


@pytest.mark.parametrize("every", [0, -1, float("nan")])
def test_an_impossible_interval_is_explained(every):
    with pytest.raises(ValueError, match=f"^every={every} no es posible: use un número de segundos mayor que 0"):
        LiveView(every)
