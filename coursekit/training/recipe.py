"""La receta: con qué valores se entrena y con qué protocolo se mide. No importa torch: la leen la ayuda y el libro."""

from __future__ import annotations

from coursekit.runs import find_name

#: Los hiperparámetros con los que se entrenaron los agentes publicados. Todo se cuenta en pasos del agente
#: (transiciones), sumados sobre los ambientes. En qué se apoya cada valor se cuenta en el capítulo 10.
DEFAULTS = {
    "n_envs": 8,  # el emulador y la red trabajan por lotes
    "learning_rate": 1e-4,
    "learning_rate_schedule": "constant",
    "learning_rate_warmup": 0,  # pasos en que la tasa sube desde 0, contados desde que se aprende
    "batch_size": 32,
    "buffer_size": 400_000,  # 2.8 GB con FrameReplayBuffer; los retornos de n pasos aprovechan una memoria larga
    "learning_starts": 20_000,
    "steps_per_update": 8,  # una actualización por cada 8 transiciones
    "n_steps": 3,  # la recompensa llega antes a las jugadas que la causaron
    "gamma": 0.99,
    "target_update_interval": 4_000,
    "exploration_steps": 400_000,  # ε baja de 1 a su valor final en estos pasos
    "exploration_final_eps": 0.01,
}

#: Peldaños de la escalera de agentes que guarda `train`, además del agente sin entrenar (0).
LADDER = tuple(first * 10**power for power in (4, 5, 6, 7) for first in (1, 2.5, 5))

#: Los tres protocolos con los que se evalúa cada corrida publicada, cada uno en `EPISODES` partidas.
PROTOCOLS = {
    "default": {"epsilon": 0.01, "sticky": 0.0},
    "greedy": {"epsilon": 0.0, "sticky": 0.0},
    "sticky": {"epsilon": 0.01, "sticky": 0.25},
}
EPISODES = 30
SEED = 10_000  # los entrenamientos usan semillas pequeñas

#: Cuadros apilados en cada observación y cuadros del emulador por paso del agente (Mnih et al., 2015).
FRAME_STACK = 4
FRAME_SKIP = 4

#: Lo que `coursekit.training.loop.train` sabe entrenar, y cómo puede bajar la tasa: hasta 0, con el último paso.
ALGORITHMS = ("dqn", "munchausen-dqn", "qr-dqn")
SCHEDULES = ("constant", "linear", "cosine")

_FRACTIONS = ("gamma", "exploration_final_eps")  # van de 0 a 1
_FROM_ZERO = ("learning_starts", "learning_rate_warmup")  # los demás deben ser mayores que 0


def lost_life(lives, before):
    """Si se perdió una vida, con las reglas de `EpisodicLifeEnv` de SB3: en algunos juegos quedan en 0 unos cuadros.

    Después, donde el juego tiene FIRE, la acción siguiente es FIRE (la regla de este curso, al entrenar y al evaluar).
    """
    return (lives > 0) & (lives < before)


def check(hyperparameters: dict[str, int | float]) -> None:
    """`ValueError` si algún hiperparámetro no existe, o si su valor no es posible o no es compatible con los demás."""
    for name, value in hyperparameters.items():
        find_name(name, DEFAULTS, "el hiperparámetro")
        if isinstance(DEFAULTS[name], str):
            if value not in SCHEDULES:
                raise ValueError(f"{name}={value!r} no es posible: use uno de {', '.join(SCHEDULES)}.")
            continue
        number = float if isinstance(DEFAULTS[name], float) else int
        fits = isinstance(value, (int, number)) and not isinstance(value, bool)
        fits = fits and (0 <= value <= 1 if name in _FRACTIONS else value >= 0 if name in _FROM_ZERO else value > 0)
        if not fits or value == float("inf"):
            allowed = "de 0 a 1" if name in _FRACTIONS else "de 0 o más" if name in _FROM_ZERO else "mayor que 0"
            kind = "un número" if number is float else "un entero"
            raise ValueError(f"{name}={value!r} no es posible: debe ser {kind} {allowed}, como {DEFAULTS[name]}.")
    n_envs, per_update = ({**DEFAULTS, **hyperparameters}[name] for name in ("n_envs", "steps_per_update"))
    if max(per_update, n_envs) % min(per_update, n_envs):
        raise ValueError(
            f"Con {n_envs} ambientes no se puede hacer una actualización cada {per_update} transiciones: "
            "uno de los dos números debe dividir al otro."
        )
