"""Pitches, keys and meters, and their transposition.

Spelled pitches lie on the line of fifths (... Bb F C G D A E B F# ...): an interval is a number of fifths and a number
of octaves, so a transposition is one addition and keeps the spelling correct.
Source: D. Temperley, "The Line of Fifths", Music Analysis 19(3), 2000.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

LETTERS = "CDEFGAB"
LETTER_FIFTHS = (0, 2, 4, -1, 1, 3, 5)
"""The position of each letter on the line of fifths; C is 0."""
LETTER_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
"""The semitones of each letter above C."""
MODE_FIFTHS = {"ion": 0, "dor": 2, "phr": 4, "lyd": -1, "mix": 1, "aeo": 3, "loc": 5}
"""The fifths from the tonic of the major key with the same signature up to the tonic of a mode."""
MODE_NAMES = {"": "ion", "maj": "ion", "ion": "ion", "m": "aeo", "min": "aeo", "aeo": "aeo", "dor": "dor",
              "phr": "phr", "lyd": "lyd", "mix": "mix", "loc": "loc"}  # fmt: skip
"""The mode for what is written after a tonic, in lower case and cut to three letters."""
MODE_SUFFIXES = {"ion": "", "aeo": "m", "dor": "dor", "phr": "phr", "lyd": "lyd", "mix": "mix", "loc": "loc"}
ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
MAX_SIGNATURE = 7
"""The largest number of sharps or flats in a key signature."""

_METER_TERM = r"\(?(\d{1,2}(?:\+\d{1,2})*)\)?/(\d{1,3})"
_METER_SUM = r"\(?\d{1,2}(?:\+\d{1,2})*\)?/\d{1,3}"
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")


@dataclass(frozen=True, order=True)
class Pitch:
    """A spelled pitch.

    >>> f_sharp = Pitch(letter=3, alter=1, octave=5)
    >>> str(f_sharp), f_sharp.midi
    ('^f', 78)

    Attributes:
        letter: The letter, 0 to 6 for C to B.
        alter: The alteration in semitones, -2 to 2.
        octave: The octave of the letter; 4 begins with middle C, which ABC writes as C.
    """

    letter: int
    alter: int
    octave: int

    @property
    def midi(self) -> int:
        """The MIDI note number; middle C is 60."""
        return 12 * (self.octave + 1) + LETTER_SEMITONES[self.letter] + self.alter

    @property
    def fifths(self) -> int:
        """The position on the line of fifths."""
        return LETTER_FIFTHS[self.letter] + 7 * self.alter

    @property
    def staff_position(self) -> int:
        """The position on the staff, in steps; C of octave 0 is 0."""
        return 7 * self.octave + self.letter

    def __str__(self) -> str:
        """Return the pitch in ABC, with its accidental: ^f'."""
        letter, octave = LETTERS[self.letter], self.octave
        name = letter.lower() + "'" * (octave - 5) if octave >= 5 else letter + "," * (4 - octave)
        return ACCIDENTALS[self.alter] + name

    def transposed(self, fifths: int, steps: int) -> "Pitch":
        """Return the pitch moved along the line of fifths and the staff.

        >>> str(Pitch(0, 0, 5).transposed(2, 1))  # up by a major second
        '=d'

        Args:
            fifths: The interval in fifths.
            steps: The interval in staff steps.

        Raises:
            ValueError: If fifths and steps are not one interval, or the result needs more than a double accidental.
        """
        position = self.fifths + fifths
        staff_position = self.staff_position + steps
        letter = staff_position % 7
        alter, rest = divmod(position - LETTER_FIFTHS[letter], 7)
        if rest:
            raise ValueError(f"{fifths} fifths are not {steps} staff steps")
        if abs(alter) > 2:
            raise ValueError("the pitch needs more than a double accidental")
        return Pitch(letter, alter, staff_position // 7)


@dataclass(frozen=True)
class Key:
    """A key, or the absence of one.

    >>> key = parse_key("Edor")
    >>> str(key), key.signature
    ('Edor', 2)

    Attributes:
        tonic: The position of the tonic on the line of fifths; None without a key.
        mode: One of `MODE_FIFTHS`.
    """

    tonic: int | None
    mode: str = "ion"

    @property
    def signature(self) -> int:
        """The number of sharps in the key signature; negative for flats."""
        return 0 if self.tonic is None else self.tonic - MODE_FIFTHS[self.mode]

    def alter(self, letter: int) -> int:
        """Return the alteration of a letter by the key signature: -1, 0 or 1 semitone."""
        return signature_alterations(self.signature)[letter]

    def transposed(self, fifths: int) -> "Key":
        """Return the key moved along the line of fifths."""
        return self if self.tonic is None else Key(self.tonic + fifths, self.mode)

    def __str__(self) -> str:
        """Return the key in ABC: Edor, Bb, F#m, none."""
        return "none" if self.tonic is None else pitch_class_name(self.tonic) + MODE_SUFFIXES[self.mode]


NO_KEY = Key(None)


@dataclass(frozen=True)
class Meter:
    """A meter (time signature), or the absence of one.

    >>> meter = parse_meter("6/8")
    >>> meter.bar_length, meter.compound
    (Fraction(3, 4), True)

    Attributes:
        beats: The numerator; 0 without a meter.
        unit: The denominator; 0 without a meter.
    """

    beats: int
    unit: int

    @property
    def bar_length(self) -> Fraction:
        """The length of a bar in whole notes; 0 without a meter."""
        return Fraction(self.beats, self.unit) if self.unit else Fraction(0)

    @property
    def beam_length(self) -> Fraction:
        """The length of the notes that are beamed together, in whole notes."""
        if self.unit >= 8 and self.beats % 3 == 0:
            return Fraction(3, self.unit)
        if self.beats == self.unit == 4 or self.beats == self.unit == 2:
            return Fraction(1, 2)
        return Fraction(1, 4) if self.unit in (2, 4) or not self.unit else Fraction(2, self.unit)

    @property
    def compound(self) -> bool:
        """Whether the beats divide by three."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}" if self.unit else "none"


NO_METER = Meter(0, 0)


def pitch_class_name(fifths: int) -> str:
    """Return the name of the pitch class at a position on the line of fifths.

    >>> [pitch_class_name(fifths) for fifths in (-2, 0, 6)]
    ['Bb', 'C', 'F#']
    """
    letter = next(number for number in range(7) if (fifths - LETTER_FIFTHS[number]) % 7 == 0)
    alter = (fifths - LETTER_FIFTHS[letter]) // 7
    return LETTERS[letter] + ("#" * alter if alter > 0 else "b" * -alter)


@lru_cache(maxsize=64)
def signature_alterations(signature: int) -> tuple[int, ...]:
    """Return the alteration of each letter, C to B, by a key signature of this many sharps."""
    return tuple(
        1 if LETTER_FIFTHS[letter] < signature - 1 else -1 if LETTER_FIFTHS[letter] > 5 + signature else 0
        for letter in range(7)
    )


def parse_key(text: str) -> Key | None:
    """Return the key that a text names, or None if it names none.

    >>> [str(parse_key(text)) for text in ("D", "A minor", "F#m", "HP", "none")]
    ['D', 'Am', 'F#m', 'Amix', 'none']
    """
    text = text.strip()
    if text.lower() in ("", "none"):
        return NO_KEY
    if text in ("HP", "Hp"):
        return Key(3, "mix")  # the scale of the Highland pipes has F and C sharp
    match = _KEY.match(text)
    if not match:
        return None
    mode = MODE_NAMES.get(match[3].lower()[:3])  # case is ignored: EM is E minor, in tune books and for abc2midi
    if mode is None:
        return None
    tonic = LETTER_FIFTHS[LETTERS.index(match[1])] + (7 if match[2] == "#" else -7 if match[2] else 0)
    key = Key(tonic, mode)
    return key if abs(key.signature) <= MAX_SIGNATURE else None


def parse_meter(text: str) -> Meter | None:
    """Return the meter that a text names, or None if it names none.

    >>> [str(parse_meter(text)) for text in ("6/8", "C", "C|", "2+3/8", "(2+3)/8", "2/4+3/8", "none")]
    ['6/8', '4/4', '2/2', '5/8', '5/8', '7/8', 'none']
    """
    text = text.strip().replace(" ", "")
    if text.lower() in ("none", ""):
        return NO_METER
    if text in ("C", "c"):
        return Meter(4, 4)
    if text in ("C|", "c|"):
        return Meter(2, 2)
    if not re.fullmatch(rf"{_METER_SUM}(?:\+{_METER_SUM})*", text):
        return None
    terms = [(sum(map(int, beats.split("+"))), int(unit)) for beats, unit in re.findall(_METER_TERM, text)]
    if not all(unit in (1, 2, 4, 8, 16, 32) for _, unit in terms):
        return None
    unit = max(unit for _, unit in terms)
    beats = sum(beats * unit // own for beats, own in terms)
    return Meter(beats, unit) if 1 <= beats <= 99 else None
