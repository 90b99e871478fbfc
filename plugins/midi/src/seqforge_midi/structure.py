"""The structure of songs: which bars return and where, how the bass and the harmony move, and how songs end.

The content of a bar is the set of its onsets, in twelfths of a quarter note, with their pitches. Two bars are equal if
their contents are; their similarity is the number of onsets in both divided by that in either (Jaccard, 1912).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from seqforge_midi.key import KEYS
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song
from seqforge_midi.statistics import UNIT, melody_notes

__all__ = ["bar_contents", "similarity_matrix", "structure"]

BarContent = frozenset[tuple[int, int]]
"""Offsets in the bar, in units of a twelfth of a quarter note, with pitches; drum sounds are pitches above 128."""
DISTANCES = (1, 2, 4, 8)
"""The distances in bars at which repetition is measured."""
NEARLY_EQUAL = 0.75
"""Bars with at least this similarity repeat each other nearly."""
MAX_BARS = 128
"""The largest number of bars in a picture of self-similarity."""
MAJOR_SCALE = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11))
TRIADS = np.array([key.tonic_triad for key in KEYS])
"""The pitch classes of the major and minor triads, shape (24, 3)."""


def bar_contents(song: Song) -> list[BarContent]:
    """Return the content of each bar.

    >>> from seqforge_midi.song import NOTE_DTYPE
    >>> notes = np.array([(0, 480, 60, 80, 0, 0), (2400, 2880, 60, 80, 0, 0)], NOTE_DTYPE)
    >>> [sorted(content) for content in bar_contents(Song.from_events(notes))]
    [[(0, 60)], [(12, 60)]]
    """
    starts = np.array(song.bar_starts())
    notes = song.notes
    bars = np.searchsorted(starts, notes["start"], side="right") - 1
    offsets = np.rint((notes["start"] - starts[bars]) / UNIT).astype(np.int64)
    pitches = notes["pitch"].astype(np.int64) + DRUMS * (notes["program"] == DRUMS)
    contents: list[set[tuple[int, int]]] = [set() for _ in starts]
    for bar, offset, pitch in zip(bars.tolist(), offsets.tolist(), pitches.tolist(), strict=True):
        contents[bar].add((offset, pitch))
    return [frozenset(content) for content in contents]


def bar_similarity(first: BarContent, second: BarContent) -> float:
    """Return the share of the onsets of two bars that both have; 1 for two empty bars."""
    either = len(first | second)
    return len(first & second) / either if either else 1.0


def similarity_matrix(song: Song) -> np.ndarray:
    """Return the similarity of each bar with each other bar, shape (bars, bars), of the first MAX_BARS bars."""
    bars = bar_contents(song)[:MAX_BARS]
    matrix = np.array([[bar_similarity(first, second) for second in bars] for first in bars])
    return matrix.reshape(len(bars), len(bars))


def structure(songs: Sequence[Song]) -> dict[str, float]:
    """Return figures of a collection of songs; NaN where no song has what is counted."""
    bars = [bar_contents(song) for song in songs]
    pitched = [song for song in songs if (song.notes["program"] != DRUMS).any()]
    rows = {"empty bars, per cent": _per_cent(not bar for song in bars for bar in song)}
    rows["distinct bars, per cent"] = 100 * _mean(
        len(set(filled)) / len(filled) for song in bars if (filled := [bar for bar in song if bar])
    )
    for distance in DISTANCES:
        pairs = [
            (song[at], song[at - distance])
            for song in bars
            for at in range(distance, len(song))
            if song[at] and song[at - distance]
        ]
        rows[f"bars equal to the bar {distance} before, per cent"] = _per_cent(one == other for one, other in pairs)
        rows[f"bars similar to the bar {distance} before, per cent"] = _per_cent(
            bar_similarity(one, other) >= NEARLY_EQUAL for one, other in pairs
        )
    rows["leaps of the melody over an octave, per cent"] = _per_cent(
        abs(interval) > 12
        for song in pitched
        for interval in np.diff(melody_notes(_pitched(song))["pitch"].astype(int))
    )
    rows["notes outside the key, per cent"] = 100 * _mean(map(_outside_key, pitched))
    beats = [beat_harmonies(song) for song in pitched]
    rows["beats with a triad, per cent"] = _per_cent(chord >= 0 for song in beats for chord, _ in song)
    rows["changes of chord per beat, per cent"] = _per_cent(
        one != other for song in beats for (one, _), (other, _) in pairwise(song) if one >= 0 and other >= 0
    )
    moves = [(second - first) % 12 for song in beats for (_, first), (_, second) in pairwise(song) if second != first]
    rows["bass moves by a step, per cent"] = _per_cent(move in (1, 2, 10, 11) for move in moves)
    rows["bass moves by a fourth or fifth, per cent"] = _per_cent(move in (5, 7) for move in moves)
    rows["last chord is a triad with the root in the bass, per cent"] = _per_cent(
        chord >= 0 and bass % 12 == TRIADS[chord, 0] for song in beats if song for chord, bass in song[-1:]
    )
    return rows


def beat_harmonies(song: Song) -> list[tuple[int, int]]:
    """Return the chord and the lowest pitch at each quarter note at which notes sound.

    The chord is the number of the triad in TRIADS that the pitch classes form together, -1 for another harmony.
    """
    notes = song.notes[song.notes["program"] != DRUMS]
    harmonies = []
    for tick in range(0, song.length, TICKS_PER_QUARTER):
        sounding = notes["pitch"][(notes["start"] <= tick) & (notes["end"] > tick)].astype(int)
        if len(sounding):
            classes = set((sounding % 12).tolist())
            chord = next((number for number, triad in enumerate(TRIADS.tolist()) if set(triad) == classes), -1)
            harmonies.append((chord, int(sounding.min())))
    return harmonies


def _pitched(song: Song) -> Song:
    """Return a song without drums."""
    return Song.from_events(song.notes[song.notes["program"] != DRUMS], song.tempos, song.time_signatures)


def _outside_key(song: Song) -> float:
    """Return the share of the notes outside the major scale that has most of them."""
    classes = np.bincount(song.notes["pitch"][song.notes["program"] != DRUMS] % 12, minlength=12)
    return 1 - float(max(classes[np.roll(MAJOR_SCALE, tonic)].sum() for tonic in range(12))) / float(classes.sum())


def _mean(values: Iterable[float]) -> float:
    """Return the mean, NaN if there are no values."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else float("nan")


def _per_cent(values: Iterable[bool]) -> float:
    """Return the share of true values in per cent, NaN if there are no values."""
    return 100 * _mean(map(float, values))
