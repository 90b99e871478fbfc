"""The tokens of an encoding: numbered in blocks of one kind, each with a value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge_midi.song import MAX_BPM, MIN_BPM, TempoChange, TimeSignature, microseconds_per_quarter
from seqforge_midi.track_table import code_name

TIME_SIGNATURES = tuple(
    (numerator, denominator)
    for denominator in (2, 4, 8, 16)
    for numerator in range(1, 25)
    if 4 * numerator <= 12 * denominator
)
"""The time signatures that have a token: bars of up to 12 quarter notes."""
TEMPOS = tuple(range(MIN_BPM, MAX_BPM + 1))
"""The tempos that have a token, in quarter notes per minute."""


class Vocabulary:
    """The tokens of an encoding, numbered from 0, block by block.

    >>> vocabulary = Vocabulary({"bar": [None], "pitch": range(128)})
    >>> vocabulary.size, vocabulary.index["pitch", 60], vocabulary.names()[61]
    (129, 61, 'pitch:60')

    Args:
        blocks: Kind of token to the values of its tokens, in order.

    Attributes:
        first: Kind to the number of its first token.
        kinds: The kind of each token.
        values: The value of each token.
        size: The number of tokens.
        index: Kind and value to the number of the token.
    """

    def __init__(self, blocks: Mapping[str, Sequence[Any]]) -> None:
        self.first: dict[str, int] = {}
        self.blocks = {kind: tuple(values) for kind, values in blocks.items()}
        self.kinds: list[str] = []
        self.values: list[Any] = []
        for kind, values in self.blocks.items():
            self.first[kind] = len(self.kinds)
            self.kinds += [kind] * len(values)
            self.values += values
        self.size = len(self.kinds)
        self.index = {pair: number for number, pair in enumerate(zip(self.kinds, self.values, strict=True))}

    def mask(self, *kinds: str) -> np.ndarray:
        """Return the mask of the tokens of these kinds: bool, shape (size,)."""
        mask = np.zeros(self.size, np.bool_)
        for kind in kinds:
            mask[self.block(kind)] = True
        return mask

    def block(self, kind: str) -> slice:
        """Return the slice of the tokens of a kind."""
        return slice(self.first[kind], self.first[kind] + len(self.blocks[kind]))

    def slices(self) -> dict[str, slice]:
        """Return the slices of all kinds, by kind."""
        return {kind: self.block(kind) for kind in self.blocks}

    def names(self) -> tuple[str, ...]:
        """Return the name of each token, for messages."""
        return tuple(map(_token_name, self.kinds, self.values))


def _token_name(kind: str, value: Any) -> str:
    if value is None:
        return kind
    if kind == "program":
        return f"{kind}:{code_name(value)}"
    return f"{kind}:{'/'.join(map(str, value)) if type(value) is tuple else value}"


class VelocityBins:
    """Velocities quantised to a few bins of equal width.

    >>> VelocityBins(4).quantise(np.array([1, 64, 127])).tolist()
    [16, 48, 112]

    Args:
        count: The number of bins.

    Attributes:
        values: The velocity that stands for each bin, its median.
    """

    def __init__(self, count: int) -> None:
        velocities = np.arange(1, 128)
        bins = (velocities - 1) * count // 127
        self.count = count
        self._bins = np.concatenate([[0], bins]).astype(np.int64)
        self.values = np.array([int(np.median(velocities[bins == number])) for number in range(count)], np.int64)

    def bin_of(self, velocities: np.ndarray) -> np.ndarray:
        """Return the bin of each velocity."""
        bins: np.ndarray = self._bins[np.clip(velocities, 0, 127)]
        return bins

    def quantise(self, velocities: np.ndarray) -> np.ndarray:
        """Return the velocity of the bin of each velocity."""
        quantised: np.ndarray = self.values[self.bin_of(velocities)]
        return quantised

    def count_rounded(self, velocities: np.ndarray) -> int:
        """Return the number of velocities that stand for no bin."""
        return int((self.quantise(velocities) != velocities).sum())


def nearest_time_signature(time_signature: TimeSignature) -> TimeSignature:
    """Return the time signature itself if it has a token, else the one whose bar is most nearly as long.

    >>> nearest_time_signature((12, 32))
    (3, 8)
    """
    if time_signature in TIME_SIGNATURES:
        return time_signature
    length = time_signature[0] / time_signature[1]
    return min(
        TIME_SIGNATURES,
        key=lambda candidate: (abs(candidate[0] / candidate[1] - length), candidate[1] != 4, candidate),
    )


def nearest_tempo(bpm: float) -> int:
    """Return the nearest tempo that has a token.

    >>> nearest_tempo(96.99998), nearest_tempo(1000)
    (97, 300)
    """
    return round(min(MAX_BPM, max(MIN_BPM, bpm)))


def count_rounded_tempos(tempos: Iterable[TempoChange]) -> int:
    """Return the number of tempos that have no token of their own, to the microsecond per quarter note."""
    return sum(microseconds_per_quarter(bpm) != microseconds_per_quarter(nearest_tempo(bpm)) for _, bpm in tempos)


def duration_values(grid: int, microtiming: int) -> list[int]:
    """Return the durations that have a token in the score encoding; the longer, the coarser.

    >>> duration_values(grid=4, microtiming=1)[14:20]
    [15, 16, 18, 20, 22, 24]

    Args:
        grid: Grid steps per quarter note.
        microtiming: The number of units of a grid step, in which durations are counted.
    """
    steps = {*range(1, 4 * grid + 1), *range(4 * grid, 8 * grid + 1, grid // 2)}
    steps |= {*range(8 * grid, 16 * grid + 1, grid), *range(16 * grid, 64 * grid + 1, 4 * grid)}
    return sorted({*range(1, microtiming), *(step * microtiming for step in steps)})
