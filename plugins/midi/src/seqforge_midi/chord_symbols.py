"""Chord symbols such as Am7 or G/B, and progressions of them."""

import re
from typing import NamedTuple

from seqforge_midi.key import NATURAL_NAMES, TONIC_NAMES

KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "add9": (0, 4, 7, 2),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "m9": (0, 3, 7, 10, 2),
    "5": (0, 7),
}
"""The kinds of chords and their semitones above the root."""
ALIASES = {
    "maj": "", "M": "", "min": "m", "-": "m", "o": "dim", "°": "dim", "+": "aug", "M7": "maj7", "Δ": "maj7",
    "Δ7": "maj7", "min7": "m7", "-7": "m7", "mM7": "mmaj7", "mMaj7": "mmaj7", "-7b5": "m7b5", "ø": "m7b5",
    "ø7": "m7b5", "o7": "dim7", "°7": "dim7", "min6": "m6", "sus": "sus4", "7sus": "7sus4", "M9": "maj9",
    "min9": "m9",
}  # fmt: skip
"""Other spellings of the kinds."""
ALLOWED = "chord symbols such as C, Am, F#7, Bbmaj7, Dm7b5 or G/B, with spaces or bar lines (|) between them"
_SYMBOL = re.compile(r"(?P<root>[A-G][#b]*)(?P<kind>[^/]*)(?:/(?P<bass>[A-G][#b]*))?")


class Chord(NamedTuple):
    """A chord.

    >>> chord = Chord.parse("Am7/G")
    >>> chord.root, chord.kind, chord.bass, sorted(chord.classes)
    (9, 'm7', 7, [0, 4, 7, 9])

    Attributes:
        root: The pitch class of the root, 0 for C to 11 for B.
        kind: The kind, one of KINDS.
        bass: The pitch class of the lowest note.
    """

    root: int
    kind: str
    bass: int

    @property
    def classes(self) -> frozenset[int]:
        """The pitch classes of the chord, its bass included."""
        return frozenset((self.root + interval) % 12 for interval in KINDS[self.kind]) | {self.bass}

    def __str__(self) -> str:
        bass = "" if self.bass == self.root else f"/{TONIC_NAMES[self.bass]}"
        return TONIC_NAMES[self.root] + self.kind + bass

    @classmethod
    def parse(cls, text: str) -> "Chord":
        """Return the chord that a symbol names.

        Raises:
            ValueError: If the text is no chord symbol, or names a kind that is not in KINDS.
        """
        match = _SYMBOL.fullmatch(text.replace("♭", "b").replace("♯", "#"))
        kind = ALIASES.get(match["kind"], match["kind"]) if match else None
        if match is None or kind not in KINDS:
            raise ValueError(f"{text!r} is no chord symbol")
        root = _pitch_class(match["root"])
        return cls(root, kind, _pitch_class(match["bass"]) if match["bass"] else root)


Progression = tuple[tuple[Chord, ...], ...]
"""The chords of each bar."""


def parse_progression(text: str) -> Progression:
    """Return the chords of the bars that a text names.

    Without bar lines, every chord has a bar of its own; with them, the chords between two bar lines share a bar.

    >>> [[str(chord) for chord in bar] for bar in parse_progression("Am F | C G/B")]
    [['Am', 'F'], ['C', 'G/B']]
    >>> len(parse_progression("Am F C G"))
    4

    Raises:
        ValueError: If a word is no chord symbol, a bar has no chord, or there is no chord at all.
    """
    parts = text.strip().strip("|").split("|") if "|" in text else text.split()
    bars = tuple(tuple(map(Chord.parse, part.split())) for part in parts)
    if not bars or not all(bars):
        raise ValueError("a bar has no chord")
    return bars


def _pitch_class(name: str) -> int:
    """Return the pitch class of a note name."""
    return (NATURAL_NAMES[name[0]] + name.count("#") - name.count("b")) % 12
