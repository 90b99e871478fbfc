"""Constrained decoding: the automaton's masks, cached, and the way to an end when a limit comes near."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Prompt
from seqforge.errors import RequestError

CACHED_STATES = 4096
CACHED_STEPS = 1 << 18
HORIZON = 128
"""The most steps by which one step may move the nearest end away."""
LINGER = 40
"""Steps after which a piece must end whose source is wholly attended to."""


@dataclass(slots=True, eq=False)
class Place:
    """A state of the automaton as the sampler meets it, with what has been worked out about it.

    Attributes:
        state: of the automaton.
        may_end: whether the piece may end here.
        mask: what may come, the end last.
        after: for steps that were taken from here, the place that they lead to.
    """

    state: Hashable
    may_end: bool
    mask: np.ndarray
    after: "dict[int, Place]" = field(default_factory=dict)


class Guide:
    """A constraint as the sampler uses it: masks with the end as their last entry, cached by state.

    Args:
        constraint: the automaton.
    """

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self._places: dict[Hashable, Place] = {}
        self._steps = 0
        self._closing: dict[Hashable, np.ndarray] = {}
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

    def place(self, state: Hashable) -> Place:
        """Return the place of a state."""
        found = self._places.get(state)
        if found is None:
            if len(self._places) >= CACHED_STATES or self._steps >= CACHED_STEPS:
                self._forget()
            allowed, may_end = self.constraint.allowed(state), self.constraint.may_end(state)
            found = Place(state, may_end, np.append(allowed, may_end or not allowed.any()))
            self._places[state] = found
        return found

    def advance(self, place: Place, step: Any) -> Place:
        """Return the place that an allowed step leads to.

        Args:
            place: where the piece is.
            step: an int; or a vector, whose way is not remembered.
        """
        if not isinstance(step, int):
            return self.place(self.constraint.advance(place.state, step))
        found = place.after.get(step)
        if found is None:
            found = place.after[step] = self.place(self.constraint.advance(place.state, step))
            self._steps += 1
        return found

    def mask(self, state: Hashable, *, closing: bool) -> np.ndarray:
        """Return what may come in a state: a bool for each symbol, and last whether the piece may end.

        Args:
            state: of the automaton.
            closing: only what leads to the nearest end may come.
        """
        if not closing:
            return self.place(state).mask
        if state not in self._closing:
            if len(self._closing) >= CACHED_STATES:
                self._closing.clear()
            self._closing[state] = self._towards_end(state)
        return self._closing[state]

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

    def _towards_end(self, state: Hashable) -> np.ndarray:
        allowed, may_end = np.array(self.constraint.allowed(state)), self.constraint.may_end(state)
        if may_end:
            allowed[:] = False
        else:
            distance = self.constraint.to_end(state)
            for step in np.flatnonzero(allowed).tolist():
                allowed[step] = self.constraint.to_end(self.constraint.advance(state, step)) < distance
        return np.append(allowed, may_end or not allowed.any())

    def _forget(self) -> None:
        """Forget all places; those that pieces are at now live on, without their ways."""
        for place in self._places.values():
            place.after.clear()
        self._places.clear()
        self._steps = 0


def mask_source_end(masks: np.ndarray, rested: np.ndarray) -> np.ndarray:
    """Return masks under which a piece ends where its source does; one that would leave nothing stays as it is.

    Args:
        masks: what may come, shape (rows, choices), the end last.
        rested: for how many steps each row's window has rested behind the end of the source.
    """
    found = masks.copy()
    found[rested == 0, -1] = False
    found[rested >= LINGER, :-1] = False
    return np.where(found.any(axis=1, keepdims=True), found, masks)
