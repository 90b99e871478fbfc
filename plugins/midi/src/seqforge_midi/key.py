"""The key of a piece, and the spelling of pitches in it.

A pitch is spelled by the position of its name on the line of fifths around the key (D. Temperley, "The Cognition of
Basic Musical Structures", 2001, chapter 5).
"""

from typing import NamedTuple

TONIC_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
NATURAL_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_STEPS = "FCGDAEB"


class Key(NamedTuple):
    """A key.

    >>> str(Key(9, True)), Key.parse("F# minor"), Key.parse("Bb").fifths
    ('Am', Key(tonic=6, is_minor=True), -2)

    Attributes:
        tonic: The pitch class of the tonic, 0 for C to 11 for B.
        is_minor: Whether the mode is minor.
    """

    tonic: int
    is_minor: bool = False

    def __str__(self) -> str:
        return TONIC_NAMES[self.tonic] + "m" * self.is_minor

    @property
    def shift(self) -> int:
        """The semitones from C to the nearest tonic, -5 to 6."""
        return self.tonic if self.tonic <= 6 else self.tonic - 12

    @property
    def fifths(self) -> int:
        """The number of sharps of the signature; flats are negative. F# has 6 sharps, Ebm has 6 flats."""
        lowest = 6 if self.is_minor else 5
        return (7 * (self.tonic + 3 * self.is_minor) + lowest) % 12 - lowest

    @property
    def tonic_triad(self) -> tuple[int, int, int]:
        """The pitch classes of the triad of the tonic.

        >>> Key.parse("G").tonic_triad, Key.parse("Am").tonic_triad
        ((7, 11, 2), (9, 0, 4))
        """
        third = 3 if self.is_minor else 4
        return self.tonic, (self.tonic + third) % 12, (self.tonic + 7) % 12

    def transposed(self, semitones: int) -> "Key":
        """Return the key that lies a number of semitones higher.

        >>> str(Key(11, True).transposed(2))
        'Dbm'
        """
        return self._replace(tonic=(self.tonic + semitones) % 12)

    def spell(self, pitch: int) -> tuple[str, int, int]:
        """Return the step, the alteration in semitones and the octave of a MIDI pitch.

        >>> Key(9, is_minor=True).spell(68), Key(8).spell(68)
        (('G', 1, 4), ('A', -1, 4))
        """
        low = self.fifths - (3 if self.is_minor else 4)
        position = low + (pitch * 7 - low) % 12
        alter = (position + 1) // 7
        return _STEPS[(position + 1) % 7], alter, (pitch - alter) // 12 - 1

    def alteration(self, step: str) -> int:
        """Return the alteration that the signature gives to a step.

        >>> Key(2).alteration("C"), Key(2).alteration("G")
        (1, 0)
        """
        return (self.fifths - _STEPS.index(step) - 1) // 7 + 1

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Return the key that a text such as G, Em, Bb or `F# minor` names.

        Raises:
            ValueError: If the text names no key.
        """
        words = text.strip().replace("♭", "b").replace("♯", "#")
        name, accidentals = words[:1].upper(), 0
        if name not in NATURAL_NAMES:
            raise ValueError(f"{text!r} names no key")
        rest = words[1:]
        while rest[:1] in ("#", "b"):
            accidentals += 1 if rest[0] == "#" else -1
            rest = rest[1:]
        mode = rest.strip().lower() if rest.strip() != "M" else "major"
        if mode not in ("", "major", "maj", "m", "minor", "min"):
            raise ValueError(f"{text!r} names no key")
        return cls((NATURAL_NAMES[name] + accidentals) % 12, mode in ("m", "minor", "min"))


KEYS = tuple(Key(tonic, is_minor) for is_minor in (False, True) for tonic in range(12))
"""The keys in the order of their tokens: the major keys from C to B, then the minor keys."""
