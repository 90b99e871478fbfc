"""The automaton of tunes: it allows the tokens with which every bar adds up and all notation is complete."""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np

from seqforge import Constraint
from seqforge_abc import tokens
from seqforge_abc.bar_automaton import (
    AFTER_BAR,
    AFTER_FINAL,
    AFTER_NOTE,
    AFTER_OTHER,
    AFTER_REPEAT,
    AFTER_SECTION,
    ANY_BARS,
    AT_START,
    BASS,
    CHORD_1,
    CHORD_2,
    CHORD_OPEN,
    DECORATION,
    GRACE,
    GRACE_CLOSED,
    GRACE_OPEN,
    KIND,
    LENGTH,
    NOTE,
    ROOT,
    TUPLET_ENDED,
    State,
    after_bar_line,
    after_note,
    allowed_lengths,
    bar_line_token,
    can_begin_slur,
    chord_fits,
    chord_is_due,
    closing_bar_lines,
    rest_of_bar,
    room,
)
from seqforge_abc.equivalent_states import MAX_CACHE_SIZE, MaskCache, without_details, without_tie_option
from seqforge_abc.instruments import Instrument
from seqforge_abc.kept import MAX_SLUR_DEPTH, SLUR_END
from seqforge_abc.kept_automaton import NO_VERSE, PART, SLUR, KeptSteps, has_open_marks
from seqforge_abc.note_lengths import next_atom, next_atoms, spell_length, tuplets_in_bar
from seqforge_abc.theory import Key, Meter, pitch_class_name
from seqforge_abc.tune import LETTER_DECORATIONS, NEVER_GENERATED
from seqforge_abc.tune_header import TuneHeader, steps_with_prefix

MAX_GRACE_NOTES, MAX_CHORD_SIZE = 4, 4


