"""Bars that return: how many bars before the bar stands that a bar repeats."""

from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from seqforge_midi.song import DRUMS, Song

__all__ = ["MAX_DISTANCE", "repeat_distances", "song_repeats"]

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


def song_repeats(
    song: Song, bar_lines: np.ndarray, bars: np.ndarray, positions: np.ndarray, tracks: np.ndarray
) -> np.ndarray:
    """Return for each bar of a song the distance in bars to the earlier bar with the same notes; 0 for none.

    Equal bars have the same time signature, and the same positions, tracks, pitches and durations. A bar in which the
    time signature changes is no repeat.

    Args:
        song: The song.
        bar_lines: The ticks of the bar lines, shape (bars,).
        bars: The bar of each note, in rising order.
        positions: The position of each note in its bar.
        tracks: The index of the track of each note.
    """
    notes = song.notes
    lengths = np.where(notes["program"] == DRUMS, 0, notes["end"] - notes["start"])
    columns = np.stack([positions, tracks, notes["pitch"].astype(np.int64), lengths], 1)
    changes = np.array([tick for tick, _ in song.time_signatures])
    signatures = np.searchsorted(changes, bar_lines, side="right") - 1
    ends = np.searchsorted(bars, np.arange(len(bar_lines) + 1)).tolist()
    distances = repeat_distances([
        (song.time_signatures[number][1], columns[first:end].tobytes()) if end > first else None
        for number, (first, end) in zip(signatures.tolist(), pairwise(ends), strict=True)
    ])  # fmt: skip
    distances[np.isin(bar_lines, changes)] = 0
    return distances
