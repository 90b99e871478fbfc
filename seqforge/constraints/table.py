"""The states of an automaton as integers: their successors, and the distance of each to the nearest end."""

import heapq
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from seqforge.constraints.automaton import Automaton
from seqforge.errors import ContractError

__all__ = ["FORBIDDEN", "NO_END", "Exploration", "Table"]

FORBIDDEN = -1
"""The successor of a forbidden token."""
NO_END = 1 << 30
"""The distance of a state from which no end can be reached."""
MIN_ROWS = 64


class Exploration(NamedTuple):
    """What a table has explored, as arrays.

    Attributes:
        rows: The successor of each class of steps in each state, int32, shape (states, classes).
        flags: Per state, whether it is expanded, pruned, exact, and an end; bool, shape (states, 4).
        bounds: The distance of each state to the nearest end, or a lower bound of it; int32.
        origins: The state and the class from which each state was first reached; int32, shape (states, 2).
    """

    rows: np.ndarray
    flags: np.ndarray
    bounds: np.ndarray
    origins: np.ndarray


class Table:
    """The states that were reached, numbered from 0, the start; they are expanded as they are needed.

    >>> from seqforge import Count
    >>> table = Table(Count("ab", "a", exactly=2), max_states=100)
    >>> table.distance(0), table.successor(0, 0)
    (2, 1)

    Args:
        automaton: The automaton.
        max_states: The largest number of states.

    Attributes:
        class_of: The class of each step; steps of one class have the same successor in every state.
        states: The states of the automaton.
        may_end: Whether the piece may end in each state.
    """

    def __init__(self, automaton: Automaton, *, max_states: int) -> None:
        self.automaton, self.max_states = automaton, max_states
        tokens = list(automaton.vocabulary)
        classes = {automaton.token_class(token): token for token in reversed(tokens)}
        numbers = {key: number for number, key in enumerate(classes)}
        self.class_of = np.array([numbers[automaton.token_class(token)] for token in tokens], np.int32)
        self._representatives = list(classes.values())
        self.states: list[Hashable] = []
        self.may_end: list[bool] = []
        self._numbers: dict[Hashable, int] = {}
        self._rows = np.full((MIN_ROWS, len(classes)), FORBIDDEN, np.int32)
        self._is_expanded = bytearray()
        self._is_pruned = bytearray()
        self._bounds: list[int] = []
        """The distance of each state to the nearest end, or a lower bound of it."""
        self._is_exact = bytearray()
        self._origins: list[tuple[int, int]] = []
        """The state and the class from which each state was first reached."""
        self._number_of(automaton.start(), (FORBIDDEN, FORBIDDEN))

    def distance(self, state: int) -> int:
        """Return the number of steps to the nearest end, `NO_END` if there is none."""
        if not self._is_exact[state]:
            self._search(state)
        return self._bounds[state]

    def row(self, state: int) -> np.ndarray:
        """Return the successor of each class of steps; steps after which no end can be reached are forbidden."""
        if not self._is_pruned[state]:
            for successor in self._successors(state):
                if self.distance(successor) == NO_END:
                    row = self._rows[state]
                    row[row == successor] = FORBIDDEN
            self._is_pruned[state] = True
        result: np.ndarray = self._rows[state]
        return result

    def successor(self, state: int, step: int) -> int:
        """Return the state after a step, `FORBIDDEN` if the step is not allowed."""
        row = self._rows[state] if self._is_pruned[state] else self.row(state)
        return int(row[self.class_of[step]])

    def successors(self, states: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the states after the steps of several rows, `FORBIDDEN` where a step is not allowed."""
        for state in set(states.tolist()):
            self.row(state)
        result: np.ndarray = self._rows[states, self.class_of[steps]]
        return result

    def exploration(self) -> Exploration:
        """Return what has been explored."""
        flags: list[Iterable[int]] = [self._is_expanded, self._is_pruned, self._is_exact, self.may_end]
        return Exploration(
            self._rows[: len(self.states)], np.array([list(flag) for flag in flags], np.bool_).T,
            np.array(self._bounds, np.int32), np.array(self._origins, np.int32),
        )  # fmt: skip

    def restore(self, exploration: Exploration) -> bool:
        """Take over what another table of the same automaton has explored; return False if it does not fit.

        Every state is reached again from its origin, and must be as new and as final as it was.
        """
        rows, flags, bounds, origins = exploration
        count, classes = len(bounds), len(self._representatives)
        shapes = rows.shape == (count, classes), flags.shape == (count, 4), origins.shape == (count, 2)
        if not all(shapes) or not 0 < count < self.max_states or len(self.states) > 1:
            return False
        if rows.min() < FORBIDDEN or rows.max() >= count or bounds.min() < 0 or bounds.max() > NO_END:
            return False
        for number, (origin, class_) in enumerate(origins.tolist()[1:], 1):
            after = None
            if 0 <= origin < number and 0 <= class_ < classes:
                after = self.automaton.advance(self.states[origin], self._representatives[class_])
            if after is None or self._number_of(after, (origin, class_)) != number:
                return self._forget()
        if self.may_end != flags[:, 3].tolist():
            return self._forget()
        self._rows[:count] = rows
        self._is_expanded, self._is_pruned, self._is_exact = (bytearray(flags[:, n].tolist()) for n in range(3))
        self._bounds = bounds.tolist()
        return True

    def _forget(self) -> bool:
        """Return to the state of a new table; return False."""
        for part in (self.states, self.may_end, self._numbers, self._bounds, self._origins):
            part.clear()
        self._is_expanded, self._is_pruned, self._is_exact = bytearray(), bytearray(), bytearray()
        self._rows[:] = FORBIDDEN
        self._number_of(self.automaton.start(), (FORBIDDEN, FORBIDDEN))
        return False

    def _number_of(self, state: Hashable, origin: tuple[int, int]) -> int:
        """Return the number of a state; a new state gets the next one.

        Args:
            state: The state.
            origin: The state before, and the class of the step that leads from it to this one.
        """
        number = self._numbers.get(state)
        if number is not None:
            return number
        number = len(self.states)
        if number >= self.max_states:
            raise ContractError(
                f"the constraint has more than {self.max_states} states, such as {state!r:.200}; let states forget what"
                " no rule needs, limit counters and stacks, or let `least_to_end` return a closer bound"
            )
        if number == len(self._rows):
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, FORBIDDEN)])
        ends = self.automaton.may_end(state)
        self._numbers[state] = number
        self.states.append(state)
        self.may_end.append(ends)
        self._origins.append(origin)
        self._bounds.append(0 if ends else max(1, self.automaton.least_to_end(state)))
        self._is_exact.append(ends)
        self._is_expanded.append(False)
        self._is_pruned.append(False)
        return number

    def _successors(self, state: int) -> Iterator[int]:
        """Yield the different successors of a state."""
        if not self._is_expanded[state]:
            successors = self.automaton.successors(self.states[state], self._representatives)
            row = [
                FORBIDDEN if after is None else self._number_of(after, (state, number))
                for number, after in enumerate(successors)
            ]
            self._rows[state] = row
            self._is_expanded[state] = True
        yield from sorted(set(self._rows[state].tolist()) - {FORBIDDEN})

    def _search(self, start: int) -> None:
        """Compute the distance of a state to the nearest end, and of all states on the path.

        This is A* with the bounds of the automaton. Afterwards the bounds of all states that the search has met are
        raised to what it proved, so that later searches are shorter.

        Source: S. Koenig and M. Likhachev, "Adaptive A*", AAMAS 2005.
        """
        lengths, parents = {start: 0}, {start: start}
        heap = [(self._bounds[start], 0, start)]
        while heap:
            total, minus_length, state = heapq.heappop(heap)
            length = -minus_length
            if length > lengths[state]:
                continue
            if self._is_exact[state]:
                self._record(start, state, total, lengths, parents)
                return
            for successor in self._successors(state):
                if self._bounds[successor] < NO_END and length + 1 < lengths.get(successor, NO_END):
                    lengths[successor], parents[successor] = length + 1, state
                    heapq.heappush(heap, (length + 1 + self._bounds[successor], -length - 1, successor))
        for state in lengths:
            self._bounds[state], self._is_exact[state] = NO_END, True

    def _record(self, start: int, end: int, total: int, lengths: dict[int, int], parents: dict[int, int]) -> None:
        """Record what a search has proved: the distances on the path, and the bounds of all other states."""
        for state, length in lengths.items():
            self._bounds[state] = max(self._bounds[state], total - length)
        state = end
        while state != start:
            state = parents[state]
            self._bounds[state], self._is_exact[state] = total - lengths[state], True
