"""Recognises music in four voices, and distributes its notes to soprano, alto, tenor and bass."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seqforge_midi.notation.quantisation import WrittenNote

RANGES = ((60, 81), (53, 74), (48, 69), (40, 62))
"""The usual lowest and highest pitch of soprano, alto, tenor and bass (W. Piston, "Harmony", chapter 2)."""
LOWEST, HIGHEST = 36, 84
BEAMS = 64
"""The number of assignments that are pursued."""
CROSSING = 60.0
"""The cost of a crossing of two voices; a semitone of movement costs 1."""
MIN_SHARE = 0.6
"""The share of the time in which at least three voices must sound."""


def is_choir(notes: np.ndarray) -> bool:
    """Return whether notes are music in four voices: never more than four sound, and most of the time three or four.

    Args:
        notes: The notes of one instrument, of NOTE_DTYPE.
    """
    if not len(notes) or notes["pitch"].min() < LOWEST or notes["pitch"].max() > HIGHEST:
        return False
    edges = np.unique(np.concatenate([notes["start"], notes["end"]]))
    starts, ends = np.sort(notes["start"]), np.sort(notes["end"])
    sounding = np.searchsorted(starts, edges[:-1], "right") - np.searchsorted(ends, edges[:-1], "right")
    lengths = np.diff(edges)
    return bool(sounding.max() <= 4 and lengths[sounding >= 3].sum() >= MIN_SHARE * lengths[sounding > 0].sum())


def assign_voices(notes: Iterable[WrittenNote]) -> tuple[list[WrittenNote], list[WrittenNote]]:
    """Return the notes of the upper staff (soprano and alto) and the lower one (tenor and bass), with voices 1 and 2.

    The voices are chosen such that they do not cross, keep to their ranges and move by small intervals: the assignment
    with the smallest sum of costs of those that a beam search visits.

    >>> upper, lower = assign_voices([WrittenNote(0, 480, pitch, 80) for pitch in (48, 55, 64, 72)])
    >>> [(note.pitch, note.voice) for note in upper], [(note.pitch, note.voice) for note in lower]
    ([(72, 1), (64, 2)], [(55, 1), (48, 2)])

    Args:
        notes: The notes, of which at most four sound at a time.
    """
    beam = [_Assignment(0.0, (None, None, None, None), None, ())]
    for _, group in itertools.groupby(sorted(notes), key=lambda note: note.start):
        chord = sorted(group, key=lambda note: -note.pitch)
        best: dict[tuple[WrittenNote | None, ...], _Assignment] = {}
        for assignment in beam:
            for numbers in _choices(assignment.last, chord):
                following = assignment.extended(numbers, chord)
                if following.last not in best or following.cost < best[following.last].cost:
                    best[following.last] = following
        beam = sorted(best.values(), key=lambda assignment: assignment.cost)[:BEAMS]
    staves: tuple[list[WrittenNote], list[WrittenNote]] = ([], [])
    step: _Assignment | None = beam[0]
    while step is not None:
        for number, note in step.assigned:
            staves[number // 2].append(dataclasses.replace(note, voice=number % 2 + 1))
        step = step.previous
    for staff in staves:
        staff.reverse()
    return staves


@dataclass(frozen=True)
class _Assignment:
    """An assignment of the notes so far: its cost, the last note of each voice, and the notes of the last chord."""

    cost: float
    last: tuple[WrittenNote | None, ...]
    previous: "_Assignment | None"
    assigned: Sequence[tuple[int, WrittenNote]]

    def extended(self, numbers: Sequence[int], chord: Sequence[WrittenNote]) -> "_Assignment":
        """Return the assignment in which these voices sing the next chord."""
        last = list(self.last)
        for number, note in zip(numbers, chord, strict=True):
            last[number] = note
        cost = self.cost + _cost(numbers, chord, self.last)
        return _Assignment(cost, tuple(last), self, list(zip(numbers, chord, strict=True))[::-1])


def _choices(last: Sequence[WrittenNote | None], chord: Sequence[WrittenNote]) -> Iterable[tuple[int, ...]]:
    """Return the voices that can sing a chord, from high to low; if too few are free, sounding notes are shortened."""
    start = chord[0].start
    ends = {number: note.end for number, note in enumerate(last) if note is not None and note.end > start}
    free = [number for number in range(4) if number not in ends]
    free += sorted(ends, key=lambda number: ends[number])[: max(0, len(chord) - len(free))]
    return itertools.combinations(sorted(free), len(chord))


def _cost(numbers: Sequence[int], chord: Sequence[WrittenNote], last: Sequence[WrittenNote | None]) -> float:
    """Return the cost of giving a chord to voices: leaps, pitches out of range and crossings of voices that sound."""
    cost, start = 0.0, chord[0].start
    for number, note in zip(numbers, chord, strict=True):
        low, high = RANGES[number]
        cost += 3 * max(0, low - note.pitch, note.pitch - high)
        before = last[number]
        cost += abs(note.pitch - (before.pitch if before is not None else (low + high) / 2))
        for other, sounding in enumerate(last):
            if sounding is not None and sounding.end > start and other not in numbers:
                cost += CROSSING * ((number < other) != (note.pitch >= sounding.pitch))
    return cost
