"""The structure of tunes: which bars return and where, how sections end, and how melodies move.

A section is the music from one double bar or repeat sign to the next. Its bars are counted without the upbeat. Two bars
are equal if they have the same lengths and pitches; decorations, grace notes and chord symbols do not count. The
similarity of two bars is the share of their notes, position by position, that have the same pitch.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from seqforge_abc.bars import Bar, split_bars
from seqforge_abc.theory import Key
from seqforge_abc.tune import Note, Tune

__all__ = [
    "BarContent",
    "ends_on_tonic",
    "melody_intervals",
    "sections_of",
    "similarity_matrix",
    "statistics",
    "structure",
]

BarContent = tuple[tuple[Fraction, tuple[int, ...]], ...]
"""The notes of a bar: the length and the pitches of each."""
DISTANCES = (1, 2, 4, 8)
"""The distances in bars at which repetition is measured."""
PHRASE_BARS = 8
"""The number of bars that a section needs to have a second phrase, which begins with bar 5."""
NEARLY_EQUAL = 0.75
"""Bars with at least this similarity repeat each other nearly."""
LEAP = 5
"""An interval of at least this size, in semitones, is a leap."""


def bar_content(bar: Bar) -> BarContent:
    """Return the notes of a bar."""
    notes = [element for element in bar.elements if isinstance(element, Note)]
    return tuple((note.duration, tuple(pitch.midi for pitch in note.pitches)) for note in notes)


def sections_of(tune: Tune) -> list[list[BarContent]]:
    """Return the full bars of each section.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d6:|d3 f3|d6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [len(section) for section in sections_of(tune)]
    [2, 2]
    """
    sections: list[list[BarContent]] = [[]]
    for bar in split_bars(tune):
        content = bar_content(bar)
        if content and bar.is_full:
            sections[-1].append(content)
        if bar.ends_section:
            sections.append([])
    return [section for section in sections if section]


def bar_similarity(first: BarContent, second: BarContent) -> float:
    """Return the share of the notes of two bars, position by position, that have the same highest pitch."""
    pairs = zip(first, second, strict=False)
    equal = sum(one[-1:] == other[-1:] for (_, one), (_, other) in pairs)
    return equal / max(len(first), len(second))


def similarity_matrix(tune: Tune) -> np.ndarray:
    """Return the similarity of each bar of a tune with each other bar, shape (bars, bars), from 0 to 1."""
    bars = [bar for section in sections_of(tune) for bar in section]
    matrix = np.array([[bar_similarity(first, second) for second in bars] for first in bars])
    return matrix.reshape(len(bars), len(bars))


def melody_intervals(tune: Tune) -> list[int]:
    """Return the intervals between the highest pitches of successive notes, in semitones."""
    pitches = [note.pitches[-1].midi for note in tune.notes() if note.pitches]
    return [after - before for before, after in pairwise(pitches)]


def ends_on_tonic(tune: Tune) -> bool:
    """Return whether the last note is the tonic of the key."""
    last = next((note.pitches[-1] for note in reversed(tune.notes()) if note.pitches), None)
    return last is not None and tune.key.tonic is not None and last.fifths == tune.key.tonic


def statistics(tune: Tune) -> dict[str, np.ndarray]:
    """Return the quantities whose distributions are compared, each with one integer per occurrence."""
    notes = [note for note in tune.notes() if note.pitches]
    tonic = tune.key.tonic or 0
    sections = sections_of(tune)
    return {
        "pitch": np.array([note.pitches[-1].midi for note in notes], np.int64),
        "degree": np.array([note.pitches[-1].fifths - tonic for note in notes], np.int64),
        "interval": np.array(melody_intervals(tune), np.int64),
        "length": np.array([int(note.duration * 128) for note in tune.notes()], np.int64),
        "bars per section": np.array([len(section) for section in sections], np.int64),
        "notes": np.array([len(notes) // 8], np.int64),
    }


def structure(tunes: Sequence[Tune]) -> dict[str, float]:
    """Return figures of a collection of tunes; NaN where no tune has what is counted.

    Args:
        tunes: The tunes.
    """
    sections = [sections_of(tune) for tune in tunes]
    phrases = [section for tune in sections for section in tune if len(section) >= PHRASE_BARS]
    long_sections = [[section for section in tune if len(section) >= 4] for tune in sections]
    pairs = [(tune[0], tune[1]) for tune in long_sections if len(tune) >= 2]
    bars = [bars for tune in sections if (bars := [bar for section in tune for bar in section])]
    return {
        "last note on the tonic, per cent": _per_cent(map(ends_on_tonic, tunes)),
        "sections that end on the tonic, per cent": _per_cent(_section_ends(tunes)),
        "bars 1-2 return as bars 5-6, per cent of sections": _per_cent(bar[0:2] == bar[4:6] for bar in phrases),
        "similarity of bars 1 and 5": _mean(bar_similarity(bar[0], bar[4]) for bar in phrases),
        "similarity of the ends of sections A and B": _mean(_ends_similarity(a, b) for a, b in pairs),
        "distinct bars, per cent": 100 * _mean(len(set(tune)) / len(tune) for tune in bars),
        **_repetition(bars),
        "sections of 8 bars, per cent": _per_cent(len(section) == 8 for tune in sections for section in tune),
        "tunes of two sections, per cent": _per_cent(len(tune) == 2 for tune in sections),
        "leaps, per cent of intervals": _per_cent(
            abs(step) >= LEAP for tune in tunes for step in melody_intervals(tune)
        ),
        "range, semitones": _mean(_range(tune) for tune in tunes),
        "notes outside the key, per cent": _per_cent(_outside_key(tunes)),
    }


def _repetition(bars: Sequence[Sequence[BarContent]]) -> Mapping[str, float]:
    """Return the shares of the bars that repeat an earlier one exactly or nearly, by distance."""
    rows = {}
    for distance in DISTANCES:
        pairs = [(tune[at], tune[at - distance]) for tune in bars for at in range(distance, len(tune))]
        rows[f"bars equal to the bar {distance} before, per cent"] = _per_cent(one == other for one, other in pairs)
        rows[f"bars similar to the bar {distance} before, per cent"] = _per_cent(
            bar_similarity(one, other) >= NEARLY_EQUAL for one, other in pairs
        )
    return rows


def _ends_similarity(first: Sequence[BarContent], second: Sequence[BarContent]) -> float:
    """Return the mean similarity of the last two bars of two sections."""
    return (bar_similarity(first[-1], second[-1]) + bar_similarity(first[-2], second[-2])) / 2


def _section_ends(tunes: Iterable[Tune]) -> Iterable[bool]:
    """Yield whether the last note of each section is the tonic."""
    for tune in tunes:
        if tune.key.tonic is None:
            continue
        for section in sections_of(tune):
            pitched = [pitches for _, pitches in section[-1] if pitches]
            if pitched:
                yield pitched[-1][-1] % 12 == 7 * tune.key.tonic % 12


def _range(tune: Tune) -> int:
    pitches = [pitch.midi for note in tune.notes() for pitch in note.pitches]
    return max(pitches) - min(pitches) if pitches else 0


def _outside_key(tunes: Iterable[Tune]) -> Iterable[bool]:
    """Yield whether each note has another alteration than the key signature."""
    for tune in tunes:
        if tune.key != Key(None):
            for note in tune.notes():
                yield from (pitch.alter != tune.key.alter(pitch.letter) for pitch in note.pitches[-1:])


def _mean(values: Iterable[float]) -> float:
    """Return the mean, NaN if there are no values."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else float("nan")


def _per_cent(values: Iterable[bool]) -> float:
    """Return the share of true values in per cent, NaN if there are no values."""
    return 100 * _mean(map(float, values))
