"""The states of constraints in the rows of a batch, as the constraint numbers them."""

from collections.abc import Sequence

import numpy as np

from seqforge.core.state_numbers import StateNumbers
from seqforge.sampling.guide import CachedState, Guide
from seqforge.sampling.state_rows import StateRows

__all__ = ["NumberedStates", "row_states"]

UNKNOWN = -1
"""The row of a mask that has not been computed."""
MIN_MASKS = 64
MAX_ENTRIES = 1 << 22
"""The largest number of entries of the table of masks; beyond it, the table is cleared."""


class NumberedStates:
    """The states of the rows of one constraint, with the numbers and successors of `Constraint.state_numbers`.

    It has the methods of `StateRows`.

    >>> from seqforge.core.sequences import Free
    >>> from seqforge.core.state_numbers import StateNumbers
    >>> class One(StateNumbers):  # the only state of `Free`
    ...     def number(self, state): return state
    ...     def state(self, number): return number
    ...     def mask_keys(self, numbers): return numbers
    ...     def advance(self, numbers, steps): return numbers
    >>> guide = Guide(Free(np.array([True, False])))
    >>> NumberedStates(guide, One(), choices=3).masks(np.array([0, 0]))
    array([[ True, False,  True],
           [ True, False,  True]])

    Args:
        guide: The constraint.
        numbers: Its states as integers.
        choices: The number of symbols, and one for the end.
    """

    def __init__(self, guide: Guide, numbers: StateNumbers, *, choices: int) -> None:
        self._guide, self._numbers = guide, numbers
        self._max_masks = max(2 * MIN_MASKS, MAX_ENTRIES // choices)
        self._masks = np.zeros((MIN_MASKS, choices), np.bool_)
        self._rows: dict[int, int] = {}
        """The row of the table of masks for each key."""

    def number(self, guide: Guide | None, state: CachedState | None) -> int:
        """Return the number of a state.

        Args:
            guide: The constraint, which is that of all rows.
            state: Its state.
        """
        assert guide is self._guide and state is not None
        return self._numbers.number(state.state)

    def state(self, number: int) -> CachedState | None:
        """Return the state with a number."""
        return self._guide.lookup(self._numbers.state(number))

    def masks(self, numbers: np.ndarray) -> np.ndarray:
        """Return the masks of the states of all rows, shape (rows, choices), the end last."""
        keys = self._numbers.mask_keys(numbers).tolist()
        if len(self._rows) + len(keys) > self._max_masks:
            self._rows.clear()
        rows = [self._rows.get(key, UNKNOWN) for key in keys]
        if UNKNOWN in rows:
            rows = [self._add_mask(key, number) for key, number in zip(keys, numbers.tolist(), strict=True)]
        masks: np.ndarray = self._masks[rows]
        return masks

    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the numbers of the states after one step of each row.

        Args:
            numbers: The numbers of the states of all rows in use; all other numbers may become invalid.
            steps: The step of each row.
        """
        if self._numbers.is_full and (new := self._guide.constraint.state_numbers()) is not None:
            states = map(self._numbers.state, numbers.tolist())
            numbers = np.array([new.number(state) for state in states], np.int64)
            self._numbers = new
            self._rows.clear()
        return self._numbers.advance(numbers, steps)

    def _add_mask(self, key: int, number: int) -> int:
        """Return the row of the table of masks for a key; the mask is added if it is missing."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._rows)
            if row == len(self._masks):
                self._masks = np.concatenate([self._masks, np.zeros_like(self._masks)])
            self._masks[row] = self._guide.lookup(self._numbers.state(number)).mask
        return row


def row_states(guides: Sequence[Guide | None], *, choices: int) -> StateRows | NumberedStates:
    """Return what holds the states of the rows: the numbers of the constraint if it is the only one and has them.

    Example:
        states = row_states([Guide(constraint)], choices=3)

    Args:
        guides: The constraints of the prompts; None for a prompt without one.
        choices: The number of symbols, and one for the end.
    """
    guide = guides[0] if all(guide is guides[0] for guide in guides) else None
    numbers = None if guide is None or guide.vectors else guide.constraint.state_numbers()
    return (
        StateRows(choices=choices)
        if guide is None or numbers is None
        else NumberedStates(guide, numbers, choices=choices)
    )
