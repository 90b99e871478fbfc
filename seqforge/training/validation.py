"""What a validation reads: all pieces of a short valid split, a fixed sample of a long one."""

import dataclasses

import numpy as np

from seqforge.core.places import AlignedHistory
from seqforge.dataset import Dataset
from seqforge.network import AnyNetwork
from seqforge.training.batches import Batches
from seqforge.training.likelihood import evaluate_batches, evaluation_mode

__all__ = ["Validation", "sampled_pieces"]

ROWS, SAMPLE_ROWS = 64, 32
"""Minimal number of rows of a validation batch."""
BURN_IN = 256
"""Positions that are read but not counted where a piece of the valid split is divided."""
SAMPLE_POSITIONS = 32_768
"""Number of positions of the sample, about. A split with up to twice as many is read completely."""
MAX_POSITIONS = 400_000
"""Maximal number of positions that the last validation reads."""
VALID_SHARE = 0.03
"""Share of the run that validations may take, about."""
MIN_INTERVAL = 50
"""Smallest number of steps between two validations."""


class Validation:
    """The loss on the valid split: of a fixed sample during the run, of more pieces at its end.

    Example:
        validation = Validation(valid, rows=32, length=64, history=None)
        interval = validation.interval(positions_per_step=2048)

    Args:
        dataset: The valid split, not empty.
        rows: Number of rows of a training batch.
        length: Number of positions per row of a training batch.
        history: The aligned history that the network reads.

    Attributes:
        is_sampled: Whether the split is so long that a sample of it is read during the run.
        units_per_position: Natural units per position of what is read during the run.
    """

    def __init__(self, dataset: Dataset, *, rows: int, length: int, history: AlignedHistory | None) -> None:
        self._arguments = {"length": 2 * length, "seed": None, "burn_in": BURN_IN, "history": history}
        self.all = Batches(dataset, rows=max(rows, ROWS), **self._arguments)  # type: ignore[arg-type]
        self.sample = self.all
        self.is_sampled = self.all.positions > 2 * SAMPLE_POSITIONS
        if self.is_sampled:
            pieces = sampled_pieces(dataset, SAMPLE_POSITIONS)
            self.sample = Batches(pieces, rows=max(rows, SAMPLE_ROWS), **self._arguments)  # type: ignore[arg-type]
        self.units_per_position = _units_per_position(self.sample)

    def interval(self, positions_per_step: int) -> int:
        """Return the number of steps between validations, so that these take a small share of the time.

        Args:
            positions_per_step: Number of positions of a training batch.
        """
        positions = min(self.sample.positions, SAMPLE_POSITIONS if self.is_sampled else MAX_POSITIONS)
        # Training on a position takes about three times as long as evaluating it.
        evaluated = positions + BURN_IN * self.sample.rows
        return max(MIN_INTERVAL, round(evaluated / 3 / VALID_SHARE / positions_per_step))

    def loss(self, network: AnyNetwork, *, precision: str, hide_labels: bool = False, max_positions: int = 0) -> float:
        """Return the loss on the sample, in nats per position.

        Args:
            network: The network.
            precision: The precision of the matrix products.
            hide_labels: Whether all labels are unknown to the network.
            max_positions: Largest number of positions, about; 0 for those of the sample.
        """
        largest = max_positions or (SAMPLE_POSITIONS if self.is_sampled else MAX_POSITIONS)
        with evaluation_mode(network):
            likelihood = evaluate_batches(
                network, self.sample, precision=precision, max_positions=largest, hide_labels=hide_labels
            )
        return likelihood.nats_per_position

    def final_loss(self, network: AnyNetwork, *, precision: str, trained_positions: int) -> float | None:
        """Return the loss on more pieces than the sample, in nats per unit; None if the run is too short for that.

        Args:
            network: The network.
            precision: The precision of the matrix products.
            trained_positions: Number of positions of all steps; the evaluation takes a small share of their time.
        """
        positions = min(MAX_POSITIONS, self.all.positions, round(3 * VALID_SHARE * trained_positions))
        if not self.is_sampled or positions < 2 * SAMPLE_POSITIONS:
            return None
        with evaluation_mode(network):
            likelihood = evaluate_batches(network, self.all, precision=precision, max_positions=positions)
        return likelihood.nats_per_position / _units_per_position(self.all)


def _units_per_position(batches: Batches) -> float:
    return float(batches.dataset.units.sum()) / batches.positions


def sampled_pieces(dataset: Dataset, positions: int) -> Dataset:
    """Return pieces of a dataset that are evenly spread over it.

    Args:
        dataset: The dataset.
        positions: The number of positions of all pieces to return, about; at least one piece is returned.
    """
    total = int(dataset.lengths.sum()) + len(dataset)
    count = max(1, round(len(dataset) * positions / max(1, total)))
    numbers = np.unique(np.linspace(0, len(dataset) - 1, count).astype(np.int64))
    return dataclasses.replace(
        dataset,
        lengths=dataset.lengths[numbers],
        labels=dataset.labels[numbers],
        features=dataset.features[numbers],
        units=dataset.units[numbers],
        locations=dataset.locations[numbers],
    )
