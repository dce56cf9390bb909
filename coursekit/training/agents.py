"""El agente en un archivo: guardarlo en 3 MB, cargarlo sin ejecutar código ajeno y promediar los pesos de varios."""

from __future__ import annotations

import io
import itertools
import json
import math
import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from coursekit.runs import Run, atomic

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import save_to_zip_file
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.utils import get_device
from torch import nn

_ALGORITHMS = {algorithm.__name__: algorithm for algorithm in (DQN, QRDQN, A2C, PPO)}
_ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.LeakyReLU, nn.Sigmoid)
# Las clases que load_agent reconoce por el texto con que SB3 las anota en el zip: nada se importa por su nombre.
_CLASSES = {
    "activation_fn": {str(function): function for function in _ACTIVATIONS},
    "features_extractor_class": {str(extractor): extractor for extractor in (NatureCNN, FlattenExtractor)},
}
# Lo que puede fallar al leer un archivo que otro escribió, por daño o por malicia.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ArithmeticError, AssertionError, AttributeError)
_BROKEN += (LookupError, RuntimeError, TypeError, ValueError)
_LARGEST = 2**30  # bytes; los pesos de un agente de Atari son de 3 a 30 millones
# Sin descripción, los pesos bastan para una sola red, la de Mnih et al. (2015), que tienen los agentes del libro.
_MNIH = "q_net.features_extractor.cnn.0.weight"


def blank_dqn(n_actions: int, observation_shape: tuple[int, ...] = (4, 84, 84), device: str = "cpu") -> DQN:
    """Un DQN de SB3 sin ambiente y con una memoria de una sola transición: alcanza para jugar."""
    observations = spaces.Box(0, 255, observation_shape, np.uint8)
    return _blank(DQN, "CnnPolicy", observations, spaces.Discrete(n_actions), device)


def _blank(algorithm, policy, observation_space, action_space, device, policy_kwargs=None) -> BaseAlgorithm:
    """Lo mismo para cualquier algoritmo, política y espacios."""
    memory = {"n_steps": 2} if algorithm in (A2C, PPO) else {"buffer_size": 1}
    model = algorithm(policy, None, device=device, policy_kwargs=policy_kwargs, _init_setup_model=False, **memory)
    model.observation_space, model.action_space, model.n_envs = observation_space, action_space, 1
    model._setup_model()
    return model


def save_agent(model: BaseAlgorithm, path: str | Path) -> None:
    """Guarda el agente (DQN, QR-DQN, A2C o PPO) en `path` como un zip de SB3 delgado: unos 3 MB en lugar de 28.

    Los pesos van en media precisión, la red objetivo comparte los de la red en línea y el optimizador va vacío:
    alcanza para jugar, con las mismas acciones voraces salvo entre acciones casi empatadas, y se carga con
    `stable_baselines3.DQN.load` (o el `load` de la clase que sea) sin coursekit.
    Para seguir entrenando está el punto guardado de la corrida (`coursekit.training.loop.train(..., resume=True)`).

    Lanza `ValueError` si el modelo es de otro algoritmo.
    """
    algorithm = next((known for known in _ALGORITHMS.values() if isinstance(model, known)), None)
    if algorithm is None:
        raise ValueError(
            f"save_agent guarda agentes DQN, QR-DQN, A2C y PPO, no {type(model).__name__}: "
            f"use «model.save({str(path)!r})»."
        )
    network = {name: value for name, value in model.policy_kwargs.items() if not name.startswith("optimizer")}
    plain = _blank(algorithm, model.policy_class, model.observation_space, model.action_space, "cpu", network)
    plain.num_timesteps = model.num_timesteps
    if algorithm in (DQN, QRDQN):
        plain.exploration_rate = model.exploration_final_eps
    stored, half = model.policy.state_dict(), {}
    for value in stored.values():  # A2C y PPO nombran tres veces los mismos pesos
        half.setdefault(value.data_ptr(), value.detach().half().cpu().contiguous())
    weights = {name: half[stored[name.replace("_target.", ".")].data_ptr()] for name in stored}
    optimizer = {**plain.policy.optimizer.state_dict(), "state": {}}
    excluded = {*plain._excluded_save_params(), "policy"}
    data = {name: value for name, value in plain.__dict__.items() if name not in excluded}
    content = io.BytesIO()
    save_to_zip_file(content, data=data, params={"policy": weights, "policy.optimizer": optimizer})
    with (
        atomic(path) as temporary,
        zipfile.ZipFile(content) as archive,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as slim,
    ):
        for member in archive.namelist():
            slim.writestr(member, archive.read(member))


