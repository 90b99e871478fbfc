"""What the three encodings have in common: numbered tokens in blocks, and the values they stand for."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqforge import Constraint
from seqforge_midi.song import DRUMS, FASTEST, SLOWEST, Song

METERS = tuple((top, unit) for unit in (2, 4, 8, 16) for top in range(1, 25) if 4 * top <= 12 * unit)
"""Every meter that has a token: up to twelve quarters a bar."""
TEMPOS = tuple(range(SLOWEST, FASTEST + 1))


@dataclass(frozen=True)
class Asked:
    """What is asked of an encoding; None where the model chooses.

    Attributes:
        bars: exactly so many; 0: any number.
        seconds: so long at most, and then ended; 0: any time.
        bpm: the tempo throughout.
        meter: throughout.
        programs: which may play.
        ranges: the lowest and the highest pitch of each program; of one that is not named, any.
        drums: the keys of drums that may be struck.
        frames_a_bar: of frames, how many are a bar.
        frames: exactly so many; 0: as many as the bars have.
        gap: the first and the last bar that are written anew within what is given, counted from 1.
    """

    bars: int = 0
    seconds: float = 0.0
    bpm: int | None = None
    meter: tuple[int, int] | None = None
    programs: tuple[int, ...] | None = None
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    drums: tuple[int, ...] = tuple(range(128))
    frames_a_bar: int = 4
    frames: int = 0
    gap: tuple[int, int] | None = None

    @property
    def tuned(self) -> np.ndarray:
        """Which programs may play, drums aside: bool, shape (programs,)."""
        mask = np.zeros(DRUMS, np.bool_)
        mask[[each for each in self._chosen if each < DRUMS]] = True
        return mask

    @property
    def struck(self) -> np.ndarray:
        """Which keys of drums may be struck: bool, shape (128,)."""
        mask = np.zeros(128, np.bool_)
        mask[list(self.drums)] = True
        return mask

    @property
    def beaten(self) -> bool:
        """Whether drums may play."""
        return DRUMS in self._chosen and bool(self.drums)

    @property
    def meter_number(self) -> int | None:
        """The number of the meter's token among meters."""
        return None if self.meter is None else METERS.index(self.meter)

    @property
    def tempo_number(self) -> int | None:
        """The number of the tempo's token among tempos."""
        return None if self.bpm is None else TEMPOS.index(self.bpm)

    @property
    def _chosen(self) -> Sequence[int]:
        return range(DRUMS + 1) if self.programs is None else self.programs

    def range_of(self, program: int) -> tuple[int, int]:
        """Return the lowest and the highest pitch of a program."""
        return self.ranges.get(program, (0, 127))

    def widest(self) -> tuple[int, int]:
        """Return the lowest and the highest pitch of whatever is not drums."""
        tuned = [between for program, between in self.ranges.items() if program != DRUMS]
        return (min(low for low, _ in tuned), max(high for _, high in tuned)) if tuned else (0, 127)


class Tokens:
    """Tokens in blocks of one kind, numbered from 0.

    Args:
        blocks: kind to the values of its tokens, in order.
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
        self.number = {pair: step for step, pair in enumerate(zip(self.kinds, self.values, strict=True))}

    def mask(self, *kinds: str) -> np.ndarray:
        """Return which tokens are of these kinds, shape (size,)."""
        found = np.zeros(self.size, np.bool_)
        for kind in kinds:
            found[self.slice(kind)] = True
        return found

    def slice(self, kind: str) -> slice:
        """Return where the tokens of a kind stand."""
        return slice(self.first[kind], self.first[kind] + len(self.blocks[kind]))

    def names(self) -> tuple[str, ...]:
        """Return what a person calls each token."""
        return tuple(
            kind if value is None else f"{kind}:{'/'.join(map(str, value)) if isinstance(value, tuple) else value}"
            for kind, value in zip(self.kinds, self.values, strict=True)
        )


class Velocities:
    """Velocities in a few levels.

    Args:
        levels: how many.
    """

    def __init__(self, levels: int) -> None:
        every = np.arange(1, 128)
        bins = (every - 1) * levels // 127
        self.levels = levels
        self.bins = np.concatenate([[0], bins]).astype(np.int64)
        self.values = np.array([int(np.median(every[bins == level])) for level in range(levels)], np.int64)

    def level(self, velocities: np.ndarray) -> np.ndarray:
        """Return the level of each velocity."""
        found: np.ndarray = self.bins[np.clip(velocities, 0, 127)]
        return found

    def kept(self, velocities: np.ndarray) -> np.ndarray:
        """Return each velocity as it is kept."""
        found: np.ndarray = self.values[self.level(velocities)]
        return found


class Encoding(ABC):
    """One way to write songs as steps.

    Attributes:
        tokens: what the steps are.
        sounding: which tokens stand for a note, shape (size,).
        pitched: kinds of tokens whose value is a pitch that may be transposed.
    """

    tokens: Tokens
    sounding: np.ndarray
    pitched: tuple[str, ...]

    @abstractmethod
    def encode(self, song: Song) -> np.ndarray:
        """Return the steps of a song, shape (steps,)."""

    @abstractmethod
    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        """Return the song of some steps.

        Raises:
            DecodeError: they stand for none.
        """

    @abstractmethod
    def canonical(self, song: Song) -> Song:
        """Return what is kept of a song."""

    @abstractmethod
    def lost(self, song: Song) -> Counter[str]:
        """Return what is not kept, with counts."""

    @abstractmethod
    def constraint(self, asked: Asked) -> Constraint:
        """Return the automaton of whole songs that are as asked."""

    def extras(self, song: Song) -> dict[str, Any]:
        """Return what decoding needs beside the steps."""
        return {}


def kept_meter(meter: tuple[int, int]) -> tuple[int, int]:
    """Return a meter that has a token: itself, or the one whose bar is most nearly as long."""
    if meter in METERS:
        return meter
    length = meter[0] / meter[1]
    return min(METERS, key=lambda each: (abs(each[0] / each[1] - length), each[1] != 4, each))


def kept_tempo(bpm: int) -> int:
    """Return a tempo that has a token."""
    return min(FASTEST, max(SLOWEST, bpm))
