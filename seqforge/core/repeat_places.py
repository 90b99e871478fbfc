"""Places of sequences without periods, in which a network looks back at repeats alone."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from seqforge.core.places import REPEAT, Places

__all__ = ["RepeatPlaces"]


class RepeatPlaces(Places):
    """Gives all steps the same place, so that a step can repeat any earlier one that follows the same passage.

    The network reads what followed the latest occurrence of the last steps: of the last 64, 32, 16, 8, 4, 2 or 1, of
    which the longest that have occurred before count. So names and phrases of a text return. It is the match model of
    data compression (M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", Florida Tech
    CS-2005-16, 2005); the network weighs its prediction.

    >>> RepeatPlaces(excerpts=True).places(np.array([4, 5])).tolist()
    [[0, 0], [0, 0], [0, 0]]

    Args:
        excerpts: Whether training reads a piece in excerpts, as for a long text (the attribute of `Places`).
    """

    distances = (REPEAT,)

    def __init__(self, *, excerpts: bool = False) -> None:
        self.excerpts = excerpts

    def start(self) -> Hashable:
        return 0

    def advance(self, state: Any, step: int) -> Hashable:
        return 0

    def place(self, state: Any) -> tuple[int, int]:
        return 0, 0

    def places(self, steps: np.ndarray) -> np.ndarray:
        return np.zeros((len(steps) + 1, 2), np.int64)
