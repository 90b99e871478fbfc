"""Batches: window t is a pure function of (dataset, seed, t), so that a run can be resumed anywhere."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.network import Batch, source_with_end
from seqforge.training.rows import Lane, deal

Augment = Callable[[Example, np.random.Generator], Example]
_Variant = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]
"""Steps, labels, features and source of a piece in one epoch."""


class Batches:
    """Windows over a dataset: for each lane the rows that follow those of the window before.

    Args:
        dataset: what to read.
        lanes: how many lanes; fewer are used where each would have less than a few windows.
        window: rows of a window.
        seed: of shuffling and augmentation; None reads in a fixed order.
        lead: rows that do not count at the beginning of a stretch inside a piece.
        cut: whether pieces longer than a lane's share are cut.
        augment: makes a variant of a piece in each epoch.
        mine: the lanes that this process reads (all others are another's); None for all.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        lanes: int,
        window: int,
        seed: int | None,
        lead: int = 1,
        cut: bool = True,
        augment: Augment | None = None,
        mine: slice | None = None,
    ) -> None:
        self.dataset, self.window, self.seed = dataset, window, seed
        self.lead, self.cut, self.augment = lead, cut, augment
        self.rows = int(dataset.lengths.sum()) + len(dataset)
        self.lanes = max(1, min(lanes, self.rows // (4 * window))) if cut else min(lanes, max(1, len(dataset)))
        self.mine = range(self.lanes)[mine or slice(None)]
        self._epoch: tuple[int, list[Lane]] | None = None
        self._ends = [0]
        self._variants: OrderedDict[tuple[int, int], _Variant] = OrderedDict()

    def epoch(self, number: int) -> list[Lane]:
        """Return the lanes of an epoch."""
        if self._epoch is None or self._epoch[0] != number:
            rng = None if self.seed is None else np.random.default_rng([self.seed, number, 1])
            self._epoch = (
                number,
                deal(self.dataset.lengths, self.lanes, lead=self.lead, cut=self.cut, rng=rng),
            )
        return self._epoch[1]

    def windows_in(self, number: int) -> int:
        """Return how many windows an epoch takes."""
        return -(-max(int(lane.at[-1]) for lane in self.epoch(number)) // self.window)

    def place(self, t: int) -> tuple[int, int]:
        """Return the epoch of window t, and the window's number in it."""
        while self._ends[-1] <= t:
            self._ends.append(self._ends[-1] + self.windows_in(len(self._ends) - 1))
        epoch = int(np.searchsorted(self._ends, t, side="right")) - 1
        return epoch, t - self._ends[epoch]

    def __getitem__(self, t: int) -> Batch:
        epoch, number = self.place(t)
        table = self.epoch(epoch)
        return self._fill([table[lane] for lane in self.mine], number * self.window, epoch)

    def _fill(self, lanes: Sequence[Lane], begin: int, epoch: int) -> Batch:
        data, time, width = self.dataset, self.window, len(lanes)
        kind = np.int64 if data.space.dtype.kind in "iu" else np.float32
        inputs = np.zeros((time, width, *data.space.shape), kind)
        targets = np.zeros_like(inputs)
        starts, ends = np.zeros((2, time, width), bool)
        weights = np.zeros((time, width), np.float32)
        labels = np.zeros((time, width, data.labels.shape[1]), np.int64)
        features = np.zeros((time, width, data.features.shape[1]), np.float32)
        read: list[tuple[slice, int, np.ndarray]] = []
        for column, lane in enumerate(lanes):
            one = np.searchsorted(lane.at, begin, side="right") - 1
            while one < len(lane.piece) and lane.at[one] < begin + time:
                piece, length = int(lane.piece[one]), int(data.lengths[lane.piece[one]])
                base = int(lane.at[one]) - int(lane.first[one])  # lane row = base + row of the piece
                low = max(int(lane.first[one]), begin - base)
                high = min(int(lane.end[one]), begin + time - base)
                top = base - begin + low
                rows = slice(top, top + high - low)
                steps, label, feature, source = self._piece(epoch, piece, max(low - 1, 0), min(high, length))
                known = steps[: high - 1 - max(low - 1, 0)]
                inputs[rows.stop - len(known) : rows.stop, column] = known
                ahead = steps[low - max(low - 1, 0) :]
                targets[top : top + len(ahead), column] = ahead
                ends[rows, column] = np.arange(low, high) == length
                starts[rows, column] = np.arange(low, high) == lane.first[one]
                weights[rows, column] = np.arange(low, high) >= lane.first[one] + lane.lead[one]
                labels[rows, column], features[rows, column] = label, feature
                if data.source is not None:
                    read.append((rows, column, source_with_end(source, data.source.size)))
                one += 1
        arrays = {
            "inputs": inputs, "targets": targets, "starts": starts, "ends": ends, "weights": weights,
            "labels": labels, "features": features,
        }  # fmt: skip
        if data.source is not None:
            longest = max((len(source) for _, _, source in read), default=0)
            table = np.zeros((time, width, longest), np.int64)
            for rows, column, source in read:
                table[rows, column, : len(source)] = source
            arrays["sources"] = table
        tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return Batch(**tensors)

    def _piece(self, epoch: int, piece: int, first: int, end: int) -> _Variant:
        """Return steps [first, end) of a piece with its labels, features and source, as this epoch sees them."""
        data = self.dataset
        if self.augment is None or self.seed is None:
            return data.steps(piece, first, end), data.labels[piece], data.features[piece], data.source_of(piece)
        if (epoch, piece) not in self._variants:
            rng = np.random.default_rng([self.seed, epoch, piece, 2])
            example = self.augment(data.example(piece), rng)
            numbers = data.label_index.numbers(example.labels)
            features = data.features[piece] if example.features is None else example.features
            self._variants[epoch, piece] = example.steps, numbers, features, example.source
            if len(self._variants) > 4 * self.lanes:
                self._variants.popitem(last=False)
        steps, label, feature, source = self._variants[epoch, piece]
        return steps[first:end], label, feature, source
