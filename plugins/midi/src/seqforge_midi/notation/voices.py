"""Distributes the notes of a staff to voices: chords that do not overlap."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seqforge_midi.notation.quantisation import WrittenNote

MAX_VOICES = 4
"""The largest number of voices of a staff."""


@dataclass
class Chord:
    """Notes that start and end together.

    Attributes:
        start: The tick at which they start.
        end: The tick at which they end.
        notes: The notes, the lowest first.
    """

    start: int
    end: int
    notes: list[WrittenNote]

    @property
    def top(self) -> int:
        """The highest pitch."""
        return max(note.pitch for note in self.notes)


Voice = list[Chord]
"""Chords that do not overlap, in order."""


def distribute(notes: Iterable[WrittenNote]) -> list[Voice]:
    """Return the voices of a staff, at least one, the first at the top where several sound.

    Notes that have a voice keep it; of the others, those that start and end together are one chord. If more than
    MAX_VOICES would sound, chords are merged, or a chord that sounds is shortened.

    >>> notes = [WrittenNote(0, 960, 48, 80), WrittenNote(0, 480, 60, 80), WrittenNote(480, 960, 62, 80)]
    >>> [[chord.top for chord in voice] for voice in distribute(notes)]
    [[60, 62], [48]]
    """
    voices: list[Voice] = [[] for _ in range(MAX_VOICES)]
    for start, group in itertools.groupby(sorted(notes), key=lambda note: note.start):
        chords: dict[tuple[int, int], Chord] = {}
        for note in group:
            chord = chords.setdefault((note.voice, note.end), Chord(start, note.end, []))
            chord.notes.append(note)
        for (number, _), chord in list(chords.items()):
            if number:
                _append(voices[number - 1], chord)
                del chords[number, chord.end]
        _place(voices, sorted(chords.values(), key=lambda chord: -chord.top))
    while len(voices) > 1 and not voices[-1]:
        voices.pop()
    return voices


def _place(voices: Sequence[Voice], chords: list[Chord]) -> None:
    """Add chords that start together, the highest first, to the voices that are free and keep the order of pitches."""
    if not chords:
        return
    start = chords[0].start
    free = [number for number, voice in enumerate(voices) if not voice or voice[-1].end <= start]
    while len(chords) > max(1, len(free)):
        upper = min(range(len(chords) - 1), key=lambda index: abs(chords[index].end - chords[index + 1].end))
        chords[upper] = _merged(chords[upper], chords.pop(upper + 1))
    if not free:
        shortest = min(voices, key=lambda voice: voice[-1].end)
        _append(shortest, chords[0])
        return
    sounding = {number: voice[-1].top for number, voice in enumerate(voices) if number not in free}

    def cost(numbers: Sequence[int]) -> tuple[int, int]:
        crossings = sum(
            (number < other) != (chord.top >= top)
            for number, chord in zip(numbers, chords, strict=True)
            for other, top in sounding.items()
        )
        return crossings, sum(numbers)

    best: Sequence[int] = min(list(itertools.combinations(free, len(chords))), key=cost)
    for number, chord in zip(best, chords, strict=True):
        voices[number].append(chord)


def _append(voice: Voice, chord: Chord) -> None:
    """Add a chord to a voice whose last chord may still sound: shorten that one, or merge both."""
    if voice and voice[-1].end > chord.start:
        if voice[-1].start == chord.start:
            voice[-1] = _merged(voice[-1], chord)
            return
        voice[-1].end = chord.start
    voice.append(chord)


def _merged(first: Chord, second: Chord) -> Chord:
    """Return the chord of two that start together; it ends with the shorter one."""
    notes = {note.pitch: note for note in (*first.notes, *second.notes)}
    return Chord(first.start, min(first.end, second.end), [notes[pitch] for pitch in sorted(notes)])
