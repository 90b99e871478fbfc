"""Bar lines of a song whose time signature changes."""

from collections.abc import Sequence

import numpy as np

from seqforge_midi.song import TimeSignatureChange, ticks_per_bar


class BarLines:
    """The bar lines of a song whose time signature changes at bar lines only.

    >>> lines = BarLines([(0, (4, 4)), (1920, (3, 4))])
    >>> lines.before(5000).tolist()
    [0, 1920, 3360, 4800]

    Args:
        time_signatures: Tick and time signature of each change, the first at 0, each on a bar line of the previous one.
    """

    def __init__(self, time_signatures: Sequence[TimeSignatureChange]) -> None:
        self.ticks = [tick for tick, _ in time_signatures]
        self.bar_lengths = [ticks_per_bar(time_signature) for _, time_signature in time_signatures]

    def at_or_after(self, tick: int) -> int:
        """Return the first bar line at or after a tick."""
        part = max(number for number, start in enumerate(self.ticks) if start <= max(tick, 0))
        return self.ticks[part] - (self.ticks[part] - tick) // self.bar_lengths[part] * self.bar_lengths[part]

    def end_of_music(self, tick: int) -> int:
        """Return the bar line at which music that lasts until a tick ends, at least one bar from the start."""
        return max(self.at_or_after(tick), self.bar_lengths[0])

    def before(self, end: int) -> np.ndarray:
        """Return the ticks of all bar lines before `end`."""
        edges = [*self.ticks[1:], end]
        parts = [
            np.arange(tick, min(edge, end), length)
            for tick, edge, length in zip(self.ticks, edges, self.bar_lengths, strict=True)
        ]
        return np.concatenate(parts)
