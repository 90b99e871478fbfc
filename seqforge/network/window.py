"""What the network reads in one go: a stretch of time for a number of lanes."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Window:
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
    """

    inputs: Tensor
    targets: Tensor
    starts: Bool[Tensor, "time lane"]
    ends: Bool[Tensor, "time lane"]
    weights: Float[Tensor, "time lane"]
    labels: Int[Tensor, "time lane labels"]
    features: Float[Tensor, "time lane features"]

    def rows(self, first: int, end: int) -> "Window":
        """Return the rows of a part of the time."""
        return Window(**{f.name: getattr(self, f.name)[first:end] for f in fields(self)})

    def to(self, device: torch.device) -> "Window":
        """Return the window on a device."""
        return Window(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})
