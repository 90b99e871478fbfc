"""The rule of chorales, written from parts, gives the masks and the distances of the automaton written by hand."""

from typing import Any

import numpy as np
import pytest

from seqforge import Automaton, Count, Product, TableConstraint
from seqforge_midi.chorale_automaton import NO_PITCH, ChoraleAutomaton
from seqforge_midi.parsed_request import ParsedRequest

FRAME_GROUP = 4
VOCABULARY = range(128 + FRAME_GROUP)


class Frames(Automaton):
    """Pitches descend within a frame, frame ends come in turn, and the last frame is not silent."""

    def __init__(self, request: ParsedRequest) -> None:
        super().__init__(VOCABULARY)
        self.range, self.polyphony = request.overall_range(), request.polyphony or 128

    def start(self) -> Any:
        return 0, NO_PITCH, False, 0

    def advance(self, state: Any, token: Any) -> Any:
        group_position, last_pitch, has_sound, pitches = state
        if token >= 128:
            is_next = token == 128 + group_position
            return ((group_position + 1) % FRAME_GROUP, NO_PITCH, last_pitch < NO_PITCH, 0) if is_next else None
        fits = self.range[0] <= token <= self.range[1] and token < last_pitch and pitches < self.polyphony
        return (group_position, token, has_sound, min(pitches + 1, self.polyphony)) if fits else None

    def may_end(self, state: Any) -> bool:
        return bool(state[1] == NO_PITCH and state[2])


@pytest.mark.parametrize(
    "request_",
    [
        ParsedRequest(ranges={19: (60, 66)}, programs=(19,)),
        ParsedRequest(ranges={19: (60, 66)}, programs=(19,), frames=5),
        ParsedRequest(ranges={19: (60, 70)}, programs=(19,), bars=2, frames_per_bar=3, polyphony=2),
    ],
    ids=["any length", "frames", "bars and polyphony"],
)
def test_parts_give_the_masks_of_the_automaton(request_: ParsedRequest) -> None:
    automaton = ChoraleAutomaton(FRAME_GROUP, request_)
    frames = request_.frames or request_.bars * request_.frames_per_bar
    ends = Count(VOCABULARY, range(128, 128 + FRAME_GROUP), exactly=frames or None)
    constraint, rng = TableConstraint(Product(Frames(request_), ends)), np.random.default_rng(0)
    for _ in range(10):
        state, other = automaton.start(), constraint.start()
        for _ in range(60):
            mask = automaton.allowed(state)
            assert (constraint.allowed(other) == mask).all()
            assert constraint.may_end(other) == automaton.may_end(state)
            assert constraint.to_end(other) == automaton.to_end(state)
            if not mask.any():
                break
            step = int(rng.choice(np.flatnonzero(mask)))
            state, other = automaton.advance(state, step), constraint.advance(other, step)
