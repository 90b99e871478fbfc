"""The percussion staff: the place and note head of each drum, and which limb plays it.

The places follow N. Weinberg, "Guidelines for Drumset Notation" (Percussive Notes, June 1998).
"""

from typing import NamedTuple


class DrumSign(NamedTuple):
    """How a drum is written.

    Attributes:
        step: The step of the place on the staff, as in a treble clef.
        octave: The octave of the place.
        head: The note head in MusicXML.
        name: The name of the sound.
        voice: 1 for the hands, with stems up; 2 for the feet, with stems down.
    """

    step: str
    octave: int
    head: str
    name: str
    voice: int = 1


_OTHER = DrumSign("C", 5, "slash", "Percussion")
SIGNS = {
    35: DrumSign("E", 4, "normal", "Acoustic Bass Drum", 2),
    36: DrumSign("F", 4, "normal", "Bass Drum", 2),
    37: DrumSign("C", 5, "x", "Side Stick"),
    38: DrumSign("C", 5, "normal", "Snare"),
    39: DrumSign("E", 5, "x", "Hand Clap"),
    40: DrumSign("C", 5, "normal", "Snare Rim"),
    41: DrumSign("G", 4, "normal", "Low Floor Tom"),
    42: DrumSign("G", 5, "x", "Closed Hi-Hat"),
    43: DrumSign("A", 4, "normal", "High Floor Tom"),
    44: DrumSign("D", 4, "x", "Pedal Hi-Hat", 2),
    45: DrumSign("B", 4, "normal", "Low Tom"),
    46: DrumSign("G", 5, "circle-x", "Open Hi-Hat"),
    47: DrumSign("D", 5, "normal", "Low-Mid Tom"),
    48: DrumSign("D", 5, "normal", "Hi-Mid Tom"),
    49: DrumSign("A", 5, "x", "Crash Cymbal 1"),
    50: DrumSign("E", 5, "normal", "High Tom"),
    51: DrumSign("F", 5, "x", "Ride Cymbal 1"),
    52: DrumSign("C", 6, "x", "Chinese Cymbal"),
    53: DrumSign("F", 5, "diamond", "Ride Bell"),
    54: DrumSign("E", 5, "triangle", "Tambourine"),
    55: DrumSign("B", 5, "x", "Splash Cymbal"),
    56: DrumSign("E", 5, "triangle", "Cowbell"),
    57: DrumSign("B", 5, "x", "Crash Cymbal 2"),
    59: DrumSign("F", 5, "x", "Ride Cymbal 2"),
    22: DrumSign("G", 5, "x", "Closed Hi-Hat Edge"),
    26: DrumSign("G", 5, "circle-x", "Open Hi-Hat Edge"),
}
"""Key to sign."""


_KEYS = {sign[:3]: key for key, sign in sorted(SIGNS.items(), reverse=True) if key >= 35}
"""The lowest key of General MIDI with each place and note head."""


def drum_key(step: str, octave: int, head: str) -> int:
    """Return the key of a drum by its place on the staff and its note head; the snare if no drum stands there.

    >>> drum_key("G", 5, "x")
    42
    """
    return _KEYS.get((step, octave, head), 38)


def drum_sign(key: int) -> DrumSign:
    """Return how a drum is written.

    >>> drum_sign(38).name
    'Snare'
    """
    return SIGNS.get(key, _OTHER._replace(name=f"Percussion {key}"))