def load_agent(source: Run | str | Path, device: str = "cpu") -> BaseAlgorithm:
    """El agente de una corrida o de un zip de SB3 (DQN, QR-DQN, A2C o PPO), listo para `predict`.

    Lee los pesos y las descripciones en texto que SB3 deja junto a cada objeto, y con eso arma la red: nunca deshace
    un pickle, de modo que el zip de otra persona no puede ejecutar código en esta máquina (`DQN.load`, en cambio, sí
    lo haría). Sirven las políticas comunes (`CnnPolicy` y `MlpPolicy`, con cualquier `net_arch`), las observaciones
    `Box` y `Discrete`, las acciones `Discrete` y, en A2C y PPO, también `Box`.

    Parámetros
    ----------
    source: una `Run`, la carpeta de una corrida (se carga su `agent.zip`) o un archivo `.zip`.
    device: `"cpu"`, `"cuda"` o `"auto"`.

    Lanza `FileNotFoundError` si no existe y `ValueError` si el zip está dañado, trae código o es de otra clase.
    """
    try:
        device = get_device(device)
    except RuntimeError:
        raise ValueError(f"El dispositivo {device!r} no existe: use 'cpu', 'cuda' o 'auto'.") from None
    path = Path(source)
    if path.is_dir():
        path = Run(path).agent
    if not path.is_file():
        raise FileNotFoundError(
            f"No existe el agente {str(path)!r}: revise la ruta o entrene uno con «coursekit train»."
        )
    weights, data = _read(path)
    try:
        model = _build(weights, data, device)
        if odd := sorted(model.policy.state_dict().keys() ^ weights.keys()):
            raise _Unsupported(f"le falta o le sobra la capa {odd[0]!r}")
        model.policy.load_state_dict(weights)
    except (_Unsupported, *_BROKEN) as error:
        what = error if isinstance(error, _Unsupported) else "no describe bien la red de sus pesos"
        raise ValueError(
            f"{str(path)!r} {what}, y load_agent solo abre DQN, QR-DQN, A2C y PPO con las políticas comunes de "
            "Stable-Baselines3 y espacios Box o Discrete: cárguelo con la clase que lo entrenó, si confía en su "
            "origen, o consiga otra copia."
        ) from error
    for name in ("num_timesteps", "exploration_rate", "exploration_final_eps"):
        if hasattr(model, name) and isinstance(data.get(name), int | float):
            setattr(model, name, data[name])
    model.policy.set_training_mode(False)
    return model


class _Unsupported(Exception):
    """Lo que tiene un zip bien hecho que load_agent no sabe abrir."""


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Los pesos del zip y su descripción, `data` (vacía si no se puede leer); los demás miembros ni se abren."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(_unpacked(archive, "policy.pth"))
            try:
                data = json.loads(_unpacked(archive, "data"))
            except _BROKEN:
                data = {}
        if zipfile.is_zipfile(content):  # los pesos son, a su vez, un zip
            with zipfile.ZipFile(content) as archive:
                _unpacked(archive, *archive.namelist())
        content.seek(0)
        with warnings.catch_warnings(action="ignore"):  # de un pickle ajeno torch avisa en inglés, además de negarse
            weights = torch.load(content, map_location="cpu", weights_only=True)
        # Un tensor puede decirse inmenso sin ocupar nada en el archivo: con esas formas no se arma ninguna red.
        if any(value.nbytes > value.untyped_storage().nbytes() for value in weights.values()):
            raise ValueError("faltan números")
        if not isinstance(data, dict) or not (data or _MNIH in weights):
            raise ValueError("falta la descripción")
    except pickle.UnpicklingError as error:
        culprit = re.search(r"GLOBAL (\S+)", str(error))
        found = f"código ({culprit[1]})" if culprit else "algo más"
        raise ValueError(
            f"{str(path)!r} trae {found} donde debería haber solo pesos y no se carga: no lo abra con otra "
            "herramienta y pida a quien lo hizo un zip nuevo."
        ) from None
    except _BROKEN as error:
        raise ValueError(
            f"{str(path)!r} está dañado o no es un agente de Stable-Baselines3: consiga otra copia del archivo."
        ) from error
    return weights, data


def _unpacked(archive: zipfile.ZipFile, *names: str) -> bytes:
    """Lo que contienen esos miembros, en orden; `ValueError` si pasa de `_LARGEST`: unos KB pueden decir que son GB."""
    content = b""
    for name in names:
        with archive.open(name) as member:
            content += member.read(_LARGEST + 1 - len(content))
        if len(content) > _LARGEST:
            raise ValueError("es demasiado grande")
    return content


