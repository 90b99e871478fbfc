"""The states of a batch as the constraint numbers them: the same masks and successors as those of the constraint."""

from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Free
from seqforge.core.state_numbers import StateNumbers
from seqforge.sampling.guide import Guide
from seqforge.sampling.numbered_states import NumberedStates, row_states
from seqforge.sampling.state_rows import StateRows

SYMBOLS, MODULUS = 5, 97


class Sums(Constraint):
    """A sum modulo a number: a symbol is allowed unless the new sum is divisible by three."""

    def start(self) -> Any:
        return "1"

    def allowed(self, state: Any) -> np.ndarray:
        return (int(state) + np.arange(SYMBOLS)) % 3 != 0

    def may_end(self, state: Any) -> bool:
        return int(state) % 3 == 1

    def to_end(self, state: Any) -> int:
        return 0 if int(state) % 3 == 1 else 1

    def advance(self, state: Any, step: Any) -> Any:
        return str((int(state) + int(step)) % MODULUS)

    def state_numbers(self) -> StateNumbers:
        return SumNumbers()


class SumNumbers(StateNumbers):
    """The sums in the order in which they are met; after 20 of them, the sampler goes on with a new object."""

    def __init__(self) -> None:
        self.sums: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.sums) >= 20

    def number(self, state: Any) -> int:
        if int(state) not in self.sums:
            self.sums.append(int(state))
        return self.sums.index(int(state))

    def state(self, number: int) -> Any:
        return str(self.sums[number])

    def mask_keys(self, numbers: np.ndarray) -> np.ndarray:
        return np.array(self.sums)[numbers] % 3

    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        sums = (np.array(self.sums)[numbers] + steps) % MODULUS
        return np.array([self.number(value) for value in sums])


def test_rows_have_the_masks_of_their_states() -> None:
    guide = Guide(Sums())
    states = row_states([guide], choices=SYMBOLS + 1)
    assert isinstance(states, NumberedStates)
    expected = ["1", "4", "7"]
    numbers = np.array([states.number(guide, guide.lookup(state)) for state in expected])
    rng, largest = np.random.default_rng(0), 0
    for _ in range(200):
        masks = states.masks(numbers)
        for row, state in enumerate(expected):
            entry = states.state(int(numbers[row]))
            assert entry is not None and entry.state == state
            assert np.array_equal(masks[row], guide.lookup(state).mask)
        steps = np.array([rng.choice(np.flatnonzero(mask[:-1])) for mask in masks])
        numbers = states.advance(numbers, steps)
        expected = [guide.constraint.advance(state, step) for state, step in zip(expected, steps, strict=True)]
        largest = max(largest, int(numbers.max()))
    assert largest < 20 + len(expected)


def test_prompts_with_other_constraints_share_the_states_of_their_guides() -> None:
    assert isinstance(row_states([Guide(Sums()), Guide(Sums())], choices=SYMBOLS + 1), StateRows)
    assert isinstance(row_states([Guide(Free(np.ones(SYMBOLS, np.bool_)))], choices=SYMBOLS + 1), StateRows)
    assert isinstance(row_states([None], choices=SYMBOLS + 1), StateRows)
