"""The states of constraints in the rows of a batch: numbers, whose masks and successors are looked up in arrays."""

import numpy as np

from seqforge.sampling.guide import MAX_END_SHIFT, CachedState, Guide

__all__ = ["StateRows"]

FREE = 0
"""The number of the state without a constraint."""
UNKNOWN = -1
"""A successor or a number of steps that has not been computed."""
FAR = 1 << 60
"""More steps than any piece has."""
UNKNOWN_END = 1 << 61
"""A number of steps to the nearest end that has not been computed."""
MIN_STATES, MAX_STATES = 64, 1920
MAX_ENTRIES = 1 << 22
"""The largest number of states, and that of the entries of a table; beyond either, the tables are cleared."""


class StateRows:
    """The states that the rows have reached, as numbers with tables of their masks and successors.

    A full table is cleared; the rows then get new numbers.

    >>> from seqforge.core.sequences import Free
    >>> guide = Guide(Free(np.array([True, False])))
    >>> states = StateRows(choices=3)
    >>> rows = np.array([states.number(guide, guide.lookup(0)), FREE])
    >>> states.masks(rows)
    array([[ True, False,  True],
           [ True,  True,  True]])
    >>> states.advance(rows, np.array([0, 1])).tolist()
    [1, 0]

    Args:
        choices: The number of symbols, and one for the end.
    """

    def __init__(self, *, choices: int) -> None:
        self._max_states = max(2 * MIN_STATES, min(MAX_STATES, MAX_ENTRIES // choices))
        self._masks = np.ones((MIN_STATES, choices), np.bool_)
        self._successors = np.full((MIN_STATES, choices), UNKNOWN, np.int32)
        self._successors[FREE] = FREE
        self._nearest_ends = np.full(MIN_STATES, UNKNOWN_END, np.int64)
        """The number of steps to the nearest end from each state."""
        self._farthest_ends = np.full(MIN_STATES, UNKNOWN, np.int64)
        """The largest number of steps to the nearest end after one step of each state."""
        self._states: list[tuple[Guide, CachedState] | None] = [None]
        self._numbers: dict[tuple[int, int], int] = {}
        """The number of each state, by the identities of its guide and its entry, which `_states` keeps alive."""

    def number(self, guide: Guide | None, state: CachedState | None) -> int:
        """Return the number of a state; a new state gets the next one.

        Args:
            guide: The constraint; None without one.
            state: Its state.
        """
        if guide is None or state is None:
            return FREE
        key = id(guide), id(state)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._states)
            self._states.append((guide, state))
            if number == len(self._masks):
                self._masks = np.concatenate([self._masks, np.ones_like(self._masks)])
                self._successors, self._farthest_ends, self._nearest_ends = (
                    np.concatenate([table, np.full_like(table, value)])
                    for table, value in (
                        (self._successors, UNKNOWN),
                        (self._farthest_ends, UNKNOWN),
                        (self._nearest_ends, UNKNOWN_END),
                    )
                )
            self._masks[number] = state.mask
            self._nearest_ends[number], self._farthest_ends[number] = UNKNOWN_END, UNKNOWN
        return number

    def state(self, number: int) -> CachedState | None:
        """Return the state with a number; None without a constraint."""
        entry = self._states[number]
        return None if entry is None else entry[1]

    def end_checks(self, numbers: np.ndarray, steps_left: np.ndarray) -> tuple[np.ndarray, int]:
        """Return which masks depend on the number of steps that are left, and for how many steps none of them will.

        The conditions are those of `Guide.mask_within` and `Guide.next_check`; the distances of each state are computed
        once.

        Args:
            numbers: The numbers of the states of some rows.
            steps_left: The number of steps that are left of each of them.

        Returns:
            Whether the mask of each row depends on it now, and the number of steps, at least one, until the next check
            of the first row.
        """
        slack = steps_left - self._nearest_ends[numbers]
        smallest = int(slack.min())
        if smallest > MAX_END_SHIFT:
            return np.zeros(len(numbers), np.bool_), smallest // (MAX_END_SHIFT + 1)
        if smallest < -UNKNOWN_END // 2:
            for number in set(numbers[slack < -UNKNOWN_END // 2].tolist()):
                entry = self._states[number]
                self._nearest_ends[number] = -FAR if entry is None else entry[0].constraint.to_end(entry[1].state)
            slack = steps_left - self._nearest_ends[numbers]
        near: np.ndarray = slack <= MAX_END_SHIFT
        if near.any():
            farthest = self._farthest_ends[numbers]
            if (unknown := near & (farthest == UNKNOWN)).any():
                for number in set(numbers[unknown].tolist()):
                    guide, state = self._states[number]  # type: ignore[misc, unused-ignore]
                    self._farthest_ends[number] = guide.farthest_end(state.state)
                farthest = self._farthest_ends[numbers]
            near &= steps_left <= farthest
        return near, max(1, int(slack.min()) // (MAX_END_SHIFT + 1))

    def masks(self, numbers: np.ndarray) -> np.ndarray:
        """Return the masks of the states of all rows, shape (rows, choices), the end last."""
        masks: np.ndarray = self._masks[numbers]
        return masks

    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the numbers of the states after one step of each row.

        Args:
            numbers: The numbers of the states of all rows in use; all other numbers may become invalid.
            steps: The step of each row.
        """
        after: np.ndarray = self._successors[numbers, steps].astype(np.int64)
        if not np.count_nonzero(after < 0):
            return after
        missing = np.flatnonzero(after == UNKNOWN).tolist()
        if len(self._states) > self._max_states:
            numbers = self._clear(numbers)
            after[:], missing = UNKNOWN, list(range(len(numbers)))
        for row in missing:
            before, step = int(numbers[row]), int(steps[row])
            entry = self._states[before]
            if entry is not None:
                guide, state = entry
                after[row] = self._successors[before, step] = self.number(guide, guide.advance(state, step))
            else:
                after[row] = FREE
        return after

    def _clear(self, numbers: np.ndarray) -> np.ndarray:
        """Forget all states but those of the rows; return their new numbers."""
        states = [self._states[number] for number in numbers.tolist()]
        del self._states[1:]
        self._numbers.clear()
        self._successors[1:] = UNKNOWN
        return np.array([FREE if entry is None else self.number(*entry) for entry in states])
