"""The constraint of an automaton."""

import weakref
from collections.abc import Hashable
from typing import Any

import numpy as np

from seqforge.constraints.automaton import Automaton
from seqforge.constraints.table import FORBIDDEN, NO_END, Table
from seqforge.constraints.table_file import read_table, save_table
from seqforge.core.sequences import Constraint
from seqforge.errors import RequestError
from seqforge.version import __version__

__all__ = ["TableConstraint"]

MAX_STATES = 1_000_000


class TableConstraint(Constraint):
    """The constraint of an automaton: exact distances to the nearest end, and no dead ends.

    States are numbers of a table that grows as they are reached. A step after which no end can be reached is forbidden.
    Masks are stored once, as packed bits. The transitions and masks of a batch are array look-ups (`advance_all`,
    `masks`).

    >>> from seqforge import Brackets, Count, TableConstraint
    >>> constraint = TableConstraint(Brackets("()", {"(": ")"}) & Count("()", "(", exactly=1))
    >>> constraint.allowed(constraint.start()), constraint.to_end(constraint.start())
    (array([ True, False]), 2)

    Args:
        automaton: The automaton, such as a product of several.
        max_states: The largest number of states that are explored.
        cache_key: A name of the rule with all that it depends on, such as the request and the version of the plugin.
            What is explored is then stored in the cache folder when the program ends, and read the next time. A file
            is at most 32 MiB large, there are at most 16, and all may be deleted. None stores nothing.

    Raises:
        RequestError: By `start`, if the automaton allows no piece at all.
        ContractError: By all methods, if there are too many states.
    """

    def __init__(self, automaton: Automaton, *, max_states: int = MAX_STATES, cache_key: str | None = None) -> None:
        self.table = Table(automaton, max_states=max_states)
        if cache_key is not None:
            key = f"{__version__} {automaton.vocabulary!r} {cache_key}"
            read_table(self.table, key)
            weakref.finalize(self, _store, self.table, key, len(self.table.states))
        self.size = len(self.table.class_of)
        self._mask_numbers: dict[tuple[bytes, bool], int] = {}
        self._mask_of_state: dict[int, int] = {}
        self._packed = np.zeros((16, (self.size + 7) // 8), np.uint8)

    def start(self) -> Hashable:
        if self.table.distance(0) == NO_END:
            raise RequestError("no piece meets all parts of the request: the constraint allows no sequence of steps")
        return 0

    def allowed(self, state: Hashable) -> np.ndarray:
        mask: np.ndarray = self.masks(np.array([state]))[0]
        return mask

    def masks(self, states: np.ndarray) -> np.ndarray:
        """Return the masks of several states: bool, shape (states, symbols)."""
        numbers = [self._mask_number(state) for state in states.tolist()]
        result: np.ndarray = np.unpackbits(self._packed[numbers], axis=1, count=self.size).view(np.bool_)
        return result

    def mask_key(self, state: Hashable) -> Hashable:
        return self._mask_number(state)  # type: ignore[arg-type]

    def may_end(self, state: Hashable) -> bool:
        return self.table.may_end[state]  # type: ignore[call-overload, no-any-return]

    def to_end(self, state: Hashable) -> int:
        return self.table.distance(state)  # type: ignore[arg-type]

    def advance(self, state: Hashable, step: Any) -> Hashable:
        successor = self.table.successor(state, int(step))  # type: ignore[arg-type]
        if successor == FORBIDDEN:
            raise ValueError(f"step {step} is not allowed in state {state}")
        return successor

    def advance_all(self, states: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the states after one step of each row, -1 where the step is not allowed.

        Args:
            states: The states, int, shape (rows,).
            steps: The steps, int, shape (rows,).
        """
        return self.table.successors(states, steps)

    def _mask_number(self, state: int) -> int:
        """Return the number of the mask of a state; states with the same mask and the same `may_end` share it."""
        number = self._mask_of_state.get(state)
        if number is None:
            bits = np.packbits((self.table.row(state) != FORBIDDEN)[self.table.class_of])
            key = bits.tobytes(), self.table.may_end[state]
            number = self._mask_numbers.setdefault(key, len(self._mask_numbers))
            if number == len(self._packed):
                self._packed = np.concatenate([self._packed, np.zeros_like(self._packed)])
            self._packed[number] = bits
            self._mask_of_state[state] = number
        return number


def _store(table: Table, key: str, count: int) -> None:
    """Store a table that has more states than it had."""
    if len(table.states) > count:
        save_table(table, key)
