"""Note values, beams, decorations and chord kinds, with their names in music21."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from seqforge_abc.lyrics import HOLD, HYPHEN

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
"""The name in music21 and the semitones above the root of each kind of chord symbol."""

_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
ARTICULATIONS = {
    "staccato": "Staccato", "accent": "Accent", "upbow": "UpBow", "downbow": "DownBow", "tenuto": "Tenuto",
    "wedge": "Staccatissimo", "breath": "BreathMark", "open": "OpenString", "plus": "Stopped",
    "snap": "SnapPizzicato",
}  # fmt: skip
EXPRESSIONS = {
    "roll": "Turn", "trill": "Trill", "fermata": "Fermata", "lowermordent": "Mordent", "mordent": "Mordent",
    "uppermordent": "InvertedMordent", "pralltriller": "InvertedMordent", "turn": "Turn", "turnx": "Turn",
    "invertedturn": "InvertedTurn", "arpeggio": "ArpeggioMark",
}  # fmt: skip
_DYNAMICS = frozenset(("p", "pp", "ppp", "mp", "mf", "f", "ff", "fff", "sfz"))
_WORDS = {"D.C.": "D.C.", "D.S.": "D.S.", "fine": "Fine", "dacoda": "Da Coda", "dacapo": "Da Capo"}


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


def beam_count(note: Any) -> int:
    """Return the number of beams of a music21 note: 0 for a quarter or a rest."""
    kind = note.duration.type
    return 0 if note.isRest or kind not in _TYPES else max(0, _TYPES.index(kind) - 3)


def add_beams(notes: Sequence[tuple[Any, Any]]) -> None:
    """Beam consecutive music21 notes of one beat or tuplet.

    Args:
        notes: Pairs of a group, which identifies the beat or tuplet, and a note.
    """
    beamed: list[Any] = []
    current: Any = None
    for group, note in [*notes, (None, None)]:
        if note is None or group != current or not beam_count(note):
            _beam_together(beamed)
            beamed = []
        current = group
        if note is not None and beam_count(note):
            beamed.append(note)


def _beam_together(notes: Sequence[Any]) -> None:
    if len(notes) < 2:
        return
    counts = [beam_count(note) for note in notes]
    for number, note in enumerate(notes):
        for level in range(1, counts[number] + 1):
            before = number > 0 and counts[number - 1] >= level
            after = number + 1 < len(notes) and counts[number + 1] >= level
            if before or after:
                note.beams.append("continue" if before and after else "stop" if before else "start")
            else:
                note.beams.append("partial", "left" if number else "right")


def add_decorations(measure: Any, offset: Any, note: Any, decorations: Iterable[str]) -> None:
    """Add decorations to a music21 note or its measure; unknown decorations are skipped.

    Args:
        measure: The measure.
        offset: The offset of the note in the measure, in quarters.
        note: The note.
        decorations: The names of the decorations.
    """
    m21 = music21()

    for name in decorations:
        if name in ARTICULATIONS and not note.isRest:
            note.articulations.append(getattr(m21.articulations, ARTICULATIONS[name])())
        elif name in EXPRESSIONS and (name == "fermata" or not note.isRest):
            note.expressions.append(getattr(m21.expressions, EXPRESSIONS[name])())
            if name == "fermata":
                note.expressions[-1].type = "upright"
        elif name in _DYNAMICS:
            measure.insert(offset, m21.dynamics.Dynamic(name))
        elif name in _WORDS:
            measure.insert(offset, m21.expressions.TextExpression(_WORDS[name]))
        elif name in ("segno", "coda"):
            measure.insert(offset, m21.repeat.Segno() if name == "segno" else m21.repeat.Coda())
        elif name.isdigit() and not note.isRest:
            note.articulations.append(m21.articulations.Fingering(int(name)))


def add_lyrics(note: Any, syllables: Sequence[str], open_words: set[int]) -> None:
    """Add the syllables of each verse to a music21 note.

    Args:
        note: The note.
        syllables: The syllable of each verse.
        open_words: The verses whose last syllable continues in the next one; it is updated.
    """
    for verse, syllable in enumerate(syllables):
        text = syllable.removesuffix("-").replace(HYPHEN, "-")
        if not text or syllable == HOLD:
            continue
        continues, continued = syllable.endswith("-"), verse in open_words
        syllabic = {(False, False): "single", (True, False): "begin", (True, True): "middle", (False, True): "end"}
        note.lyrics.append(
            music21().note.Lyric(text, number=verse + 1, syllabic=syllabic[continues, continued], applyRaw=True)
        )
        (open_words.add if continues else open_words.discard)(verse)
