"""Pitches, keys and meters: what the notation of folk tunes is about, and how it is transposed.

Spelled pitches lie on the line of fifths (... Bb F C G D A E B F# ...): every interval is a number of fifths
and a number of octaves, so a transposition is one addition, and keeps the spelling right.
Source: D. Temperley, "The Line of Fifths", Music Analysis 19(3), 2000.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

LETTERS = "CDEFGAB"
FIFTHS = (0, 2, 4, -1, 1, 3, 5)
"""Where each letter stands on the line of fifths, C being 0."""
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
MODES = {"ion": 0, "dor": 2, "phr": 4, "lyd": -1, "mix": 1, "aeo": 3, "loc": 5}
"""How many fifths the tonic of a mode lies above that of the major key with its signature."""
MODE_NAMES = {"": "ion", "maj": "ion", "ion": "ion", "m": "aeo", "min": "aeo", "aeo": "aeo", "dor": "dor",
              "phr": "phr", "lyd": "lyd", "mix": "mix", "loc": "loc"}  # fmt: skip
"""What people write after a tonic, cut to three letters and made small."""
SHOWN = {"ion": "", "aeo": "m", "dor": "dor", "phr": "phr", "lyd": "lyd", "mix": "mix", "loc": "loc"}
ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
MOST_FIFTHS = 7

_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")


@dataclass(frozen=True, order=True)
class Pitch:
    """A spelled pitch.

    Attributes:
        letter: 0 to 6, C to B.
        alter: semitones up or down, -2 to 2.
        octave: of the letter; 4 begins with middle C, which ABC writes as C.
    """

    letter: int
    alter: int
    octave: int

    @property
    def midi(self) -> int:
        """The number of its key, middle C being 60."""
        return 12 * (self.octave + 1) + SEMITONES[self.letter] + self.alter

    @property
    def fifths(self) -> int:
        """Where it stands on the line of fifths."""
        return FIFTHS[self.letter] + 7 * self.alter

    @property
    def height(self) -> int:
        """Its staff position, C of octave 0 being 0."""
        return 7 * self.octave + self.letter

    def __str__(self) -> str:
        """Return it as ABC, with its accidental: ^f'."""
        letter, octave = LETTERS[self.letter], self.octave
        mark = letter.lower() + "'" * (octave - 5) if octave >= 5 else letter + "," * (4 - octave)
        return ACCIDENTALS[self.alter] + mark

    def moved(self, fifths: int, steps: int) -> "Pitch":
        """Return it transposed by so many fifths on the line and so many staff positions.

        Raises:
            ValueError: it would need more than a double sharp or flat.
        """
        place = self.fifths + fifths
        height = self.height + steps
        letter = height % 7
        alter, rest = divmod(place - FIFTHS[letter], 7)
        if rest:
            raise ValueError(f"{fifths} fifths are not {steps} staff positions")
        if abs(alter) > 2:
            raise ValueError("more than a double accidental")
        return Pitch(letter, alter, height // 7)


@dataclass(frozen=True)
class Key:
    """A key, or none.

    Attributes:
        tonic: its place on the line of fifths; None where there is no key.
        mode: one of `MODES`.
    """

    tonic: int | None
    mode: str = "ion"

    @property
    def signature(self) -> int:
        """Sharps of the signature; flats are negative."""
        return 0 if self.tonic is None else self.tonic - MODES[self.mode]

    def alter(self, letter: int) -> int:
        """Return what the signature does to a letter: -1, 0 or 1."""
        return signature_alters(self.signature)[letter]

    def moved(self, fifths: int) -> "Key":
        """Return it transposed by so many fifths."""
        return self if self.tonic is None else Key(self.tonic + fifths, self.mode)

    def __str__(self) -> str:
        """Return it as ABC has it: Edor, Bb, F#m, none."""
        return "none" if self.tonic is None else spelled(self.tonic) + SHOWN[self.mode]


NO_KEY = Key(None)


@dataclass(frozen=True)
class Meter:
    """A meter: 6/8 has 6 beats of an eighth; both are 0 where there is none."""

    beats: int
    unit: int

    @property
    def bar(self) -> Fraction:
        """The length of a bar in whole notes; 0 without a meter."""
        return Fraction(self.beats, self.unit) if self.unit else Fraction(0)

    @property
    def beat(self) -> Fraction:
        """The length of what is beamed together, in whole notes."""
        if self.unit >= 8 and self.beats % 3 == 0:
            return Fraction(3, self.unit)
        if self.beats == self.unit == 4 or self.beats == self.unit == 2:
            return Fraction(1, 2)
        return Fraction(1, 4) if self.unit in (2, 4) or not self.unit else Fraction(2, self.unit)

    @property
    def compound(self) -> bool:
        """Whether its beats divide by three."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}" if self.unit else "none"


NO_METER = Meter(0, 0)


def spelled(fifths: int) -> str:
    """Return the name of a pitch class by its place on the line of fifths: -2 is Bb."""
    letter = next(number for number in range(7) if (fifths - FIFTHS[number]) % 7 == 0)
    alter = (fifths - FIFTHS[letter]) // 7
    return LETTERS[letter] + ("#" * alter if alter > 0 else "b" * -alter)


@lru_cache(maxsize=64)
def signature_alters(signature: int) -> tuple[int, ...]:
    """Return what a signature does to each letter, C to B."""
    return tuple(
        1 if FIFTHS[letter] < signature - 1 else -1 if FIFTHS[letter] > 5 + signature else 0 for letter in range(7)
    )


def parse_key(text: str) -> Key | None:
    """Return the key that people write so (`D`, `Edor`, `A minor`, `F#m`, `HP`, `none`); None where it is no key."""
    text = text.strip()
    if text.lower() in ("", "none"):
        return NO_KEY
    if text in ("HP", "Hp"):
        return Key(3, "mix")  # bagpipe music sounds f and c sharp
    found = _KEY.match(text)
    if not found:
        return None
    mode = MODE_NAMES.get(found[3].lower()[:3])  # capitals mean nothing: EM is E minor, in books and for abc2midi
    if mode is None:
        return None
    tonic = FIFTHS[LETTERS.index(found[1])] + (7 if found[2] == "#" else -7 if found[2] else 0)
    key = Key(tonic, mode)
    return key if abs(key.signature) <= MOST_FIFTHS else None


def parse_meter(text: str) -> Meter | None:
    """Return the meter that people write so (`6/8`, `C`, `C|`, `none`); None where it is no meter."""
    text = text.strip().replace(" ", "")
    if text.lower() in ("none", ""):
        return NO_METER
    if text in ("C", "c"):
        return Meter(4, 4)
    if text in ("C|", "c|"):
        return Meter(2, 2)
    found = re.fullmatch(r"\(?(\d{1,2}(?:\+\d{1,2})*)\)?/(\d{1,3})", text)
    if not found:
        return None
    beats, unit = sum(map(int, found[1].split("+"))), int(found[2])
    return Meter(beats, unit) if 1 <= beats <= 99 and unit in (1, 2, 4, 8, 16, 32) else None
