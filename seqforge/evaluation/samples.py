"""What generated pieces are like, beside held-out real ones: distances between distributions, and what was copied."""

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqforge.plugin import Describes, Piece

LONGEST = 400
"""Of the runs that are looked for."""
HALVINGS = 20


@dataclass(frozen=True)
class Comparison:
    """Generated pieces beside held-out ones.

    Attributes:
        pieces: how many were generated.
        real: how many are held out.
        distances: for each quantity, the total variation distance (0: the same, 1: nothing in common) between
            generated and held-out pieces, and that between two halves of the held-out ones.
        copied: the longest run as in a training piece: of generated pieces, and of held-out ones, each the median
            and the longest.
    """

    pieces: int
    real: int
    distances: Mapping[str, tuple[float, float]]
    copied: Mapping[str, tuple[int, int]]

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --samples N --json` prints."""
        return {
            "pieces": self.pieces,
            "real": self.real,
            "distances": {
                name: {"generated": round(made, 4), "halves": round(half, 4)}
                for name, (made, half) in self.distances.items()
            },
            "copied": {name: {"median": middle, "most": most} for name, (middle, most) in self.copied.items()},
        }


def compare(
    plugin: Describes, made: Sequence[Piece], held_out: Sequence[Piece], training: Iterable[Piece]
) -> Comparison:
    """Compare generated pieces with real ones that no training has seen.

    Args:
        plugin: counts what pieces are like.
        made: generated.
        held_out: real.
        training: what the model was trained on, for what was copied.
    """
    ours, theirs = [plugin.describe(piece) for piece in made], [plugin.describe(piece) for piece in held_out]
    names = list(plugin.describe(held_out[0]))
    random = np.random.default_rng(0)
    orders = [random.permutation(len(theirs)) for _ in range(HALVINGS)]
    distances = {}
    for name in names:
        real = [each[name] for each in theirs]
        halves = [
            distance([real[n] for n in order[::2]], [real[n] for n in order[1::2]]) for order in orders if len(real) > 1
        ]
        distances[name] = (distance([each[name] for each in ours], real), float(np.mean(halves or [0.0])))
    known = Runs(plugin.trace(piece) for piece in training)
    copied = {}
    for whose, pieces in (("generated", made), ("held out", held_out)):
        runs = sorted(known.longest(plugin.trace(piece)) for piece in pieces)
        copied[whose] = (runs[len(runs) // 2], runs[-1])
    return Comparison(len(made), len(held_out), distances, copied)


def distance(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return the total variation distance between two collections of whole numbers."""
    left, right = (np.concatenate([np.asarray(each, np.int64) for each in side]) for side in (some, others))
    if not len(left) or not len(right):
        return 0.0 if len(left) == len(right) else 1.0
    values = np.unique(np.concatenate([left, right]))
    shares = [np.bincount(np.searchsorted(values, side), minlength=len(values)) / len(side) for side in (left, right)]
    return min(1.0, float(np.abs(shares[0] - shares[1]).sum() / 2))


class Runs:
    """The runs of some sequences, for finding the longest that another has in common with them.

    Args:
        traces: sequences of whole numbers.
    """

    def __init__(self, traces: Iterable[Sequence[int]]) -> None:
        texts = [_text(trace) for trace in traces]
        self.suffixes = sorted(text[at : at + LONGEST] for text in texts for at in range(len(text)))

    def longest(self, trace: Sequence[int]) -> int:
        """Return the length of the longest run that is also in one of the sequences, at most LONGEST."""
        text, best = _text(trace), 0
        for at in range(len(text)):
            rest = text[at : at + LONGEST]
            place = bisect(self.suffixes, rest)
            best = max([best, *(_shared(rest, other) for other in self.suffixes[max(0, place - 1) : place + 1])])
        return best


def _text(trace: Sequence[int]) -> str:
    return "".join(chr(0x100 + (value & 0xFFFF) % 0xC000) for value in trace)


def _shared(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
