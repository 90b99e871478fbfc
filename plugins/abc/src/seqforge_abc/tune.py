"""What a tune is, as the plugin holds it: music, not spelling."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from seqforge_abc.theory import NO_KEY, NO_METER, Key, Meter, Pitch

UNITS = tuple(Fraction(1, size) for size in (1, 2, 4, 8, 16, 32, 64))

DECORATIONS = {
    ".": "staccato", "~": "roll", "T": "trill", "H": "fermata", "L": "accent", "M": "lowermordent",
    "O": "coda", "P": "uppermordent", "S": "segno", "u": "upbow", "v": "downbow",
}  # fmt: skip
"""The letters that stand for decorations (ABC 2.1, section 4.14)."""

UNWRITTEN = ("coda", "fermata", "lowermordent", "segno", "uppermordent")
"""Those of them that are read and never generated: two say where to go on, and programs disagree about how long a note
with one of the others is (abc2midi lengthens a note under a fermata)."""

MORE_DECORATIONS = (
    "mordent", "pralltriller", "turn", "turnx", "invertedturn", "arpeggio", "tenuto", "wedge", "breath", "open",
    "plus", "snap", "slide", "thumb", "shortphrase", "mediumphrase", "longphrase", "0", "1", "2", "3", "4", "5",
    "p", "pp", "ppp", "mp", "mf", "f", "ff", "fff", "sfz", "crescendo(", "crescendo)", "diminuendo(", "diminuendo)",
    "D.C.", "D.S.", "fine", "dacoda", "dacapo",
)  # fmt: skip
"""Those that are written between exclamation marks."""

BARS = ("|", "||", "|]", ":|", "|:", "::")
ENDINGS = ("1", "2", "3", "4", "5", "6", "1,2", "1,3", "2,4", "3,4", "1,2,3")


@dataclass(frozen=True)
class ChordSymbol:
    """An accompaniment chord: "Am7/G".

    Attributes:
        root: place on the line of fifths.
        kind: "", "m", "7", "m7", "maj7", ...
        bass: place on the line of fifths, None without a bass of its own.
    """

    root: int
    kind: str = ""
    bass: int | None = None


@dataclass(frozen=True)
class Note:
    """A note, a chord (several pitches) or a rest (none).

    Attributes:
        pitches: from the lowest upwards; each pitch stands once.
        duration: in whole notes, as written; a tuplet before it scales it.
        tied: to the next note of the same pitch.
        decorations: names, sorted, each once.
        graces: the grace notes before it.
        chord: the chord symbol above it.
    """

    pitches: tuple[Pitch, ...]
    duration: Fraction
    tied: bool = False
    decorations: tuple[str, ...] = ()
    graces: tuple[Pitch, ...] = ()
    chord: ChordSymbol | None = None


@dataclass(frozen=True)
class Bar:
    """A bar line: one of `BARS`."""

    kind: str


@dataclass(frozen=True)
class Ending:
    """The start of a first, second, ... ending: one of `ENDINGS`."""

    number: str


@dataclass(frozen=True)
class Tuplet:
    """The next `r` notes: `p` of them take the time of `q`."""

    p: int
    q: int
    r: int


Music = Note | Bar | Ending | Tuplet | Key | Meter
"""An element of a tune; a key or a meter among them is a change of it."""


@dataclass(frozen=True)
class Tune:
    """A tune.

    Attributes:
        music: its elements in order.
        key: its key at the beginning.
        meter: its meter at the beginning.
        rhythm: reel, jig, ...; "" where that is unknown.
        title: the first of its titles.
        lost: what the file has and a Tune does not keep, with counts (slurs, lyrics, a tempo).
        comments: lines to write with it, about where it comes from.
    """

    music: tuple[Music, ...]
    key: Key = NO_KEY
    meter: Meter = NO_METER
    rhythm: str = ""
    title: str = ""
    lost: Mapping[str, int] = field(default_factory=dict, compare=False)
    comments: tuple[str, ...] = field(default=(), compare=False)

    def notes(self) -> list[Note]:
        """Return its notes, chords and rests."""
        return [element for element in self.music if isinstance(element, Note)]


def unit_of(tune: Tune) -> Fraction:
    """Return the length to write as one letter: that of most notes, an eighth where none leads.

    It follows from the music, so two spellings of one tune have the same.
    """
    return most_common_unit(Counter(note.duration for note in tune.notes()))


def most_common_unit(counts: Mapping[Fraction, int]) -> Fraction:
    """Return the unit that most notes last, given how many notes last how long."""
    counts = {unit: counts.get(unit, 0) for unit in UNITS}
    return max(counts, key=lambda unit: (counts[unit], unit == Fraction(1, 8), unit == Fraction(1, 16), -unit))
