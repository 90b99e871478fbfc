"""The automaton of the chorale encoding: pitches descend within a frame, and there are as many frames as requested."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.parsed_request import ParsedRequest

NO_PITCH = 128
"""Stands for the last pitch at the start of a frame: every pitch is lower."""
FIRST_NOTES = 3
"""The smallest number of notes of the first frame in a requested key."""


class _State(NamedTuple):
    """The state of a chorale.

    Attributes:
        frames: The number of frames that have ended; at most 1 if their number is not fixed.
        group_position: The position of the current frame in its group.
        last_pitch: The last pitch of the current frame; the next one must be lower.
        has_sound: Whether the last complete frame has a note.
        pitches: The number of pitches of the current frame; 0 if their number has no limit.
    """

    frames: int
    group_position: int
    last_pitch: int
    has_sound: bool
    pitches: int = 0


class ChoraleAutomaton(Constraint):
    """Allows the tokens of chorales that meet a request; the last frame is never silent.

    In a requested key, the first frame has three or more notes of the triad of the tonic, from which the network infers
    the key: four of five chorales of the corpus begin so.

    Args:
        frame_group: The number of frame_end tokens.
        request: What the songs must be like: bars, frames, pitch ranges, polyphony and key.
    """

    def __init__(self, frame_group: int, request: ParsedRequest) -> None:
        self.size, self.frame_group = 128 + frame_group, frame_group
        self.frames = request.frames or request.bars * request.frames_per_bar
        self.lowest, self.highest = request.overall_range()
        self.polyphony = request.polyphony
        triad = request.key.tonic_triad if request.key else ()
        self.first_pitches = np.isin(np.arange(128) % 12, triad)
        self.first_pitches[: self.lowest] = self.first_pitches[self.highest + 1 :] = False
        self.lower_pitches: np.ndarray = np.cumsum(self.first_pitches) - self.first_pitches
        self.first_notes = min(FIRST_NOTES, self.polyphony or FIRST_NOTES, int(self.first_pitches.sum()))

    def start(self) -> Hashable:
        return _State(0, 0, NO_PITCH, False)

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        if not self.frames or state.frames < self.frames:
            may_play = not self.polyphony or state.pitches < self.polyphony
            mask[self.lowest : min(state.last_pitch, self.highest + 1)] = may_play
            is_last = self.frames and state.frames == self.frames - 1
            mask[128 + state.group_position] = state.last_pitch < NO_PITCH or not is_last
            if self.first_notes and not state.frames:
                missing = self._missing_notes(state)
                mask[:128] &= self.first_pitches & (self.lower_pitches >= missing - 1)
                mask[128:] &= not missing
        return mask

    def _missing_notes(self, state: _State) -> int:
        """Return the number of notes that the first frame lacks."""
        return 0 if state.frames else max(0, self.first_notes - int(state.pitches))

    def may_end(self, state: Any) -> bool:
        between_frames = state.last_pitch == NO_PITCH
        return bool(state.has_sound and between_frames and (not self.frames or state.frames == self.frames))

    def to_end(self, state: Any) -> int:
        missing, remaining = self._missing_notes(state), self.frames - state.frames
        if missing:
            return int(missing + max(1, remaining) + (remaining > 1))
        if not self.frames:
            return 0 if self.may_end(state) else 1 if state.last_pitch < NO_PITCH else 2
        return int(remaining + (remaining > 0 and (remaining > 1 or state.last_pitch == NO_PITCH)))

    def advance(self, state: Any, step: Any) -> Any:
        if step < 128:
            is_counted = self.polyphony or (self.first_notes and not state.frames)
            pitches = state.pitches + 1 if is_counted else 0
            return state._replace(last_pitch=int(step), pitches=pitches)
        frames = state.frames + 1 if self.frames else 1
        return _State(frames, (state.group_position + 1) % self.frame_group, NO_PITCH, state.last_pitch < NO_PITCH)
