"""The chord that sounds in a span of a song: the template that its pitch classes fit best."""

import itertools
from collections.abc import Iterable

import numpy as np

from seqforge_midi.chord_symbols import KINDS, Chord
from seqforge_midi.song import DRUMS, Song

ESTIMATED_KINDS = ("", "m", "dim", "aug", "7", "maj7", "m7", "m7b5", "dim7")
"""The kinds of chords that are recognised, triads first: of two that fit equally well, the first one is chosen."""
BASS_BONUS = 0.1
"""Added to the score of the chords whose root is the lowest note."""
_CHORDS = tuple((root, kind) for kind in ESTIMATED_KINDS for root in range(12))


def chord_templates(chords: Iterable[tuple[int, str]]) -> np.ndarray:
    """Return the pitch classes of chords, given as root and kind, as unit vectors, shape (chords, 12)."""
    rows = [np.isin(np.arange(12), [(root + interval) % 12 for interval in KINDS[kind]]) for root, kind in chords]
    templates = np.array(rows, np.float64)
    unit_vectors: np.ndarray = templates / np.linalg.norm(templates, axis=1, keepdims=True)
    return unit_vectors


_TEMPLATES = chord_templates(_CHORDS)


def estimate_chord(durations: np.ndarray, bass: int) -> Chord:
    """Return the triad or seventh chord whose pitch classes have the smallest angle to the durations.

    Source: T. Fujishima, "Realtime Chord Recognition of Musical Sound", ICMC 1999: the pitch class profile and the
    nearest of the binary templates. The bonus for the bass is an addition.

    >>> str(estimate_chord(np.array([4, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, 0]), bass=9))
    'Am'

    Args:
        durations: The total duration of each pitch class, shape (12,), in any unit; not all zero.
        bass: The pitch class of the lowest note.
    """
    scores = _TEMPLATES @ durations / np.linalg.norm(durations)
    scores += BASS_BONUS * np.array([root == bass for root, _ in _CHORDS])
    root, kind = _CHORDS[int(scores.argmax())]
    return Chord(root, kind, bass)


def chord_of_span(song: Song, start: int, end: int) -> Chord | None:
    """Return the chord that sounds from one tick to another; None if only drums or nothing sounds.

    The bass is the lowest note of the span.

    >>> from seqforge_midi.song import note_array
    >>> song = Song.from_events(note_array([(0, 960, pitch, 80, 0) for pitch in (55, 59, 62, 65)]))
    >>> str(chord_of_span(song, 0, 960))
    'G7'

    Args:
        song: The song.
        start: The first tick of the span.
        end: The tick behind it.
    """
    notes = song.notes[(song.notes["program"] != DRUMS) & (song.notes["start"] < end) & (song.notes["end"] > start)]
    if not len(notes):
        return None
    lengths = np.minimum(notes["end"], end) - np.maximum(notes["start"], start)
    durations = np.bincount(notes["pitch"] % 12, lengths, minlength=12)
    return estimate_chord(durations, int(notes["pitch"].min()) % 12)


def chords_of_bars(song: Song) -> list[Chord | None]:
    """Return the chord of each bar."""
    lines = [*song.bar_starts(), song.length]
    return [chord_of_span(song, start, end) for start, end in itertools.pairwise(lines)]
