"""Moves the notes of a staff to a grid that can be written, which may change from beat to beat.

Each beat is divided into 1, 2, 4, 8 or 16 equal parts, or into 3 or 6 (a tuplet). Of the divisions that fit exactly the
coarsest is chosen; if none does, the one with the smallest sum of squared deviations and a penalty for its fineness.
"""

import bisect
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seqforge_midi.notation.measures import Measure

PENALTIES = {1: 0.0, 2: 1.0, 4: 3.0, 3: 3.5, 8: 7.0, 6: 6.5, 16: 14.0}
"""The number of parts of a beat, and what each number costs."""
DEVIATION = 20
"""A deviation of this many ticks costs as much as one unit of the penalties."""
END_WEIGHT = 0.3
"""The weight of the end of a note, which matters less than its start."""
DRUM_PENALTIES = {1: 0.0, 2: 0.5, 4: 1.0, 3: 3.0, 8: 9.0, 6: 7.0}
DRUM_DEVIATION = 40
"""The same for drum hits, which are played less exactly than notes are written."""
SMALLEST = 15
"""The shortest note value in ticks, a 128th note."""
TUPLET_LENGTH = 240
"""A beat is divided into thirds if its length is a multiple of this."""
MAX_GAP = 120
"""A shorter rest before the next note is not written if the end of the note before it was played freely."""


@dataclass(frozen=True, order=True)
class WrittenNote:
    """A note of a staff.

    Attributes:
        start: The tick at which it starts.
        end: The tick at which it ends.
        pitch: The MIDI pitch; of drums, the key.
        velocity: The velocity.
        voice: The voice, from 1; 0 if it is not yet chosen.
    """

    start: int
    end: int
    pitch: int
    velocity: int
    voice: int = 0


def quantise(notes: Sequence[WrittenNote], measures: Sequence[Measure]) -> list[WrittenNote]:
    """Return notes whose times are on the grid, ordered, without overlaps of one pitch.

    >>> quantise([WrittenNote(3, 470, 60, 80), WrittenNote(650, 790, 62, 80)], [Measure(0, (2, 4))])[1].start
    640

    Args:
        notes: The notes of a staff.
        measures: The measures of the song.
    """
    events = [(tick, weight) for note in notes for tick, weight in ((note.start, 1.0), (note.end, END_WEIGHT))]
    grid = _Grid(events, measures, PENALTIES, DEVIATION)
    onsets = sorted({grid.place(note.start) for note in notes})
    last: dict[int, int] = {}  # the index of the last note of each pitch
    result: list[WrittenNote] = []
    for note in sorted(notes):
        start = grid.place(note.start)
        end = min(_written_end(note, start, grid, onsets), measures[-1].end)
        before = result[last[note.pitch]] if note.pitch in last else None
        if start >= end or (before is not None and before.start == start):
            continue
        if before is not None and before.end > start:
            result[last[note.pitch]] = dataclasses.replace(before, end=start)
        last[note.pitch] = len(result)
        result.append(dataclasses.replace(note, start=start, end=end))
    return sorted(result)


def _written_end(note: WrittenNote, start: int, grid: "_Grid", onsets: Sequence[int]) -> int:
    """Return the end of a note that starts at a tick; a short rest before the next onset is left out."""
    end = max(grid.place(note.end), start + grid.step(start))
    following = bisect.bisect_right(onsets, start)
    gap = onsets[following] - end if following < len(onsets) else 0
    return end + gap if 0 < gap < MAX_GAP and end != note.end else end


