"""The bars of a file and their form in an encoding: the bars of a window round what is written anew."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqforge_midi.song import Song, TimeSignature, ticks_per_bar
from seqforge_midi.tokens import TIME_SIGNATURES

LONG_BAR: TimeSignature = (4, 4)
"""A bar that is too long for the encoding is divided into bars of this time signature and a rest."""
UNITS_PER_QUARTER = 4
"""The time signatures of the encoding are multiples of a sixteenth."""
MAX_UNITS = 12 * UNITS_PER_QUARTER


@dataclass(frozen=True)
class Bar:
    """A bar of a song.

    Attributes:
        start: The first tick, in ticks of the song.
        end: The tick after the last one.
        time_signature: The time signature.
    """

    start: int
    end: int
    time_signature: TimeSignature


def bars_of(song: Song) -> list[Bar]:
    """Return the bars of a song, each with its own time signature.

    >>> from seqforge_midi.song import NOTE_DTYPE
    >>> song = Song(np.zeros(0, NOTE_DTYPE), length=2000)
    >>> [(bar.start, bar.end) for bar in bars_of(song)]
    [(0, 1920), (1920, 3840)]
    """
    changes = list(song.time_signatures)
    bars: list[Bar] = []
    time_signature = changes[0][1]
    for start in song.bar_starts():
        while changes and changes[0][0] <= start:
            time_signature = changes.pop(0)[1]
        bars.append(Bar(start, start + ticks_per_bar(time_signature), time_signature))
    return bars


def encoded_time_signatures(time_signature: TimeSignature) -> list[TimeSignature]:
    """Return the time signatures with which an encoding writes one bar: itself, if it has a token.

    A bar that the encoding lacks is as long as the next longer one; a bar of more than three whole notes is divided.

    >>> encoded_time_signatures((6, 8)), encoded_time_signatures((5, 32)), encoded_time_signatures((15, 4))
    ([(6, 8)], [(3, 16)], [(4, 4), (4, 4), (4, 4), (3, 4)])
    """
    if time_signature in TIME_SIGNATURES:
        return [time_signature]
    units = -(-4 * UNITS_PER_QUARTER * time_signature[0] // time_signature[1])
    whole = 4 * UNITS_PER_QUARTER
    parts = [LONG_BAR] * ((units - 1) // whole) if units > MAX_UNITS else []
    units -= whole * len(parts)
    quarters, rest = divmod(units, UNITS_PER_QUARTER)
    return [*parts, (units, 16) if rest else (quarters, 4)]


class WindowTimes:
    """Converts times of a file to a window, in which bars have the lengths of the encoding, and back.

    >>> times = WindowTimes([Bar(1920, 3840, (4, 4))])
    >>> times.to_window(np.array([1920, 2400])).tolist(), times.to_song(np.array([480])).tolist()
    ([0, 480], [2400])

    Args:
        bars: The consecutive bars of the window.

    Attributes:
        time_signatures: The time signature of each encoded bar.
        bars: The number of the bar of the window that each encoded bar belongs to, from 0.
        lengths: The music of each encoded bar, in ticks; an encoded bar may be longer than its music.
        starts: The start of each encoded bar in the window, and the end of the last one.
    """

    def __init__(self, bars: Sequence[Bar]) -> None:
        self.time_signatures: list[TimeSignature] = []
        self.bars: list[int] = []
        song_starts: list[int] = []
        lengths: list[int] = []
        for number, bar in enumerate(bars):
            start = bar.start
            for time_signature in encoded_time_signatures(bar.time_signature):
                length = min(ticks_per_bar(time_signature), bar.end - start)
                self.time_signatures.append(time_signature)
                self.bars.append(number)
                song_starts.append(start)
                lengths.append(length)
                start += length
        self.lengths = np.array(lengths, np.int64)
        self._song_starts = np.array(song_starts, np.int64)
        self.starts = np.cumsum([0, *map(ticks_per_bar, self.time_signatures)])

    @property
    def length(self) -> int:
        """The length of the window in ticks."""
        return int(self.starts[-1])

    def to_window(self, ticks: np.ndarray) -> np.ndarray:
        """Return times of the song as times of the window, not rounded; those outside are moved to its edges."""
        bars = np.clip(np.searchsorted(self._song_starts, ticks, side="right") - 1, 0, None)
        offsets = np.clip(ticks - self._song_starts[bars], 0, self.lengths[bars])
        result: np.ndarray = self.starts[bars] + offsets
        return result

    def to_song(self, ticks: np.ndarray) -> np.ndarray:
        """Return times of the window as times of the song."""
        bars = np.clip(np.searchsorted(self.starts, ticks, side="right") - 1, 0, len(self.lengths) - 1)
        result: np.ndarray = self._song_starts[bars] + np.minimum(ticks - self.starts[bars], self.lengths[bars])
        return result

    def positions(self, number: int, step_ticks: float) -> int:
        """Return the number of grid positions of an encoded bar that lie within its music."""
        return int(-(-self.lengths[number] // step_ticks))
