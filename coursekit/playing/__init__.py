"""Aquí entran `evaluate` y `record`: poner a jugar a cualquier agente de Stable-Baselines3 en cualquier ambiente.

`adapt` (el ambiente, visto como lo espera el agente) → `screens` (lo que se ve en cada paso) → `film` (el archivo).
"""
