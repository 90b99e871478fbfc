"""Tunes for tests: notes by name, tunes of elements, strategies of arbitrary music, and files with one tune."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from seqforge_abc.reader import read_book
from seqforge_abc.theory import NO_METER, Key, Meter, Pitch
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet

REEL, JIG = Meter(4, 4), Meter(6, 8)
QUARTER = Fraction(1, 4)
NAMES = "CDEFGAB"


def note(name: str, quarters: int | Fraction = 1, **fields: Any) -> Note:
    """Return a note of the octave from middle C; other fields of `Note` by name."""
    return Note((Pitch(NAMES.index(name), 0, 4),), QUARTER * quarters, **fields)


def tune(*elements: Element, meter: Meter = REEL, rhythm: str = "", title: str = "") -> Tune:
    """Return a tune in C."""
    return Tune(elements, Key(0), meter, rhythm, title)


A, B, C, D, E, F, G = (note(name) for name in "ABCDEFG")

PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(1, 7))
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique=True).map(tuple),
    st.builds(Fraction, st.integers(1, 40), st.sampled_from([4, 8, 32, 128])),
    st.booleans(),
    st.lists(st.sampled_from(["roll", "staccato", "accent"]), max_size=2, unique=True).map(tuple),
    st.lists(PITCHES, max_size=3).map(tuple),
    st.none()
    | st.builds(ChordSymbol, st.integers(-8, 12), st.sampled_from(["", "m7", "odd"]), st.none() | st.just(-8)),
)
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BAR_LINES).map(BarLine),
    st.sampled_from(ENDINGS).map(Ending),
    st.sampled_from([Tuplet(3, 2, 3), Tuplet(9, 8, 9), Tuplet(5, 4, 5)]),
    st.sampled_from([Key(-7), Key(12, "loc"), Key(None), Key(10, "aeo")]),
    st.sampled_from([REEL, JIG, NO_METER, Meter(24, 16)]),
)
MUSIC = st.lists(ELEMENTS, max_size=50)


def book(folder: Path, text: str | bytes) -> list[Any]:
    """Return what is read from a file with this text."""
    path = folder / "book.abc"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_book(path))


def single_tune(folder: Path, text: str | bytes) -> Tune:
    """Return the tune of a file that contains only this one."""
    [(tune, _)] = book(folder, text)
    return tune


def tune_of_music(music: str, folder: Path, meter: str = "6/8", rhythm: str = "jig", key: str = "D") -> Tune:
    """Return the tune with this music, in eighths."""
    return single_tune(folder, f"X:1\nT:t\nR:{rhythm}\nM:{meter}\nL:1/8\nK:{key}\n{music}\n")
