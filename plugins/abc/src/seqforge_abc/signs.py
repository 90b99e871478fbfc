"""What the signs of a score are called: lengths, beams, decorations and kinds of chords, for music21 and MIDI."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

CHORDS = {
    "": ("major", (0, 4, 7)), "m": ("minor", (0, 3, 7)), "7": ("dominant-seventh", (0, 4, 7, 10)),
    "m7": ("minor-seventh", (0, 3, 7, 10)), "maj7": ("major-seventh", (0, 4, 7, 11)),
    "6": ("major-sixth", (0, 4, 7, 9)), "m6": ("minor-sixth", (0, 3, 7, 9)),
    "9": ("dominant-ninth", (0, 4, 7, 10, 14)), "m9": ("minor-ninth", (0, 3, 7, 10, 14)),
    "maj9": ("major-ninth", (0, 4, 7, 11, 14)), "11": ("dominant-11th", (0, 7, 10, 14, 17)),
    "13": ("dominant-13th", (0, 4, 10, 14, 21)), "dim": ("diminished", (0, 3, 6)),
    "dim7": ("diminished-seventh", (0, 3, 6, 9)), "m7b5": ("half-diminished-seventh", (0, 3, 6, 10)),
    "aug": ("augmented", (0, 4, 8)), "aug7": ("augmented-seventh", (0, 4, 8, 10)), "+": ("augmented", (0, 4, 8)),
    "sus": ("suspended-fourth", (0, 5, 7)), "sus2": ("suspended-second", (0, 2, 7)),
    "sus4": ("suspended-fourth", (0, 5, 7)), "7sus4": ("suspended-fourth-seventh", (0, 5, 7, 10)),
    "5": ("power", (0, 7)), "add9": ("major", (0, 4, 7, 14)), "6/9": ("major-sixth", (0, 4, 7, 9, 14)),
    "7b9": ("dominant-seventh", (0, 4, 7, 10, 13)), "7#9": ("dominant-seventh", (0, 4, 7, 10, 15)),
    "7b5": ("dominant-seventh", (0, 4, 6, 10)), "7#5": ("dominant-seventh", (0, 4, 8, 10)),
    "mmaj7": ("minor-major-seventh", (0, 3, 7, 11)),
}  # fmt: skip
"""For each kind of chord symbol what music21 calls it, and its semitones above the root."""

_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
_ARTICULATIONS = {
    "staccato": "Staccato", "accent": "Accent", "upbow": "UpBow", "downbow": "DownBow", "tenuto": "Tenuto",
    "wedge": "Staccatissimo", "breath": "BreathMark", "open": "OpenString", "plus": "Stopped",
    "snap": "SnapPizzicato",
}  # fmt: skip
_EXPRESSIONS = {
    "roll": "Turn", "trill": "Trill", "fermata": "Fermata", "lowermordent": "Mordent", "mordent": "Mordent",
    "uppermordent": "InvertedMordent", "pralltriller": "InvertedMordent", "turn": "Turn", "turnx": "Turn",
    "invertedturn": "InvertedTurn", "arpeggio": "ArpeggioMark",
}  # fmt: skip
_LOUDNESS = frozenset(("p", "pp", "ppp", "mp", "mf", "f", "ff", "fff", "sfz"))
_WORDS = {"D.C.": "D.C.", "D.S.": "D.S.", "fine": "Fine", "dacoda": "Da Coda", "dacapo": "Da Capo"}


def music21() -> Any:
    """Return music21, imported where it is first needed: that takes a second."""
    return import_module("music21")


def parts(duration: Fraction) -> list[tuple[str, int, Fraction]]:
    """Return the notes that add up to a duration, from the longest down.

    Args:
        duration: in whole notes; it is rounded to a 128th, and is at least one.

    Returns:
        For each the name of its type, its dots (at most two) and its length in whole notes.
    """
    left = max(Fraction(1, 128), round(duration * 128) * Fraction(1, 128))
    found = []
    while left:
        found.append(_longest(left))
        left -= found[-1][2]
    return found


def _longest(left: Fraction) -> tuple[str, int, Fraction]:
    for number, name in enumerate(_TYPES):
        plain = Fraction(2) / 2**number
        for dots in (2, 1, 0):
            length = plain * (2 - Fraction(1, 2**dots))
            if length <= left and length.denominator <= 128 and (dots < 2 or length == left):
                return name, dots, length
    raise AssertionError("a 128th is left at least")


def flags(made: Any) -> int:
    """Return how many beams a music21 note has: 0 for a quarter or a rest."""
    kind = made.duration.type
    return 0 if made.isRest or kind not in _TYPES else max(0, _TYPES.index(kind) - 3)


def beam(notes: Sequence[tuple[Any, Any]]) -> None:
    """Beam music21 notes that follow one another in a beat or a tuplet; each comes with what names that."""
    group: list[Any] = []
    now: Any = None
    for beat, made in [*notes, (None, None)]:
        if made is None or beat != now or not flags(made):
            _join(group)
            group = []
        now = beat
        if made is not None and flags(made):
            group.append(made)


def _join(group: Sequence[Any]) -> None:
    if len(group) < 2:
        return
    levels = [flags(made) for made in group]
    for number, made in enumerate(group):
        for level in range(1, levels[number] + 1):
            before = number > 0 and levels[number - 1] >= level
            after = number + 1 < len(group) and levels[number + 1] >= level
            if before or after:
                made.beams.append("continue" if before and after else "stop" if before else "start")
            else:
                made.beams.append("partial", "left" if number else "right")


def decorate(measure: Any, at: Any, made: Any, decorations: Iterable[str]) -> None:
    """Put decorations on a music21 note, or into its measure at an offset in quarters; unknown ones are left out."""
    m21 = music21()

    for name in decorations:
        if name in _ARTICULATIONS and not made.isRest:
            made.articulations.append(getattr(m21.articulations, _ARTICULATIONS[name])())
        elif name in _EXPRESSIONS and (name == "fermata" or not made.isRest):
            made.expressions.append(getattr(m21.expressions, _EXPRESSIONS[name])())
            if name == "fermata":
                made.expressions[-1].type = "upright"
        elif name in _LOUDNESS:
            measure.insert(at, m21.dynamics.Dynamic(name))
        elif name in _WORDS:
            measure.insert(at, m21.expressions.TextExpression(_WORDS[name]))
        elif name in ("segno", "coda"):
            measure.insert(at, m21.repeat.Segno() if name == "segno" else m21.repeat.Coda())
        elif name.isdigit() and not made.isRest:
            made.articulations.append(m21.articulations.Fingering(int(name)))
