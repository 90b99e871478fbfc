"""The negative log-likelihood of a dataset."""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from seqforge.dataset import Dataset
from seqforge.network import AnyNetwork
from seqforge.training.batches import Batches
from seqforge.training.precision import autocast


@dataclass(frozen=True)
class Likelihood:
    """The negative log-likelihood of a number of positions, ends of pieces included.

    >>> Likelihood(nats=30.0, positions=20).nats_per_position
    1.5

    Attributes:
        nats: The sum over all positions.
        positions: The number of positions.
    """

    nats: float
    positions: int

    @property
    def nats_per_position(self) -> float:
        """The mean over all positions."""
        return self.nats / max(1, self.positions)


@torch.no_grad()
def evaluate_batches(
    network: AnyNetwork,
    batches: Batches,
    *,
    precision: str = "float32",
    max_positions: int | None = None,
    hide_labels: bool = False,
) -> Likelihood:
    """Return the likelihood of the first epoch of batches.

    Example:
        evaluate_batches(network, Batches(dataset, rows=64, length=128, seed=None, burn_in=256))

    Args:
        network: A network in evaluation mode.
        batches: Batches with a fixed order.
        precision: Precision of the matrix products, "float32" or "bfloat16".
        max_positions: Stop after the batch that reaches this number of positions; None for the whole epoch.
        hide_labels: Whether all labels are unknown to the network.
    """
    device = next(network.parameters()).device
    state = network.zero_state(len(batches.local_rows))
    nats, positions = 0.0, 0
    for t in range(batches.batches_in(0)):
        batch = batches[t].to(device)
        if hide_labels:
            batch = dataclasses.replace(batch, labels=torch.zeros_like(batch.labels))
        with autocast(device, precision):
            losses, state = network.loss(batch, state)
        nats += float(losses.cpu().double().sum())
        positions += int(batch.weights.sum())
        if max_positions is not None and positions >= max_positions:
            break
    return Likelihood(nats, positions)


def exact_likelihood(network: AnyNetwork, dataset: Dataset, *, max_rows: int = 64, length: int = 256) -> Likelihood:
    """Return the likelihood of a dataset in float32; no piece is divided, so every position has its whole context.

    Example:
        exact_likelihood(network, dataset).nats_per_position

    Args:
        network: The network; its mode (training or evaluation) is restored.
        dataset: The dataset; it must not be empty.
        max_rows: Maximal number of pieces that are read in parallel.
        length: Number of positions per batch; the result does not depend on it.
    """
    # As few rows as possible without waiting for the longest piece; pieces of similar length are read in parallel.
    longest = int(dataset.lengths.max()) + 1
    positions = int(dataset.lengths.sum()) + len(dataset)
    rows = int(np.clip(-(-positions // longest), 1, max_rows))
    batches = Batches(dataset, rows=rows, length=length, seed=None, divide=False, history=network.history)
    with evaluation_mode(network):
        return evaluate_batches(network, batches)


@contextlib.contextmanager
def evaluation_mode(network: AnyNetwork) -> Iterator[None]:
    """Put a network into evaluation mode within a `with` block, and restore its mode afterwards.

    Example:
        with evaluation_mode(network), torch.inference_mode():
            losses, state = network.loss(batch, state, None)
    """
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
