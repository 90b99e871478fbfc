"""Dynamic marks of a part, from the velocities of its notes."""

import bisect
from collections.abc import Iterable, Sequence

import numpy as np

from seqforge_midi.notation.measures import Measure
from seqforge_midi.notation.parts import Part

LEVELS = {16: "ppp", 33: "pp", 49: "p", 64: "mp", 80: "mf", 96: "f", 112: "ff", 126: "fff"}
"""Velocity to dynamic mark, as notation programs play them."""
MIN_CHANGE = 12
"""A mark follows if the mean velocity of a measure is this far from that of the last mark."""


def dynamic_marks(part: Part, measures: Sequence[Measure]) -> dict[int, str]:
    """Return the tick and name of each dynamic mark of a part; none if all velocities are equal.

    A mark stands where the first note of a measure starts, if the measure is louder or softer than what the last mark
    says.

    Args:
        part: The part.
        measures: The measures of the score.
    """
    notes = sorted(note for staff in part.staves for voice in staff.voices for chord in voice for note in chord.notes)
    if len({note.velocity for note in notes}) < 2:
        return {}
    starts = [measure.start for measure in measures]
    velocities: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for note in notes:
        number = bisect.bisect_right(starts, note.start)
        velocities.setdefault(number, []).append(note.velocity)
        ticks.setdefault(number, note.start)
    return dict(_changes((ticks[number], float(np.mean(velocities[number]))) for number in sorted(ticks)))


def _changes(levels: Iterable[tuple[int, float]]) -> Iterable[tuple[int, str]]:
    """Yield the tick and mark of each measure that differs enough from the last mark."""
    last, last_mark = None, ""
    for tick, level in levels:
        mark = LEVELS[min(LEVELS, key=lambda velocity: abs(velocity - level))]
        if last is None or (abs(level - last) >= MIN_CHANGE and mark != last_mark):
            yield tick, mark
            last, last_mark = level, mark
