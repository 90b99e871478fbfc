"""Where bar lines stand under changes of meter."""

from collections.abc import Sequence

import numpy as np

from seqforge_midi.song import bar_ticks


class Bars:
    """The bar lines of a song whose meters change at bar lines only.

    Args:
        meters: tick and meter, the first at 0, each on a bar line of the one before.
    """

    def __init__(self, meters: Sequence[tuple[int, tuple[int, int]]]) -> None:
        self.ticks = [tick for tick, _ in meters]
        self.lengths = [bar_ticks(meter) for _, meter in meters]

    def line_at_or_after(self, tick: int) -> int:
        """Return the first bar line that is not before a tick."""
        part = max(number for number, each in enumerate(self.ticks) if each <= max(tick, 0))
        return self.ticks[part] - (self.ticks[part] - tick) // self.lengths[part] * self.lengths[part]

    def end_of(self, tick: int) -> int:
        """Return the bar line at which music that lasts until a tick ends: at least one bar from the beginning."""
        return max(self.line_at_or_after(tick), self.lengths[0])

    def lines(self, end: int) -> np.ndarray:
        """Return every bar line before `end`."""
        edges = [*self.ticks[1:], end]
        parts = [
            np.arange(tick, min(edge, end), length)
            for tick, edge, length in zip(self.ticks, edges, self.lengths, strict=True)
        ]
        return np.concatenate(parts)
