"""Steps that are one symbol of a finite set."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqforge.core.spaces._base import Space

MAX_SYMBOLS = 4_000_000


@dataclass(frozen=True)
class Categorical(Space):
    """One of `size` symbols, written as an integer from 0 to size - 1.

    The boundary (start and end of a piece) is not a symbol of the space: the core adds it.

    >>> space = Categorical(300)
    >>> space.dtype, space.shape
    (dtype('uint16'), ())

    Attributes:
        size: The number of symbols, from 1 to 4,000,000.
    """

    kind: ClassVar[str] = "categorical"
    size: int

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= MAX_SYMBOLS:
            raise ValueError(f"size is {self.size!r}; it must be from 1 to {MAX_SYMBOLS}")

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
            raise ValueError(f"step {at} is {int(steps[at])}; it must be from 0 to {self.size - 1}")

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "size": self.size}
