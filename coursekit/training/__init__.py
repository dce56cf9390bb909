"""Aquí entran los capítulos 4 y 6 y la línea de órdenes: entrenar un DQN y dejar todo en la carpeta de una corrida.

`recipe` → `vec_env`, `replay`, `cpu` → `model` → `checkpoint` → `loop`; aparte, `agents`, `selection` y `doctor`.
"""
