"""The content of a piece: a tune as music, independent of its spelling in ABC."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from seqforge_abc.theory import NO_KEY, NO_METER, Key, Meter, Pitch

UNIT_NOTE_LENGTHS = tuple(Fraction(1, size) for size in (1, 2, 4, 8, 16, 32, 64))
"""The values of the L: field, in whole notes."""

LETTER_DECORATIONS = {
    ".": "staccato", "~": "roll", "T": "trill", "H": "fermata", "L": "accent", "M": "lowermordent",
    "O": "coda", "P": "uppermordent", "S": "segno", "u": "upbow", "v": "downbow",
}  # fmt: skip
"""The decorations that are written as one letter (ABC 2.1, section 4.14)."""

READ_AS_DECORATIONS = {**LETTER_DECORATIONS, "J": "slide", "R": "roll"}
"""The letters that are read as decorations unless a U: field defines them; abc2midi and abcjs play R as a roll."""

NEVER_GENERATED = ("coda", "fermata", "lowermordent", "segno", "uppermordent")
"""The letter decorations that are read and never generated. Coda and segno are jumps; programs disagree about the
length of a note with one of the others (abc2midi lengthens a note under a fermata)."""

NAMED_DECORATIONS = (
    "mordent", "pralltriller", "turn", "turnx", "invertedturn", "arpeggio", "tenuto", "wedge", "breath", "open",
    "plus", "snap", "slide", "thumb", "shortphrase", "mediumphrase", "longphrase", "0", "1", "2", "3", "4", "5",
    "p", "pp", "ppp", "mp", "mf", "f", "ff", "fff", "sfz", "crescendo(", "crescendo)", "diminuendo(", "diminuendo)",
    "D.C.", "D.S.", "fine", "dacoda", "dacapo",
)  # fmt: skip
"""The decorations that are written by name between exclamation marks."""

BAR_LINES = ("|", "||", "|]", ":|", "|:", "::")
ENDINGS = ("1", "2", "3", "4", "5", "6", "1,2", "1,3", "2,4", "3,4", "1,2,3")


TEXT_FIELDS = "TCOABDFGHNSZPW"
"""The letters of the fields whose text a tune keeps as it is; T: here is an additional title, P: the order of parts."""


@dataclass(frozen=True)
class Tempo:
    """The tempo of a tune, the Q: field.

    Attributes:
        beat: The length that is counted, in whole notes; several lengths in the field are added up.
        per_minute: The number of beats per minute; 0 if the field contains only words.
        words: The words of the field, such as "Allegro".
    """

    beat: Fraction
    per_minute: int
    words: str = ""


@dataclass(frozen=True)
class TextField:
    """A field of text, such as the composer.

    Attributes:
        letter: One of `TEXT_FIELDS`.
        text: One line of text.
    """

    letter: str
    text: str


@dataclass(frozen=True)
class ChordSymbol:
    """An accompaniment chord, such as "Am7/G".

    Attributes:
        root: The position of the root on the line of fifths.
        kind: The kind of chord: "", "m", "7", "m7", "maj7", ...
        bass: The position of the bass on the line of fifths; None if the root is the bass.
    """

    root: int
    kind: str = ""
    bass: int | None = None


@dataclass(frozen=True)
class Note:
    """A note, a chord (several pitches) or a rest (no pitch).

    Attributes:
        pitches: The pitches in ascending order, without duplicates.
        duration: The written length in whole notes; a tuplet before the note scales it.
        tied: Whether the note is tied to the next note of the same pitch.
        decorations: The names of the decorations, sorted, without duplicates.
        grace_notes: The pitches of the grace notes before the note.
        chord_symbol: The chord symbol above the note.
        slur_starts: The number of slurs that begin with the note.
        slur_ends: The number of slurs that end with the note; they began with earlier notes.
        syllables: The syllable of each verse that is sung to the note, "" for none; `lyrics` says how they are written.
        part: The name of the part that begins with the note, such as "A"; "" if none begins.
    """

    pitches: tuple[Pitch, ...]
    duration: Fraction
    tied: bool = False
    decorations: tuple[str, ...] = ()
    grace_notes: tuple[Pitch, ...] = ()
    chord_symbol: ChordSymbol | None = None
    slur_starts: int = 0
    slur_ends: int = 0
    syllables: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class BarLine:
    """A bar line: one of `BAR_LINES`."""

    kind: str


@dataclass(frozen=True)
class Ending:
    """The start of a first, second, ... ending: one of `ENDINGS`."""

    number: str


@dataclass(frozen=True)
class Tuplet:
    """A tuplet over the next `r` notes: `p` notes are played in the time of `q`."""

    p: int
    q: int
    r: int


Element = Note | BarLine | Ending | Tuplet | Key | Meter
"""An element of a tune; a key or meter among the elements is a change of key or meter."""


@dataclass(frozen=True)
class Tune:
    """A tune.

    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> from seqforge_abc.music_parser import parse_music
    >>> tune = parse_music("|:DED F2A|d6:|", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> len(tune.notes()), str(tune.key), str(tune.meter)
    (6, 'D', '6/8')

    Attributes:
        elements: Notes, bar lines and other elements, in order.
        key: The key at the beginning.
        meter: The meter at the beginning.
        rhythm: The name of the rhythm, such as "reel"; "" if it is unknown.
        title: The first title.
        tempo: The tempo; None if the tune has none.
        second: The notes and tuplets of the second voice, by bar that has notes; () without one. Each bar is as long as
            that of the first voice (`second_voice`).
        fields: Further fields of text, in the order in which they were read: composer, source, ...
        losses: What the file contains and a Tune cannot represent (annotations, overlays), with counts.
        comments: Comment lines that are written with the tune, such as its provenance.
    """

    elements: tuple[Element, ...]
    key: Key = NO_KEY
    meter: Meter = NO_METER
    rhythm: str = ""
    title: str = ""
    tempo: Tempo | None = None
    second: tuple[tuple[Element, ...], ...] = ()
    fields: tuple[TextField, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict, compare=False)
    comments: tuple[str, ...] = field(default=(), compare=False)

    def notes(self) -> list[Note]:
        """Return the notes, chords and rests."""
        return [element for element in self.elements if isinstance(element, Note)]

    def texts(self, letter: str) -> list[str]:
        """Return the texts of the fields with a letter."""
        return [field.text for field in self.fields if field.letter == letter]


def unit_note_length(tune: Tune) -> Fraction:
    """Return the most common note length of a tune, which becomes its unit note length.

    An eighth is preferred among equally common lengths. The result depends on the music alone, so two spellings of one
    tune have the same unit.
    """
    return most_common_unit(Counter(note.duration for note in tune.notes()))


def most_common_unit(counts: Mapping[Fraction, int]) -> Fraction:
    """Return the unit note length that most notes have.

    Args:
        counts: The number of notes of each length.
    """
    counts = {unit: counts.get(unit, 0) for unit in UNIT_NOTE_LENGTHS}
    return max(counts, key=lambda unit: (counts[unit], unit == Fraction(1, 8), unit == Fraction(1, 16), -unit))
