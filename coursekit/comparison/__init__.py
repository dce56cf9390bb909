"""Aquí entran los capítulos 3, 8, 9 y 10: comparar algoritmos con varias semillas, y en un juego de diez segundos.

`catch` (el juego) → `algorithms` (la tabla de algoritmos) → `sweep` (las corridas, repartidas con Dask). `trials`
resume las corridas de varias recetas. Quien califica entra por `grading` (jugar cada entrega) → `sheet` (la tabla).
"""
