"""An index of the runs of a corpus: whether a run occurs there, and which values follow it."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["RunIndex"]

BYTES = 4
"""The number of bytes of a value in the text."""
MAX_CACHED = 1 << 16
"""The number of answers that are cached; a full cache is cleared."""


class RunIndex:
    """The runs of a corpus up to some length: a sorted array of their places, 8 bytes per value of the corpus.

    >>> index = RunIndex([[1, 2, 3], [1, 2, 4]], longest=3)
    >>> index.followers((1, 2)), index.followers((4,)), index.longest_suffix((9, 1, 2))
    (frozenset({3, 4}), frozenset(), (1, 2))

    Args:
        sequences: The sequences of the corpus: integers from 0 to 2^32 - 2.
        longest: The length of the longest runs that are looked up, the follower included.
    """

    def __init__(self, sequences: Iterable[Sequence[int] | np.ndarray], *, longest: int) -> None:
        self.longest = longest
        parts = [np.append(np.asarray(sequence, np.int64) + 1, 0) for sequence in sequences]
        values = np.concatenate([*parts, np.zeros(1, np.int64)]).astype(np.int64)
        self._text = values.astype(">u4").tobytes()  # big-endian, so that bytes sort as numbers do
        self._places = array("q", _sorted_places(values, longest).tobytes())
        self._followers: dict[tuple[int, ...], frozenset[int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def followers(self, run: tuple[int, ...]) -> frozenset[int]:
        """Return the values that follow a run in the corpus; none if it does not occur or ends every sequence.

        Args:
            run: The run, shorter than `longest`.
        """
        known = self._followers.get(run)
        if known is None:
            if len(self._followers) >= MAX_CACHED:
                self._followers.clear()
            known = self._followers[run] = frozenset(self._find_followers(run))
        return known

    def occurs(self, run: tuple[int, ...]) -> bool:
        """Return whether a run of at most `longest` values occurs in the corpus."""
        return not run or run[-1] in self.followers(run[:-1])

    def longest_suffix(self, run: tuple[int, ...]) -> tuple[int, ...]:
        """Return the longest end of a run that occurs in the corpus, at most `longest` values long."""
        run = run[-self.longest :]
        while run and not self.occurs(run):
            run = run[1:]
        return run

    def _find_followers(self, run: tuple[int, ...]) -> Iterable[int]:
        prefix = _bytes_of(run)
        width = len(prefix)
        first = bisect_left(self._places, prefix, key=lambda place: self._run_at(place, width))
        end = bisect_right(self._places, prefix, lo=first, key=lambda place: self._run_at(place, width))
        # The followers of equal runs are sorted, too: each search finds the first place of the next one.
        while first < end:
            place = BYTES * self._places[first] + width
            follower = self._text[place : place + BYTES]
            value = int.from_bytes(follower, "big")
            if value:
                yield value - 1
            whole = prefix + follower
            first = bisect_right(
                self._places, whole, lo=first, hi=end, key=lambda place: self._run_at(place, len(whole))
            )

    def _run_at(self, place: int, width: int) -> bytes:
        first = BYTES * place
        return self._text[first : first + width]


def _bytes_of(run: tuple[int, ...]) -> bytes:
    """Return values as they stand in the text."""
    return (np.array(run, np.int64) + 1).astype(">u4").tobytes()


def _sorted_places(values: np.ndarray, longest: int) -> np.ndarray:
    """Return the places of the values in the order of the runs of at least `longest` values that begin there."""
    ranks, length = np.unique(values, return_inverse=True)[1].astype(np.int64), 1
    while length < longest:
        second = np.zeros(len(ranks), np.int64)
        second[:-length] = ranks[length:] + 1
        ranks = np.unique(ranks * (len(ranks) + 2) + second, return_inverse=True)[1].astype(np.int64)
        length *= 2
    return np.argsort(ranks, kind="stable")[: len(values)].astype(np.int64)
