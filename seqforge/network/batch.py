"""What the network reads in one go: a stretch of time for a number of lanes."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """A stretch of time for a number of lanes, time first.

    A row of a lane reads one step and predicts the next. A piece of n steps takes n + 1 rows: the
    first reads its start and the last predicts its end.

    Attributes:
        inputs: the step read; undefined at a start.
        targets: the step to predict; undefined at an end.
        starts: the row begins a piece: the state is reset, and the input is the boundary.
        ends: the row ends a piece: the target is the boundary.
        weights: 1 where the prediction counts, 0 where it does not (padding, lead-in).
        labels: the number of each label's value for the piece of the row, 0 for unknown.
        features: the features of the piece of the row.
        sources: the source of the piece of the row: the number of each symbol from 1, and last the symbol behind
            it; 0 where there is none. None where the network attends to nothing.
    """

    inputs: Tensor
    targets: Tensor
    starts: Bool[Tensor, "time lane"]
    ends: Bool[Tensor, "time lane"]
    weights: Float[Tensor, "time lane"]
    labels: Int[Tensor, "time lane labels"]
    features: Float[Tensor, "time lane features"]
    sources: Int[Tensor, "time lane length"] | None = None

    def slice_time(self, first: int, end: int) -> "Batch":
        """Return the rows of a part of the time."""
        return self._with(lambda value: value[first:end])

    def to(self, device: torch.device) -> "Batch":
        """Return the window on a device."""
        return self._with(lambda value: value.to(device, non_blocking=True))

    def _with(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        changed: dict[str, Any] = {name: None if value is None else change(value) for name, value in values.items()}
        return Batch(**changed)


def source_with_end(source: np.ndarray | None, symbols: int) -> np.ndarray:
    """Return a source as `Batch.sources` holds it: numbers from 1, and last the symbol behind the source's last.

    Args:
        source: symbols from 0; None or empty where a piece has none, and then there is nothing to attend to.
        symbols: how many there are.
    """
    if source is None or not len(source):
        return np.zeros(0, np.int64)
    return np.append(source.astype(np.int64), symbols) + 1
