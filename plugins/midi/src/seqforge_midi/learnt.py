"""What a corpus has, so that what is asked for can be checked and what is generated stays within it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqforge import Piece
from seqforge_midi.song import DRUMS, PLAIN_METER, PLAIN_TEMPO, PROGRAMS


@dataclass(frozen=True)
class Learnt:
    """What a corpus has.

    Attributes:
        ranges: of each program that plays, the lowest and the highest pitch.
        drums: the keys of drums that are struck.
        longest: the notes of the longest piece.
        bpm: the tempo that the pieces begin with, in the middle.
        meter: the meter that most of them begin with.
    """

    ranges: Mapping[int, tuple[int, int]]
    drums: tuple[int, ...]
    longest: int
    bpm: int
    meter: tuple[int, int]

    @property
    def lowest(self) -> int:
        """The lowest pitch of what is not drums."""
        return min((low for program, (low, _) in self.ranges.items() if program != DRUMS), default=0)

    @property
    def highest(self) -> int:
        """The highest."""
        return max((high for program, (_, high) in self.ranges.items() if program != DRUMS), default=127)

    def joined(self, new: "Learnt") -> "Learnt":
        """Return what two corpora have together; tempo and meter are those of the new one."""
        ranges = dict(self.ranges)
        for program, (low, high) in new.ranges.items():
            before = ranges.get(program, (low, high))
            ranges[program] = (min(low, before[0]), max(high, before[1]))
        drums = tuple(sorted({*self.drums, *new.drums}))
        return Learnt(ranges, drums, max(self.longest, new.longest), new.bpm, new.meter)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "ranges": {str(program): list(between) for program, between in self.ranges.items()},
            "drums": list(self.drums),
            "longest": self.longest,
            "bpm": self.bpm,
            "meter": list(self.meter),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Learnt":
        """Return what `to_json` described.

        Raises:
            ValueError, KeyError, TypeError: it describes nothing.
        """
        ranges = {int(program): (int(low), int(high)) for program, (low, high) in data["ranges"].items()}
        drums, meter = tuple(map(int, data["drums"])), tuple(map(int, data["meter"]))
        sane = all(0 <= p < PROGRAMS and 0 <= low <= high < 128 for p, (low, high) in ranges.items())
        if not sane or not all(0 <= key < 128 for key in drums) or len(meter) != 2:
            raise ValueError("a program, pitch or meter lies outside what MIDI has")
        return cls(ranges, drums, int(data["longest"]), int(data["bpm"]), (meter[0], meter[1]))


def learn(pieces: Iterable[Piece]) -> tuple[dict[str, tuple[str, ...]], Learnt]:
    """Return the values of every label, and what the songs have, in one pass."""
    labels: dict[str, set[str]] = {}
    low, high = np.full(PROGRAMS, 128), np.full(PROGRAMS, -1)
    struck = np.zeros(128, np.bool_)
    longest = 0
    tempos: list[int] = []
    meters: Counter[tuple[int, int]] = Counter()
    for piece in pieces:
        for name, value in piece.labels.items():
            labels.setdefault(name, set()).add(value)
        notes = piece.content.notes
        np.minimum.at(low, notes["program"], notes["pitch"])
        np.maximum.at(high, notes["program"], notes["pitch"])
        struck[notes["pitch"][notes["program"] == DRUMS]] = True
        longest = max(longest, len(notes))
        tempos.append(piece.content.tempos[0][1])
        meters[piece.content.meters[0][1]] += 1
    ranges = {int(program): (int(low[program]), int(high[program])) for program in np.flatnonzero(high >= 0)}
    meter = meters.most_common(1)[0][0] if meters else PLAIN_METER
    bpm = int(np.median(tempos)) if tempos else PLAIN_TEMPO
    every = {name: tuple(sorted(values)) for name, values in sorted(labels.items())}
    return every, Learnt(ranges, tuple(np.flatnonzero(struck).tolist()), longest, bpm, meter)
