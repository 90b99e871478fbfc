"""Masks that are shared by the key that a constraint gives to its states."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint
from seqforge.sampling.guide import Guide


class Counter(Constraint):
    """Counts all steps; the mask depends on the parity of the count."""

    def __init__(self) -> None:
        self.computed = 0

    def start(self) -> Hashable:
        return 0

    def mask_key(self, state: Any) -> Hashable:
        return state % 2

    def allowed(self, state: Any) -> np.ndarray:
        self.computed += 1
        return np.array([state % 2 == 0, state % 2 == 1])

    def may_end(self, state: Any) -> bool:
        return bool(state % 2 == 0)

    def to_end(self, state: Any) -> int:
        return int(state % 2)

    def advance(self, state: Any, step: Any) -> Hashable:
        return state + 1


def test_one_mask_is_computed_per_key() -> None:
    constraint = Counter()
    guide = Guide(constraint)
    entry = guide.lookup(constraint.start())
    for number in range(1, 200):
        entry = guide.advance(entry, (number - 1) % 2)
        assert entry.state == number and entry.may_end == (number % 2 == 0)
        assert entry.mask.tolist() == [number % 2 == 0, number % 2 == 1, number % 2 == 0]
    assert constraint.computed == 2
