"""El agente en un archivo: guardarlo en 3 MB, cargarlo sin ejecutar código ajeno y promediar los pesos de varios."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from coursekit.runs import Run, atomic

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.save_util import save_to_zip_file


def blank_dqn(n_actions: int, observation_shape: tuple[int, ...] = (4, 84, 84), device: str = "cpu") -> DQN:
    """Un DQN de SB3 sin ambiente y con una memoria de una sola transición: alcanza para jugar."""
    model = DQN("CnnPolicy", None, buffer_size=1, device=device, _init_setup_model=False)
    model.observation_space = spaces.Box(0, 255, observation_shape, np.uint8)
    model.action_space = spaces.Discrete(n_actions)
    model.n_envs = 1
    model._setup_model()
    return model


def save_agent(model: DQN, path: str | Path) -> None:
    """Guarda el agente en `path` como un zip de SB3 delgado: unos 3 MB en lugar de 28.

    Los pesos van en media precisión, la red objetivo comparte los de la red en línea y el optimizador va vacío:
    alcanza para jugar, con las mismas acciones voraces salvo entre acciones casi empatadas, y se carga con
    `stable_baselines3.DQN.load` sin coursekit.
    Para seguir entrenando está el punto guardado de la corrida (`coursekit.training.loop.train(..., resume=True)`).
    """
    plain = blank_dqn(int(model.action_space.n), model.observation_space.shape)
    plain.num_timesteps = model.num_timesteps
    plain.exploration_rate = model.exploration_final_eps
    half = {name: value.detach().half().cpu().contiguous() for name, value in model.q_net.state_dict().items()}
    weights = {f"{net}.{name}": value for net in ("q_net", "q_net_target") for name, value in half.items()}
    optimizer = {**plain.policy.optimizer.state_dict(), "state": {}}
    excluded = {*plain._excluded_save_params(), "policy"}
    data = {name: value for name, value in plain.__dict__.items() if name not in excluded}
    stored = io.BytesIO()
    save_to_zip_file(stored, data=data, params={"policy": weights, "policy.optimizer": optimizer})
    with (
        atomic(path) as temporary,
        zipfile.ZipFile(stored) as archive,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as slim,
    ):
        for member in archive.namelist():
            slim.writestr(member, archive.read(member))


def load_agent(source: Run | str | Path, device: str = "cpu") -> DQN:
    """El agente de una corrida o de un zip de SB3, listo para `predict`.

    Lee solo los pesos y arma la red a partir de sus formas: nunca deshace un pickle, de modo que el zip de otra
    persona no puede ejecutar código en esta máquina (`DQN.load`, en cambio, sí lo haría).

    Parámetros
    ----------
    source: una `Run`, la carpeta de una corrida (se carga su `agent.zip`) o un archivo `.zip`.
    device: `"cpu"`, `"cuda"` o `"auto"`.

    Lanza `FileNotFoundError` si no existe y `ValueError` si el zip está dañado, trae código o no es un DQN.
    """
    path = Path(source)
    if path.is_dir():
        path = Run(path).agent
    if not path.is_file():
        raise FileNotFoundError(
            f"No existe el agente {str(path)!r}: revise la ruta o entrene uno con «coursekit train»."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read("policy.pth"))
        weights = torch.load(content, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        culprit = re.search(r"GLOBAL (\S+)", str(error))
        found = f"código ({culprit[1]})" if culprit else "algo más"
        raise ValueError(
            f"{str(path)!r} trae {found} donde debería haber solo pesos y no se carga: no lo abra con otra "
            "herramienta y pida a quien lo hizo un zip nuevo."
        ) from None
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{str(path)!r} está dañado o no es un agente de Stable-Baselines3: consiga otra copia del archivo."
        ) from error

    try:
        n_actions = weights["q_net.q_net.0.bias"].shape[0]
        channels = weights["q_net.features_extractor.cnn.0.weight"].shape[1]
        model = blank_dqn(n_actions, (channels, 84, 84), device)
        model.policy.load_state_dict(weights)
    except (KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"{str(path)!r} no es un DQN con la red de Mnih et al. (2015), el único que load_agent sabe armar: "
            "cárguelo con la clase de Stable-Baselines3 que lo entrenó, si confía en su origen."
        ) from error
    model.policy.set_training_mode(False)
    return model


def average_agents(sources: Iterable[Run | str | Path]) -> DQN:
    """Un agente cuyos pesos son la media, peso por peso, de los de varios puntos guardados de una misma corrida.

    El paso de un punto guardado al siguiente tiene mucho de ruido, y el ruido se cancela al promediar (Izmailov et al.,
    2018). Solo vale entre agentes emparentados: la media de dos corridas distintas no es ninguna de las dos.

    Lanza `ValueError` si no hay agentes o no son todos del mismo juego.
    """
    agents = [load_agent(source) for source in sources]
    if len({agent.action_space.n for agent in agents}) != 1:
        raise ValueError(
            f"Se pidió promediar {len(agents)} agentes; debe haber al menos uno y todos deben tener las mismas "
            "acciones: use los puntos guardados de una sola corrida."
        )
    average, weights = agents[0], [agent.policy.state_dict() for agent in agents]
    average.policy.load_state_dict({name: torch.stack([w[name] for w in weights]).mean(0) for name in weights[0]})
    return average
