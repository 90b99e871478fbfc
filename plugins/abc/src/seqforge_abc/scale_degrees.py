"""Pitches as degrees of the scale of the key: the tokens that the network reads and predicts in place of note names.

In the key D, the notes `=D`, `^F` and `=c` are the degrees `1`, `3` and `b7`: the accidental compares the note with the
major scale on the tonic, whatever the mode. A tune and its transposition differ in the token of the key only, so what
the network learns in one key holds in all. Roots and basses of chord symbols are degrees as well.

The marks `'` and `,` raise and lower a degree by an octave. The octave without a mark begins with the tonic from D
above middle C to the C sharp above it; that is where most tunes of the bundled books end. After a change of key,
pitches are degrees of the new key. In a tune without a key, they are degrees of C.
"""

from collections.abc import Hashable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, DecodeError, StateNumbers
from seqforge_abc.theory import LETTER_FIFTHS, Key, Pitch, pitch_class_name
from seqforge_abc.tokens import CHORD_ROOTS, all_keys, all_pitches

__all__ = ["DegreeConstraint", "DegreeTable", "degree_name", "degree_vocabulary", "is_degree"]

LOWEST_TONIC = 62
"""The lowest tonic from which the octave without a mark begins, as a MIDI note number: D above middle C."""
ROW_BITS = 6
"""The bits of the row of a key in the number of a state."""
_KEYS = {f"K:{key}": key for key in all_keys()}


@cache
def degree_name(fifths: int, steps: int) -> str:
    """Return the name of an interval above the tonic.

    >>> degree_name(0, 0), degree_name(4, 2), degree_name(-3, 9), degree_name(-2, -1)
    ('1', '3', "b3'", 'b7,')

    Args:
        fifths: The interval in fifths.
        steps: The interval in staff steps; it determines the octave.
    """
    octave = steps // 7
    return _pitch_class_degree(fifths) + "'" * octave + "," * -octave


@cache
def _pitch_class_degree(fifths: int) -> str:
    """Return the degree of a pitch class: its accidental and its number from 1 to 7."""
    degree = 4 * fifths % 7
    alter = (fifths - LETTER_FIFTHS[degree]) // 7
    return "#" * alter + "b" * -alter + str(degree + 1)


