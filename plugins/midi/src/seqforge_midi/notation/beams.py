"""Joins the short notes of a voice with beams."""

import itertools
from collections.abc import Sequence

from seqforge_midi.notation.measures import Measure
from seqforge_midi.notation.note_values import NoteValue

LEVELS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5}
"""The number of beams of each note value."""


def add_beams(values: Sequence[NoteValue], measure: Measure) -> None:
    """Set the beams of the note values of a voice in a measure.

    The eighth notes of half a 4/4 bar share a beam if there are no shorter notes; else those of a beat do.

    Args:
        values: The note values that fill the measure.
        measure: The measure.
    """
    ends = measure.beam_groups()
    if measure.half and not measure.is_compound:
        ends = _joined(ends, values, measure)

    def group_of(value: NoteValue) -> int:
        return next(number for number, end in enumerate(ends) if value.start - measure.start < end)

    for _, group in itertools.groupby(values, key=lambda value: (group_of(value), _level(value) > 0)):
        run = list(group)
        if len(run) > 1 and _level(run[0]):
            _beam(run)


def _joined(ends: Sequence[int], values: Sequence[NoteValue], measure: Measure) -> list[int]:
    """Return the ends of groups, without those in the middle of a half measure that has eighth notes only."""
    result = []
    for end in ends:
        half = next(middle for middle in (measure.half, measure.length) if end <= middle)
        inside = [value for value in values if half - measure.half <= value.start - measure.start < half]
        only_eighths = len(inside) == 4 and all(value.name == "eighth" and value.chord for value in inside)
        if end == half or not only_eighths:
            result.append(end)
    return result


def _level(value: NoteValue) -> int:
    return 0 if value.chord is None else LEVELS.get(value.name, 0)


def _beam(run: Sequence[NoteValue]) -> None:
    """Set the beams of notes that one beam joins."""
    levels = [0, *map(_level, run), 0]
    for index, value in enumerate(run, 1):
        value.beams = tuple(
            _state(before=levels[index - 1] >= level, after=levels[index + 1] >= level, first=index == 1)
            for level in range(1, levels[index] + 1)
        )


def _state(*, before: bool, after: bool, first: bool) -> str:
    """Return the state of a beam at a note, by whether the notes before and after it have this beam."""
    if before and after:
        return "continue"
    if before or after:
        return "end" if before else "begin"
    return "forward hook" if first else "backward hook"
