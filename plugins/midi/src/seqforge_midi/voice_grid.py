"""Four voices in sixteenths: what the voices encoding keeps of a song, and how its notes are given to the voices."""

import itertools
from dataclasses import dataclass

import numpy as np

from seqforge_midi.key import Key
from seqforge_midi.key_estimate import estimate_key
from seqforge_midi.song import (
    DRUMS,
    NUM_PROGRAMS,
    TICKS_PER_QUARTER,
    Song,
    TimeSignature,
    TimeSignatureChange,
    Track,
    note_array,
    ticks_per_bar,
)
from seqforge_midi.tokens import nearest_time_signature

VOICES = 4
VOICE_NAMES = ("Soprano", "Alto", "Tenor", "Bass")
VOICE_PROGRAMS = (40, 41, 42, 43)
"""The program of each voice from high to low: violin, viola, cello and contrabass."""
SIXTEENTH = TICKS_PER_QUARTER // 4
MAX_SIXTEENTHS = 100_000
MAX_PICKUP = 24
"""The sixteenths of the longest pickup; every shorter one has a time signature."""
CENTRES = (67, 62, 55, 48)
"""The pitches near which a voice without an earlier note is expected."""
VELOCITY = 80
SLOTS_BY_PARTS = {2: (0, 3), 3: (0, 1, 3), 4: (0, 1, 2, 3)}
"""The voices that parts ordered from high to low become, by the number of parts."""
REST = -1


