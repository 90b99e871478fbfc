"""The automaton of chorales in which some pitches of a frame are fixed and others free."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint

NO_PITCH = 128
"""Stands for the last pitch at the start of a frame: every pitch is lower."""


class FreeFrame(NamedTuple):
    """What may sound in a frame beside its fixed pitches.

    Attributes:
        pitches: The free pitches.
        most: The largest number of free pitches.
    """

    pitches: frozenset[int]
    most: int


class _State(NamedTuple):
    """The state of a chorale with fixed pitches.

    Attributes:
        frame: The number of the frame.
        last_pitch: The last pitch of the frame; the next one must be lower.
        fixed_count: The number of fixed pitches of the frame so far.
        free_count: The number of free pitches of the frame so far.
    """

    frame: int
    last_pitch: int = NO_PITCH
    fixed_count: int = 0
    free_count: int = 0


class FixedFramesAutomaton(Constraint):
    """Allows chorales with these pitches and, where a frame has room, others.

    Args:
        frame_group: The number of frame_end tokens.
        first_position: The position of the first frame in its group.
        fixed: The fixed pitches of each frame, descending.
        free: What else may sound in each frame; None for nothing.
    """

    def __init__(
        self,
        frame_group: int,
        first_position: int,
        fixed: Sequence[Sequence[int]],
        free: Sequence[FreeFrame | None],
    ) -> None:
        self.size, self.frame_group, self.first_position = 128 + frame_group, frame_group, first_position
        self.fixed, self.free = fixed, free
        sizes = [len(pitches) + 1 for pitches in fixed]
        self.steps_from = [*np.cumsum(sizes[::-1])[::-1].tolist(), 0]

    def start(self) -> Hashable:
        return _State(0)

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        if state.frame == len(self.fixed):
            return mask
        fixed, free = self.fixed[state.frame], self.free[state.frame]
        low = fixed[state.fixed_count] if state.fixed_count < len(fixed) else -1
        if free is not None and state.free_count < free.most:
            mask[[pitch for pitch in free.pitches if low < pitch < state.last_pitch]] = True
        if low >= 0:
            mask[low] = True
        else:
            mask[128 + (self.first_position + state.frame) % self.frame_group] = True
        return mask

    def may_end(self, state: Any) -> bool:
        return bool(state.frame == len(self.fixed))

    def to_end(self, state: Any) -> int:
        return int(self.steps_from[state.frame] - state.fixed_count)

    def advance(self, state: Any, step: Any) -> Any:
        if step >= 128:
            return _State(state.frame + 1)
        fixed = self.fixed[state.frame]
        if state.fixed_count < len(fixed) and fixed[state.fixed_count] == step:
            return state._replace(last_pitch=int(step), fixed_count=state.fixed_count + 1)
        return state._replace(last_pitch=int(step), free_count=state.free_count + 1)
