"""The grid of the score encoding: onsets and durations of notes in grid steps."""

from collections.abc import Iterable

import numpy as np

from seqforge_midi.score_automaton import DRUM_TICKS
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, TempoChange
from seqforge_midi.tokens import duration_values, nearest_tempo


class Grid:
    """Moves notes and tempo changes to a grid.

    >>> grid = Grid(steps=4, microtiming=1)
    >>> grid.step_ticks, grid.durations[:4].tolist()
    (120, [1, 2, 3, 4])

    Args:
        steps: Grid steps per quarter note.
        microtiming: Onset positions per grid step.

    Attributes:
        unit: The distance between two onset positions, in ticks.
        step_ticks: The length of a grid step, in ticks.
        durations: The durations that have a token, ascending, in units; int64, shape (durations,).
    """

    def __init__(self, steps: int, microtiming: int) -> None:
        self.unit = TICKS_PER_QUARTER // (steps * microtiming)
        self.step_ticks = self.unit * microtiming
        self._before_step = self.unit * (microtiming // 2)
        self.durations = np.array(duration_values(steps, microtiming), np.int64)

    def quantised(self, notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return starts and ends of notes in units; their difference is a duration with a token."""
        starts = np.rint(notes["start"] / self.unit).astype(np.int64)
        lengths = np.rint((notes["end"] - notes["start"]) / self.unit).astype(np.int64)
        upper = np.clip(np.searchsorted(self.durations, lengths), 1, len(self.durations) - 1)
        lower_is_nearer = lengths - self.durations[upper - 1] <= self.durations[upper] - lengths
        return starts, starts + np.where(lower_is_nearer, self.durations[upper - 1], self.durations[upper])

    def steps_of(self, notes: np.ndarray) -> np.ndarray:
        """Return the grid step of each note, from the start of the song; a note may start a little before its step."""
        steps: np.ndarray = (notes["start"] + self._before_step) // self.step_ticks
        return steps

    def shortened_lengths(self, notes: np.ndarray) -> np.ndarray:
        """Return the longest lengths with a token that are not longer than the notes, in ticks."""
        lengths = notes["end"] - notes["start"]
        index = np.searchsorted(self.durations, lengths // self.unit, side="right") - 1
        shortened: np.ndarray = np.where(
            notes["program"] == DRUMS, np.minimum(lengths, DRUM_TICKS), self.durations[index] * self.unit
        )
        return shortened

    def tempos(self, changes: Iterable[TempoChange]) -> list[TempoChange]:
        """Return tempo changes that have tokens, each moved to the nearest grid step."""
        return [(round(tick / self.step_ticks) * self.step_ticks, nearest_tempo(bpm)) for tick, bpm in changes]
