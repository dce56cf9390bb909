"""DQN con el objetivo de Munchausen (`MunchausenDQN`): la propia política también premia (Vieillard et al., 2020)."""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3 import DQN
from torch.nn import functional as F

#: Los valores del artículo (su tabla 2, para Atari): temperatura, peso del término nuevo y cota del logaritmo.
TEMPERATURE, ALPHA, LOWEST = 0.03, 0.9, -1.0


class MunchausenDQN(DQN):
    """El DQN de SB3 con otro objetivo; se guarda, se carga y juega como un DQN.

    Con π = softmax(q⁻/τ), donde q⁻ es la red objetivo, la ecuación 1 de Vieillard et al. (2020) cambia dos cosas:
    el máximo de la observación siguiente pasa a ser Σ π(a') [q⁻(s', a') − τ ln π(a')], y al retorno se le suma
    α [τ ln π(a)] de la acción que se tomó, recortado entre `LOWEST` y 0. Con retornos de n pasos, ese término se suma
    una sola vez, en el primero.
    """

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = []
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            actions = batch.actions.long()
            targets = self.targets(batch, actions)
            loss = F.smooth_l1_loss(self.q_net(batch.observations).gather(1, actions), targets)
            losses.append(loss.item())
            self.policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))

    @torch.no_grad()
    def targets(self, batch, actions: torch.Tensor) -> torch.Tensor:
        """Los objetivos de un lote de la memoria: tensor de `(lote, 1)`, con las `actions` del lote como enteros."""
        discounts = self.gamma if batch.discounts is None else batch.discounts
        q = self.q_net_target(batch.next_observations)
        log_policy = TEMPERATURE * F.log_softmax(q / TEMPERATURE, dim=1)
        soft = (F.softmax(q / TEMPERATURE, dim=1) * (q - log_policy)).sum(dim=1, keepdim=True)
        taken = F.log_softmax(self.q_net_target(batch.observations) / TEMPERATURE, dim=1).gather(1, actions)
        bonus = ALPHA * (TEMPERATURE * taken).clamp(LOWEST, 0.0)
        return batch.rewards + bonus + (1 - batch.dones) * discounts * soft
