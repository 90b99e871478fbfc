"""The chord of each bar, which the token of the bar announces: the harmony is chosen before the notes."""

import numpy as np

from seqforge_midi.chord_estimate import BASS_BONUS, chord_templates
from seqforge_midi.chord_symbols import KINDS, Chord
from seqforge_midi.song import DRUMS

__all__ = ["BAR_CHORDS", "bar_chords", "nearest_bar_chord", "transposed_chords"]

CHORD_KINDS = ("", "m", "dim")
"""The kinds of chords that a bar can have, in order of preference among those that fit equally well."""
_CHORDS = tuple((root, kind) for kind in CHORD_KINDS for root in range(12))
_TEMPLATES = chord_templates(_CHORDS)
BAR_CHORDS = tuple(str(Chord(root, kind, root)) for root, kind in _CHORDS)
"""The symbols of the chords that a bar can have: 12 roots of each kind."""


def bar_chords(count: int, bars: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """Return the chord of each bar as an index of BAR_CHORDS; -1 for a bar in which no pitched note starts.

    The chord is the triad whose pitch classes have the smallest angle to the durations of those of the notes that
    start in the bar (T. Fujishima, "Realtime Chord Recognition of Musical Sound", ICMC 1999), with a bonus for the root
    in the bass. It depends on nothing but these notes, and is transposed with them.

    >>> from seqforge_midi.song import note_array
    >>> notes = note_array([(0, 480, 57, 80, 0), (0, 480, 60, 80, 0), (0, 480, 64, 80, 0)])
    >>> BAR_CHORDS[bar_chords(1, np.zeros(3, int), notes)[0]]
    'Am'

    Args:
        count: The number of bars.
        bars: The bar of each note.
        notes: The notes, of NOTE_DTYPE.
    """
    pitched = notes["program"] != DRUMS
    bars, pitches = bars[pitched], notes["pitch"][pitched].astype(np.int64)
    durations = (notes["end"] - notes["start"])[pitched].astype(np.float64)
    profiles, lowest = np.zeros((count, 12)), np.full(count, 128)
    np.add.at(profiles, (bars, pitches % 12), durations)
    np.minimum.at(lowest, bars, pitches)
    bass = lowest % 12
    profiles = profiles[np.arange(count)[:, None], (np.arange(12) + bass[:, None]) % 12]  # counted from the bass
    lengths = np.linalg.norm(profiles, axis=1, keepdims=True)
    scores = profiles @ _TEMPLATES.T / np.maximum(lengths, 1e-9)
    scores[:, ::12] += BASS_BONUS
    kinds, roots = np.divmod(scores.argmax(1), 12)
    return np.where(lengths[:, 0] > 0, 12 * kinds + (roots + bass) % 12, -1)


def nearest_bar_chord(chord: Chord) -> int:
    """Return the index of the triad of a chord: diminished or minor if the chord has such a third and fifth, or major.

    >>> BAR_CHORDS[nearest_bar_chord(Chord.parse("Am7/G"))]
    'Am'
    """
    intervals = set(KINDS[chord.kind])
    kind = "" if 3 not in intervals else "m" if 7 in intervals or 6 not in intervals else "dim"
    return CHORD_KINDS.index(kind) * 12 + chord.root


def transposed_chords(chords: np.ndarray, semitones: int) -> np.ndarray:
    """Return the indices of chords that are moved by semitones."""
    moved: np.ndarray = chords // 12 * 12 + (chords + semitones) % 12
    return moved
