"""Escribe dqn_fixture.json: pérdida y gradientes que PyTorch calcula con los pesos y el lote de una fórmula.

    python live/test/dqn_fixture.py

Los pesos y el lote no se guardan: aquí y en dqn.test.mjs salen de la misma cuenta con enteros.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

BATCH, GAMMA = 64, 0.99


def numbers(seed: int, length: int) -> np.ndarray:
    """`length` números en [−1, 1), de un generador congruente; exactos en 32 bits."""
    state, values = seed, []
    for _ in range(length):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        values.append((state >> 12) / 2**19 - 1)
    return np.array(values, np.float32)


def network(seed: int) -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 3),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
            weights = numbers(seed, parameter.numel()) * np.float32(2 / fan_in**0.5)
            parameter.copy_(torch.as_tensor(weights).view_as(parameter))
            seed += 1
    return net


def pixels(seed: int) -> torch.Tensor:
    return torch.as_tensor((numbers(seed, BATCH * 200) > 0.8).astype(np.float32)).view(BATCH, 2, 10, 10)


def main() -> None:
    q_net, q_net_target = network(1), network(21)
    observations, following = pixels(41), pixels(42)
    actions = torch.as_tensor(np.floor((numbers(43, BATCH) + 1) * 1.5).astype(np.int64))[:, None]
    rewards, dones = torch.as_tensor(numbers(44, BATCH)), torch.as_tensor((numbers(45, BATCH) > 0.5).astype(np.float32))
    cases = {}
    for name in ("dqn", "double"):
        with torch.no_grad():
            values = q_net_target(following)
            best = (q_net if name == "double" else q_net_target)(following).argmax(1, keepdim=True)
            target = rewards + (1 - dones) * GAMMA * values.gather(1, best)[:, 0]
        q_net.zero_grad()
        loss = nn.functional.smooth_l1_loss(q_net(observations).gather(1, actions)[:, 0], target)
        loss.backward()
        gradients = [p.grad.double().flatten() for p in q_net.parameters()]
        cases[name] = {
            "loss": loss.item(),
            "target": target.tolist(),
            # De cada parámetro, la norma, la proyección sobre una dirección al azar y una muestra.
            "norms": [g.norm().item() for g in gradients],
            "projections": [
                (g @ torch.as_tensor(numbers(60 + i, len(g))).double()).item() for i, g in enumerate(gradients)
            ],
            "samples": [g[:: max(1, len(g) // 61)].tolist() for g in gradients],
        }
    optimizer = torch.optim.Adam(q_net.parameters(), lr=1e-3)
    nn.utils.clip_grad_norm_(q_net.parameters(), 0.05)
    optimizer.step()
    with torch.no_grad():
        cases["q_after_step"] = q_net(observations)[:8].flatten().tolist()
    path = Path(__file__).with_name("dqn_fixture.json")
    path.write_text(json.dumps(json.loads(json.dumps(cases), parse_float=lambda x: float(f"{float(x):.8g}"))) + "\n")


if __name__ == "__main__":
    main()
