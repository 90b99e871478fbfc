"""The automaton of scores whose announced bars have the notes of the bar that they repeat."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.bar_repeats import MAX_DISTANCE
from seqforge_midi.score_automaton import AT_BAR_LINE, ScoreAutomaton, ScoreState

IN_NOTE = ("pitch", "velocity")
"""The phases in which the duration of a note is missing."""


class BarNote(NamedTuple):
    """A note of a bar.

    Attributes:
        position: The position in the bar.
        track: The index of the track; that behind the last track for a drum.
        step: The token of the pitch or of the drum.
        duration: The token of the duration; -1 for a drum.
    """

    position: int
    track: int
    step: int
    duration: int


class Bar(NamedTuple):
    """A complete bar.

    Attributes:
        time_signature: The index of the time signature.
        notes: The notes in the order of the encoding.
    """

    time_signature: int
    notes: tuple[BarNote, ...]


class RepeatState(NamedTuple):
    """A state of `RepeatAutomaton`.

    Attributes:
        base: The state of the other automaton.
        bars: The numbers of the last bars in `RepeatAutomaton`, at most MAX_DISTANCE, the latest last.
        notes: The notes of the current bar, if it repeats none.
        repeated: The number of the bar that the current bar repeats; -1 for none.
        complete: The number of complete notes of the current bar, if it repeats another one.
        may_return: Whether the request allows the notes of the current bar.
        targets: The distances from 2 to the bars that the next bar may repeat.
    """

    base: ScoreState
    bars: tuple[int, ...] = ()
    notes: tuple[BarNote, ...] = ()
    repeated: int = -1
    complete: int = 0
    may_return: bool = True
    targets: tuple[int, ...] = ()


class RepeatAutomaton(Constraint):
    """Allows the scores of another automaton in which each bar that is announced as a repeat has the same notes.

    A bar can repeat one with the same time signature, whose notes the request allows. The tempo may change in it where
    the other automaton allows that, and velocities are free. Notes must stand on the grid, without controllers.

    Args:
        base: The automaton of the score.
    """

    def __init__(self, base: ScoreAutomaton) -> None:
        self.base, slices = base, base.slices
        self.bar_tokens, self.position_tokens = slices["bar"], slices["position"]
        self.program_tokens, self.tempo_tokens = slices["program"], slices["tempo"]
        self._contents: list[Bar] = []
        self._numbers: dict[Bar, int] = {}
        self._playable: list[bool] = []

    def start(self) -> Hashable:
        return RepeatState(self.base.start())  # type: ignore[arg-type]

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = self.base.allowed(state.base)
        note = self._next_note(state)
        if note is not None:
            return self._of_note(mask, state.base, note)
        if state.repeated >= 0:
            self._allow_tempos_only(mask, state.base)
        bars, tokens = mask[self.bar_tokens], self.base.bar_tokens
        bars &= ~tokens.repeats | np.isin(tokens.distances, self._targets(state))
        return mask

    def mask_key(self, state: Any) -> Hashable:
        note = self._next_note(state)
        if note is not None:
            return self.base.mask_key(state.base), note
        return self.base.mask_key(state.base), state.repeated >= 0, self._targets(state)

    def _next_note(self, state: RepeatState) -> BarNote | None:
        """Return the next note of a bar that repeats another one, which may have begun; None if there is none."""
        if state.repeated < 0:
            return None
        notes = self._contents[state.repeated].notes
        return notes[state.complete] if state.complete < len(notes) else None

    def _of_note(self, mask: np.ndarray, base: ScoreState, note: BarNote) -> np.ndarray:
        """Return a mask without all steps that would lead away from a note."""
        free = np.array(mask)
        mask[:] = False
        tempos, block = free[self.tempo_tokens], self.base.slices["velocity"]
        if base.phase in IN_NOTE:
            mask[block], mask[note.duration] = free[block], True
        elif base.position < note.position and base.phase != "position":
            mask[self.tempo_tokens] = tempos if base.phase in AT_BAR_LINE else False
            mask[block] = free[block]
            self._allow_positions(mask, free, base, note.position)
        elif base.position < note.position:
            mask[self.tempo_tokens] = tempos
        else:
            mask[self.tempo_tokens] = tempos
            mask[block] = free[block]
            needs_program = note.duration >= 0 and base.track != note.track
            mask[self.program_tokens.start + note.track if needs_program else note.step] = True
        return mask

    def _allow_positions(self, mask: np.ndarray, free: np.ndarray, base: ScoreState, last: int) -> None:
        """Allow a position, and those before it if the tempo may change there."""
        low, start = max(base.position + 1, 1), self.position_tokens.start
        if self.base.tempo is None:
            mask[start + low : start + last] = free[start + low : start + last]
        mask[start + last] = free[start + last]

    def _allow_tempos_only(self, mask: np.ndarray, base: ScoreState) -> None:
        """Forbid further notes and positions, but for changes of the tempo."""
        kinds = self.base.slices
        for kind in ("program", "pitch", "drum", "time_signature"):
            mask[kinds[kind]] = False
        if self.base.tempo is not None:
            mask[kinds["position"]] = False
        mask[self.position_tokens.start] = False

    def _targets(self, state: RepeatState) -> tuple[int, ...]:
        """Return the distances to the bars that the next bar may repeat."""
        if self.base.bars and state.base.bars >= self.base.bars:
            return ()
        has_notes = bool(state.notes) or state.repeated >= 0
        return (1, *state.targets) if has_notes and state.may_return else state.targets

    def _earlier_targets(self, bars: tuple[int, ...], time_signature: int) -> tuple[int, ...]:
        """Return the distances to the earlier bars with notes that the bar after the current one may repeat."""
        return tuple(
            distance
            for distance, number in enumerate(reversed(bars[1 - MAX_DISTANCE :]), 2)
            if number >= 0 and self._playable[number] and self._contents[number].time_signature == time_signature
        )

    def _number(self, bar: Bar) -> int:
        """Return the number of a bar with notes, which is the same for equal bars."""
        number = self._numbers.get(bar)
        if number is None:
            number = self._numbers[bar] = len(self._contents)
            self._contents.append(bar)
            self._playable.append(all(map(self._may_play, bar.notes)))
        return number

    def _may_play(self, note: BarNote) -> bool:
        """Return whether the request allows a note."""
        pitch, base = self.base.values[note.step], self.base
        if note.duration < 0:
            return bool(base.allows_drums and base.drum_mask[pitch])
        low, high = base.pitch_ranges[note.track]
        return bool(base.track_mask[note.track] and low <= pitch <= high)

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        return self._next_note(state) is None and self.base.may_end(state.base)

    def to_end(self, state: Any) -> int:
        base: ScoreState = state.base
        note = self._next_note(state)
        if note is None:
            if state.repeated >= 0 and base.phase == "position":
                return 1 + max(0, self.base.bars - base.bars)  # the tempo changes where no note starts
            return self.base.to_end(base)
        notes = self._contents[state.repeated].notes[state.complete :]
        steps, position, track = max(0, self.base.bars - base.bars), base.position, base.track
        if base.phase in IN_NOTE:
            steps, notes = steps + 1, notes[1:]
        elif base.phase == "position" and position < note.position:
            steps += 1
        for note in notes:
            steps += (position != note.position) + 1
            if note.duration >= 0:
                steps += (track != note.track) + 1
                track = note.track
            position = note.position
        return steps

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> RepeatState:
        before: RepeatState = state
        base, after = before.base, self.base.advance(before.base, step)
        kind = self.base.kinds[step]
        if kind == "bar":
            return self._next_bar(before, after, int(self.base.bar_tokens.distances[step - self.bar_tokens.start]))
        if kind == "duration":
            pitch = self.base.slices["pitch"].start + base.last_note[1]
            return self._with_note(before, after, BarNote(base.position, base.track, pitch, int(step)))
        if kind == "drum":
            return self._with_note(before, after, BarNote(base.position, self.base.drums, int(step), -1))
        if kind == "time_signature":
            return before._replace(base=after, targets=self._earlier_targets(before.bars, after.time_signature))
        return before._replace(base=after)

    def _with_note(self, state: RepeatState, base: ScoreState, note: BarNote) -> RepeatState:
        if state.repeated >= 0:
            return state._replace(base=base, complete=state.complete + 1)
        may_return = state.may_return and self._may_play(note)
        return state._replace(base=base, notes=(*state.notes, note), may_return=may_return)

    def _next_bar(self, state: RepeatState, base: ScoreState, distance: int) -> RepeatState:
        if state.base.phase == "start":
            return RepeatState(base)
        current = state.repeated
        if current < 0 and state.notes:
            current = self._number(Bar(state.base.time_signature, state.notes))
        bars = (*state.bars, current)[-MAX_DISTANCE:]
        repeated = bars[-distance] if 0 < distance <= len(bars) else -1
        may_return = repeated < 0 or self._playable[repeated]
        targets = self._earlier_targets(bars, base.time_signature)
        return RepeatState(base, bars, repeated=repeated, may_return=may_return, targets=targets)
