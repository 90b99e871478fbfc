"""The negative log-likelihood of a dataset: the number that everything is judged by."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from seqforge.dataset import Dataset
from seqforge.network import Network
from seqforge.training.batches import Batches
from seqforge.training.precision import casting


@dataclass(frozen=True)
class Likelihood:
    """Nats of the rows that counted, ends of pieces included.

    Attributes:
        nats: their sum.
        rows: how many.
    """

    nats: float
    positions: int

    @property
    def nats_per_position(self) -> float:
        """The mean over rows: steps and ends of pieces."""
        return self.nats / max(1, self.positions)


@torch.no_grad()
def evaluate_batches(
    network: Network,
    batches: Batches,
    *,
    precision: str = "float32",
    most_rows: int | None = None,
) -> Likelihood:
    """Run over the first epoch of some batches and return what it costs.

    Args:
        network: in evaluation mode.
        batches: in a fixed order.
        precision: of the matrix products, "float32" or "bfloat16".
        most_rows: stop after about so many rows.
    """
    device = next(network.parameters()).device
    state = network.zero_state(len(batches.mine))
    nats, rows = 0.0, 0
    for t in range(batches.windows_in(0)):
        window = batches[t].to(device)
        with casting(device, precision):
            losses, state = network.loss(window, state)
        nats += float(losses.cpu().double().sum())
        rows += int(window.weights.sum())
        if most_rows is not None and rows >= most_rows:
            break
    return Likelihood(nats, rows)


def exact_likelihood(network: Network, dataset: Dataset, *, most_lanes: int = 64, window: int = 256) -> Likelihood:
    """Return the likelihood of a dataset in float32, the state carried through every piece, nothing cut.

    Args:
        network: any.
        dataset: any, not empty.
        most_lanes: how many pieces are read side by side.
        window: rows at a time; the result does not depend on it.
    """
    # Pieces of like length side by side: lanes as few as keep the longest piece from being waited for.
    longest = int(dataset.lengths.max()) + 1
    total = int(dataset.lengths.sum()) + len(dataset)
    lanes = int(np.clip(-(-total // longest), 1, most_lanes))
    batches = Batches(dataset, lanes=lanes, window=window, seed=None, cut=False)
    with evaluation_mode(network):
        return evaluate_batches(network, batches)


@contextlib.contextmanager
def evaluation_mode(network: Network) -> Iterator[None]:
    """Put a network into evaluation mode for a while."""
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)
