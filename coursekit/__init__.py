"""coursekit: lo que acompaña al libro «DQN a partir de píxeles».

El recorrido sigue los módulos: `envs → training → metrics → evaluation → recording`. Importarlo es inmediato (torch
llega con el primer módulo que lo usa) y alcanza para que `gymnasium.make` conozca los juegos de Atari.
"""

import os

# Con dos entrenamientos a la vez, los hilos de OpenMP que esperan girando se quitan el procesador: 42 pasos por segundo
# en lugar de 280. OpenMP lee esto cuando se carga torch; por eso los cuadernos importan coursekit primero.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import ale_py  # da de alta los juegos en gymnasium

ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # sin su saludo en inglés

__version__ = "0.1.0"
