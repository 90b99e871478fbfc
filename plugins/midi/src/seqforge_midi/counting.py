"""What songs are like, as numbers that can be counted."""

import numpy as np

from seqforge_midi.song import DRUMS, TICKS, Song

BEAT = TICKS // 12
"""Lengths and places are counted in twelfths of a quarter."""
LONGEST = 96
LOUDNESS = 8
"""Velocities are counted in steps of so much."""


def quantities(song: Song) -> dict[str, np.ndarray]:
    """Return pitch classes (of drums: keys), intervals, durations, polyphony and velocities, a number an occurrence."""
    notes = song.notes
    drums = notes["program"] == DRUMS
    pitches = notes["pitch"].astype(np.int64)
    classes = np.where(drums, 12 + pitches, pitches % 12)
    lasts = np.clip(np.rint((notes["end"] - notes["start"]) / BEAT), 1, LONGEST).astype(np.int64)
    return {
        "pitch class": classes,
        "interval": intervals(song),
        "duration": lasts[~drums] if not drums.all() else waits(song),
        "polyphony": polyphony(song),
        "velocity": notes["velocity"].astype(np.int64) // LOUDNESS,
    }


def tops(song: Song) -> np.ndarray:
    """Return the highest note of every moment at which one begins: the melody, as far as that can be said."""
    if not len(song.notes):
        return song.notes
    moments, first = np.unique(song.notes["start"], return_inverse=True)
    heights = np.full(len(moments), -1)
    np.maximum.at(heights, first, song.notes["pitch"].astype(np.int64))
    highest = np.flatnonzero(song.notes["pitch"] == heights[first])
    _, once = np.unique(first[highest], return_index=True)
    found: np.ndarray = song.notes[highest[once]]
    return found


def intervals(song: Song) -> np.ndarray:
    """Return the steps of the melody in semitones."""
    return np.diff(tops(song)["pitch"].astype(np.int64))


def waits(song: Song) -> np.ndarray:
    """Return the time from one moment at which something begins to the next, in twelfths of a quarter."""
    moments = np.unique(song.notes["start"])
    return np.minimum(np.rint(np.diff(moments) / BEAT), LONGEST).astype(np.int64)


def polyphony(song: Song) -> np.ndarray:
    """Return how many notes sound at every moment at which one begins."""
    moments = np.unique(song.notes["start"])
    begun = np.searchsorted(np.sort(song.notes["start"]), moments, side="right")
    ended = np.searchsorted(np.sort(song.notes["end"]), moments, side="right")
    found: np.ndarray = begun - ended
    return found


def melody(song: Song) -> list[int]:
    """Return the melody's intervals with the time to each, of drums every key with it: the same in every key."""
    if len(song.notes) and bool((song.notes["program"] == DRUMS).all()):
        steps = np.rint(np.diff(song.notes["start"], prepend=0) / (BEAT * 3)).astype(np.int64)
        keys: list[int] = (song.notes["pitch"].astype(np.int64) + 128 * np.minimum(steps, 63)).tolist()
        return keys
    line = tops(song)
    steps = np.minimum(np.rint(np.diff(line["start"]) / BEAT), 63).astype(np.int64)
    found: list[int] = (np.diff(line["pitch"].astype(np.int64)) + 128 + 256 * steps).tolist()
    return found
