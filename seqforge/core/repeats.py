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


def latest_repeats(classes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the step that each position repeats, and the length of the equal passages before the two.

    Position r follows the first r steps. It repeats the latest earlier position at the same offset at which the last
    steps of the largest length in LENGTHS are the same. Steps of class -1 are not compared.

    >>> indices, lengths = latest_repeats(np.array([5, 6, 7, 5, 6]), np.zeros(6, int))
    >>> indices.tolist(), lengths.tolist()
    ([-1, -1, -1, -1, 1, 2], [0, 0, 0, 0, 1, 2])

    Args:
        classes: The class of each step.
        offsets: The offset of each position, shape (steps + 1,); -1 for none.

    Returns:
        The indices, -1 for none, and the lengths, 0 for none, both of shape (steps + 1,).
    """
    indices, lengths = np.full(len(offsets), -1, np.int64), np.zeros(len(offsets), np.int64)
    compared = classes[classes >= 0]
    counts = np.concatenate([[0], np.cumsum(classes >= 0)])
    numbers = np.unique(offsets, return_inverse=True)[1].reshape(-1)
    passages = np.unique(compared, return_inverse=True)[1].reshape(-1)
    """The number of the passage that begins at each compared step and has the current length."""
    for length in LENGTHS:
        at = np.flatnonzero((counts >= length) & (offsets >= 0))
        keys = passages[counts[at] - length] * (len(offsets) + 1) + numbers[at]
        order = np.argsort(keys, kind="stable")
        is_repeated = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        if not len(is_repeated):
            break
        later, earlier = at[order[is_repeated + 1]], at[order[is_repeated]]
        indices[later], lengths[later] = earlier, length
        pairs = passages[:-length] * (len(offsets) + 1) + passages[length:]
        passages = np.unique(pairs, return_inverse=True)[1].reshape(-1)
    return indices, lengths


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
        self._previous: list[int] = []
        """The latest step before each step that stands at the same offset after a step of the same class; -1: none."""
        self._latest: dict[tuple[int, int], int] = {}
        """The latest step at each offset after each class."""

    def add(self, class_: int, offset: int) -> None:
        """Append a step.

        Args:
            class_: Its class; -1 if it is not compared.
            offset: The offset of the position before it; -1 for none.
        """
        previous = -1
        if offset >= 0 and self._classes:
            key = (offset, self._classes[-1])
            previous = self._latest.get(key, -1)
            self._latest[key] = len(self._counts)
        self._previous.append(previous)
        self._counts.append(len(self._classes))
        if class_ >= 0:
            self._classes.append(class_)

    def find(self, offset: int) -> tuple[int, int]:
        """Return the index of the step that the next one repeats, -1 for none, and the length of the passages.

        Args:
            offset: The offset of the position after the last step; -1 for none.
        """
        classes, end = self._classes, len(self._classes)
        index, best, longest = -1, 0, LENGTHS[-1]
        candidate = self._latest.get((offset, classes[-1]), -1) if classes and offset >= 0 else -1
        while candidate >= 0 and best < longest:
            count, length = self._counts[candidate], 2 * best or 1
            while length <= min(count, longest) and classes[count - length : count] == classes[end - length :]:
                index, best = candidate, length
                length *= 2
            candidate = self._previous[candidate]
        return index, best

    def copy(self) -> "RepeatIndex":
        """Return an index that grows independently."""
        result = copy(self)
        result._classes, result._counts = list(self._classes), list(self._counts)
        result._previous, result._latest = list(self._previous), dict(self._latest)
        return result
