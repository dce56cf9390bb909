"""coursekit: lo que acompaña al libro «DQN a partir de píxeles».

El recorrido sigue los módulos: `envs → training → metrics → evaluation → recording`.
Cada módulo se importa cuando se usa por primera vez, de modo que `import coursekit` es inmediato.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "envs",
    "ale_vec_env",
    "replay",
    "runs",
    "agents",
    "training",
    "metrics",
    "evaluation",
    "recording",
    "algorithms",
    "sweep",
    "exercises",
)

__all__ = ["__version__", *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"el módulo {__name__!r} no tiene el atributo {name!r}")


def __dir__():
    return sorted(__all__)
