"""What an instrument can play: its range and, where its holes fix it, its scale."""

from dataclasses import dataclass

from seqforge_abc.theory import Key, Pitch
from seqforge_abc.tokens import all_keys, all_pitches
from seqforge_abc.tune import Tune

__all__ = ["HIGHLAND_PIPES", "INSTRUMENTS", "Instrument", "unplayable"]


@dataclass(frozen=True)
class Instrument:
    """The notes of an instrument, as they are written.

    >>> whistle = INSTRUMENTS["whistle"]
    >>> [str(pitch) for pitch in whistle.pitches()][:8]
    ['=D', '=E', '^F', '=G', '=A', '=B', '=c', '^c']
    >>> [str(key) for key in whistle.playable_keys() if key.mode == "ion"]
    ['G', 'D']

    Attributes:
        name: The name, with an article.
        lowest: The lowest note, as a MIDI note number.
        highest: The highest note, as a MIDI note number.
        scale: The notes of an octave on the line of fifths; None for all.
        plays_chords: Whether it plays several notes at once.
    """

    name: str
    lowest: int
    highest: int
    scale: frozenset[int] | None = None
    plays_chords: bool = False

    def plays(self, pitch: Pitch) -> bool:
        """Return whether the instrument has a note."""
        return self.lowest <= pitch.midi <= self.highest and (self.scale is None or pitch.fifths in self.scale)

    def pitches(self) -> list[Pitch]:
        """Return the notes of the instrument that have a token, in ascending order."""
        return [pitch for pitch in all_pitches() if self.plays(pitch)]

    def playable_keys(self) -> list[Key]:
        """Return the keys whose notes the instrument has."""
        return [
            key for key in all_keys() if key.tonic is not None and (self.scale is None or _notes(key) <= self.scale)
        ]


def _notes(key: Key) -> frozenset[int]:
    """Return the notes of a key on the line of fifths."""
    return frozenset(range(key.signature - 1, key.signature + 6))


_D_AND_G_MAJOR = frozenset(range(8))
"""The notes of D and G major: C to C sharp on the line of fifths."""
G3, D4, G4, A5, B5, D6 = 55, 62, 67, 81, 83, 86
"""MIDI note numbers."""
INSTRUMENTS = {
    "fiddle": Instrument("a fiddle in first position", G3, B5, plays_chords=True),
    "whistle": Instrument("a whistle in D", D4, B5, _D_AND_G_MAJOR),
    "flute": Instrument("a flute", D4, D6),
    "pipes": Instrument("the uilleann pipes", D4, D6, _D_AND_G_MAJOR),
    "banjo": Instrument("a tenor banjo in first position", G3, B5, plays_chords=True),
}
"""The instruments by name. The notes of the whistle are written an octave lower than they sound, those of the banjo an
octave higher."""
HIGHLAND_PIPES = Instrument("the Highland pipes", G4, A5, _notes(Key(2)))
"""The instrument of the keys HP and Hp: the nine notes from G to a, with F and C sharp.

Source: ABC 2.1, section 3.1.14.
"""


def unplayable(tune: Tune, instrument: Instrument) -> str:
    """Return the first note of a tune that an instrument lacks, as ABC; "" if it can play the tune."""
    for note in tune.notes():
        for pitch in (*note.grace_notes, *note.pitches):
            if not instrument.plays(pitch):
                return str(pitch)
        if len(note.pitches) > 1 and not instrument.plays_chords:
            return f"[{''.join(map(str, note.pitches))}]"
    return ""
