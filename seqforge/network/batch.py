"""A batch: the input of the network, a number of rows read in parallel for a number of positions."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqforge.core.places import AlignedHistory
from seqforge.core.sequences import Example, source_with_end


@dataclass(frozen=True)
class Batch:
    """The input of the network: rows that are read in parallel, position after position; time is the first axis.

    At each position a row reads one step and predicts the next. A piece of n steps takes n + 1 positions: the first
    reads the start of the piece, the last predicts its end. One row can hold several pieces one after the other.

    >>> steps = torch.tensor([[3, 1]]).t()  # one row, one piece of two steps, its end left out
    >>> nothing = torch.zeros(2, 1, 0)
    >>> batch = Batch(
    ...     inputs=torch.tensor([[0], [3]]), targets=steps, starts=torch.tensor([[True], [False]]),
    ...     ends=torch.zeros(2, 1, dtype=torch.bool), weights=torch.ones(2, 1), labels=nothing.long(), features=nothing,
    ... )
    >>> batch.slice_time(1, 2).inputs.tolist()
    [[3]]

    Attributes:
        inputs: The step that is read, shape (time, row, *step); its value is ignored at a start.
        targets: The step to predict, shape (time, row, *step); its value is ignored at an end.
        starts: True where a piece starts: the hidden state is reset and the boundary is read.
        ends: True where a piece ends: the boundary is to be predicted.
        weights: Weight of each position in the loss: 1, or 0 for padding and burn-in.
        labels: Number of the value of each label of the piece at that position; 0 is unknown.
        features: The features of the piece at that position.
        sources: The source of the piece at that position: the number of each symbol from 1, then the symbol that
            follows the last one, then 0 as padding. None if the network attends to no source.
        references: What the network reads of the earlier steps of the piece at places that correspond to that of the
            step to predict: the numbers of `AlignedHistory.references`. None if the network does not look back.
    """

    inputs: Tensor
    targets: Tensor
    starts: Bool[Tensor, "time row"]
    ends: Bool[Tensor, "time row"]
    weights: Float[Tensor, "time row"]
    labels: Int[Tensor, "time row labels"]
    features: Float[Tensor, "time row features"]
    sources: Int[Tensor, "time row length"] | None = None
    references: Int[Tensor, "time row numbers"] | None = None

    def slice_time(self, first: int, end: int) -> "Batch":
        """Return the positions from `first` to before `end`, for all rows."""
        return self._map(lambda value: value[first:end])

    def select_rows(self, rows: Int[Tensor, " rows"]) -> "Batch":
        """Return the rows with these numbers, for all positions."""
        return self._map(lambda value: value[:, rows])

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device.

        On other devices than CUDA, a copy that does not block may read memory that is free already.
        """
        return self._map(lambda value: value.to(device, non_blocking=device.type == "cuda"))

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with a function applied to each tensor."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        mapped: dict[str, Any] = {n: None if value is None else function(value) for n, value in values.items()}
        return Batch(**mapped)


@dataclass(frozen=True)
class SoftTargets:
    """What another network predicts at every position of a batch.

    >>> targets = SoftTargets(torch.zeros(12, 3, 6).log_softmax(-1), weight=0.5)
    >>> targets.select_rows(torch.tensor([1])).logs.shape
    torch.Size([12, 1, 6])

    Attributes:
        logs: Logarithms of the probabilities of the symbols and of the boundary, shape (time, row, symbols + 1).
        weight: Weight of the cross-entropy with these predictions in the loss; that with the data has the rest.
    """

    logs: Float[Tensor, "time row outputs"]
    weight: float

    def select_rows(self, rows: Int[Tensor, " rows"]) -> "SoftTargets":
        """Return the rows with these numbers."""
        return SoftTargets(self.logs[:, rows], self.weight)


def example_batch(
    example: Example,
    labels: Int[np.ndarray, " labels"],
    features: Float[np.ndarray, " features"],
    symbols: int,
    history: AlignedHistory | None = None,
) -> Batch:
    """Return the batch of one row that reads and predicts a whole piece, its end included.

    The batch has one position more than the piece has steps: the first reads the start, the last predicts the end.

    >>> batch = example_batch(Example(np.array([3, 1], np.uint8)), np.zeros(0, int), np.zeros(0), symbols=0)
    >>> batch.inputs.flatten().tolist(), batch.targets.flatten().tolist()
    ([0, 3, 1], [3, 1, 0])

    Args:
        example: The encoded piece, or the beginning of one.
        labels: Number of the value of each label; 0 is unknown.
        features: The features of the piece.
        symbols: Number of different source symbols, the extra symbol after the last one included; 0 without a source.
        history: The aligned history that the network reads; None if it does not look back.
    """
    steps = torch.from_numpy(np.array(example.steps))
    steps = steps.float() if steps.is_floating_point() else steps.long()
    boundary = steps.new_zeros(1, *steps.shape[1:])
    length = len(steps) + 1
    positions = torch.arange(length).unsqueeze(1)
    sources = None
    if symbols:
        sources = torch.from_numpy(source_with_end(example.source, symbols - 1)).expand(length, 1, -1)
    references = None if history is None else torch.from_numpy(history.references(example.steps)).unsqueeze(1)
    return Batch(
        inputs=torch.cat([boundary, steps]).unsqueeze(1),
        targets=torch.cat([steps, boundary]).unsqueeze(1),
        starts=positions == 0,
        ends=positions == length - 1,
        weights=torch.ones(length, 1),
        labels=torch.from_numpy(labels.astype(np.int64)).expand(length, 1, -1),
        features=torch.from_numpy(features.astype(np.float32)).expand(length, 1, -1),
        sources=sources,
        references=references,
    )
