"""Bars that return: how many bars before the bar stands that a bar repeats."""

from collections.abc import Hashable, Sequence

import numpy as np

__all__ = ["MAX_DISTANCE", "repeat_distances"]

MAX_DISTANCE = 64
"""The largest distance in bars at which a repeated bar is looked for."""


def repeat_distances(contents: Sequence[Hashable]) -> np.ndarray:
    """Return for each bar the distance in bars to the earlier bar that it repeats; 0 for none.

    A bar continues the repeat that the bar before is in, at the same distance. Otherwise it begins the longest repeat
    that is possible here; among equally long ones, the nearest.

    >>> repeat_distances(["A", "B", "A", "C", "A", "B", "A", "D", "", ""]).tolist()
    [0, 0, 2, 0, 4, 4, 4, 0, 0, 0]

    Args:
        contents: What is compared of each bar; a value that is false stands for an empty bar, which repeats nothing.
    """
    numbers: dict[Hashable, int] = {}
    bars = np.array([numbers.setdefault(content, len(numbers)) if content else -1 for content in contents], np.int64)
    count = len(bars)
    runs = np.zeros((MAX_DISTANCE + 1, count + 1), np.int64)
    for distance in range(1, min(MAX_DISTANCE, count - 1) + 1):
        equal = np.zeros(count, np.bool_)
        equal[distance:] = (bars[distance:] == bars[:-distance]) & (bars[distance:] >= 0)
        ends = np.minimum.accumulate(np.where(equal, count, np.arange(count))[::-1])[::-1]
        runs[distance, :-1] = ends - np.arange(count)
    result = np.zeros(count, np.int64)
    for bar in range(1, count):
        before = result[bar - 1]
        continues = before and runs[before, bar]
        result[bar] = before if continues else runs[:, bar].argmax()  # row 0 has no runs, and stands for no repeat
    return result
