"""Bar lines of a song whose time signature changes."""

from collections.abc import Sequence

import numpy as np

from seqforge_midi.song import TimeSignatureChange, ticks_per_bar
from seqforge_midi.tokens import nearest_time_signature


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


def time_signatures_on_lines(changes: Sequence[TimeSignatureChange]) -> list[TimeSignatureChange]:
    """Return time signatures that have tokens, each moved to the next bar line; those that change nothing are left out.

    >>> time_signatures_on_lines([(0, (4, 4)), (1000, (3, 4)), (5000, (3, 4))])
    [(0, (4, 4)), (1920, (3, 4))]

    Args:
        changes: Tick and time signature of each change, in ascending order.
    """
    result: list[TimeSignatureChange] = []
    for tick, time_signature in changes:
        nearest = nearest_time_signature(time_signature)
        line = BarLines(result).at_or_after(tick) if result else 0
        if result and result[-1][0] == line:
            result.pop()
        if not result or result[-1][1] != nearest:
            result.append((line, nearest))
    return result
