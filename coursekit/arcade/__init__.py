"""La sala de juegos: un agente de estas corridas que juega, y contra el que se juega, en el navegador.

Entran aquí los capítulos 1, 6 y 7, el libro al construirse y «coursekit arcade».
"""

from coursekit.arcade.export import GAMES, payloads
from coursekit.arcade.page import arcade, export_arcade

__all__ = ["GAMES", "arcade", "export_arcade", "payloads"]