@dataclass(frozen=True)
class VoiceGrid:
    """Four voices in sixteenths.

    >>> song = Song.from_events(note_array([(0, 480, 72, 80, 0), (0, 240, 48, 80, 0)]))
    >>> grid = VoiceGrid.from_song(song)
    >>> grid.pitches.tolist()
    [[72, -1, -1, 48], [72, -1, -1, 48], [72, -1, -1, -1], [72, -1, -1, -1]]

    Attributes:
        pitches: The pitch of each voice in each sixteenth, REST for none, shape (sixteenths, 4).
        onsets: Whether a note of the voice starts in the sixteenth, shape (sixteenths, 4).
        time_signature: The time signature.
        pickup: The sixteenths before the first complete bar, 0 for none.
        lost_notes: The number of notes that no voice had room for.
    """

    pitches: np.ndarray
    onsets: np.ndarray
    time_signature: TimeSignature
    pickup: int = 0
    lost_notes: int = 0

    @property
    def bar_length(self) -> int:
        """The sixteenths of a complete bar."""
        return ticks_per_bar(self.time_signature) // SIXTEENTH

    @property
    def bars(self) -> int:
        """The number of bars, an incomplete first and last one included."""
        return bool(self.pickup) - (-(len(self.pitches) - self.pickup) // self.bar_length)

    def key(self) -> Key:
        """Return the key that is estimated from the pitches."""
        sounding = self.pitches[self.pitches != REST]
        last = self.pitches[(self.pitches != REST).any(1)][-1]
        return estimate_key(np.bincount(sounding % 12, minlength=12), int(last[last != REST][-1]))

    @classmethod
    def from_song(cls, song: Song) -> "VoiceGrid":
        """Return the voices of a song without its drums."""
        time_signature, pickup = _meter(song)
        notes = song.notes[(song.notes["program"] != DRUMS) & (song.notes["start"] < MAX_SIXTEENTHS * SIXTEENTH)]
        starts = np.rint(notes["start"] / SIXTEENTH).astype(np.int64)
        ends = np.minimum(np.rint(notes["end"] / SIXTEENTH).astype(np.int64), MAX_SIXTEENTHS)
        ends = np.maximum(ends, starts + 1)
        length = max(int(ends.max(initial=0)), min(-(-song.length // SIXTEENTH), MAX_SIXTEENTHS)) if len(notes) else 0
        pitches = np.full((length, VOICES), REST, np.int64)
        onsets = np.zeros((length, VOICES), np.bool_)
        parts = notes["program"].astype(np.int64) + NUM_PROGRAMS * notes["track"]
        voices = assign_voices(starts, ends, notes["pitch"].astype(np.int64), parts)
        lost = int((voices < 0).sum())
        for voice in range(VOICES):
            members = np.flatnonzero(voices == voice)
            members = members[np.lexsort((ends[members], starts[members]))]
            for index, member in enumerate(members.tolist()):
                start, end = int(starts[member]), int(ends[member])
                if index + 1 < len(members):
                    end = min(end, int(starts[members[index + 1]]))
                lost += end == start
                pitches[start:end, voice] = notes["pitch"][member]
                onsets[start:end, voice] = np.arange(end - start) == 0
        return cls(pitches, onsets, time_signature, pickup if length else 0, lost)

    def to_song(self, bpm: float) -> Song:
        """Return the song in which each voice has its own program.

        Args:
            bpm: The tempo, in quarter notes per minute.
        """
        rows: list[tuple[int, ...]] = []
        for voice, program in enumerate(VOICE_PROGRAMS):
            pitches = self.pitches[:, voice]
            edges = np.flatnonzero(self.onsets[:, voice] | np.append(True, np.diff(pitches) != 0)[: len(pitches)])
            for start, end in itertools.pairwise([*edges.tolist(), len(pitches)]):
                if pitches[start] != REST:
                    rows.append((start * SIXTEENTH, end * SIXTEENTH, int(pitches[start]), VELOCITY, program))
        changes: list[TimeSignatureChange] = [(0, self.time_signature)]
        if self.pickup:
            changes = [(0, _reduced(self.pickup)), (self.pickup * SIXTEENTH, self.time_signature)]
        length = len(self.pitches) * SIXTEENTH
        return Song.from_events(note_array(rows), [(0, bpm)], changes, length=length, tracks=voice_tracks())


def voice_tracks(program: int | None = None) -> tuple[Track, ...]:
    """Return the named tracks of the voices.

    Args:
        program: The program of all voices; None if each voice has its own.
    """
    if program is None:
        programs = zip(VOICE_PROGRAMS, VOICE_NAMES, strict=True)
        return tuple(Track(number, 0, name) for number, name in programs)
    return tuple(Track(program, number, name) for number, name in enumerate(VOICE_NAMES))


def _meter(song: Song) -> tuple[TimeSignature, int]:
    """Return the time signature of a song and the sixteenths of its pickup: a shorter first bar of its own."""
    first = nearest_time_signature(song.time_signatures[0][1])
    if len(song.time_signatures) > 1:
        tick, second = song.time_signatures[1][0], nearest_time_signature(song.time_signatures[1][1])
        is_pickup = tick == ticks_per_bar(first) < ticks_per_bar(second) and tick <= MAX_PICKUP * SIXTEENTH
        if is_pickup and song.length > tick:
            return second, tick // SIXTEENTH
    return first, 0


def _reduced(sixteenths: int) -> TimeSignature:
    """Return the time signature of a bar of some sixteenths with the smallest denominator from 4."""
    return next((sixteenths * unit // 16, unit) for unit in (4, 8, 16) if sixteenths * unit % 16 == 0)


def assign_voices(starts: np.ndarray, ends: np.ndarray, pitches: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return the voice of each note, -1 for notes that no voice has room for.

    Where all parts are those of `VOICE_PROGRAMS`, they name the voices. Two to four parts of which none plays two notes
    at once are the voices, ordered by their mean pitch. Otherwise the notes that start together are given to the free
    voices in descending order, each to the voice whose last note is nearest.

    >>> chord = np.array([60, 76, 67, 72])
    >>> assign_voices(np.zeros(4, int), np.full(4, 4), chord, np.zeros(4, int)).tolist()
    [3, 0, 2, 1]

    Args:
        starts: The first sixteenth of each note, ascending.
        ends: The sixteenth after the last one of each note.
        pitches: The pitches.
        parts: The part of each note; that of the first track of a program is the number of the program.
    """
    numbers = np.unique(parts).tolist()
    if set(numbers) <= set(VOICE_PROGRAMS):
        return parts - VOICE_PROGRAMS[0]
    if 2 <= len(numbers) <= VOICES and all(_is_monophonic(starts, ends, parts == number) for number in numbers):
        ranked = sorted(numbers, key=lambda number: -float(pitches[parts == number].mean()))
        slots = dict(zip(ranked, SLOTS_BY_PARTS[len(numbers)], strict=True))
        return np.array([slots[number] for number in parts.tolist()], np.int64)
    return _by_pitch(starts, ends, pitches)


def _is_monophonic(starts: np.ndarray, ends: np.ndarray, members: np.ndarray) -> bool:
    order = np.argsort(starts[members], kind="stable")
    return bool((ends[members][order][:-1] <= starts[members][order][1:]).all())


def _by_pitch(starts: np.ndarray, ends: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """Return the voice of each note by its pitch; the inner ones of more than four notes at once are left out."""
    result = np.full(len(starts), -1, np.int64)
    last_pitches, last_ends = list(CENTRES), [0] * VOICES
    order = np.lexsort((-pitches, starts)).tolist()
    for start, group in itertools.groupby(order, key=lambda note: int(starts[note])):
        notes = list(group)
        free = [voice for voice in range(VOICES) if last_ends[voice] <= start]
        while len(notes) > len(free):
            notes.pop(len(notes) // 2)
        sounding = [(voice, last_pitches[voice]) for voice in range(VOICES) if voice not in free]

        def cost(voices: tuple[int, ...], notes: list[int] = notes, sounding: list[tuple[int, int]] = sounding) -> int:
            total = 0
            for voice, note in zip(voices, notes, strict=True):
                pitch = int(pitches[note])
                total += abs(pitch - last_pitches[voice])
                total += 100 * sum((pitch > other) != (voice < held) for held, other in sounding if pitch != other)
            return total

        best = min(itertools.combinations(free, len(notes)), key=cost)
        for voice, note in zip(best, notes, strict=True):
            result[note] = voice
            last_pitches[voice], last_ends[voice] = int(pitches[note]), int(ends[note])
    return result
