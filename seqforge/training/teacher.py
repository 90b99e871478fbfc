"""Distillation: a trained network whose predictions are targets of another network."""

from dataclasses import dataclass

import torch

from seqforge.network import AnyNetwork, Batch, NetworkState, SoftTargets, log_probabilities
from seqforge.training.precision import autocast

__all__ = ["Teacher"]


@dataclass
class Teacher:
    """A trained network that reads the batches of a training and predicts every position.

    Source: G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531, section
    2, with a temperature of 1; Y. Kim and A. Rush, "Sequence-Level Knowledge Distillation", EMNLP 2016, section 3.1
    (word level).

    Example:
        trainer = Trainer(student, train, valid, config, teacher=network)

    Attributes:
        network: The network, or several that are averaged; its steps are symbols.
        weight: The weight of its predictions in the loss, from 0 to 1; the data has the rest.
        state: Its state after the last batch, without gradients.
    """

    network: AnyNetwork
    weight: float
    state: NetworkState

    @classmethod
    def with_rows(cls, network: AnyNetwork | None, device: torch.device, weight: float, rows: int) -> "Teacher | None":
        """Return a teacher before its first batch; None without a network.

        Args:
            network: The network; it is moved to the device and put into evaluation mode.
            device: The device.
            weight: The weight of its predictions in the loss.
            rows: The number of rows of a batch.
        """
        return None if network is None else cls(network.to(device).eval(), weight, network.zero_state(rows))

    @torch.no_grad()
    def targets(self, batch: Batch, precision: str, *, restart: bool = False) -> SoftTargets:
        """Return what the teacher predicts at each position of the next batch.

        Args:
            batch: The batch that follows the one before.
            precision: Precision of the matrix products, "float32" or "bfloat16".
            restart: Whether to forget the state, at the start of an epoch.
        """
        if restart:
            self.state = [tuple(torch.zeros_like(part) for part in layer) for layer in self.state]
        with autocast(batch.weights.device, precision):
            logs, after = log_probabilities(self.network, batch, self.state)
        self.state = [tuple(part.float() for part in layer) for layer in after]
        return SoftTargets(logs, self.weight)
