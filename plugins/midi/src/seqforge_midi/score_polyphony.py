"""The automaton of scores in which at most a number of notes sound at once."""

from typing import Any

import numpy as np

from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.score_automaton import DRUM_TICKS, ScoreAutomaton, ScoreState
from seqforge_midi.song import TICKS_PER_QUARTER
from seqforge_midi.tokens import Vocabulary
from seqforge_midi.track_table import TrackTable


class PolyphonyAutomaton(ScoreAutomaton):
    """Allows the tokens of complete scores of which at most `request.polyphony` notes sound at once.

    Drum hits count for as long as they are written, 1/8 of a quarter note. Where as many notes sound already, no
    position and no deviation from it is allowed, so no onset is without a note; a bar line always is.

    Example:
        automaton = PolyphonyAutomaton(score.vocabulary, score.table, 12, 1, ParsedRequest(polyphony=4))

    Args:
        vocabulary: The tokens of the encoding.
        table: The tracks that have tokens.
        grid: Grid steps per quarter note.
        microtiming: Onset positions per grid step.
        request: What the songs must be like, with `polyphony` above 0.
    """

    def __init__(
        self, vocabulary: Vocabulary, table: TrackTable, grid: int, microtiming: int, request: ParsedRequest
    ) -> None:
        super().__init__(vocabulary, table, grid, microtiming, request)
        self.polyphony, self.microtiming = request.polyphony, microtiming
        self.unit = TICKS_PER_QUARTER // (grid * microtiming)
        self.offsets = np.arange(microtiming) + self.lowest_microtiming

    def allowed(self, state: Any) -> np.ndarray:
        mask = super().allowed(state)
        if state.phase in ("pitch", "velocity") or len(state.ends) < self.polyphony:
            return mask
        is_onset = not self.has_microtiming or state.last_control == self.no_control
        if is_onset and not self.room(state):
            for kind in ("program", "pitch", "drum"):
                mask[self.slices[kind]] = False
        if self.has_microtiming and state.position >= 0:
            mask[self.slices["microtiming"]] &= self._tick(state.position, self.offsets) >= state.ends[0]
        positions = mask[self.slices["position"]]
        positions &= self._tick(np.arange(len(positions)), self.offsets[-1]) >= state.ends[0]
        return mask

    def room(self, state: ScoreState) -> int:
        tick = int(self._tick(state.position, state.microtiming))
        return self.polyphony - sum(end > tick for end in state.ends)

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        successor = super().advance(state, step)
        if kind == "bar":
            length = self.positions_per_bar[state.time_signature] * self.microtiming * self.unit
            return successor._replace(ends=self._sounding(state.ends, 0, length))
        if kind == "position":
            return successor._replace(ends=self._sounding(state.ends, value, 0))
        if kind in ("duration", "drum"):
            length = value * self.unit if kind == "duration" else DRUM_TICKS
            end = int(self._tick(state.position, state.microtiming)) + length
            return successor._replace(ends=tuple(sorted((*state.ends, end))[-self.polyphony :]))
        return successor

    def _tick(self, position: Any, offset: Any) -> Any:
        """Return the ticks from the bar line to an onset."""
        return (position * self.microtiming + offset) * self.unit

    def _sounding(self, ends: tuple[int, ...], position: int, shift: int) -> tuple[int, ...]:
        """Return the ends that lie behind the earliest onset of a position, moved forward by a number of ticks."""
        earliest = int(self._tick(position, self.offsets[0]))
        return tuple(end - shift for end in ends if end - shift > earliest)
