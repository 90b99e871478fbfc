"""The automaton of the score encoding.

Bars and positions go forward, every note is complete, and there are as many bars as requested.

When the last bar is complete, a network that would continue generates the next bar line, not the end. If that were
forbidden, the network could only pile up notes at the last position of the bar. The bar line is therefore allowed
behind the last requested bar and behind one that is announced as the last, and ends the song. Decoding ignores it in
the second case, and `Song.first_bars` removes it in the first.
"""

from collections.abc import Hashable
from typing import Any, Literal, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.bar_tokens import BarTokens
from seqforge_midi.controls import CONTROLLERS
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.song import TICKS_PER_QUARTER, ticks_per_bar
from seqforge_midi.tokens import TIME_SIGNATURES, Vocabulary
from seqforge_midi.track_table import TrackTable

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
    "control",
    "program",
    "pitch",  # the duration is missing
    "velocity",  # the duration is missing
    "duration",
    "drum",
    "drum velocity",
    "end",  # after the bar line behind the last bar
]
"""The last token, and where it was."""

DRUM_TICKS = TICKS_PER_QUARTER // 8
"""The length of every drum hit, in ticks."""
AT_BAR_LINE = ("bar", "time signature", "tempo at bar line")
INCOMPLETE, OPTIONAL = ("position", "microtiming"), ("control", "tempo at position")
AFTER_NOTE = ("duration", "drum", "drum velocity")


class ScoreState(NamedTuple):
    """The state of a score.

    Attributes:
        phase: The last token.
        bars: The number of bars that have started, as far as it matters.
        time_signature: The index of the time signature.
        position: The last position in the bar; -1 before the first.
        microtiming: The deviation of the last onset from its position.
        track: The index of the current track; -1 before the first.
        last_control: Track and number of the last controller of this position; the next one must be higher.
        last_note: Track and pitch of the last note of this onset; the next one must be higher.
        has_notes: Whether the song has a note.
        is_last: Whether the bar is announced as the last one.
        ends: The ticks from the bar line at which the notes that may still sound end, ascending; of a song with limited
            polyphony only.
    """

    phase: Phase
    bars: int = 0
    time_signature: int = 0
    position: int = -1
    microtiming: int = 0
    track: int = -1
    last_control: tuple[int, int] = (-1, -1)
    last_note: tuple[int, int] = (-1, -1)
    has_notes: bool = False
    is_last: bool = False
    ends: tuple[int, ...] = ()