class TuneAutomaton(Constraint):
    """The constraint that allows complete tunes whose bars add up, with the requested rhythm, meter, key and length.

    Notation that programs read differently (`ambiguities`) is never generated: a decoration in `NEVER_GENERATED` or
    without a letter; a tie from a decorated note; a roll or trill on a chord, in a tuplet or beside grace notes.
    abc2midi dots the notes of hornpipes, so a hornpipe has no staccato, no roll and no trill; its tuplets are triplets
    of plain notes, and a plain note follows them, since abc2midi would dot across their end.

    >>> from seqforge_abc.theory import parse_meter
    >>> automaton = TuneAutomaton(tokens.vocabulary(["jig"]), rhythm="jig", meter=parse_meter("6/8"))
    >>> state = automaton.start()
    >>> [automaton.vocabulary[step] for step in automaton.allowed(state).nonzero()[0]]
    ['R:jig']

    Args:
        vocabulary: The tokens of the codec.
        rhythm: The rhythm, "" for an unknown one; None for any.
        meter: The meter; None for any, but not none at all.
        key: The key, which then does not change; None for any.
        bars: The number of bars, without upbeats; 0 for any number.
        keys: The keys that may occur if `key` is None; None for any.
        instruments: The instruments that play the tune; each of them has all its notes.
        chords: Whether a chord symbol stands on the first note of each bar, except in upbeats.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        rhythm: str | None = None,
        meter: Meter | None = None,
        key: Key | None = None,
        bars: int = 0,
        keys: Sequence[Key] | None = None,
        instruments: Sequence[Instrument] = (),
        chords: bool = False,
    ) -> None:
        self.vocabulary, self.bars, self.chords = vocabulary, bars or ANY_BARS, chords
        index = self.index = {token: step for step, token in enumerate(vocabulary)}
        self.header = TuneHeader(index, rhythm=rhythm, meter=meter, key=key, keys=keys)
        pitches = tokens.all_pitches()
        self.is_pitch = np.zeros(len(vocabulary), np.bool_)
        self.is_pitch[[index[str(pitch)] for pitch in pitches]] = True
        playable = [pitch for pitch in pitches if all(instrument.plays(pitch) for instrument in instruments)]
        self.pitches = np.array([index[str(pitch)] for pitch in playable])
        self.polyphonic = all(instrument.plays_chords for instrument in instruments)
        self.roots = steps_with_prefix(index, '"')
        self.kinds = [index[f"~{kind}"] for kind in tokens.GENERATED_CHORD_KINDS]
        self.basses = [index[f"/{pitch_class_name(root)}"] for root in tokens.CHORD_ROOTS]
        names = [name for name in sorted(LETTER_DECORATIONS.values()) if name not in NEVER_GENERATED]
        self.decorations = np.array([index[f"!{name}!"] for name in names])
        self.rolls = (index["!roll!"], index["!trill!"])
        self.tuplets = {index[token]: tuplet for token, tuplet in tokens.TUPLET_TOKENS.items()}
        self.atoms = {index[f"*{atom}"]: atom for atom in tokens.LENGTH_ATOMS}
        self.atom_steps = {atom: step for step, atom in self.atoms.items()}
        self.bar_lines = {index[token]: kind for token, kind in tokens.BAR_LINE_TOKENS.items()}
        self.kept = KeptSteps(index)
        self._distances: dict[State, int] = {}
        self._masks = MaskCache(index)
        self._atoms_after: dict[tuple[tuple[int, ...], int, int], tuple[list[int], bool]] = {}

    # -- allowed steps ------------------------------------------------------------------------

    def start(self) -> Hashable:
        return State(bars_left=self.bars, chords=self.chords)

    def may_end(self, state: Hashable) -> bool:
        s = cast(State, state)
        return s.may_end and s.bars_left <= 0

    def mask_key(self, state: Hashable) -> Hashable:
        s = cast(State, state)
        return s if self.header.is_open(s) else without_details(s)

    def allowed(self, state: Hashable) -> np.ndarray:
        s = cast(State, state)
        if self.header.is_open(s):
            return self.mask(s)
        return self._masks.mask(s, self.mask)

    def mask(self, s: State) -> np.ndarray:
        """Return the mask of a state, as `allowed` does; it is not cached."""
        mask = np.zeros(len(self.vocabulary), np.bool_)
        if self.header.is_open(s):
            mask[self.header.steps(s)] = True
        elif s.syllable < 0:
            self.kept.allow_first_letter(s, mask)
        elif s.ending == 2:
            mask[self.index["[2"]] = True
        elif s.note_stage in (GRACE_OPEN, GRACE):
            mask[self.pitches] = s.group_size < MAX_GRACE_NOTES and bool(self._lengths(s, grace_notes=1))
            mask[self.index["}"]] = s.note_stage == GRACE
        elif s.note_stage in (CHORD_OPEN, CHORD_1, CHORD_2):
            self._allow_in_chord(s, mask)
        elif s.previous != AFTER_FINAL and s.bars_left:
            if s.note_stage in (0, NOTE):
                self._allow_between_notes(s, mask)
            self._allow_in_note(s, mask)
        return mask

    def _allow_in_chord(self, s: State, mask: np.ndarray) -> None:
        """Allow higher pitches, and the end of a chord of two or more."""
        if s.group_size < MAX_CHORD_SIZE:
            last = -1 if s.last_mark < 0 else int(np.flatnonzero(self.pitches == s.last_mark)[0])
            end = len(self.pitches) - (1 if s.note_stage == CHORD_OPEN else 0)
            mask[self.pitches[last + 1 : end]] = True
        mask[self.index["]"]] = s.note_stage == CHORD_2

    def _allow_between_notes(self, s: State, mask: np.ndarray) -> None:
        """Allow bar lines, endings, tuplets, changes of key, what follows a note, and a tempo at the beginning."""
        kinds = closing_bar_lines(s, s.fill) if not s.tuplet_left else []
        if s.note_stage == NOTE or s.closable:
            more_notes = bool(s.tuplet_left or room(s) or "|" in kinds)
            mask[self.index["-"]] = s.note_stage == NOTE and more_notes
        else:
            more_notes = True
        self.kept.allow_after_note(s, mask, may_leave_slurs=more_notes)
        if has_open_marks(s):
            kinds = [kind for kind in kinds if kind == "|"]
        if not self.kept.allow_second_voice(s, kinds, mask):
            mask[[self.index[bar_line_token(s, kind)] for kind in kinds]] = True
        if s.tuplet_left or s.tie >= 0:
            return
        if s.fill == 0 and s.previous in (AFTER_SECTION, AT_START) and not s.repeat_open:
            mask[self.index["|:"]] = True
            mask[self.header.tempo_beats] = s.previous == AT_START and s.header == 4
        if (
            s.previous == AFTER_BAR
            and s.ending == 0
            and not (has_open_marks(s) or s.other_slurs or s.other_tie >= 0)
            and s.has_bar
            and (s.repeat_open or s.due_upbeat < 0)
            and (s.bars_left == ANY_BARS or s.bars_left >= 2)
        ):
            mask[self.index["[1"]] = True
        if s.previous in (AFTER_SECTION, AFTER_REPEAT) and s.fill == 0 and s.bars_left:
            mask[self.header.key_changes] = True
        tuplets = tuplets_in_bar(s.unit, room(s), s.tuplet_written, triplets_only=s.hornpipe)
        mask[[self.index[token] for token in tuplets]] = True

    def _allow_in_note(self, s: State, mask: np.ndarray) -> None:
        """Allow the tokens with which a note begins or continues."""
        lengths = self._lengths(s)
        if not lengths:
            return
        atoms, complete = self._next_atoms(lengths, s.unit, s.length)
        mask[atoms] = True
        if s.tie >= 0:
            mask[s.tie] = complete
            return
        stage = 0 if s.note_stage in (NOTE, SLUR, PART) else s.note_stage
        if stage == 0 and chord_is_due(s):
            mask[atoms] = False
            mask[self.roots] = True
            return
        plain_only = s.hornpipe and (s.tuplet_left > 0 or s.tuplet == TUPLET_ENDED)
        if stage < LENGTH:
            has_room = stage < GRACE_OPEN and not s.has_roll and bool(self._lengths(s, 1))
            mask[self.index["{"]] = has_room and not plain_only
            if stage < GRACE_OPEN:
                mask[self.decorations[self.decorations > (s.last_mark if stage == DECORATION else -1)]] = True
                mask[self.index["!staccato!"]] &= not s.hornpipe
                mask[list(self.rolls)] &= not s.hornpipe and not s.tuplet_left and not s.has_roll
            if stage == 0 and self.kept.slur_start is not None and s.slurs < MAX_SLUR_DEPTH and s.tuplet_left != 1:
                mask[self.kept.slur_start] = bool(self._lengths(s._replace(new_slurs=s.new_slurs + 1)))
            if s.note_stage in (0, NOTE):
                self.kept.allow_part(s, mask)
            if stage == 0:
                mask[self.roots] = s.voice == 1 and chord_fits(s)
            if stage == ROOT:
                mask[self.kinds] = True
            if stage in (ROOT, KIND):
                mask[self.basses] = True
        mask[self.pitches] = complete
        mask[self.index["["]] = complete and self.polyphonic and not s.has_roll and not plain_only
        mask[self.index["z"]] = complete and (stage == 0 or s.last_mark < 0) and not s.group_size and not plain_only
        mask[self.index["z"]] &= not s.slurs

    def _next_atoms(self, lengths: tuple[int, ...], unit: int, prefix: int) -> tuple[list[int], bool]:
        """Return the steps of the atoms that may follow, and whether the length is complete (`next_atoms`)."""
        key = lengths, unit, prefix
        known = self._atoms_after.get(key)
        if known is None:
            atoms, complete = next_atoms(lengths, unit, prefix)
            known = self._atoms_after[key] = [self.atom_steps[atom] for atom in atoms], complete
        return known

    def _lengths(self, s: State, grace_notes: int = 0) -> tuple[int, ...]:
        """Return the lengths that the next note may have after more grace notes, each a quarter of a unit long."""
        tuplet = self.tuplets.get(s.tuplet)
        lengths = allowed_lengths(s, tuplet)
        if s.new_slurs:
            lengths = tuple(length for length in lengths if can_begin_slur(s, length))
        grace_notes += s.group_size if s.note_stage in (GRACE_OPEN, GRACE, GRACE_CLOSED, LENGTH) else 0
        if not grace_notes:
            return lengths
        q, p = (tuplet.q, tuplet.p) if tuplet else (1, 1)
        return tuple(length for length in lengths if 4 * length * q > grace_notes * s.unit * p)

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Hashable, step: Any) -> Hashable:
        s, step = cast(State, state), int(step)
        token = self.vocabulary[step]
        if self.header.is_open(s):
            return self.header.advance(s, step, token)
        if step in self.kept.steps:
            return self.kept.advance(s, step)
        if (s.closable or s.verse >= 0) and token != "-":
            s = s._replace(closable=0, verse=NO_VERSE, syllable=0)
        if s.note_stage == NOTE and token != "-":
            s = s._replace(note_stage=0, last_mark=-1)
        if s.note_stage in (GRACE_OPEN, GRACE):
            if token == "}":
                return s._replace(note_stage=GRACE_CLOSED)
            return s._replace(note_stage=GRACE, group_size=s.group_size + 1)
        if s.note_stage in (CHORD_OPEN, CHORD_1, CHORD_2) and token != "]":
            stage = CHORD_1 if s.note_stage == CHORD_OPEN else CHORD_2
            return s._replace(note_stage=stage, last_mark=step, group_size=s.group_size + 1)
        if step in self.bar_lines:
            return self.kept.after_bar(s, after_bar_line(s, self.bar_lines[step]))
        if step in self.atoms:
            return s._replace(note_stage=LENGTH, length=s.length + int(self.atoms[step] * s.unit), may_end=False)
        if self.is_pitch[step]:
            after = self._after_pitched_note(s)
            return after if s.last_mark >= 0 else after._replace(note_stage=NOTE, last_mark=step)
        if step in self.tuplets:
            notes = self.tuplets[step].r
            return s._replace(
                tuplet=step, tuplet_left=notes, note_stage=0, last_mark=-1, previous=AFTER_NOTE, may_end=False
            )
        return self._after_mark(s._replace(may_end=False), step, token)

    @property
    def records_sections(self) -> bool:
        """Whether the state contains the music of a section that comes back."""
        return False

    def in_form(self, before: State, after: State, step: int) -> State:
        """Return the state after a step with what a requested form adds to it (`form_automaton`).

        Args:
            before: The state before the step.
            after: The state after the step without a form.
            step: The step.
        """
        return after

    def _after_pitched_note(self, s: State) -> State:
        after = after_note(s, self.tuplets.get(s.tuplet))
        return after._replace(verse=0, held=s.sung, sung=0) if self.kept.verses else after

    def _after_mark(self, s: State, step: int, token: str) -> State:
        """Return the state after a token that is neither a length, a pitch, a bar line nor a tuplet."""
        match token[0]:
            case "z":
                return after_note(s, self.tuplets.get(s.tuplet))
            case "]":
                return self._after_pitched_note(s)
            case "-":
                return s._replace(note_stage=0, last_mark=-1, tie=s.last_mark)
            case "K":
                return s._replace(note_stage=0, previous=AFTER_OTHER)
            case "Q":
                return s._replace(header=5)
            case "[":
                if token == "[":
                    return s._replace(note_stage=CHORD_OPEN, last_mark=-1, group_size=0)
                s = s._replace(note_stage=0, previous=AFTER_OTHER)
                if token == "[1":
                    return s._replace(ending=1, had_endings=True, ending_start=s.bar_number)
                return s._replace(ending=3)
            case "{":
                return s._replace(note_stage=GRACE_OPEN, group_size=0)
            case "!":
                return s._replace(note_stage=DECORATION, last_mark=step, has_roll=s.has_roll or step in self.rolls)
            case '"':
                return s._replace(note_stage=ROOT, had_chord_symbol=True, first_upbeat=max(0, s.first_upbeat))
        return s._replace(note_stage=KIND if token[0] == "~" else BASS)

    # -- the path to an end -------------------------------------------------------------------

    def to_end(self, state: Hashable) -> int:
        """Return the number of steps to an end on the path of `step_toward_end`."""
        s, path = without_tie_option(cast(State, state)), []
        while s not in self._distances and not self.may_end(s):
            path.append(s)
            s = without_tie_option(cast(State, self.advance(s, self.step_toward_end(s))))
        distance = self._distances.get(s, 0)
        if len(self._distances) > MAX_CACHE_SIZE:
            self._distances.clear()
        for s in reversed(path):
            distance += 1
            self._distances[s] = distance
        return distance

    def step_toward_end(self, s: State) -> int:
        """Return an allowed step on a short path to an end."""
        if self.header.is_open(s):
            return self.header.step_toward_end(s)
        if s.syllable < 0:
            return int(self.kept.inner[0])
        if s.ending == 2:
            return self.index["[2"]
        if s.closable:
            return self.index[SLUR_END]
        if s.note_stage in (GRACE, CHORD_2):
            return self.index["}" if s.note_stage == GRACE else "]"]
        if s.note_stage in (GRACE_OPEN, CHORD_OPEN, CHORD_1):
            return int(np.flatnonzero(self.allowed(s))[0] if s.note_stage != GRACE_OPEN else self.pitches[0])
        if s.note_stage in (0, NOTE) and not s.tuplet_left and (kind := self._bar_line_toward_end(s)):
            return cast(int, self.kept.second_voice) if s.voices > s.voice else self.index[bar_line_token(s, kind)]
        if s.note_stage in (0, NOTE, SLUR, PART) and chord_is_due(s):
            return self.roots[0]
        lengths = self._lengths(s)
        complete = next_atoms(lengths, s.unit, s.length)[1]
        if s.tuplet_left == 0 and s.length == 0:
            rest = rest_of_bar(s)
            atoms = spell_length(max((length for length in lengths if length <= rest), default=lengths[0]), s.unit)
            return self.atom_steps[atoms[0]] if atoms else self._pitch(s)
        if complete:
            return self._pitch(s)
        spellings = [spell_length(length, s.unit) for length in lengths]
        continuations = [spelling for spelling in spellings if next_atom(spelling, s.unit, s.length) is not None]
        return self.atom_steps[cast(Fraction, next_atom(min(continuations, key=len), s.unit, s.length))]

    def _pitch(self, s: State) -> int:
        return s.tie if s.tie >= 0 else int(self.pitches[len(self.pitches) // 2])

    def _bar_line_toward_end(self, s: State) -> str | None:
        """Return the kind of bar line on a short path to an end, or None if a note must come first."""
        kinds = closing_bar_lines(s, s.fill)
        if has_open_marks(s):
            return "|" if "|" in kinds and not room(s) else None
        for kind in ("|]", ":|") if s.bars_left in (ANY_BARS, 1) or s.ending == 1 else ():
            if kind in kinds:
                return kind
        if s.voice == 2 and kinds:
            return "|" if "|" in kinds else kinds[0]
        return "|" if "|" in kinds and (not room(s) or s.fill == (s.bar_length or s.fill)) else None
