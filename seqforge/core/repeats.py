"""Repeats: the earlier step that follows the same passage as the step that comes next, at any distance.

Verses and sections return at distances that differ from piece to piece. Once a passage has begun to return, the last
steps show where it stood before: at the latest earlier position that follows the same steps.

Source: the last steps are compared as in the variable-order models of J. G. Cleary and I. H. Witten, "Data Compression
Using Adaptive Coding and Partial String Matching", IEEE Transactions on Communications 32(4), 1984. Here they select
one earlier step, which a network reads; they predict nothing themselves.
"""

from copy import copy

import numpy as np

LENGTHS = (1, 2, 4, 8, 16, 32, 64)
"""The numbers of last steps that are compared."""
SEARCHED = (8, 4, 2, 1)
"""The lengths by which a growing piece is searched; longer passages are compared."""


def latest_repeats(
    classes: np.ndarray, offsets: np.ndarray, firsts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the step that each position repeats, and the length of the equal passages before the two.

    Position r follows the first r steps. It repeats the latest earlier position at the same offset at which the last
    steps of the largest length in LENGTHS are the same. Steps of class -1 are not compared.

    >>> indices, lengths = latest_repeats(np.array([5, 6, 7, 5, 6]), np.zeros(6, int))
    >>> indices.tolist(), lengths.tolist()
    ([-1, -1, -1, -1, 1, 2], [0, 0, 0, 0, 1, 2])

    Args:
        classes: The class of each step.
        offsets: The offset of each position, shape (steps + 1,); -1 for none.
        firsts: The first position of the history of each position, shape (steps + 1,): neither earlier positions nor
            the steps before it are compared. Positions at the same offset have the same one. None for the first of all.

    Returns:
        The indices, -1 for none, and the lengths, 0 for none, both of shape (steps + 1,).
    """
    indices, lengths = np.full(len(offsets), -1, np.int64), np.zeros(len(offsets), np.int64)
    compared = classes[classes >= 0]
    if not len(compared):
        return indices, lengths
    counts = np.concatenate([[0], np.cumsum(classes >= 0)])
    histories = counts if firsts is None else counts - counts[firsts]
    """The number of compared steps that each position can look back."""
    numbers = _ranks(offsets)
    passages = _ranks(compared)
    """The number of the passage that begins at each compared step and has the current length."""
    for length in LENGTHS:
        at = np.flatnonzero((histories >= length) & (offsets >= 0))
        keys, order = _sorted(passages[counts[at] - length] * (int(numbers.max()) + 1) + numbers[at])
        is_repeated = np.flatnonzero(keys[1:] == keys[:-1])
        if not len(is_repeated):
            break
        later, earlier = at[order[is_repeated + 1]], at[order[is_repeated]]
        indices[later], lengths[later] = earlier, length
        passages = _ranks(passages[:-length] * (int(passages.max()) + 1) + passages[length:])
    return indices, lengths


def _sorted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted values, and their indices, of which those of equal values ascend.

    Sorting values and indices as one number is several times as fast as a stable sort of the indices.
    """
    bits = len(values).bit_length()
    if not len(values) or int(values.min()) < 0 or int(values.max()).bit_length() + bits > 63:
        order = np.argsort(values, kind="stable")
        return values[order], order
    both = np.sort(values << bits | np.arange(len(values)))
    return both >> bits, both & ((1 << bits) - 1)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value among the different values."""
    ordered, order = _sorted(values)
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.cumsum(np.append(0, ordered[1:] != ordered[:-1]))[: len(values)]
    return ranks


class RepeatIndex:
    """Finds the step that the next one of a growing piece repeats, as `latest_repeats` does.

    >>> index = RepeatIndex()
    >>> for class_ in [5, 6, 7, 5, 6]:
    ...     index.add(class_, offset=0)
    >>> index.find(offset=0)
    (2, 2)
    """

    def __init__(self) -> None:
        self._classes: list[int] = []
        """The classes of the compared steps."""
        self._counts: list[int] = []
        """The number of compared steps before each step."""
        self._latest: dict[int, dict[tuple[int, ...], int]] = {length: {} for length in SEARCHED}
        """For each length: the latest step at each offset after each passage."""
        self._previous: list[int] = []
        """The latest step before each step that stands at the same offset after the same longest searched passage."""

    def add(self, class_: int, offset: int) -> None:
        """Append a step.

        Args:
            class_: Its class; -1 if it is not compared.
            offset: The offset of the position before it; -1 for none.
        """
        classes, count, number = self._classes, len(self._classes), len(self._counts)
        previous = -1
        if offset >= 0:
            for length, latest in self._latest.items():
                if length <= count:
                    key = (offset, *classes[-length:])
                    if length == SEARCHED[0]:
                        previous = latest.get(key, -1)
                    latest[key] = number
        self._previous.append(previous)
        self._counts.append(count)
        if class_ >= 0:
            classes.append(class_)

    def find(self, offset: int) -> tuple[int, int]:
        """Return the index of the step that the next one repeats, -1 for none, and the length of the passages.

        Args:
            offset: The offset of the position after the last step; -1 for none.
        """
        if offset < 0:
            return -1, 0
        classes, count = self._classes, len(self._classes)
        for length, latest in self._latest.items():
            if length <= count:
                index = latest.get((offset, *classes[-length:]), -1)
                if index >= 0:
                    return self._longest(index) if length == SEARCHED[0] else (index, length)
        return -1, 0

    def _longest(self, candidate: int) -> tuple[int, int]:
        """Return the candidate or an earlier one after the same passage: the latest one after the longest passage."""
        classes, end, longest = self._classes, len(self._classes), LENGTHS[-1]
        index, best = -1, 0
        while candidate >= 0 and best < longest:
            count, length = self._counts[candidate], 2 * best or SEARCHED[0]
            while length <= min(count, longest) and classes[count - length : count] == classes[end - length :]:
                index, best = candidate, length
                length *= 2
            candidate = self._previous[candidate]
        return index, best

    def copy(self) -> "RepeatIndex":
        """Return an index that grows independently."""
        result = copy(self)
        result._classes, result._counts = list(self._classes), list(self._counts)
        result._latest = {length: dict(latest) for length, latest in self._latest.items()}
        result._previous = list(self._previous)
        return result
