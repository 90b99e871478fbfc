"""Steps that are one symbol out of a finite set."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqforge.core.spaces._base import Space

MOST_SYMBOLS = 4_000_000


@dataclass(frozen=True)
class Categorical(Space):
    """One symbol out of `size`, written as an integer from 0 to size - 1.

    The boundary (start and end of a piece) is no symbol of the space: the core adds it.
    """

    kind: ClassVar[str] = "categorical"
    size: int

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= MOST_SYMBOLS:
            raise ValueError(f"size is {self.size!r}, and must lie between 1 and {MOST_SYMBOLS}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.min_scalar_type(self.size - 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def check(self, steps: np.ndarray) -> None:
        if steps.ndim != 1 or not np.issubdtype(steps.dtype, np.integer):
            raise ValueError(f"categorical steps are a 1-d integer array, not {steps.dtype} of shape {steps.shape}")
        wrong = np.flatnonzero((steps < 0) | (steps >= self.size))
        if wrong.size:
            at = int(wrong[0])
            raise ValueError(f"step {at} is {int(steps[at])}, and must lie between 0 and {self.size - 1}")

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "size": self.size}