def quantise_drums(hits: Sequence[WrittenNote], measures: Sequence[Measure]) -> list[WrittenNote]:
    """Return drum hits whose times are on a coarser grid, ordered; each ends with the beat at the latest.

    Drummers play before and after the beat, and a drum has no length: a hit ends where the next one starts.

    >>> hits = quantise_drums([WrittenNote(-4, 56, 36, 80), WrittenNote(234, 294, 38, 80)], [Measure(0, (2, 4))])
    >>> [(hit.start, hit.end) for hit in hits]
    [(0, 240), (240, 480)]
    """
    grid = _Grid([(hit.start, 1.0) for hit in hits], measures, DRUM_PENALTIES, DRUM_DEVIATION)
    placed: dict[tuple[int, int, int], WrittenNote] = {}
    for hit in sorted(hits):
        start = grid.place(hit.start)
        if start < measures[-1].end:
            placed.setdefault((start, hit.voice, hit.pitch), hit)
    onsets: dict[int, list[int]] = {}
    for start, voice, _ in sorted(placed):
        onsets.setdefault(voice, []).append(start)
    result = []
    for (start, voice, _), hit in placed.items():
        following = bisect.bisect_right(onsets[voice], start)
        ends = [grid.beat_end(start), *onsets[voice][following : following + 1]]
        result.append(dataclasses.replace(hit, start=start, end=min(ends)))
    return sorted(result)


class _Grid:
    """The grid of a staff.

    Args:
        events: Ticks that are to be on the grid, with weights.
        measures: The measures of the song.
        penalties: The cost of each number of parts of a beat.
        deviation: The deviation in ticks that costs 1.
    """

    def __init__(
        self,
        events: Iterable[tuple[int, float]],
        measures: Sequence[Measure],
        penalties: Mapping[int, float],
        deviation: float,
    ) -> None:
        self.end = measures[-1].end
        self.beats: list[int] = []
        self.lengths: list[int] = []
        for measure in measures:
            for tick in range(measure.start, measure.end, measure.division):
                self.beats.append(tick)
                self.lengths.append(min(measure.division, measure.end - tick))
        in_beat: list[list[tuple[int, float]]] = [[] for _ in self.beats]
        for tick, weight in events:
            beat = self._beat(tick)
            in_beat[beat].append((tick - self.beats[beat], weight))
        self.divisions = [
            _division(beat_events, length, penalties, deviation)
            for beat_events, length in zip(in_beat, self.lengths, strict=True)
        ]

    def _beat(self, tick: int) -> int:
        return max(0, min(bisect.bisect_right(self.beats, tick) - 1, len(self.beats) - 1))

    def place(self, tick: int) -> int:
        """Return the point of the grid that is nearest to a tick."""
        beat = self._beat(tick)
        length, division = self.lengths[beat], self.divisions[beat]
        part = round((tick - self.beats[beat]) * division / length)
        return min(self.beats[beat] + part * length // division, self.end)

    def step(self, tick: int) -> int:
        """Return the distance from a point of the grid to the next one."""
        beat = self._beat(tick)
        return self.lengths[beat] // self.divisions[beat]

    def beat_end(self, tick: int) -> int:
        """Return the end of the beat of a tick."""
        beat = self._beat(tick)
        return self.beats[beat] + self.lengths[beat]


def _division(
    events: Sequence[tuple[int, float]], length: int, penalties: Mapping[int, float], deviation: float
) -> int:
    """Return the number of parts into which a beat is divided.

    Args:
        events: Ticks from the start of the beat, with weights.
        length: The length of the beat in ticks.
        penalties: The cost of each number of parts.
        deviation: The deviation in ticks that costs 1.
    """
    candidates = [
        parts for parts in penalties if (length % (parts * SMALLEST) == 0 if parts % 3 else length % TUPLET_LENGTH == 0)
    ]
    costs = {}
    for parts in candidates:
        size = length // parts
        offsets = [(abs(tick - round(tick / size) * size), weight) for tick, weight in events]
        if all(offset == 0 for offset, _ in offsets):
            return parts
        costs[parts] = penalties[parts] + sum(weight * (offset / deviation) ** 2 for offset, weight in offsets)
    return min(costs, key=lambda parts: costs[parts], default=1)
