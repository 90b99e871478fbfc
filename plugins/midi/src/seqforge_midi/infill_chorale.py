"""The prompt of a window in the chorale encoding, and the notes that were generated in it."""

import itertools
from collections.abc import Sequence

import numpy as np

from seqforge import Example, Prompt
from seqforge_midi.chorale import FRAME_GROUP, VELOCITY, Chorale
from seqforge_midi.fixed_frames import FixedFramesAutomaton, FreeFrame
from seqforge_midi.infill import Window, pitch_range
from seqforge_midi.infill_score import CANDIDATES
from seqforge_midi.length import room_for
from seqforge_midi.midi_parts import Part
from seqforge_midi.song import DRUMS, Song, note_array


class ChoraleInfill:
    """A window in the chorale encoding.

    Args:
        encoding: The encoding.
        window: The window.
    """

    def __init__(self, encoding: Chorale, window: Window) -> None:
        self.encoding, self.window, self.ticks = encoding, window, encoding.frame_ticks
        count = max(1, round(window.times.length / self.ticks))
        bars = np.searchsorted(window.times.starts, np.arange(count) * self.ticks, side="right") - 1
        self.parts = [_members(window, min(bar, len(window.times.bars) - 1)) for bar in bars.tolist()]
        fixed: list[set[int]] = [set() for _ in range(count)]
        for start, end, pitch in self._frames(window.fixed[window.fixed["program"] != DRUMS]):
            for frame in range(start, min(end, count)):
                fixed[frame].add(pitch)
        self.fixed = [sorted(pitches, reverse=True) for pitches in fixed]
        first_position = round(window.bars[0].start / self.ticks) % FRAME_GROUP
        self.automaton = FixedFramesAutomaton(
            FRAME_GROUP, first_position, self.fixed, [self._free(parts) for parts in self.parts]
        )

    def prompt(self) -> Prompt:
        """Return the prompt: the frames before the gap, and the automaton of the window."""
        first = next(number for number, parts in enumerate(self.parts) if parts)
        state, steps = self.automaton.start(), []
        for size in (len(pitches) + 1 for pitches in self.fixed[:first]):
            for _ in range(size):
                (step,) = np.flatnonzero(self.automaton.allowed(state)).tolist()
                state = self.automaton.advance(state, step)
                steps.append(step)
        length = room_for(bars=len(self.window.times.starts), notes=sum(map(len, self.fixed)))
        return Prompt(Example(np.array(steps, np.uint8)), self.automaton, candidates=CANDIDATES, length=length)

    def generated(self, song: Song) -> list[tuple[Part, np.ndarray]]:
        """Return the generated notes of each part, of NOTE_DTYPE, with times of the window.

        In each frame the free pitches go to the parts in descending order. Of fewer pitches than parts, each goes to
        the part whose last pitch is nearest.

        Args:
            song: The decoded window.
        """
        frames: list[set[int]] = [set() for _ in self.fixed]
        for start, end, pitch in self._frames(song.notes):
            for frame in range(start, min(end, len(frames))):
                frames[frame].add(pitch)
        lines: dict[int, list[tuple[int, int]]] = {}  # number of a part to its frames and pitches
        members = {part.number: part for parts in self.parts for part in parts}
        last = {number: float(np.median(part.notes["pitch"])) for number, part in members.items()}
        for frame, (pitches, parts) in enumerate(zip(frames, self.parts, strict=True)):
            free = sorted(pitches - set(self.fixed[frame]), reverse=True)
            for part, pitch in _assign(free, parts, last) if parts else ():
                lines.setdefault(part.number, []).append((frame, pitch))
                last[part.number] = pitch
        return [(members[number], self._notes(cells)) for number, cells in lines.items()]

    def _frames(self, notes: np.ndarray) -> list[tuple[int, int, int]]:
        """Return for each note its first frame, the frame after its last, and its pitch."""
        starts = np.rint(notes["start"] / self.ticks).astype(np.int64)
        ends = np.maximum(np.rint(notes["end"] / self.ticks).astype(np.int64), starts + 1)
        return list(zip(starts.tolist(), ends.tolist(), notes["pitch"].tolist(), strict=True))

    def _free(self, parts: Sequence[Part]) -> FreeFrame | None:
        if not parts:
            return None
        pitches = frozenset(pitch for part in parts for pitch in pitch_range(part))
        return FreeFrame(pitches, sum(_most_sounding(part) for part in parts))

    def _notes(self, cells: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the notes of a part: a pitch in consecutive frames is one note."""
        rows = []
        by_pitch = sorted((pitch, frame) for frame, pitch in cells)
        for _, group in itertools.groupby(enumerate(by_pitch), key=lambda item: (item[1][0], item[1][1] - item[0])):
            run = [cell for _, cell in group]
            rows.append((run[0][1] * self.ticks, (run[-1][1] + 1) * self.ticks, run[0][0], VELOCITY, 0))
        return note_array(rows)


def _members(window: Window, encoded_bar: int) -> list[Part]:
    """Return the free parts of a bar of the encoding from high to low."""
    parts = [part for members in window.voices(encoded_bar).values() for part in members]
    return sorted(parts, key=lambda part: -float(np.median(part.notes["pitch"])))


def _most_sounding(part: Part) -> int:
    """Return the largest number of notes of a part that sound together."""
    ticks = np.concatenate([part.notes["end"], part.notes["start"]])
    changes = np.repeat([-1, 1], len(part.notes))
    return int(changes[np.lexsort((changes, ticks))].cumsum().max(initial=1))


def _assign(pitches: Sequence[int], parts: Sequence[Part], last: dict[int, float]) -> list[tuple[Part, int]]:
    """Return each pitch with a part; pitches and parts descend, and so do the pitches of the parts."""
    room = [part for part in parts for _ in range(_most_sounding(part))]
    if len(pitches) >= len(room):
        return list(zip(room, pitches, strict=False))
    choices = itertools.combinations(room, len(pitches))
    best = min(choices, key=lambda chosen: _movement(chosen, pitches, last))
    return list(zip(best, pitches, strict=True))


def _movement(parts: Sequence[Part], pitches: Sequence[int], last: dict[int, float]) -> float:
    """Return the sum of the intervals from the last pitches of the parts."""
    return sum(abs(last[part.number] - pitch) for part, pitch in zip(parts, pitches, strict=True))
