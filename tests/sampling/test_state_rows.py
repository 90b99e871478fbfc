"""The states of a batch as numbers: the same masks and successors as those of the constraint."""

from typing import Any

import numpy as np
import pytest

from seqforge.core.sequences import Constraint
from seqforge.sampling.guide import Guide
from seqforge.sampling.state_rows import FREE, StateRows

SYMBOLS = 5


class Remainders(Constraint):
    """A sum modulo a number: a symbol is allowed unless the new sum is divisible by it."""

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus

    def start(self) -> Any:
        return 1

    def allowed(self, state: Any) -> np.ndarray:
        return np.array([(state + step) % self.modulus != 0 for step in range(SYMBOLS)])

    def may_end(self, state: Any) -> bool:
        return bool(state % 2)

    def to_end(self, state: Any) -> int:
        return 0 if state % 2 else 1

    def advance(self, state: Any, step: Any) -> Any:
        return (state + int(step)) % self.modulus


@pytest.mark.parametrize("modulus", [7, 10_000])
def test_rows_have_the_masks_of_their_states(modulus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.sampling.state_rows.MAX_STATES", 150)
    guides = [Guide(Remainders(modulus)), Guide(Remainders(modulus + 4)), None]
    states = StateRows(choices=SYMBOLS + 1)
    expected: list[Any] = [1, 1, None] * 3
    of_row = guides * 3
    starts = [None if guide is None else guide.lookup(1) for guide in of_row]
    numbers = np.array([states.number(guide, start) for guide, start in zip(of_row, starts, strict=True)])
    assert numbers[2] == FREE
    rng, largest = np.random.default_rng(0), 0
    for _ in range(400):  # more states than a table has
        masks = states.masks(numbers)
        for row, (guide, state) in enumerate(zip(of_row, expected, strict=True)):
            assert np.array_equal(masks[row], guide.lookup(state).mask if guide else np.ones(SYMBOLS + 1, bool))
            entry = states.state(int(numbers[row]))
            assert entry is None if guide is None else entry is not None and entry.state == state
        steps = np.array([rng.choice(np.flatnonzero(mask[:-1])) for mask in masks])
        numbers = states.advance(numbers, steps)
        pairs = zip(of_row, expected, steps, strict=True)
        expected = [None if guide is None else guide.constraint.advance(state, step) for guide, state, step in pairs]
        largest = max(largest, int(numbers.max()))
    assert largest < 150 + len(of_row) + 1


class Debts(Constraint):
    """Symbol 0 pays one; symbol s borrows 9 s, up to 60. The piece ends without a debt."""

    def start(self) -> Any:
        return 0

    def allowed(self, state: Any) -> np.ndarray:
        return np.array([state > 0, *(state + 9 * step <= 60 for step in range(1, SYMBOLS))])

    def may_end(self, state: Any) -> bool:
        return bool(state == 0)

    def to_end(self, state: Any) -> int:
        return int(state)

    def advance(self, state: Any, step: Any) -> Any:
        return state + 9 * int(step) if step else state - 1


def test_checks_near_the_end_are_those_of_the_guide() -> None:
    guide = Guide(Debts())
    states = StateRows(choices=SYMBOLS + 1)
    debts = [debt for debt in range(61) for _ in range(400)] + [0]
    left = np.array([steps for _ in range(61) for steps in range(1, 401)] + [5])
    numbers = np.array([states.number(guide, guide.lookup(debt)) for debt in debts[:-1]] + [FREE])
    near, _ = states.end_checks(numbers, left)
    assert not near[-1] and near.any() and not near.all()
    assert states.end_checks(numbers[-1:], left[-1:])[1] > 1000
    for row, debt in enumerate(debts[:-1]):
        steps_left = int(left[row])
        mask = guide.mask_within(debt, steps_left)
        assert near[row] or mask is guide.lookup(debt).mask
        assert near[row] == (steps_left <= guide.farthest_end(debt))
        _, rest = states.end_checks(numbers[row : row + 1], left[row : row + 1])
        assert steps_left - rest == guide.next_check(debt, steps_left)
