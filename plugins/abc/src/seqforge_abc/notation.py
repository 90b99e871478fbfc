"""Note values, decorations and chord kinds, with their names in MusicXML 4.0."""

from fractions import Fraction
from importlib import import_module
from typing import Any

CHORDS = {
    "": ("major", (0, 4, 7)), "m": ("minor", (0, 3, 7)), "7": ("dominant", (0, 4, 7, 10)),
    "m7": ("minor-seventh", (0, 3, 7, 10)), "maj7": ("major-seventh", (0, 4, 7, 11)),
    "6": ("major-sixth", (0, 4, 7, 9)), "m6": ("minor-sixth", (0, 3, 7, 9)),
    "9": ("dominant-ninth", (0, 4, 7, 10, 14)), "m9": ("minor-ninth", (0, 3, 7, 10, 14)),
    "maj9": ("major-ninth", (0, 4, 7, 11, 14)), "11": ("dominant-11th", (0, 7, 10, 14, 17)),
    "13": ("dominant-13th", (0, 4, 10, 14, 21)), "dim": ("diminished", (0, 3, 6)),
    "dim7": ("diminished-seventh", (0, 3, 6, 9)), "m7b5": ("half-diminished", (0, 3, 6, 10)),
    "aug": ("augmented", (0, 4, 8)), "aug7": ("augmented-seventh", (0, 4, 8, 10)), "+": ("augmented", (0, 4, 8)),
    "sus": ("suspended-fourth", (0, 5, 7)), "sus2": ("suspended-second", (0, 2, 7)),
    "sus4": ("suspended-fourth", (0, 5, 7)), "7sus4": ("suspended-fourth", (0, 5, 7, 10)),
    "5": ("power", (0, 7)), "add9": ("major", (0, 4, 7, 14)), "6/9": ("major-sixth", (0, 4, 7, 9, 14)),
    "7b9": ("dominant", (0, 4, 7, 10, 13)), "7#9": ("dominant", (0, 4, 7, 10, 15)),
    "7b5": ("dominant", (0, 4, 6, 10)), "7#5": ("dominant", (0, 4, 8, 10)),
    "mmaj7": ("major-minor", (0, 3, 7, 11)),
}  # fmt: skip
"""The name in MusicXML and the semitones above the root of each kind of chord symbol.

The text of a chord symbol shows what its name leaves out, such as the seventh of 7sus4."""

_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
SIGNS = {
    "staccato": ("articulations", "staccato"), "accent": ("articulations", "accent"),
    "tenuto": ("articulations", "tenuto"), "wedge": ("articulations", "staccatissimo"),
    "breath": ("articulations", "breath-mark"),
    "upbow": ("technical", "up-bow"), "downbow": ("technical", "down-bow"), "open": ("technical", "open-string"),
    "plus": ("technical", "stopped"), "snap": ("technical", "snap-pizzicato"),
    "roll": ("ornaments", "turn"), "trill": ("ornaments", "trill-mark"), "lowermordent": ("ornaments", "mordent"),
    "mordent": ("ornaments", "mordent"), "uppermordent": ("ornaments", "inverted-mordent"),
    "pralltriller": ("ornaments", "inverted-mordent"), "turn": ("ornaments", "turn"), "turnx": ("ornaments", "turn"),
    "invertedturn": ("ornaments", "inverted-turn"),
}  # fmt: skip
"""The group of notations and the sign of each decoration of a note."""
DYNAMICS = frozenset(("p", "pp", "ppp", "mp", "mf", "f", "ff", "fff", "sfz"))
WORDS = {"D.C.": "D.C.", "D.S.": "D.S.", "fine": "Fine", "dacoda": "Da Coda", "dacapo": "Da Capo"}
"""The decorations that are written as words above the staff."""


def music21() -> Any:
    """Return the module music21. It is imported at the first call, since the import takes a second."""
    return import_module("music21")


def split_duration(duration: Fraction) -> list[tuple[str, int, Fraction]]:
    """Return the note values that add up to a duration, in descending order.

    >>> split_duration(Fraction(5, 8))
    [('half', 0, Fraction(1, 2)), ('eighth', 0, Fraction(1, 8))]

    Args:
        duration: The duration in whole notes; it is rounded to a multiple of a 128th, at least one.

    Returns:
        The type, the number of dots (at most two) and the length in whole notes of each note value.
    """
    rest = max(Fraction(1, 128), round(duration * 128) * Fraction(1, 128))
    values = []
    while rest:
        values.append(_longest_value(rest))
        rest -= values[-1][2]
    return values


def _longest_value(max_length: Fraction) -> tuple[str, int, Fraction]:
    for number, name in enumerate(_TYPES):
        undotted = Fraction(2) / 2**number
        for dots in (2, 1, 0):
            length = undotted * (2 - Fraction(1, 2**dots))
            if length <= max_length and length.denominator <= 128 and (dots < 2 or length == max_length):
                return name, dots, length
    raise AssertionError("the duration is at least a 128th")


def beam_count(kind: str) -> int:
    """Return the number of beams of a note value, such as "eighth": 0 for a quarter and longer ones."""
    return max(0, _TYPES.index(kind) - 3)
