"""Batches of a dataset: batch t is a pure function of (dataset, seed, t), so that a run can be resumed at any step."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from seqforge.core.excerpts import excerpt_starts
from seqforge.core.places import AlignedHistory
from seqforge.core.sequences import Example, source_with_end
from seqforge.dataset import Dataset
from seqforge.network import Batch
from seqforge.training.rows import Row, assign_rows

Augment = Callable[[Example, np.random.Generator], Example]
"""A function that returns a variant of an example, drawn with the random number generator."""


class _Piece(NamedTuple):
    """A piece as an epoch reads it; references and weights are those of all its positions."""

    steps: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    source: np.ndarray | None
    references: np.ndarray | None
    weights: np.ndarray | None


class Batches:
    """The batches of a dataset: each row of batch t + 1 continues where the row of batch t ended.

    Example:
        batches = Batches(dataset, rows=32, length=64, seed=0)
        first = batches[0]                      # a Batch of shape (64, 32)
        epoch, number = batches.locate(1000)    # batch 1000 is batch `number` of its epoch

    Args:
        dataset: The pieces to read.
        rows: Number of rows; fewer are used if each would have less than four batches per epoch.
        length: Number of positions per row and batch.
        seed: Seed of shuffling and augmentation; None for a fixed order without augmentation.
        burn_in: Number of positions that are read but not counted at a segment that does not begin at the start of its
            piece.
        divide: Whether pieces that are longer than a row's share are divided into segments.
        augment: Function that returns a variant of a piece in each epoch.
        history: The aligned history that the network reads; it is computed from whole pieces, after augmentation. None
            if the network does not look back.
        local: The rows that this process reads; None for all. The other rows are read by other processes.

    Attributes:
        positions: Number of positions of all pieces: steps and ends.
        rows: Number of rows of all processes.
        local_rows: The rows that this process reads.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        rows: int,
        length: int,
        seed: int | None,
        burn_in: int = 1,
        divide: bool = True,
        augment: Augment | None = None,
        history: AlignedHistory | None = None,
        local: slice | None = None,
    ) -> None:
        self.dataset, self.length, self.seed = dataset, length, seed
        self.burn_in, self.divide, self.augment, self.history = burn_in, divide, augment, history
        self.positions = int(dataset.lengths.sum()) + len(dataset)
        most_rows = max(1, self.positions // (4 * length)) if divide else max(1, len(dataset))
        self.rows = max(1, min(rows, most_rows))
        self.local_rows = range(self.rows)[local or slice(None)]
        self._epoch: tuple[int, list[Row]] | None = None
        self._epoch_ends = [0]
        self._computed: OrderedDict[tuple[int, int], _Piece] = OrderedDict()

    def epoch(self, number: int) -> list[Row]:
        """Return the rows of an epoch."""
        if self._epoch is None or self._epoch[0] != number:
            rng = None if self.seed is None else np.random.default_rng([self.seed, number, 1])
            rows = assign_rows(self.dataset.lengths, self.rows, burn_in=self.burn_in, divide=self.divide, rng=rng)
            self._epoch = (number, rows)
        return self._epoch[1]

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches of an epoch."""
        return -(-max(int(row.offsets[-1]) for row in self.epoch(epoch)) // self.length)

    def batches_in_epochs(self, amount: float) -> int:
        """Return the number of batches of a number of epochs, of which the last may be a part."""
        epochs = int(amount)
        whole = sum(self.batches_in(epoch) for epoch in range(epochs))
        return whole + round((amount - epochs) * self.batches_in(epochs))

    def locate(self, t: int) -> tuple[int, int]:
        """Return the epoch of batch t, and the number of the batch within the epoch."""
        while self._epoch_ends[-1] <= t:
            self._epoch_ends.append(self._epoch_ends[-1] + self.batches_in(len(self._epoch_ends) - 1))
        epoch = int(np.searchsorted(self._epoch_ends, t, side="right")) - 1
        return epoch, t - self._epoch_ends[epoch]

    def __getitem__(self, t: int) -> Batch:
        """Return the rows of batch t that this process reads."""
        epoch, number = self.locate(t)
        rows = self.epoch(epoch)
        return self._read([rows[row] for row in self.local_rows], number * self.length, epoch)

    def _read(self, rows: Sequence[Row], begin: int, epoch: int) -> Batch:
        """Return the batch whose first position is position `begin` of each row."""
        # 1. Allocate the arrays.
        data, shape = self.dataset, (self.length, len(rows))
        dtype = np.int64 if data.space.dtype.kind in "iu" else np.float32
        inputs = np.zeros((*shape, *data.space.shape), dtype)
        targets = np.zeros_like(inputs)
        starts, ends = np.zeros((2, *shape), bool)
        weights = np.zeros(shape, np.float32)
        labels = np.zeros((*shape, data.labels.shape[1]), np.int64)
        features = np.zeros((*shape, data.features.shape[1]), np.float32)
        numbers = 0 if self.history is None else 2 * len(self.history.distances)
        references = np.zeros((*shape, numbers), np.int64)
        sources: list[tuple[slice, int, np.ndarray]] = []
        for column, row in enumerate(rows):
            segment = int(np.searchsorted(row.offsets, begin, side="right")) - 1
            while segment < len(row.pieces) and row.offsets[segment] < begin + self.length:
                # 2. Find the part of the segment that is in the batch: positions low to high of its piece.
                number = int(row.pieces[segment])
                length = int(data.lengths[number])
                first = int(row.first[segment])
                shift = int(row.offsets[segment]) - first - begin  # time in the batch = shift + position in the piece
                low, high = max(first, -shift), min(int(row.end[segment]), self.length - shift)
                time = slice(shift + low, shift + high)
                # 3. Position r reads step r - 1 and predicts step r.
                first_step = max(low - 1, 0)
                piece = self._piece(epoch, number, first_step, min(high, length))
                input_steps, target_steps = piece.steps[: high - 1 - first_step], piece.steps[low - first_step :]
                inputs[time.stop - len(input_steps) : time.stop, column] = input_steps
                targets[time.start : time.start + len(target_steps), column] = target_steps
                # 4. Mark the start and the end, and weight the positions after the burn-in.
                positions = np.arange(low, high)
                starts[time, column] = positions == first
                ends[time, column] = positions == length
                weights[time, column] = positions >= first + row.burn_in[segment]
                if piece.weights is not None:
                    weights[time, column] *= piece.weights[low:high]
                labels[time, column], features[time, column] = piece.labels, piece.features
                if piece.references is not None:
                    references[time, column] = piece.references[low:high]
                if data.source is not None:
                    sources.append((time, column, source_with_end(piece.source, data.source.size)))
                segment += 1
        # 5. Pad the sources to the length of the longest one.
        arrays = {
            "inputs": inputs, "targets": targets, "starts": starts, "ends": ends, "weights": weights,
            "labels": labels, "features": features,
        }  # fmt: skip
        if data.source is not None:
            longest = max((len(source) for _, _, source in sources), default=0)
            arrays["sources"] = np.zeros((*shape, longest), np.int64)
            for time, column, source in sources:
                arrays["sources"][time, column, : len(source)] = source
        if self.history is not None:
            arrays["references"] = references
        tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return Batch(**tensors)

    def _piece(self, epoch: int, piece: int, first: int, end: int) -> _Piece:
        """Return steps [first, end) of a piece, its labels, features, source, all references and all weights."""
        data = self.dataset
        augment = None if self.seed is None else self.augment
        if augment is None and self.history is None:
            steps, source = data.steps(piece, first, end), data.source_of(piece)
            return _Piece(steps, data.labels[piece], data.features[piece], source, None, None)
        if (epoch, piece) not in self._computed:
            self._computed[epoch, piece] = self._compute(epoch, piece, augment)
            if len(self._computed) > 4 * self.rows:
                self._computed.popitem(last=False)
        whole = self._computed[epoch, piece]
        return whole._replace(steps=whole.steps[first:end])

    def _compute(self, epoch: int, piece: int, augment: Augment | None) -> _Piece:
        """Return a whole piece, augmented for the epoch, with its references and weights."""
        data = self.dataset
        steps, labels, features, source = data.steps(piece), data.labels[piece], data.features[piece], None
        if augment is None:
            source = data.source_of(piece)
        else:
            example = augment(data.example(piece), np.random.default_rng([self.seed or 0, epoch, piece, 2]))
            steps, source, labels = example.steps, example.source, data.label_index.numbers(example.labels)
            features = features if example.features is None else example.features
        weights = None if self.history is None or self.seed is None else self.history.weights(steps)
        return _Piece(steps, labels, features, source, self._references(epoch, piece, steps), weights)

    def _references(self, epoch: int, piece: int, steps: np.ndarray) -> np.ndarray | None:
        """Return the references of a whole piece in the smallest type that fits; None without a history."""
        if self.history is None:
            return None
        starts = None
        if self.history.places.excerpts and self.seed is not None:
            starts = excerpt_starts(len(steps) + 1, np.random.default_rng([self.seed, epoch, piece, 3]))
        references = self.history.references(steps, starts)
        return references.astype(np.min_scalar_type(int(references.max(initial=0))))
