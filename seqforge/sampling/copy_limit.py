"""A limit of copying as a constraint: no long run of the training corpus is written."""

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np

from seqforge.core.run_index import RunIndex
from seqforge.core.sequences import Constraint, Free
from seqforge.errors import RequestError
from seqforge.sampling.guide import Guide

__all__ = ["CopyLimit"]

MAX_VISITED = 256
"""The number of states that a search for a way to the end visits; a state with a longer search counts as a dead end."""
DEPTH = 2
"""A way counts as clear after this number of steps per step of the limit, if the end is farther away."""
MAX_CACHED = 1 << 16
"""The number of answers that are cached; a full cache is cleared."""


class CopyState(NamedTuple):
    """A state of `CopyLimit`.

    Attributes:
        base: The state of the other constraint.
        run: The longest end of the piece that occurs in the corpus, at most as long as the limit.
        prompt: Number of steps of the prompt that are still to come; they may be copied.
    """

    base: Hashable
    run: tuple[int, ...]
    prompt: int


class CopyLimit(Constraint):
    """A constraint that also forbids each step that would complete a run of more than `limit` steps of a corpus.

    Runs in the prompt do not count, but a run that begins in the prompt does. From the middle of a run of half the
    limit on, a step is allowed only if a way to an end of the piece without a longer run is found, so the piece does
    not run into a dead end where the other constraint leaves a choice.

    >>> limit = CopyLimit(None, RunIndex([[0, 1, 2]], longest=3), 2, size=3)
    >>> state = limit.advance(limit.advance(limit.start(), 0), 1)
    >>> limit.allowed(state)  # 0 1 2 would be a run of three steps of the corpus
    array([ True,  True, False])

    Args:
        base: The other constraint; None allows everything.
        index: The runs of the corpus up to limit + 1 steps.
        limit: The length of the longest run that may be written, at least 1.
        size: Number of symbols.
        prompt_steps: Number of steps of the prompt.
    """

    def __init__(
        self, base: Constraint | None, index: RunIndex, limit: int, *, size: int, prompt_steps: int = 0
    ) -> None:
        self.base = Free(np.ones(size, np.bool_)) if base is None else base
        self.index, self.limit, self.prompt_steps = index, limit, prompt_steps
        self._guide = Guide(self.base)
        self._clear: dict[tuple[Hashable, tuple[int, ...]], bool] = {}

    def start(self) -> Hashable:
        return CopyState(self.base.start(), (), self.prompt_steps)

    def allowed(self, state: Any) -> np.ndarray:
        entry = self._guide.lookup(state.base)
        mask = np.array(entry.mask[:-1])
        if state.prompt:
            return mask
        for length in range(len(state.run), max(self.limit // 2, 1) - 1, -1):
            for step in self.index.followers(state.run[len(state.run) - length :]):
                if not mask[step]:
                    continue
                successor = self._successor(state.base, state.run, step)
                mask[step] = successor is not None and self._distance(*successor) is not None
        if not mask.any() and not entry.may_end:
            raise self._no_way()
        return mask

    def mask_key(self, state: Any) -> Hashable:
        if state.prompt or len(state.run) < max(self.limit // 2, 1):
            return "free", self.base.mask_key(state.base)
        return "run", state.base, state.run

    def may_end(self, state: Any) -> bool:
        return self._guide.lookup(state.base).may_end

    def to_end(self, state: Any) -> int:
        if state.prompt:
            return self.base.to_end(state.base)
        distance = self._distance(state.base, state.run)
        return self.base.to_end(state.base) + self.limit if distance is None else distance

    def advance(self, state: Any, step: Any) -> Hashable:
        base = self._guide.advance(self._guide.lookup(state.base), int(step)).state
        run = self.index.longest_suffix((*state.run, int(step))[-self.limit :])
        return CopyState(base, run, max(0, state.prompt - 1))

    def _no_way(self) -> RequestError:
        return RequestError(
            f"`max_copy` is {self.limit}, and the rules of the piece leave only continuations with a longer run of the"
            " training corpus; set a larger `max_copy`, or ask for another piece",
            field="max_copy", value=self.limit,
        )  # fmt: skip

    def _successor(self, base: Hashable, run: tuple[int, ...], step: int) -> tuple[Hashable, tuple[int, ...]] | None:
        """Return the state after a step that the other constraint allows; None if the step makes a run too long."""
        if len(run) == self.limit and step in self.index.followers(run):
            return None
        successor = self._guide.advance(self._guide.lookup(base), step).state
        return successor, self.index.longest_suffix((*run, step)[-self.limit :])

    def _distance(self, base: Hashable, run: tuple[int, ...]) -> int | None:
        """Return the length of a way to an end without a long run; None if there is none with at most one detour.

        The way follows the other constraint to its nearest end. If that way has a long run, one step aside is tried.
        """
        if self._is_clear(base, run):
            return self.base.to_end(base)
        distances = [
            1 + self.base.to_end(successor[0])
            for successor in self._successors(base, run, nearest_end=False)
            if self._is_clear(*successor)
        ]
        return min(distances, default=None)

    def _successors(
        self, base: Hashable, run: tuple[int, ...], *, nearest_end: bool
    ) -> Iterator[tuple[Hashable, tuple[int, ...]]]:
        mask = self._guide.mask(base, nearest_end=nearest_end)
        for step in np.flatnonzero(mask[:-1]).tolist():
            successor = self._successor(base, run, step)
            if successor is not None:
                yield successor

    def _is_clear(self, base: Hashable, run: tuple[int, ...]) -> bool:
        """Return whether the other constraint's nearest end can be reached without a long run."""
        known = self._clear.get((base, run))
        if known is None:
            if len(self._clear) >= MAX_CACHED:
                self._clear.clear()
            known = self._clear[base, run] = self._search(base, run)
        return known

    def _search(self, base: Hashable, run: tuple[int, ...]) -> bool:
        """Search the ways to the nearest end, depth first."""
        pending, visited = [iter([(base, run)])], set()
        while pending:
            state = next(pending[-1], None)
            if state is None:
                pending.pop()
                continue
            if state in visited:
                continue
            # A run grows by one per step, so it cannot become too long before the end if the end is near.
            if self.base.to_end(state[0]) <= self.limit - len(state[1]) or len(pending) > DEPTH * self.limit:
                return True
            visited.add(state)
            if len(visited) > MAX_VISITED:
                return False
            pending.append(self._successors(*state, nearest_end=True))
        return False
