"""Constrained decoding: the automaton's masks, cached, and the way to an end when a limit comes near."""

from collections.abc import Hashable

import numpy as np

from seqforge.errors import RequestError
from seqforge.sequences import Constraint, Prompt

CACHED_STATES = 4096
HORIZON = 128
"""The most steps by which one step may move the nearest end away."""


class Guide:
    """A constraint as the sampler uses it: masks with the end as their last entry, cached by state.

    Args:
        constraint: the automaton.
    """

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self._masks: dict[tuple[Hashable, bool], np.ndarray] = {}
        self._within: dict[tuple[Hashable, int], np.ndarray] = {}

    def after(self, prompt: Prompt) -> Hashable:
        """Return the state after a prompt.

        Raises:
            RequestError: no valid piece begins so.
        """
        state = self.constraint.start()
        for number, step in enumerate(prompt.example.steps.tolist()):
            if not self.constraint.allowed(state)[step]:
                raise RequestError(f"the prompt begins no valid piece: nothing allows its step {number + 1}")
            state = self.constraint.advance(state, step)
        if not self.constraint.may_end(state) and not self.constraint.allowed(state).any():
            raise RequestError("the prompt begins no valid piece: nothing may follow it")
        return state

    def mask(self, state: Hashable, *, closing: bool) -> np.ndarray:
        """Return what may come in a state: a bool for each symbol, and last whether the piece may end.

        Args:
            state: of the automaton.
            closing: only what leads to the nearest end may come.
        """
        key = (state, closing)
        if key not in self._masks:
            if len(self._masks) >= CACHED_STATES:
                self._masks.clear()
            self._masks[key] = self._make(state, closing)
        return self._masks[key]

    def next_check(self, state: Hashable, steps_left: int) -> int:
        """Return how many steps may be left when `mask_within` is needed again: until then an end stays in reach."""
        return steps_left - max(1, (steps_left - self.constraint.to_end(state)) // (HORIZON + 1))

    def mask_within(self, state: Hashable, steps_left: int) -> np.ndarray:
        """Return what may come in a state so that a whole piece takes at most so many further steps.

        Where none can, only what leads to the nearest end may come.
        """
        distance = self.constraint.to_end(state)
        if steps_left > distance + HORIZON:
            return self.mask(state, closing=False)
        key = (state, steps_left)
        if key not in self._within:
            if len(self._within) >= CACHED_STATES:
                self._within.clear()
            mask = np.array(self.mask(state, closing=False))
            for step in np.flatnonzero(mask[:-1]).tolist():
                mask[step] = self.constraint.to_end(self.constraint.advance(state, step)) < steps_left
            self._within[key] = mask if mask.any() else self.mask(state, closing=True)
        return self._within[key]

    def _make(self, state: Hashable, closing: bool) -> np.ndarray:
        allowed, may_end = self.constraint.allowed(state), self.constraint.may_end(state)
        if closing:
            allowed = np.array(allowed)
            distance = self.constraint.to_end(state)
            for step in np.flatnonzero(allowed).tolist() if not may_end else []:
                after = self.constraint.advance(state, step)
                allowed[step] = self.constraint.to_end(after) < distance
            if may_end:
                allowed[:] = False
        return np.append(allowed, may_end or not allowed.any())
