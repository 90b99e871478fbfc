"""The automaton of scores with given chords: notes on strong beats are notes of the chord of their bar.

The chords of a bar are equally long. A strong beat is a beat of the time signature, and the first onset in the span of
a chord. The lowest note at that first onset is the bass of the chord. Drums, notes at other onsets and notes that are
held from an earlier onset are free.
"""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.bar_chords import nearest_bar_chord
from seqforge_midi.chord_symbols import Chord, Progression
from seqforge_midi.score_automaton import ScoreAutomaton
from seqforge_midi.tokens import TIME_SIGNATURES

NO_PITCH = 128
"""Stands for a pitch above all others."""
BASS_STEPS = 3
"""The tokens of a note in another track: program, pitch and duration."""


class ChordState(NamedTuple):
    """The state of a score with chords.

    Attributes:
        score: The state of the automaton of the score.
        bar: The number of the bar, from 0; -1 before the first. The bars of the progression repeat.
        span: The last span of the bar in which a note began; -1 for none.
        lowest: The lowest pitch at the first onset of the span, while the position is that onset; else NO_PITCH.
    """

    score: Any
    bar: int = -1
    span: int = -1
    lowest: int = NO_PITCH


class ChordAutomaton(Constraint):
    """Allows the scores of another automaton whose notes on strong beats belong to the chords.

    A pitch below the bass is allowed only where a later track of the same onset can play the bass under it; the onset
    then ends with that note. Every chord needs a track that can play its bass, as `unplayable_chord` checks.

    Example:
        automaton = ChordAutomaton(ScoreAutomaton(...), parse_progression("Am F C G"))

    Args:
        automaton: The automaton of the score.
        progression: The chords of each bar; it repeats.
        first_bar: The first bar with a chord, from 0; the bars before it are free.
    """

    def __init__(self, automaton: ScoreAutomaton, progression: Progression, first_bar: int = 0) -> None:
        self.automaton, self.progression, self.first_bar = automaton, progression, first_bar
        self.kinds, self.slices = automaton.kinds, automaton.slices
        self.positions_per_bar = automaton.positions_per_bar
        self.beats = [
            positions // numerator * _beat_units(numerator, denominator)
            for positions, (numerator, denominator) in zip(self.positions_per_bar, TIME_SIGNATURES, strict=True)
        ]
        self.bar_masks = [self._bar_mask(chords) for chords in progression]
        self.tones = lru_cache(maxsize=None)(_tones)
        self.later_basses = lru_cache(maxsize=None)(self._later_basses)

    def start(self) -> Hashable:
        return ChordState(self.automaton.start())

    def unplayable_chord(self) -> Chord | None:
        """Return a chord whose bass no track can play within its range; None if there is none."""
        chords = (chord for bar in self.progression for chord in bar)
        return next((chord for chord in chords if self.later_basses(chord.bass)[-1] == NO_PITCH), None)

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = self.automaton.allowed(state.score)
        if state.bar + 1 >= self.first_bar:
            mask[self.slices["bar"]] &= self.bar_masks[(state.bar + 1 - self.first_bar) % len(self.bar_masks)]
        if state.bar < self.first_bar or state.score.phase in ("pitch", "velocity"):
            return mask
        self._allow_pitches(mask, state)
        if not state.score.has_notes:  # controllers wait for the first note
            for name in self.automaton.controllers:
                mask[self.slices[name]] = False
        programs = mask[self.slices["program"]]
        for track in np.flatnonzero(programs).tolist():
            successor = self.advance(state, self.slices["program"].start + track)
            programs[track] = self.allowed(successor).any()
        if self._needs_bass(state):
            for name in ("bar", "position", "microtiming", "drum"):
                mask[self.slices[name]] = False
        return mask

    def _bar_mask(self, chords: Sequence[Chord]) -> np.ndarray:
        """Return the mask of the tokens of a bar line that announce the only chord of the bar, or no chord."""
        tokens = self.automaton.bar_tokens
        if len(chords) > 1 or not tokens.has_chords:
            return np.ones(len(tokens.chords), np.bool_)
        mask: np.ndarray = tokens.chords == nearest_bar_chord(chords[0])
        return mask

    def _allow_pitches(self, mask: np.ndarray, state: ChordState) -> None:
        """Forbid the pitches that the chord does not allow in the current track."""
        pitches, chord = mask[self.slices["pitch"]], self._chord(state)
        if chord is None or not pitches.any():
            return
        pitches &= self.tones(chord.classes)
        if self._is_first_onset(state):
            lowest = np.minimum(np.arange(128), state.lowest)
            is_complete = lowest % 12 == chord.bass
            if self.automaton.room(state.score) > 1:  # the bass may follow
                is_complete |= self.later_basses(chord.bass)[state.score.track] < lowest
            pitches &= is_complete

    def _chord(self, state: ChordState) -> Chord | None:
        """Return the chord that binds the notes at the current position; None on a weak beat and in a free bar."""
        score = state.score
        if state.bar < self.first_bar or score.position < 0:
            return None
        is_strong = score.position % self.beats[score.time_signature] == 0 or self._is_first_onset(state)
        return self.progression[state.bar - self.first_bar][self._span(state)] if is_strong else None

    def _is_first_onset(self, state: ChordState) -> bool:
        """Return whether the position is the first onset in the span of its chord."""
        return state.span != self._span(state) or state.lowest < NO_PITCH

    def _span(self, state: ChordState) -> int:
        """Return the number of the chord at the current position among those of its bar."""
        count = len(self.progression[state.bar - self.first_bar])
        return int(state.score.position * count // self.positions_per_bar[state.score.time_signature])

    def _needs_bass(self, state: ChordState) -> bool:
        """Return whether the lowest note at the first onset of a chord is not its bass."""
        if state.lowest == NO_PITCH:
            return False
        return state.lowest % 12 != self.progression[state.bar - self.first_bar][state.span].bass

    def _later_basses(self, bass: int) -> tuple[int, ...]:
        """Return the lowest pitch of a class that the tracks behind each track can play; the last entry: any track."""
        automaton = self.automaton
        result = [NO_PITCH]
        for (low, high), is_allowed in zip(automaton.pitch_ranges[:-1][::-1], automaton.track_mask[::-1], strict=True):
            pitch = low + (bass - low) % 12
            result.append(min(result[-1], pitch if is_allowed and pitch <= high else NO_PITCH))
        return (*result[-2::-1], result[-1])

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        return self.automaton.may_end(state.score) and not self._needs_bass(state)

    def to_end(self, state: Any) -> int:
        score = state.score
        is_bound = self._chord(state) is not None
        steps = self.automaton.note_steps(score)
        if is_bound and steps == BASS_STEPS - 1 and not self._completes_onset(state):
            steps = BASS_STEPS
        distance = self.automaton.distance(score, steps)
        if score.phase == "program":
            is_short = not is_bound or self.automaton.steps_after_program(score) == 1
            return distance + (0 if is_short or self._completes_onset(state) else BASS_STEPS)
        return distance + BASS_STEPS * self._needs_bass(state)

    def _completes_onset(self, state: ChordState) -> bool:
        """Return whether a pitch of the current track leaves the bass as the lowest note of the onset."""
        score, chord = state.score, self._chord(state)
        assert chord is not None
        mask = self.automaton.pitches(score) & self.tones(chord.classes)
        if self._is_first_onset(state):
            mask &= np.minimum(np.arange(128), state.lowest) % 12 == chord.bass
        return bool(mask.any())

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, score = self.kinds[step], self.automaton.advance(state.score, step)
        state = state._replace(score=score)
        if kind == "bar":
            bar = state.bar + 1
            if bar == self.first_bar + len(self.progression):
                bar = self.first_bar
            return state._replace(bar=bar, span=-1, lowest=NO_PITCH)
        if kind == "position":
            return state._replace(lowest=NO_PITCH)
        if kind == "pitch" and state.bar >= self.first_bar and self._is_first_onset(state):
            return state._replace(span=self._span(state), lowest=min(state.lowest, self.automaton.values[step]))
        return state


def _tones(classes: frozenset[int]) -> np.ndarray:
    """Return the mask of the pitches of some classes: bool, shape (128,)."""
    return np.isin(np.arange(128) % 12, list(classes))


def _beat_units(numerator: int, denominator: int) -> int:
    """Return the number of notes of the denominator in a beat: 3 in compound time such as 6/8, else 1."""
    return 3 if denominator >= 8 and numerator > 3 and numerator % 3 == 0 else 1
