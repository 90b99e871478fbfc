"""The prompt of a window in the score encoding, and the notes that were generated in it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seqforge import Example, Prompt
from seqforge_midi.fixed_notes import FixedNotesAutomaton
from seqforge_midi.infill import Window, pitch_range
from seqforge_midi.length import room_for
from seqforge_midi.midi_parts import Part
from seqforge_midi.score import Score
from seqforge_midi.score_notes import encoded_notes, window_tempos
from seqforge_midi.score_window import FixedNote, FreeVoice, ScoreWindow
from seqforge_midi.song import DRUMS, Song

CANDIDATES = 16
"""The number of infills that are drawn; the one that fits the fixed notes best is kept."""
MIN_KNOWN_DRUMS = 3
"""A part with fewer drum sounds of the model's corpus than this may play all sounds of the corpus."""


class ScoreInfill:
    """A window in the score encoding.

    Args:
        encoding: The encoding.
        window: The window.
        drum_pitches: The drum sounds of the model's corpus.
    """

    def __init__(self, encoding: Score, window: Window, drum_pitches: Sequence[int]) -> None:
        self.encoding, self.window, self.drum_pitches = encoding, window, drum_pitches
        bars = range(len(window.times.time_signatures))
        self.parts = [window.voices(bar) for bar in bars]
        self.notes = encoded_notes(encoding, window.times, window.fixed)
        self.automaton = FixedNotesAutomaton(
            encoding.vocabulary,
            encoding.microtiming,
            ScoreWindow(
                time_signatures=window.times.time_signatures,
                tempos=window_tempos(window.file.song, window.times),
                positions=[window.times.positions(bar, encoding.step_ticks) for bar in bars],
                voices=[self._voices(parts) for parts in self.parts],
                notes=self.notes,
                blocked=self._blocked(),
                is_whole=window.is_whole and bool(self.notes),  # an empty piece could end at once
            ),
        )

    def prompt(self) -> Prompt:
        """Return the prompt: the tokens before the gap, and the automaton of the window."""
        first_gap = next(number for number, parts in enumerate(self.parts) if parts)
        state, steps = self.automaton.start(), []
        while getattr(state, "bar") < first_gap:  # noqa: B009 - states are hashable to the core
            allowed = np.flatnonzero(self.automaton.allowed(state)).tolist()
            if len(allowed) > 1:  # the network chooses which earlier bar the gap repeats, if any
                break
            state = self.automaton.advance(state, allowed[0])
            steps += allowed
        example = Example(np.array(steps, np.uint16), extras={"may_be_silent": True})
        length = room_for(bars=len(self.parts), notes=len(self.notes))
        return Prompt(example, self.automaton, candidates=CANDIDATES, length=length)

    def generated(self, song: Song) -> list[tuple[Part, np.ndarray]]:
        """Return the generated notes of each part, of NOTE_DTYPE, with times of the window.

        Args:
            song: The decoded window.
        """
        fixed = {(self._start(note), note.program, note.pitch) for note in self.notes}
        notes = song.notes
        keys = zip(notes["start"].tolist(), notes["program"].tolist(), notes["pitch"].tolist(), strict=True)
        notes = notes[[key not in fixed for key in keys]]
        half_step = self.encoding.unit * (self.encoding.microtiming // 2)
        bars = np.searchsorted(self.window.times.starts, notes["start"] + half_step, side="right") - 1
        by_part: dict[int, tuple[Part, list[np.ndarray]]] = {}
        for bar in np.unique(bars).tolist():
            for program, parts in self.parts[bar].items():
                of_program = notes[(bars == bar) & (notes["program"] == program)]
                for part, of_part in self._divided(of_program, parts):
                    by_part.setdefault(part.number, (part, []))[1].append(of_part)
        return [(part, np.concatenate(arrays)) for part, arrays in by_part.values()]

    def _start(self, note: FixedNote) -> int:
        """Return the start of a fixed note in ticks of the window."""
        start = int(self.window.times.starts[note.bar])
        return start + note.position * self.encoding.step_ticks + note.microtiming * self.encoding.unit

    def _divided(self, notes: np.ndarray, parts: Sequence[Part]) -> list[tuple[Part, np.ndarray]]:
        """Return the notes of each of several parts that one program of the model stands for.

        At each onset, a note goes to the part whose median pitch is nearest and that has not as many notes as it plays
        at one onset in the file.
        """
        if len(parts) == 1:
            return [(parts[0], notes)]
        centres = [float(np.median(part.notes["pitch"])) for part in parts]
        room = [self._most(part) for part in parts]
        taken: Counter[tuple[int, int]] = Counter()
        owners = np.zeros(len(notes), np.int64)
        for number, (start, pitch) in enumerate(zip(notes["start"].tolist(), notes["pitch"].tolist(), strict=True)):
            free = [index for index in range(len(parts)) if taken[start, index] < room[index]] or range(len(parts))
            owners[number] = min(free, key=lambda index: abs(centres[index] - pitch))
            taken[start, int(owners[number])] += 1
        return [(part, notes[owners == index]) for index, part in enumerate(parts)]

    def _voices(self, parts: dict[int, list[Part]]) -> dict[int, FreeVoice]:
        """Return what each program may play: within the range of its parts, with as many notes as they have."""
        result = {}
        for program, members in parts.items():
            pitches = frozenset(pitch for part in members for pitch in pitch_range(part))
            if program == DRUMS:
                sounds = frozenset(pitch for part in members for pitch in part.notes["pitch"].tolist())
                pitches = sounds & frozenset(self.drum_pitches)
                pitches = pitches if len(pitches) >= MIN_KNOWN_DRUMS else frozenset(self.drum_pitches)
            result[program] = FreeVoice(pitches, sum(map(self._most, members)))
        return result

    def _most(self, part: Part) -> int:
        """Return the largest number of notes of a part at one onset, on the grid of the encoding."""
        scale = self.window.file.scale * self.encoding.step_ticks
        return int(np.unique(np.rint(part.notes["start"] / scale), return_counts=True)[1].max())

    def _blocked(self) -> dict[tuple[int, int, int], frozenset[int]]:
        """Return the pitches that notes that stay occupy in the gaps: a channel sounds each pitch only once."""
        step_ticks, times = self.encoding.step_ticks, self.window.times
        occupied: dict[tuple[int, int, int, int], set[int]] = {}  # bar, position, port and channel to pitches
        blocked: dict[tuple[int, int, int], frozenset[int]] = {}
        for bar, voices in enumerate(self.parts):
            start, end = int(times.starts[bar]), int(times.starts[bar + 1])
            places = {(part.port, part.channel) for parts in voices.values() for part in parts}
            for place in places & set(self.window.kept):
                rows = self.window.kept[place]
                for first, last, pitch in rows[(rows[:, 0] < end) & (rows[:, 1] > start)].tolist():
                    low = max(0, round((first - start) / step_ticks))
                    high = min(times.positions(bar, step_ticks), int(-(-(last - start) // step_ticks)))
                    for position in range(low, max(high, low + 1)):
                        occupied.setdefault((bar, position, *place), set()).add(int(pitch))
            for program, parts in voices.items():
                of_program = {(part.port, part.channel) for part in parts}
                for position in range(times.positions(bar, step_ticks)):
                    sets = [occupied.get((bar, position, *place), set()) for place in of_program]
                    common = frozenset(set.intersection(*sets))
                    if common:
                        blocked[bar, position, program] = common
        return blocked
