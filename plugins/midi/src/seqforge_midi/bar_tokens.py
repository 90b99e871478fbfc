"""The tokens of bar lines: what they announce of the bar that begins.

A bar has the notes of an earlier one, so many bars before; or it has a chord, and may be the last bar of the song; or
its token says nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqforge_midi.bar_chords import BAR_CHORDS, transposed_chords
from seqforge_midi.bar_repeats import MAX_DISTANCE

__all__ = ["BarTokens", "bar_values"]

LAST = ":last"
"""Behind the chord of the last bar."""


def bar_values(*, repeats: bool, chords: bool) -> list[int | str | None]:
    """Return the values of the tokens of bar lines.

    >>> bar_values(repeats=True, chords=True)[:3], bar_values(repeats=False, chords=True)[-1]
    ([None, 1, 2], 'Bdim:last')

    Args:
        repeats: Whether a token can announce a repeat.
        chords: Whether a token can announce a chord.
    """
    distances = range(1, MAX_DISTANCE + 1) if repeats else ()
    symbols = [*BAR_CHORDS, *(symbol + LAST for symbol in BAR_CHORDS)] if chords else []
    return [None, *distances, *symbols]


class BarTokens:
    """What each token of a bar line announces, by its number among them.

    >>> tokens = BarTokens(bar_values(repeats=True, chords=True))
    >>> tokens.offsets(distances=np.array([0, 0, 2, 0]), chords=np.array([0, 9, 0, 0])).tolist()
    [65, 74, 2, 101]

    Args:
        values: The values of the tokens, as `bar_values` returns them.

    Attributes:
        distances: The distance in bars to the bar that is repeated; 0 for none.
        repeats: Whether a bar is repeated.
        chords: The chord as an index of `BAR_CHORDS`; -1 for none.
        is_last: Whether the bar is announced as the last one.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        symbols = {symbol: number for number, symbol in enumerate(BAR_CHORDS)}
        self.distances = np.array([value if isinstance(value, int) else 0 for value in values])
        self.chords = np.array([symbols[v.removesuffix(LAST)] if isinstance(v, str) else -1 for v in values])
        self.is_last = np.array([isinstance(value, str) and value.endswith(LAST) for value in values])
        self.repeats: np.ndarray = self.distances > 0
        self.has_repeats, self.has_chords = bool(self.repeats.any()), bool(self.is_last.any())

    def offsets(self, distances: np.ndarray, chords: np.ndarray, *, ends: bool = True) -> np.ndarray:
        """Return the number of the token of each bar of a song.

        The last bar is announced as such and not as a repeat.

        Args:
            distances: The distance to the bar that each bar repeats; 0 for none.
            chords: The chord of each bar; -1 for none.
            ends: Whether the song ends with these bars.
        """
        plain = self.number(chords, last=False) if self.has_chords else np.zeros(len(chords), np.int64)
        result = np.where(distances > 0, distances, plain) if self.has_repeats else plain
        if ends and self.has_chords and len(chords) and chords[-1] >= 0:
            result[-1] = self.number(chords[-1:], last=True)[0]
        return result

    def number(self, chords: np.ndarray, *, last: bool) -> np.ndarray:
        """Return the numbers of the tokens that announce chords; 0 for the chord -1."""
        first = len(self.chords) - (1 if last else 2) * len(BAR_CHORDS)
        return np.where(chords >= 0, first + chords, 0)

    def transposed(self, semitones: int) -> np.ndarray:
        """Return the number of each token after a transposition, shape (tokens,)."""
        moves = np.where(self.chords >= 0, transposed_chords(self.chords, semitones) - self.chords, 0)
        numbers: np.ndarray = np.arange(len(self.chords)) + moves
        return numbers

    def continued(self) -> np.ndarray:
        """Return the number of each token if further bars follow, shape (tokens,): no bar is the last one."""
        numbers: np.ndarray = np.arange(len(self.chords)) - len(BAR_CHORDS) * self.is_last
        return numbers
