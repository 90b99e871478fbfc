"""Nats and bits per natural unit: the number by which models of a domain are compared."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.network import Network, example_batch
from seqforge.training.likelihood import evaluation_mode, exact_likelihood


@dataclass(frozen=True)
class Evaluation:
    """The negative log-likelihood of pieces under a model. The end of each piece counts, its start does not.

    >>> evaluation = Evaluation(unit="character", units=200.0, pieces=1, steps=201, nats=280.0)
    >>> evaluation.nats_per_unit, round(evaluation.bits_per_unit, 2)
    (1.4, 2.02)

    Attributes:
        unit: The natural unit.
        units: Number of units.
        pieces: Number of pieces.
        steps: Number of predicted steps, ends included.
        nats: Negative log-likelihood of all pieces, in nats.
        split: The split that was evaluated, "" for single pieces.
        corpus: The names of the corpora.
        dropped: Number of things that the codec's encoding replaced or left out.
    """

    unit: str
    units: float
    pieces: int
    steps: int
    nats: float
    split: str = ""
    corpus: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def nats_per_unit(self) -> float:
        """Nats per unit."""
        return self.nats / max(self.units, 1e-9)

    @property
    def bits_per_unit(self) -> float:
        """Bits per unit."""
        return self.nats_per_unit / math.log(2)

    @property
    def nats_per_step(self) -> float:
        """Nats per step."""
        return self.nats / max(self.steps, 1)

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --json` prints."""
        return {
            "corpus": list(self.corpus),
            "split": self.split,
            "unit": self.unit,
            "units": self.units,
            "pieces": self.pieces,
            "steps": self.steps,
            "nats": self.nats,
            "nats_per_unit": self.nats_per_unit,
            "bits_per_unit": self.bits_per_unit,
            "nats_per_step": self.nats_per_step,
            "dropped": self.dropped,
        }


def evaluate_dataset(network: Network, dataset: Dataset, unit: str) -> Evaluation:
    """Return the negative log-likelihood of a dataset, in float32, with the hidden state carried through every piece.

    Example:
        print(evaluate_dataset(model.network, datasets["valid"], "note").nats_per_unit)

    Args:
        network: The model.
        dataset: The dataset.
        unit: The name of the natural unit.
    """
    likelihood = exact_likelihood(network, dataset)
    return Evaluation(unit, float(dataset.units.sum()), len(dataset), likelihood.positions, likelihood.nats)


@torch.no_grad()
def score_example(
    network: Network, example: Example, labels: np.ndarray, units: float, unit: str, *, bptt: int = 512
) -> Evaluation:
    """Return the negative log-likelihood of one piece.

    Example:
        example = codec.encode(Piece("To be, or not to be"))
        labels = LabelIndex(codec.labels).numbers({})
        print(score_example(network, example, labels, 19.0, "character").nats_per_unit)

    Args:
        network: The model.
        example: The encoded piece.
        labels: The number of each label's value, shape (labels,).
        units: Natural units of the piece.
        unit: The name of the natural unit.
        bptt: Number of positions that are read at a time; the result does not depend on it.
    """
    features = np.zeros(network.config.features, np.float32) if example.features is None else example.features
    batch = example_batch(example, labels, features, network.config.source_symbols)
    length, nats = len(batch.starts), 0.0
    state = network.zero_state(1)
    with evaluation_mode(network):
        for first in range(0, length, bptt):
            losses, state = network.loss(batch.slice_time(first, first + bptt), state)
            nats += float(losses.double().sum())
    return Evaluation(unit, units, 1, length, nats)
