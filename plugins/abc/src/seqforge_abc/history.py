"""The places of tokens: the bar and the position in it, at which the network looks back to earlier bars.

Two tokens stand at corresponding places if they have the same offset in their bars, and the same number of tokens of
the current note before them. Bars are counted through the tune, so that eight bars before is the section before. An
upbeat is no bar. A bar that a repeat sign divides is one bar. A second ending counts from the bar in which the first
one began.

Lengths are in ticks; every length on the grid of 1/128, in every tuplet, is a whole number of them.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from seqforge import Places
from seqforge_abc import tokens
from seqforge_abc.scale_degrees import is_degree
from seqforge_abc.tune import ENDINGS

TICKS = 128 * 2520
"""Ticks per whole note: 2520 is the least common multiple of 1 to 9, the sizes of tuplets."""
ATOM_PARTS = 128
"""Every length atom is a multiple of this part of the unit."""
MAX_COUNT, MAX_OFFSET = 255, 1 << 22
"""Larger counts and offsets, which no tune has, are set to these."""

OTHER, UNIT, PART, PITCH, ATOM, TUPLET, OPEN, CLOSE, CLOSE_CHORD, METER, ENDING, BAR, NUMBERED_BAR, UPBEAT = range(14)
"""The kinds of tokens: PART is any other part of a note, PITCH also a rest, OPEN and CLOSE enclose grace notes or a
chord. BAR ends a section, NUMBERED_BAR a complete bar, and UPBEAT an upbeat. Kinds from PART to CLOSE_CHORD are parts
of a note, later kinds are structural."""
HEADER = 4


class _Bars(NamedTuple):
    """The position in the bars of a tune after a structural token; lengths count from the start of the tune.

    Attributes:
        bar: The number of the current bar.
        start: The length at which it began.
        last: The length at the last bar line.
        divided: Whether a repeat sign has divided the current bar.
        section_start: Whether the section has had no bar line.
        bar_length: The length of a bar; 0 without a meter.
        ending_bar: The bar in which the first ending began, -1 for none.
        ending_offset: The offset in that bar.
    """

    bar: int = 0
    start: int = 0
    last: int = 0
    divided: bool = False
    section_start: bool = True
    bar_length: int = 0
    ending_bar: int = -1
    ending_offset: int = 0

    def after(self, kind: int, value: int, length: int) -> "_Bars":
        """Return the position after a structural token.

        Args:
            kind: The kind of the token.
            value: The value of the token.
            length: The length of the music before it.
        """
        if kind == METER:
            return self._replace(bar_length=value)
        if kind == ENDING:
            return self._after_ending(value, length)
        if length == self.last:  # a bar line right after another one
            return self if kind in (NUMBERED_BAR, UPBEAT) else self._replace(section_start=True)
        full = length - self.last >= self.bar_length
        if self.section_start and not self.divided and not full and value:  # an upbeat
            return self._replace(start=length, last=length, section_start=kind == BAR)
        if kind == BAR and length - self.start < self.bar_length:
            return self._replace(last=length, divided=True, section_start=True)
        bar = self.bar + 1 + (self.divided and full)  # a full bar does not complete a divided one, but follows it
        return self._replace(bar=bar, start=length, last=length, divided=False, section_start=kind == BAR)

    def _after_ending(self, first: int, length: int) -> "_Bars":
        if first:
            return self._replace(ending_bar=self.bar, ending_offset=length - self.start, section_start=False)
        if self.ending_bar < 0:
            return self
        start = length - self.ending_offset
        return self._replace(bar=self.ending_bar, start=start, last=length, divided=False, section_start=False)


class _State(NamedTuple):
    """The state of a tune.

    Attributes:
        header: The number of header tokens so far, 0 to 4.
        length: The length of the complete notes.
        unit: The length of a note without a length token.
        depth: The number of open braces and brackets.
        atoms: The sum of the length atoms of the current note, in parts of the unit.
        tuplet: The step of the current tuplet.
        tuplet_left: The number of coming notes of it.
        note_tokens: The number of tokens of the current note.
        bars: The position in the bars.
    """

    header: int = 0
    length: int = 0
    unit: int = 0
    depth: int = 0
    atoms: int = 0
    tuplet: int = 0
    tuplet_left: int = 0
    note_tokens: int = 0
    bars: _Bars = _Bars()


class TunePlaces(Places):
    """The places of the tokens of a tune: the bar, and the offset in it with the number of tokens since that offset.

    Repeats are found whatever the numbers of their bar lines.

    >>> vocabulary = tokens.vocabulary([])
    >>> steps = [vocabulary.index(name) for name in ["R:", "M:2/4", "L:1/8", "K:D", "=D", "*3", "^F", "|1", "=E"]]
    >>> places = TunePlaces(vocabulary).places(np.array(steps))
    >>> [(bar, offset // (TICKS // 8 * (MAX_COUNT + 1))) for bar, offset in places.tolist()]
    [(-1, -1), (-1, -1), (-1, -1), (-1, -1), (0, 0), (0, 1), (0, 1), (0, 4), (1, 0), (1, 1)]

    Args:
        vocabulary: The tokens of the codec.
    """

    distances = (1, 2, 4, 8, 0)

    def __init__(self, vocabulary: Sequence[str]) -> None:
        entries = [_kind_and_value(token) for token in vocabulary]
        self.kinds = np.array([kind for kind, _ in entries], np.int64)
        self.values = np.array([value for _, value in entries], np.int64)
        tuplets = [tokens.TUPLET_TOKENS.get(token) for token in vocabulary]
        self.ratios = np.array([(tuplet.q, tuplet.p) if tuplet else (1, 1) for tuplet in tuplets], np.int64)
        self.classes = np.arange(len(vocabulary))
        self.classes[self.kinds == NUMBERED_BAR] = np.flatnonzero(self.kinds == NUMBERED_BAR)[:1]
        self._kind_list, self._value_list = self.kinds.tolist(), self.values.tolist()
        self._ratio_list = self.ratios.tolist()

    def start(self) -> _State:
        return _State()

    def place(self, state: _State) -> tuple[int, int] | None:
        if state.header < HEADER:
            return None
        offset = min(state.length - state.bars.start, MAX_OFFSET)
        return state.bars.bar, offset * (MAX_COUNT + 1) + min(state.note_tokens, MAX_COUNT)

    def advance(self, state: _State, step: int) -> _State:
        header, length, unit, depth, atoms, tuplet, tuplet_left, count, bars = state
        kind, value = self._kind_list[step], self._value_list[step]
        if PART <= kind <= CLOSE_CHORD:
            count += 1
        if (kind == PITCH and depth == 0) or (kind == CLOSE_CHORD and depth == 1):
            duration = (atoms or ATOM_PARTS) * unit // ATOM_PARTS
            if tuplet_left:
                q, p = self._ratio_list[tuplet]
                duration, tuplet_left = duration * q // p, tuplet_left - 1
            length, atoms, count = length + duration, 0, 0
        elif kind == ATOM:
            atoms += value
        elif kind == TUPLET:
            tuplet, tuplet_left = step, value
        elif kind == UNIT:
            unit = value
        elif kind >= METER:
            bars, count = bars.after(kind, value, length), 0
        if kind == OPEN:
            depth += 1
        elif kind in (CLOSE, CLOSE_CHORD):
            depth -= 1
        return _State(min(header + 1, HEADER), length, unit, depth, atoms, tuplet, tuplet_left, count, bars)

    def places(self, steps: np.ndarray) -> np.ndarray:
        kinds, values = self.kinds[steps], self.values[steps]
        # 1. Find the tokens that complete a note, and the length of each note.
        depth = np.cumsum((kinds == OPEN).astype(np.int64) - (kinds == CLOSE) - (kinds == CLOSE_CHORD))
        complete = ((kinds == PITCH) & (depth == 0)) | ((kinds == CLOSE_CHORD) & (depth == 0))
        notes = np.flatnonzero(complete)
        atoms = np.diff(np.cumsum(np.where(kinds == ATOM, values, 0))[notes], prepend=0)
        atoms[atoms == 0] = ATOM_PARTS
        durations = atoms * _latest(kinds == UNIT, values, 0)[notes] // ATOM_PARTS
        # 2. Scale the notes of tuplets.
        number = np.cumsum(complete)
        numbers_left = _latest(kinds == TUPLET, values + number, 0)[notes] - number[notes]
        ratios = self.ratios[_latest(kinds == TUPLET, steps, 0)[notes]]
        durations = np.where(numbers_left >= 0, durations * ratios[:, 0] // ratios[:, 1], durations)
        lengths = np.zeros(len(steps) + 1, np.int64)
        lengths[notes + 1] = durations
        lengths = np.cumsum(lengths)
        # 3. Count the tokens of the current note.
        counted = np.cumsum((kinds >= PART) & (kinds <= CLOSE_CHORD))
        structural = kinds >= METER
        counts = counted - np.maximum.accumulate(np.where(complete | structural, counted, 0))
        # 4. Follow the bars from one structural token to the next.
        bars = [_Bars()]
        at = np.flatnonzero(structural)
        for kind, value, length in zip(kinds[at].tolist(), values[at].tolist(), lengths[at].tolist(), strict=True):
            bars.append(bars[-1].after(kind, value, length))
        section = np.concatenate([[0], np.cumsum(structural)])
        offsets = np.minimum(lengths - np.array([entry.start for entry in bars])[section], MAX_OFFSET)
        counts = np.minimum(np.concatenate([[0], counts]), MAX_COUNT)
        result = np.stack([np.array([entry.bar for entry in bars])[section], offsets * (MAX_COUNT + 1) + counts], 1)
        result[:HEADER] = -1
        return result


def _latest(mask: np.ndarray, values: np.ndarray, default: int) -> np.ndarray:
    """Return, at each position, the value at the latest position where a mask holds, that position included."""
    at = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    latest: np.ndarray = np.where(at >= 0, values[at], default)
    return latest


def _kind_and_value(token: str) -> tuple[int, int]:
    """Return the kind of a token and its value: a length, a number of notes, or whether it may end an upbeat."""
    if token in tokens.PITCH_TOKENS or token == "z" or is_degree(token):
        return PITCH, 0
    if token in tokens.BAR_LINE_TOKENS:
        if token == "|":
            return UPBEAT, 1
        return (NUMBERED_BAR, 0) if tokens.BAR_LINE_TOKENS[token] == "|" else (BAR, int(token == "|:"))
    if token in tokens.METER_TOKENS:
        return METER, int(tokens.METER_TOKENS[token].bar_length * TICKS)
    if token in tokens.UNIT_TOKENS:
        return UNIT, int(tokens.UNIT_TOKENS[token] * TICKS)
    if token in tokens.TUPLET_TOKENS:
        return TUPLET, tokens.TUPLET_TOKENS[token].r
    if token[:1] == "[" and token[1:] in ENDINGS:
        return ENDING, int(token[1] == "1")
    if token in ("{", "["):
        return OPEN, 0
    if token in ("}", "]"):
        return (CLOSE_CHORD if token == "]" else CLOSE), 0
    if token[:1] == "*":
        return ATOM, int(Fraction(token[1:]) * ATOM_PARTS)
    if token[:1] in ('"', "~", "/", "!"):
        return PART, 0
    return OTHER, 0
