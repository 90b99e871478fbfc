"""The key of music whose file names none, or only a key signature. music21 estimates it."""

from typing import Any

from seqforge_abc.theory import MODE_FIFTHS, NO_KEY, Key, parse_key

_FOLK_MODES = ("ion", "mix", "dor", "aeo")
"""The modes in which a tune may end on its last note, the preferred first."""


def estimated_key(stream: Any) -> Key:
    """Return the key that music21 estimates from the notes (the Krumhansl-Schmuckler algorithm).

    Args:
        stream: A music21 stream with notes.
    """
    estimate = stream.analyze("key")
    return parse_key(f"{estimate.tonic.name.replace('-', 'b')}{estimate.mode}") or NO_KEY


def key_with_mode(signature: int, mode: str | None, stream: Any) -> Key:
    """Return the key with a signature.

    Without a mode, it is the estimated key if that has this signature; otherwise its tonic is the last note, if a mode
    of folk music fits; otherwise it is major.

    Args:
        signature: The number of sharps, negative for flats.
        mode: The mode as a word, such as "major" or "dorian"; None if the file names none.
        stream: A music21 stream with the notes.
    """
    known = parse_key(f"C{mode}") if mode else None
    if known is not None:
        return Key(signature + MODE_FIFTHS[known.mode], known.mode)
    estimate = estimated_key(stream)
    if estimate != NO_KEY and estimate.signature == signature:
        return estimate
    notes = [note for note in stream.recurse().notes if not note.duration.isGrace]
    last = notes[-1].pitches[0].pitchClass if notes and notes[-1].pitches else -1
    modes = (mode for mode in _FOLK_MODES if (signature + MODE_FIFTHS[mode]) * 7 % 12 == last)
    mode = next(modes, "ion")
    return Key(signature + MODE_FIFTHS[mode], mode)
