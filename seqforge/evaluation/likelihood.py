"""Bits and nats per natural unit: the number by which models of a domain are compared."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqforge.dataset import Dataset
from seqforge.network import Network, Batch, source_with_end
from seqforge.core.sequences import Example
from seqforge.training.likelihood import evaluation_mode, exact_likelihood


@dataclass(frozen=True)
class Evaluation:
    """What a model costs on some pieces; the end of each counts, the start does not.

    Attributes:
        unit: the natural unit.
        units: how many there are.
        pieces: how many.
        steps: how many the network predicted, ends included.
        nats: in all.
        split: which was evaluated, "" for single pieces.
        corpus: which was evaluated.
        unseen: what the codec had to replace in the corpus.
    """

    unit: str
    units: float
    pieces: int
    steps: int
    nats: float
    split: str = ""
    corpus: tuple[str, ...] = ()
    unseen: int = 0

    @property
    def nats_per_unit(self) -> float:
        """Nats a unit."""
        return self.nats / max(self.units, 1e-9)

    @property
    def bits_per_unit(self) -> float:
        """Bits a unit."""
        return self.nats_per_unit / math.log(2)

    @property
    def nats_per_step(self) -> float:
        """Nats a step."""
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
            "unseen": self.unseen,
        }


def evaluate_dataset(network: Network, dataset: Dataset, unit: str) -> Evaluation:
    """Return what a dataset costs, in float32, the state carried through every piece."""
    found = exact_likelihood(network, dataset)
    return Evaluation(unit, float(dataset.units.sum()), len(dataset), found.positions, found.nats)


@torch.no_grad()
def score_example(
    network: Network, example: Example, labels: np.ndarray, units: float, unit: str, *, window: int = 512
) -> Evaluation:
    """Return what one piece costs.

    Args:
        network: the model.
        example: the encoded piece.
        labels: label numbers, shape (labels,).
        units: natural units of the piece.
        unit: their name.
        window: rows at a time; the result does not depend on it.
    """
    steps = torch.from_numpy(np.array(example.steps))
    steps = steps.float() if steps.is_floating_point() else steps.long()
    edge = steps.new_zeros(1, *steps.shape[1:])
    inputs, targets = torch.cat([edge, steps]).unsqueeze(1), torch.cat([steps, edge]).unsqueeze(1)
    width = network.config.features
    features = np.zeros(width, np.float32) if example.features is None else example.features
    rows, nats = len(inputs), 0.0
    sources = None
    if network.config.source_symbols:
        sources = torch.from_numpy(source_with_end(example.source, network.config.source_symbols - 1))
    state = network.zero_state(1)
    with evaluation_mode(network):
        for first in range(0, rows, window):
            part = slice(first, first + window)
            size = len(inputs[part])
            place = torch.arange(first, first + size).unsqueeze(1)
            read = Batch(
                inputs[part],
                targets[part],
                place == 0,
                place == rows - 1,
                torch.ones(size, 1),
                torch.from_numpy(labels).expand(size, 1, -1),
                torch.from_numpy(features).expand(size, 1, -1),
                None if sources is None else sources.expand(size, 1, -1),
            )
            losses, state = network.loss(read, state)
            nats += float(losses.double().sum())
    return Evaluation(unit, units, 1, rows, nats)