def _tonic_position(tonic: int) -> int:
    """Return the staff position of the tonic with which the octave without a mark begins.

    Args:
        tonic: The position of the tonic on the line of fifths.
    """
    semitones = (7 * tonic - LOWEST_TONIC) % 12 + LOWEST_TONIC
    letter = 4 * tonic % 7
    candidates = [Pitch(letter, (tonic - LETTER_FIFTHS[letter]) // 7, octave) for octave in range(2, 8)]
    return next(pitch.staff_position for pitch in candidates if pitch.midi == semitones)


def _degrees_of(tonic: int) -> Iterator[tuple[str, str]]:
    """Yield each pitch, root and bass of a chord symbol, as it is named in the notation and as a degree of a tonic."""
    position = _tonic_position(tonic)
    for name, fifths, staff_position in _PITCHES:
        yield name, degree_name(fifths - tonic, staff_position - position)
    for root in CHORD_ROOTS:
        for mark in ('"', "/"):
            yield mark + pitch_class_name(root), mark + _pitch_class_degree(root - tonic)


def _tonic_of(key: Key) -> int:
    return key.tonic or 0


_PITCHES = [(str(pitch), pitch.fifths, pitch.staff_position) for pitch in all_pitches()]
_TONICS = sorted({_tonic_of(key) for key in _KEYS.values()})
_DEGREES = {tonic: dict(_degrees_of(tonic)) for tonic in _TONICS}
_NAMES = {tonic: {degree: name for name, degree in degrees.items()} for tonic, degrees in _DEGREES.items()}
_ALL_DEGREES = frozenset(degree for degrees in _DEGREES.values() for degree in degrees.values())


def is_degree(token: str) -> bool:
    """Return whether a token is the degree of a pitch, and not that of a chord symbol."""
    return token in _ALL_DEGREES and token[0] not in '"/'


def degree_vocabulary(notation: Sequence[str]) -> list[str]:
    """Return the vocabulary of the network: that of the notation with degrees in place of note names.

    Args:
        notation: The tokens of the notation, from `tokens.vocabulary`.
    """
    return [*(token for token in notation if token not in _DEGREES[0]), *sorted(_ALL_DEGREES)]


class DegreeTable:
    """The translation between the tokens of the notation and those with degrees.

    >>> from seqforge_abc import tokens
    >>> notation = tokens.vocabulary([])
    >>> table = DegreeTable(notation, degree_vocabulary(notation))
    >>> table.to_degrees(["R:", "M:2/4", "L:1/8", "K:D", "=D", "^F", "=c", "|1"])
    ['R:', 'M:2/4', 'L:1/8', 'K:D', '1', '3', 'b7', '|1']
    >>> table.to_names(["R:", "M:2/4", "L:1/8", "K:Edor", "1", "b3", "4", "|1"])
    ['R:', 'M:2/4', 'L:1/8', 'K:Edor', '=E', '=G', '=A', '|1']

    Args:
        notation: The tokens of the notation, by step.
        vocabulary: The tokens with degrees, by step.

    Attributes:
        names: The step in the notation of each step with degrees, shape (tonics, steps); -1 if there is none.
        degrees: The step with degrees of each step in the notation, shape (tonics, steps).
        rows: The row in these tables for each step with degrees that is a key; -1 for other steps.
        notation_rows: The same for the steps in the notation.
    """

    def __init__(self, notation: Sequence[str], vocabulary: Sequence[str]) -> None:
        index = {token: step for step, token in enumerate(vocabulary)}
        self.rows, self.notation_rows = (_key_rows(tokens) for tokens in (vocabulary, notation))
        self.degrees = np.array(
            [[index[degrees.get(token, token)] for token in notation] for degrees in _DEGREES.values()], np.int32
        )
        self.names = np.full((len(_TONICS), len(vocabulary)), -1, np.int32)
        np.put_along_axis(self.names, self.degrees, np.arange(len(notation), dtype=np.int32)[None], axis=1)

    @staticmethod
    def to_degrees(tokens: Sequence[str]) -> list[str]:
        """Return tokens of the notation with degrees in place of note names."""
        return list(_translated(tokens, _DEGREES))

    @staticmethod
    def to_names(tokens: Sequence[str]) -> list[str]:
        """Return tokens with note names in place of degrees.

        Raises:
            DecodeError: If a degree has no name in the key, because it is out of range.
        """
        result = list(_translated(tokens, _NAMES))
        for token in result:
            if token in _ALL_DEGREES:
                raise DecodeError(f"the degree {token!r} is out of the range of pitches in its key")
        return result

    def names_of(self, steps: np.ndarray) -> np.ndarray:
        """Return the steps in the notation of steps with degrees, shape (steps,)."""
        return cast(np.ndarray, self.names[_rows_at(steps, self.rows), steps])

    def degrees_of(self, steps: np.ndarray) -> np.ndarray:
        """Return the steps with degrees of steps in the notation, shape (steps,)."""
        return cast(np.ndarray, self.degrees[_rows_at(steps, self.notation_rows), steps])


def _translated(tokens: Sequence[str], tables: dict[int, dict[str, str]]) -> Iterator[str]:
    table = tables[0]
    for token in tokens:
        if token in _KEYS:
            table = tables[_tonic_of(_KEYS[token])]
        yield table.get(token, token)


def _key_rows(tokens: Sequence[str]) -> np.ndarray:
    return np.array([_TONICS.index(_tonic_of(_KEYS[token])) if token in _KEYS else -1 for token in tokens])


def _rows_at(steps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the row of the key in force at each step; C before the first key."""
    keys = rows[steps]
    latest = np.maximum.accumulate(np.where(keys >= 0, np.arange(len(steps)), -1))
    return np.where(latest >= 0, keys[latest], _TONICS.index(0))


class _State(NamedTuple):
    """The state of the constraint of the notation, and the row of the key in force."""

    notation: Hashable
    row: int


class DegreeConstraint(Constraint):
    """A constraint of the notation, over steps with degrees.

    Args:
        constraint: The constraint over the steps of the notation.
        table: The translation.
    """

    def __init__(self, constraint: Constraint, table: DegreeTable) -> None:
        self.constraint, self.table = constraint, table
        self._present = table.names >= 0

    def start(self) -> Hashable:
        return _State(self.constraint.start(), _TONICS.index(0))

    def allowed(self, state: Hashable) -> np.ndarray:
        s = cast(_State, state)
        mask = self.constraint.allowed(s.notation)
        return cast(np.ndarray, mask[self.table.names[s.row]] & self._present[s.row])

    def mask_key(self, state: Hashable) -> Hashable:
        s = cast(_State, state)
        return self.constraint.mask_key(s.notation), s.row

    def state_numbers(self) -> StateNumbers | None:
        numbers = self.constraint.state_numbers()
        return None if numbers is None else _DegreeNumbers(numbers, self.table)

    def may_end(self, state: Hashable) -> bool:
        return self.constraint.may_end(cast(_State, state).notation)

    def to_end(self, state: Hashable) -> int:
        return self.constraint.to_end(cast(_State, state).notation)

    def advance(self, state: Hashable, step: Any) -> Hashable:
        s, row = cast(_State, state), int(self.table.rows[step])
        after = self.constraint.advance(s.notation, int(self.table.names[s.row, step]))
        return _State(after, row if row >= 0 else s.row)


class _DegreeNumbers(StateNumbers):
    """The states of a `DegreeConstraint` as integers; the row of the key in force has the lowest bits.

    Args:
        numbers: The states of the constraint of the notation.
        table: The translation.
    """

    def __init__(self, numbers: StateNumbers, table: DegreeTable) -> None:
        self._numbers, self._table = numbers, table

    @property
    def is_full(self) -> bool:
        return self._numbers.is_full

    def number(self, state: Hashable) -> int:
        s = cast(_State, state)
        return self._numbers.number(s.notation) << ROW_BITS | s.row

    def state(self, number: int) -> Hashable:
        return _State(self._numbers.state(number >> ROW_BITS), number & ((1 << ROW_BITS) - 1))

    def mask_keys(self, numbers: np.ndarray) -> np.ndarray:
        keys: np.ndarray = self._numbers.mask_keys(numbers >> ROW_BITS) << ROW_BITS | numbers & ((1 << ROW_BITS) - 1)
        return keys

    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        rows, next_rows = numbers & ((1 << ROW_BITS) - 1), self._table.rows[steps]
        after = self._numbers.advance(numbers >> ROW_BITS, self._table.names[rows, steps])
        result: np.ndarray = after << ROW_BITS | np.where(next_rows >= 0, next_rows, rows)
        return result
