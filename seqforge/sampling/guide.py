"""Constrained decoding: cached masks of the constraint, and the path to an end when a limit comes near."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Prompt
from seqforge.errors import RequestError

MAX_CACHED_STATES = 4096
"""The number of states that each cache holds; a full cache is cleared."""
MAX_CACHED_MASKS = 16_384
"""The number of masks that are cached by their keys; beyond it, all are cleared."""
MAX_CACHED_TRANSITIONS = 1 << 18
"""The number of transitions between cached states; beyond it, all cached states are cleared."""
MAX_END_SHIFT = 128
"""The largest number of steps by which one step may move the nearest end farther away."""
MAX_STEPS_AFTER_SOURCE = 40
"""The number of steps after the end of the source after which a piece must end."""


@dataclass(slots=True, eq=False)
class CachedState:
    """A state of the automaton with its mask and the transitions that were computed.

    Attributes:
        state: The state of the automaton.
        may_end: Whether the piece may end in this state.
        mask: The choices that are allowed: bool, shape (symbols + 1,), the end last.
        transitions: The cached state after each step that has been followed.
    """

    state: Hashable
    may_end: bool
    mask: np.ndarray
    transitions: "dict[int, CachedState]" = field(default_factory=dict)


class Guide:
    """A constraint as the sampler uses it: its masks, with the end as their last entry, cached by state.

    >>> from seqforge.core.sequences import Free
    >>> guide = Guide(Free(np.array([True, False])))
    >>> guide.mask(0, nearest_end=False)
    array([ True, False,  True])

    Args:
        constraint: The automaton.
        vectors: Whether steps are vectors. A mask then has a choice to go on, two per bit, and the end.
    """

    def __init__(self, constraint: Constraint, *, vectors: bool = False) -> None:
        self.constraint, self.vectors = constraint, vectors
        self._states: dict[Hashable, CachedState] = {}
        self._masks: dict[Hashable, tuple[bool, np.ndarray]] = {}
        self._transition_count = 0
        self._nearest_end_masks: dict[Hashable, np.ndarray] = {}
        self._farthest_ends: dict[Hashable, int] = {}
        self._limited_masks: dict[tuple[Hashable, int], np.ndarray] = {}

    def state_after(self, prompt: Prompt) -> Hashable:
        """Return the state of the automaton after the steps of a prompt.

        Raises:
            RequestError: If the prompt cannot be continued to a valid piece; `value` is the number of the step that is
                not allowed, from 1.
        """
        state = self.constraint.start()
        steps = prompt.example.steps if self.vectors else prompt.example.steps.tolist()
        for number, step in enumerate(steps, 1):
            if not self.allows(state, step):
                raise RequestError(
                    f"the prompt begins no valid piece: the constraint does not allow its step {number}", value=number
                )
            state = self.constraint.advance(state, step)
        if not self.constraint.may_end(state) and not self.constraint.allowed(state).any():
            raise RequestError("the prompt begins no valid piece: the constraint allows no step after it, and no end")
        return state

    def lookup(self, state: Hashable) -> CachedState:
        """Return the cached entry of a state; it is computed if it is missing."""
        entry = self._states.get(state)
        if entry is None:
            if len(self._states) >= MAX_CACHED_STATES or self._transition_count >= MAX_CACHED_TRANSITIONS:
                self._clear_states()
            entry = self._states[state] = CachedState(state, *self._mask_of(state))
        return entry

    def _mask_of(self, state: Hashable) -> tuple[bool, np.ndarray]:
        """Return whether a piece may end in a state, and the mask of the state; both are cached by `mask_key`."""
        key = self.constraint.mask_key(state)
        known = self._masks.get(key)
        if known is None:
            if len(self._masks) >= MAX_CACHED_MASKS:
                self._masks.clear()
            allowed, may_end = self._choices(state), self.constraint.may_end(state)
            known = self._masks[key] = may_end, np.append(allowed, may_end or not allowed.any())
        return known

    def _choices(self, state: Hashable) -> np.ndarray:
        """Return the choices that are allowed in a state, without the end."""
        allowed = self.constraint.allowed(state)
        if not self.vectors:
            return allowed
        goes_on = bool(allowed.any(axis=1).all())  # each bit has a value
        return np.append(goes_on, allowed.ravel() & goes_on)

    def allows(self, state: Hashable, step: Any) -> bool:
        """Return whether a step is allowed; a vector must have allowed bits, and the projection must not move it.

        Args:
            state: The state before the step.
            step: The step: an int, or a vector.
        """
        if not self.vectors:
            return bool(self.constraint.allowed(state)[step])
        bits = step[len(step) - len(self.constraint.allowed(state)) :].astype(np.int64)
        allowed = self.constraint.allowed(state)[np.arange(len(bits)), bits].all()
        return bool(allowed) and np.allclose(self.constraint.project(state, step), step, rtol=1e-4, atol=1e-4)

    def project(self, state: Hashable, step: np.ndarray, steps_left: int) -> np.ndarray:
        """Return the vector that takes the place of a drawn one.

        It is what the constraint makes of the vector. If the piece could not end within the steps that are left, one
        bit may change: of the vectors that differ in one allowed bit, the one nearest to an end is taken.

        Args:
            state: The state before the step.
            step: The vector.
            steps_left: The number of steps that are left, this one included.
        """
        constraint = self.constraint
        step = constraint.project(state, step)
        if constraint.to_end(constraint.advance(state, step)) < steps_left:
            return step
        allowed = constraint.allowed(state)
        candidates = [step]
        for number in np.flatnonzero(allowed.all(axis=1)).tolist():
            changed = np.array(step)
            changed[len(step) - len(allowed) + number] = 1 - changed[len(step) - len(allowed) + number]
            candidates.append(constraint.project(state, changed))
        return min(candidates, key=lambda vector: constraint.to_end(constraint.advance(state, vector)))

    def advance(self, entry: CachedState, step: Any) -> CachedState:
        """Return the cached state after an allowed step.

        Args:
            entry: The cached state before the step.
            step: An int, whose transition is cached, or a vector, whose transition is computed each time.
        """
        if not isinstance(step, int):
            return self.lookup(self.constraint.advance(entry.state, step))
        successor = entry.transitions.get(step)
        if successor is None:
            successor = entry.transitions[step] = self.lookup(self.constraint.advance(entry.state, step))
            self._transition_count += 1
        return successor

    def mask(self, state: Hashable, *, nearest_end: bool) -> np.ndarray:
        """Return the mask of a state: bool, shape (symbols + 1,), the end last.

        Args:
            state: The state of the automaton.
            nearest_end: Whether to allow only the steps that lead to the nearest end.
        """
        if not nearest_end:
            return self.lookup(state).mask
        if state not in self._nearest_end_masks:
            if len(self._nearest_end_masks) >= MAX_CACHED_STATES:
                self._nearest_end_masks.clear()
            self._nearest_end_masks[state] = self._nearest_end_mask(state)
        return self._nearest_end_masks[state]

    def next_check(self, state: Hashable, steps_left: int) -> int:
        """Return the number of steps left at which `mask_within` is needed again; before that, an end is in reach."""
        return steps_left - max(1, (steps_left - self.constraint.to_end(state)) // (MAX_END_SHIFT + 1))

    def mask_within(self, state: Hashable, steps_left: int) -> np.ndarray:
        """Return the mask of the steps after which the piece can still end within `steps_left` steps.

        If there is no such step, only the steps that lead to the nearest end are allowed.
        """
        distance = self.constraint.to_end(state)
        if self.vectors or steps_left > distance + MAX_END_SHIFT:
            return self.mask(state, nearest_end=False)
        if steps_left > self.farthest_end(state):
            return self.mask(state, nearest_end=False)
        key = (state, steps_left)
        if key not in self._limited_masks:
            if len(self._limited_masks) >= MAX_CACHED_STATES:
                self._limited_masks.clear()
            mask = np.array(self.mask(state, nearest_end=False))
            for step in np.flatnonzero(mask[:-1]).tolist():
                mask[step] = self.constraint.to_end(self.constraint.advance(state, step)) < steps_left
            self._limited_masks[key] = mask if mask.any() else self.mask(state, nearest_end=True)
        return self._limited_masks[key]

    def farthest_end(self, state: Hashable) -> int:
        """Return the largest distance to the nearest end after one allowed step; it is cached."""
        if state not in self._farthest_ends:
            if len(self._farthest_ends) >= MAX_CACHED_STATES:
                self._farthest_ends.clear()
            steps = np.flatnonzero(self.mask(state, nearest_end=False)[:-1]).tolist()
            ends = (self.constraint.to_end(self.constraint.advance(state, step)) for step in steps)
            self._farthest_ends[state] = max(ends, default=0)
        return self._farthest_ends[state]

    def _nearest_end_mask(self, state: Hashable) -> np.ndarray:
        """Return the mask of the steps that lower the distance to the nearest end, or of the end alone."""
        allowed, may_end = np.array(self._choices(state)), self.constraint.may_end(state)
        if self.vectors and not may_end:
            return self.lookup(state).mask  # `project` leads to the end
        if may_end:
            allowed[:] = False
        else:
            steps = np.flatnonzero(allowed)
            successors = [self.constraint.advance(state, step) for step in steps.tolist()]
            distances = np.array([self.constraint.to_end(successor) for successor in successors], np.int64)
            nearer = distances < self.constraint.to_end(state)
            # a constraint that looks ahead only a limited way may have no nearer step; then the nearest steps count
            allowed[steps] = nearer if nearer.any() else distances == min(distances, default=0)
        return np.append(allowed, may_end or not allowed.any())

    def _clear_states(self) -> None:
        """Clear the cached states; entries that pieces still refer to stay valid but lose their transitions."""
        for entry in self._states.values():
            entry.transitions.clear()
        self._states.clear()
        self._transition_count = 0


def mask_source_end(masks: np.ndarray, steps_at_end: np.ndarray) -> np.ndarray:
    """Return masks that forbid the end before the attention has reached the end of the source and demand it later.

    A mask that would forbid everything stays unchanged.

    >>> mask_source_end(np.ones((3, 2), bool), np.array([0, 1, 40]))
    array([[ True, False],
           [ True,  True],
           [False,  True]])

    Args:
        masks: The choices that are allowed, shape (rows, choices), the end last.
        steps_at_end: For how many steps the attention of each row has been at the end of its source, shape (rows,).
    """
    result = masks.copy()
    result[steps_at_end == 0, -1] = False
    result[steps_at_end >= MAX_STEPS_AFTER_SOURCE, :-1] = False
    return np.where(result.any(axis=1, keepdims=True), result, masks)
