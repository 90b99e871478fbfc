"""The automaton of the score encoding.

Bars and positions go forward, every note is complete, and there are as many bars as requested.

When the last requested bar is complete, a network that would continue generates the next bar line, not the end. If that
were forbidden, the network could only pile up notes at the last position of the bar. The bar line is therefore allowed
there, and ends the song; `Song.first_bars` removes it.
"""

from collections.abc import Hashable
from typing import Any, Literal, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, ticks_per_bar
from seqforge_midi.tokens import TIME_SIGNATURES, Vocabulary

Phase = Literal[
    "start",
    "first bar",
    "first time signature",
    "bar",
    "time signature",
    "tempo at bar line",
    "position",
    "tempo at position",
    "microtiming",
    "program",
    "pitch",  # the duration is missing
    "velocity",  # the duration is missing
    "duration",
    "drum",
    "drum velocity",
    "end",  # after the bar line behind the last requested bar
]
"""The last token, and where it was."""

AT_BAR_LINE = ("bar", "time signature", "tempo at bar line")
AFTER_NOTE = ("duration", "drum", "drum velocity")


class _State(NamedTuple):
    """The state of a score.

    Attributes:
        phase: The last token.
        bars: The number of bars that have started, as far as it matters.
        time_signature: The index of the time signature.
        position: The last position in the bar; -1 before the first.
        microtiming: The deviation of the last onset from its position.
        program: The current program; -1 before the first.
        last_note: Program and pitch of the last note of this onset; the next one must be higher.
        has_notes: Whether the song has a note.
    """

    phase: Phase
    bars: int = 0
    time_signature: int = 0
    position: int = -1
    microtiming: int = 0
    program: int = -1
    last_note: tuple[int, int] = (-1, -1)
    has_notes: bool = False


