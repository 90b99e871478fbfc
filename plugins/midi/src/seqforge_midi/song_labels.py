"""Labels that are computed from a song: its key, its density and its polyphony."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from seqforge_midi.key import KEYS, Key
from seqforge_midi.key_estimate import estimate_key_of_notes
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song

DENSITY_EDGES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
"""The limits of the classes of density, in notes per quarter note."""
POLYPHONY_EDGES = (1.05, 2.0, 3.0, 4.0, 5.0, 6.0)
"""The limits of the classes of polyphony, in notes that sound at once; the first class is that of a single voice."""
DENSITIES = ("0-1", "1-2", "2-3", "3-4", "4-5", "5-6", "6-8", "8+")
POLYPHONIES = ("1", "1-2", "2-3", "3-4", "4-5", "5-6", "6+")
VALUES: Mapping[str, tuple[str, ...]] = {
    "key": tuple(map(str, KEYS)),
    "density": DENSITIES,
    "polyphony": POLYPHONIES,
}
"""The names of the labels, and the values of each."""
HIDDEN = 0.2
"""The probability that a computed label is hidden from the network for one epoch of a piece."""


def song_labels(song: Song, names: tuple[str, ...]) -> dict[str, str]:
    """Return the labels of a song; one that a song does not have is left out, such as the key of a drum beat.

    >>> from seqforge_midi.song import note_array
    >>> chord = Song.from_events(note_array([(0, 1920, pitch, 80, 0) for pitch in (60, 64, 67)]))
    >>> song_labels(chord, ("key", "density", "polyphony"))
    {'key': 'C', 'density': '0-1', 'polyphony': '3-4'}

    Args:
        song: The song.
        names: The names of the labels, of VALUES.
    """
    functions: Mapping[str, Callable[[Song], str]] = {"key": _key, "density": _density, "polyphony": _polyphony}
    labels = {name: functions[name](song) for name in names}
    return {name: value for name, value in labels.items() if value}


def merged_values(known: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of the labels of a corpus, together with those of the labels that are computed.

    A label of the corpus that has the name of a computed one, and other values, is not computed.

    Args:
        known: Label name to the values that the corpus has.
        names: The names of the labels that are computed.
    """
    computed = {name: VALUES[name] for name in names if set(known.get(name, ())) <= set(VALUES[name])}
    return dict(sorted({**known, **computed}.items()))


def transposed_labels(labels: Mapping[str, str], semitones: int) -> dict[str, str]:
    """Return the labels of a song that is transposed: a `key` that names a key follows the song.

    >>> transposed_labels({"key": "F#m", "density": "2-3"}, 1)
    {'key': 'Gm', 'density': '2-3'}
    """
    if labels.get("key") not in VALUES["key"]:
        return dict(labels)
    return {**labels, "key": str(Key.parse(labels["key"]).transposed(semitones))}


def with_hidden(labels: Mapping[str, str], names: Iterable[str], rng: np.random.Generator) -> dict[str, str]:
    """Return labels of which each computed one is hidden with probability HIDDEN, so that each can be left out.

    Args:
        labels: The labels of a song.
        names: The names of the labels that are computed.
        rng: The random number generator.
    """
    hidden = {name for name in names if rng.random() < HIDDEN}
    return {name: value for name, value in labels.items() if name not in hidden}


def _pitched(song: Song) -> np.ndarray:
    notes: np.ndarray = song.notes[song.notes["program"] != DRUMS]
    return notes


def _key(song: Song) -> str:
    return str(estimate_key_of_notes(song.notes)) if len(_pitched(song)) else ""


def _density(song: Song) -> str:
    """Return the class of the number of notes, drum hits included, per quarter note from the first note to the end."""
    if not len(song.notes):
        return ""
    length = max(song.length - int(song.notes["start"][0]), 1)
    return DENSITIES[int(np.searchsorted(DENSITY_EDGES, len(song.notes) * TICKS_PER_QUARTER / length, side="right"))]


def _polyphony(song: Song) -> str:
    """Return the class of the mean number of notes without drums that sound at once, where any sounds."""
    notes = _pitched(song)
    starts, ends = np.sort(notes["start"]), np.maximum.accumulate(notes["end"])
    # the time in which any note sounds: each start continues the span before it or follows a gap
    gaps = np.maximum(starts[1:] - ends[:-1], 0).sum() if len(notes) else 0
    sounding = int(ends[-1] - starts[0] - gaps) if len(notes) else 0
    if not sounding:
        return ""
    mean = float((notes["end"] - notes["start"]).sum()) / sounding
    return POLYPHONIES[int(np.searchsorted(POLYPHONY_EDGES, mean, side="right"))]