class ScoreAutomaton(Constraint):
    """Allows the tokens of complete scores that meet a request.

    Args:
        vocabulary: The tokens of the encoding.
        table: The tracks that have tokens.
        grid: Grid steps per quarter note.
        microtiming: Onset positions per grid step.
        request: What the songs must be like.
    """

    def __init__(
        self, vocabulary: Vocabulary, table: TrackTable, grid: int, microtiming: int, request: ParsedRequest
    ) -> None:
        self.size, self.kinds, self.values = vocabulary.size, vocabulary.kinds, vocabulary.values
        self.slices, self.bar_tokens = vocabulary.slices(), BarTokens(vocabulary.blocks["bar"])
        self.has_microtiming, self.lowest_microtiming = microtiming > 1, -(microtiming // 2)
        self.positions_per_bar = [ticks_per_bar(item) * grid // TICKS_PER_QUARTER for item in TIME_SIGNATURES]
        self.bars, self.drums = request.bars, table.size
        self.pitch_ranges = [request.pitch_range(program) for program in table.programs.tolist()]
        self.time_signature, self.tempo = request.time_signature_index, request.tempo_index
        self.track_mask, self.drum_mask = request.track_mask(table), request.drum_mask
        self.allows_drums = request.allows_drums
        self.controllers = [name for name in CONTROLLERS if vocabulary.blocks[name]]
        self.no_control = (self.drums, 0)
        """The value of `last_control` behind which no controller may come."""

    def start(self) -> Hashable:
        return ScoreState("start")

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        match state.phase:
            case "start":
                mask[self.slices["bar"]] = self._bars(state) & ~self.bar_tokens.repeats
            case "first bar":
                mask[self.slices["time_signature"]] = self._requested("time_signature", self.time_signature)
            case "first time signature":
                mask[self.slices["tempo"]] = self._requested("tempo", self.tempo)
            case "pitch" | "velocity":
                mask[self.slices["duration"]] = True
                mask[self.slices["velocity"]] = state.phase == "pitch"
            case "program":
                self._allow_controls(mask, state)
                if not self.has_microtiming or state.last_control == self.no_control:
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

    def _allow_between_notes(self, mask: np.ndarray, state: ScoreState) -> None:
        """Allow the tokens that may come where no note is incomplete."""
        phase = state.phase
        if phase == "bar" and self.time_signature is None:
            mask[self.slices["time_signature"]] = True
            mask[self.slices["time_signature"].start + state.time_signature] = False
        mask[self.slices["tempo"]] = self._may_change_tempo(state)
        mask[self.slices["velocity"]] = phase == "drum"
        if phase not in ("position", "microtiming"):
            mask[self.slices["bar"]] = self._bars(state)
            positions = self.positions_per_bar[state.time_signature]
            mask[self.slices["position"]][state.position + 1 : positions] = True
        if phase in AT_BAR_LINE:
            return
        if self._may_control(state):
            tracks = mask[self.slices["program"]]
            low = state.last_control[0] + 1
            tracks[low:] = self.track_mask[low:]
            if state.track >= 0:
                tracks[state.track] = False
            self._allow_controls(mask, state)
        if self.has_microtiming and phase != "microtiming":
            self._allow_microtiming(mask, state)
        if not self.has_microtiming or phase not in ("position", "tempo at position", "control"):
            self._allow_notes(mask, state)

    def _bars(self, state: ScoreState) -> np.ndarray:
        """Return the mask of the bar lines that may come: bool, shape (tokens of bar lines,).

        Behind a bar that is announced as the last, a bar line ends the song. If the number of bars is requested and the
        song has pitched notes, exactly the last one is announced.
        """
        tokens = self.bar_tokens
        if not state.has_notes and (state.is_last or (self.bars and state.bars >= self.bars)):
            return np.zeros(len(tokens.is_last), np.bool_)
        if state.is_last:
            plain: np.ndarray = ~(tokens.is_last | tokens.repeats)
            return plain
        if not self.bars or not tokens.has_chords:
            return np.ones(len(tokens.is_last), np.bool_)
        announces = state.bars + 1 == self.bars and bool(self.track_mask.any())
        mask: np.ndarray = tokens.is_last == announces
        return mask

    def _may_change_tempo(self, state: ScoreState) -> bool:
        if self.tempo is not None:
            return False
        return state.phase in ("bar", "time signature") or (state.phase == "position" and state.position > 0)

    def _allow_microtiming(self, mask: np.ndarray, state: ScoreState) -> None:
        """Allow the deviations above the last one of this position; none may lie before the start of the song."""
        if state.phase not in ("position", "tempo at position", "control"):
            first = state.microtiming + 1 - self.lowest_microtiming
        else:
            first = -self.lowest_microtiming if state.position == 0 and state.bars == 1 else 0
        mask[self.slices["microtiming"]][first:] = True

    def _allow_notes(self, mask: np.ndarray, state: ScoreState) -> None:
        """Allow another track, a pitch of the current one, or a drum, each above the last note of this onset."""
        last_track, last_pitch = state.last_note
        if last_track < self.drums:
            tracks = mask[self.slices["program"]]
            tracks[last_track + 1 :] = self.track_mask[last_track + 1 :]
            if state.track >= 0:
                tracks[state.track] = False
                if self.track_mask[state.track]:
                    self._allow_pitches(mask, state)
        if self.allows_drums:
            low = last_pitch + 1 if last_track == self.drums else 0
            mask[self.slices["drum"]][low:] = self.drum_mask[low:]

    def _allow_pitches(self, mask: np.ndarray, state: ScoreState) -> None:
        """Allow the pitches of the current track."""
        mask[self.slices["pitch"]] = self.pitches(state)

    def pitches(self, state: ScoreState) -> np.ndarray:
        """Return the mask of the pitches of the current track above the last note: bool, shape (128,)."""
        mask = np.zeros(128, np.bool_)
        last_track, last_pitch = state.last_note
        if state.track >= last_track:
            lowest, highest = self.pitch_ranges[state.track]
            low = max(lowest, last_pitch + 1 if state.track == last_track else 0)
            mask[low : highest + 1] = True
        return mask

    def _may_control(self, state: ScoreState) -> bool:
        """Return whether a controller may change: at a position before its notes."""
        return bool(self.controllers) and state.position >= 0 and state.last_control != self.no_control

    def _allow_controls(self, mask: np.ndarray, state: ScoreState) -> None:
        """Allow the controllers of the current track, each above the last one of this position."""
        if not self._may_control(state) or state.track < 0 or not self.track_mask[state.track]:
            return
        for number, name in enumerate(self.controllers):
            if (state.track, number) > state.last_control:
                mask[self.slices[name]] = True

    def room(self, state: ScoreState) -> int:
        """Return how many notes may still start at the onset; a large number without a limit."""
        return self.size

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        complete = state.phase in (*AT_BAR_LINE, *AFTER_NOTE, "tempo at position", "control", "end")
        return bool(complete and state.has_notes and state.bars >= self.bars)

    def to_end(self, state: Any) -> int:
        return self.distance(state, self.note_steps(state))

    def distance(self, state: ScoreState, note_steps: int) -> int:
        """Return the smallest number of tokens to a state in which the song may end.

        Args:
            state: The state.
            note_steps: The smallest number of tokens of the next note.
        """
        phase = state.phase
        missing_bars = max(0, self.bars - max(1, state.bars))
        if phase in ("start", "first bar", "first time signature"):
            missing_bars += ("first time signature", "first bar", "start").index(phase) + 1
        elif phase in ("pitch", "velocity"):
            return 1 + missing_bars
        elif phase == "program":
            return self.steps_after_program(state) + missing_bars
        elif phase in INCOMPLETE or (phase in OPTIONAL and not state.has_notes):
            steps = note_steps + (self.has_microtiming and phase != "microtiming")
            if phase == "position" and state.has_notes:
                steps = min(steps, 1 if self._may_change_tempo(state) else self._control_steps(state))
            return steps + missing_bars
        if state.has_notes:
            return missing_bars
        return missing_bars + 1 + self.has_microtiming + note_steps

    def steps_after_program(self, state: ScoreState) -> int:
        """Return the smallest number of tokens from a program token to a state between notes of a song with notes."""
        is_open = self._may_control(state) and state.track > state.last_control[0]
        if state.has_notes:
            return 1 if is_open else 2
        needs_control = self.has_microtiming and state.last_control != self.no_control
        return 1 + 1 + self.note_steps(state) if needs_control else 2

    def _control_steps(self, state: ScoreState) -> int:
        """Return the smallest number of tokens of a controller at a position; a large number if none may change."""
        if not self._may_control(state) or not self.track_mask.any():
            return self.size
        return 1 if state.track >= 0 and self.track_mask[state.track] else 2

    def note_steps(self, state: ScoreState) -> int:
        """Return the smallest number of tokens of a note at an onset."""
        if self.allows_drums:
            return 1
        return 2 if state.track >= 0 and self.track_mask[state.track] else 3

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        match kind:
            case "bar" if state.is_last or (self.bars and state.bars == self.bars):
                return state._replace(phase="end")
            case "bar":
                bars = min(state.bars + 1, max(2, self.bars))
                phase = "first bar" if state.phase == "start" else "bar"
                successor = state._replace(phase=phase, bars=bars, position=-1, microtiming=0, last_note=(-1, -1))
                is_last = bool(self.bar_tokens.is_last[step - self.slices["bar"].start])
                return successor._replace(last_control=(-1, -1), is_last=is_last)
            case "time_signature":
                phase = "first time signature" if state.phase == "first bar" else "time signature"
                return state._replace(phase=phase, time_signature=TIME_SIGNATURES.index(value))
            case "tempo":
                return state._replace(phase="tempo at position" if state.position >= 0 else "tempo at bar line")
            case "position":
                successor = state._replace(phase="position", position=value, microtiming=0, last_note=(-1, -1))
                return successor._replace(last_control=(-1, -1))
            case "microtiming":
                successor = state._replace(phase="microtiming", microtiming=value, last_note=(-1, -1))
                return successor._replace(last_control=self.no_control)
            case "sustain" | "expression" | "bend":
                return state._replace(phase="control", last_control=(state.track, self.controllers.index(kind)))
            case "program":
                return state._replace(phase="program", track=int(step) - self.slices["program"].start)
            case "pitch":
                successor = state._replace(phase="pitch", last_note=(state.track, value), has_notes=True)
                return successor._replace(last_control=self.no_control)
            case "drum":
                successor = state._replace(phase="drum", last_note=(self.drums, value), has_notes=True)
                return successor._replace(last_control=self.no_control)
            case "velocity":
                return state._replace(phase="drum velocity" if state.phase == "drum" else "velocity")
            case _:
                return state._replace(phase="duration")