class ScoreAutomaton(Constraint):
    """Allows the tokens of complete scores that meet a request.

    Args:
        vocabulary: The tokens of the encoding.
        grid: Grid steps per quarter note.
        microtiming: Onset positions per grid step.
        request: What the songs must be like.
    """

    def __init__(self, vocabulary: Vocabulary, grid: int, microtiming: int, request: ParsedRequest) -> None:
        self.size, self.kinds, self.values = vocabulary.size, vocabulary.kinds, vocabulary.values
        self.slices = vocabulary.slices()
        self.has_microtiming, self.lowest_microtiming = microtiming > 1, -(microtiming // 2)
        self.positions_per_bar = [ticks_per_bar(item) * grid // TICKS_PER_QUARTER for item in TIME_SIGNATURES]
        self.bars, self.pitch_range = request.bars, request.pitch_range
        self.time_signature, self.tempo = request.time_signature_index, request.tempo_index
        self.program_mask, self.drum_mask = request.program_mask, request.drum_mask
        self.allows_drums = request.allows_drums

    def start(self) -> Hashable:
        return _State("start")

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        match state.phase:
            case "start":
                mask[self.slices["bar"]] = True
            case "first bar":
                mask[self.slices["time_signature"]] = self._requested("time_signature", self.time_signature)
            case "first time signature":
                mask[self.slices["tempo"]] = self._requested("tempo", self.tempo)
            case "pitch" | "velocity":
                mask[self.slices["duration"]] = True
                mask[self.slices["velocity"]] = state.phase == "pitch"
            case "program":
                self._allow_pitches(mask, state)
            case "end":
                pass
            case _:
                self._allow_between_notes(mask, state)
        return mask

    def _requested(self, kind: str, index: int | None) -> np.ndarray:
        """Return the mask of the requested token within a kind; all tokens if none is requested."""
        block = self.slices[kind]
        mask = np.full(block.stop - block.start, index is None)
        if index is not None:
            mask[index] = True
        return mask

    def _allow_between_notes(self, mask: np.ndarray, state: _State) -> None:
        """Allow the tokens that may come where no note is incomplete."""
        phase = state.phase
        if phase == "bar" and self.time_signature is None:
            mask[self.slices["time_signature"]] = True
            mask[self.slices["time_signature"].start + state.time_signature] = False
        mask[self.slices["tempo"]] = self._may_change_tempo(state)
        mask[self.slices["velocity"]] = phase == "drum"
        if phase not in ("position", "microtiming"):
            mask[self.slices["bar"]] = not self.bars or state.bars < self.bars or state.has_notes
            positions = self.positions_per_bar[state.time_signature]
            mask[self.slices["position"]][state.position + 1 : positions] = True
        if phase in AT_BAR_LINE:
            return
        if self.has_microtiming and phase != "microtiming":
            self._allow_microtiming(mask, state)
        if not self.has_microtiming or phase not in ("position", "tempo at position"):
            self._allow_notes(mask, state)

    def _may_change_tempo(self, state: _State) -> bool:
        if self.tempo is not None:
            return False
        return state.phase in ("bar", "time signature") or (state.phase == "position" and state.position > 0)

    def _allow_microtiming(self, mask: np.ndarray, state: _State) -> None:
        """Allow the deviations above the last one of this position; none may lie before the start of the song."""
        if state.phase not in ("position", "tempo at position"):
            first = state.microtiming + 1 - self.lowest_microtiming
        else:
            first = -self.lowest_microtiming if state.position == 0 and state.bars == 1 else 0
        mask[self.slices["microtiming"]][first:] = True

    def _allow_notes(self, mask: np.ndarray, state: _State) -> None:
        """Allow another program, a pitch of the current one, or a drum, each above the last note of this onset."""
        last_program, last_pitch = state.last_note
        if last_program < DRUMS:
            programs = mask[self.slices["program"]]
            programs[last_program + 1 :] = self.program_mask[last_program + 1 :]
            if state.program >= 0:
                programs[state.program] = False
                if self.program_mask[state.program]:
                    self._allow_pitches(mask, state)
        if self.allows_drums:
            low = last_pitch + 1 if last_program == DRUMS else 0
            mask[self.slices["drum"]][low:] = self.drum_mask[low:]

    def _allow_pitches(self, mask: np.ndarray, state: _State) -> None:
        """Allow the pitches of the current program."""
        last_program, last_pitch = state.last_note
        if state.program >= last_program:
            lowest, highest = self.pitch_range(state.program)
            low = max(lowest, last_pitch + 1 if state.program == last_program else 0)
            mask[self.slices["pitch"]][low : highest + 1] = True

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        complete = state.phase in (*AT_BAR_LINE, *AFTER_NOTE, "tempo at position", "end")
        return bool(complete and state.has_notes and state.bars >= self.bars)

    def to_end(self, state: Any) -> int:
        return self._distance(state)

    def _distance(self, state: _State) -> int:
        """Return the smallest number of tokens to a state in which the song may end."""
        phase = state.phase
        missing_bars = max(0, self.bars - max(1, state.bars))
        if phase in ("start", "first bar", "first time signature"):
            missing_bars += ("first time signature", "first bar", "start").index(phase) + 1
        elif phase in ("pitch", "velocity"):
            return 1 + missing_bars
        elif phase == "program":
            return 2 + missing_bars
        elif phase in ("position", "microtiming") or (phase == "tempo at position" and not state.has_notes):
            if phase == "position" and state.has_notes and self._may_change_tempo(state):
                return 1 + missing_bars
            return self._note_steps(state) + (self.has_microtiming and phase != "microtiming") + missing_bars
        if state.has_notes:
            return missing_bars
        return missing_bars + 1 + self.has_microtiming + self._note_steps(state)

    def _note_steps(self, state: _State) -> int:
        """Return the smallest number of tokens of a note at an onset."""
        if self.allows_drums:
            return 1
        return 2 if state.program >= 0 and self.program_mask[state.program] else 3

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        match kind:
            case "bar" if self.bars and state.bars == self.bars:
                return state._replace(phase="end")
            case "bar":
                bars = min(state.bars + 1, max(2, self.bars))
                phase = "first bar" if state.phase == "start" else "bar"
                return state._replace(phase=phase, bars=bars, position=-1, microtiming=0, last_note=(-1, -1))
            case "time_signature":
                phase = "first time signature" if state.phase == "first bar" else "time signature"
                return state._replace(phase=phase, time_signature=TIME_SIGNATURES.index(value))
            case "tempo":
                return state._replace(phase="tempo at position" if state.position >= 0 else "tempo at bar line")
            case "position":
                return state._replace(phase="position", position=value, microtiming=0, last_note=(-1, -1))
            case "microtiming":
                return state._replace(phase="microtiming", microtiming=value, last_note=(-1, -1))
            case "program":
                return state._replace(phase="program", program=value)
            case "pitch":
                return state._replace(phase="pitch", last_note=(state.program, value), has_notes=True)
            case "drum":
                return state._replace(phase="drum", last_note=(DRUMS, value), has_notes=True)
            case "velocity":
                return state._replace(phase="drum velocity" if state.phase == "drum" else "velocity")
            case _:
                return state._replace(phase="duration")