def _build(weights: dict[str, torch.Tensor], data: dict, device: torch.device) -> BaseAlgorithm:
    """Un modelo en blanco con los espacios que dice `data` y capas del tamaño de las de `weights`."""
    if not data:
        return blank_dqn(len(weights["q_net.q_net.0.bias"]), (weights[_MNIH].shape[1], 84, 84), device)
    algorithm, given = _algorithm(data), data["policy_kwargs"]
    kwargs = {name: given[name] for name in ("normalize_images", "share_features_extractor") if name in given}
    for name in _CLASSES.keys() & given.keys():
        if given[name] not in _CLASSES[name]:
            raise _Unsupported(f"usa {name}={given[name]!r}")
        kwargs[name] = _CLASSES[name][given[name]]

    limit = sum(value.numel() for value in weights.values())
    observation_space = _space(data["observation_space"], "observaciones", limit)
    action_space = _space(data["action_space"], "acciones", limit)
    if algorithm in (A2C, PPO):
        features = "features_extractor"
        heads = {"pi": "policy_net", "vf": "value_net"}
        kwargs["net_arch"] = {head: _sizes(weights, f"mlp_extractor.{net}") for head, net in heads.items()}
        for name in [name for name in weights if name.startswith(features)]:  # los zips antiguos no las repiten
            weights.setdefault(f"pi_{name}", weights[name])
            weights.setdefault(f"vf_{name}", weights[name])
    else:
        net = "quantile_net" if algorithm is QRDQN else "q_net"
        features = f"{net}.features_extractor"
        *kwargs["net_arch"], outputs = _sizes(weights, f"{net}.{net}")
        if algorithm is QRDQN:
            kwargs["n_quantiles"] = outputs // int(action_space.n)
    policy, unit = "MlpPolicy", weights.get(f"{features}.linear.0.bias")
    if unit is not None:
        policy, kwargs["features_extractor_kwargs"] = "CnnPolicy", {"features_dim": len(unit)}
    return _blank(algorithm, policy, observation_space, action_space, device, kwargs)


def _algorithm(data: dict) -> type[BaseAlgorithm]:
    """La clase de SB3 que guardó el zip, por el módulo de su política y los nombres de lo que guardó."""
    module = data["policy_class"]["__module__"]
    official = re.fullmatch(r"(?:stable_baselines3|sb3_contrib)\.(?:common\.)?(\w+)\.policies", module)
    if module == "stable_baselines3.common.policies":  # la comparten tres
        name = "PPO" if "clip_range" in data else "TRPO" if "batch_size" in data else "A2C"
    elif official:
        name = official[1].upper()
    else:
        raise _Unsupported(f"usa una política propia, del módulo {module!r}")
    if name not in _ALGORITHMS:
        raise _Unsupported(f"es un agente de {name}")
    if data["use_sde"]:
        raise _Unsupported(f"es un agente de {name} con gSDE")
    return _ALGORITHMS[name]


def _sizes(weights: dict[str, torch.Tensor], net: str) -> list[int]:
    """Cuántas salidas tiene cada capa lineal de `net`: la 0, la 2, la 4…, pues entre ellas van las activaciones."""
    layers = (weights.get(f"{net}.{i}.bias") for i in itertools.count(0, 2))
    return [len(bias) for bias in itertools.takewhile(lambda bias: bias is not None, layers)]


def _space(stored: dict, what: str, limit: int) -> spaces.Box | spaces.Discrete:
    """El espacio que describen los textos de `stored`; no puede ser mayor que la red."""
    kind = re.search(r"(\w+)'>$", stored[":type:"])[1]
    if kind not in ("Box", "Discrete"):
        raise _Unsupported(f"tiene {what} {kind}")
    shape = (int(stored["n"]),) if kind == "Discrete" else tuple(stored["_shape"])
    if min(shape, default=1) < 1 or math.prod(shape) > limit:
        raise ValueError(f"{what} de forma {shape}")
    if kind == "Discrete":
        return spaces.Discrete(shape[0], start=int(stored.get("start", 0)))
    if not re.fullmatch(r"u?int(8|16|32|64)|float(16|32|64)", stored["dtype"]):
        raise _Unsupported(f"tiene {what} de tipo {stored['dtype']!r}")
    low, high = (_bound(stored[name], shape, stored["dtype"]) for name in ("low", "high"))
    return spaces.Box(low, high, dtype=low.dtype.type)


def _bound(text: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Los límites de un `Box` a partir de lo que imprime numpy, que de un arreglo grande solo muestra los bordes."""
    numbers = np.array(re.sub(r"[\[\]]|\.\.\.", " ", text).split()).astype(dtype)
    return np.full(shape, numbers[0]) if len(set(numbers.tolist())) == 1 else numbers.reshape(shape)


def average_agents(sources: Iterable[Run | str | Path]) -> BaseAlgorithm:
    """Un agente cuyos pesos son la media, peso por peso, de los de varios puntos guardados de una misma corrida.

    El paso de un punto guardado al siguiente tiene mucho de ruido, y el ruido se cancela al promediar (Izmailov et al.,
    2018). Solo vale entre agentes emparentados: la media de dos corridas distintas no es ninguna de las dos.

    Lanza `ValueError` si no hay agentes o no son todos de la misma red y el mismo juego.
    """
    agents = [load_agent(source) for source in sources]
    weights = [agent.policy.state_dict() for agent in agents]
    if len({str([(name, value.shape) for name, value in w.items()]) for w in weights}) != 1:
        raise ValueError(
            f"Se pidió promediar {len(agents)} agentes; debe haber al menos uno y todos deben tener la misma red y las "
            "mismas acciones: use los puntos guardados de una sola corrida."
        )
    average = agents[0]
    average.policy.load_state_dict({name: torch.stack([w[name] for w in weights]).mean(0) for name in weights[0]})
    return average
