"""How much of generated pieces is copied: the longest runs in common with the training corpus."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqforge.core.shared_runs import shared_runs

__all__ = ["Novelty", "SharedRuns", "longest_runs", "symbols_of"]

GRID = 0.1
"""Real-valued steps count as equal if they round to the same multiple of this number."""


@dataclass(frozen=True)
class SharedRuns:
    """The length of the longest run of each piece that also occurs in the training corpus.

    >>> SharedRuns(generated=[3, 9, 4], held_out=[5]).summary("generated")
    (4, 9)

    Attributes:
        generated: One length per generated piece.
        held_out: One length per held-out piece, for comparison: what real pieces share with each other.
    """

    generated: Sequence[int]
    held_out: Sequence[int]

    def summary(self, side: str) -> tuple[int, int]:
        """Return the median and the maximum of "generated" or "held_out"."""
        lengths = sorted(getattr(self, side)) or [0]
        return lengths[len(lengths) // 2], lengths[-1]

    def longer_than(self, limit: int) -> int:
        """Return the number of generated pieces whose longest run has more than `limit` values."""
        return sum(length > limit for length in self.generated)


@dataclass(frozen=True)
class Novelty:
    """The longest runs that generated pieces share with the training corpus.

    Attributes:
        pieces: Number of training pieces.
        steps: Number of steps of the training pieces.
        runs: By measure: "steps", and "signature" if the plugin has the capability `Describes`: the sequence by which
            it judges copying, such as the intervals of a melody.
        split: The split of the held-out pieces.
        corpus: The names of the corpora.
    """

    pieces: int
    steps: int
    runs: Mapping[str, SharedRuns]
    split: str = ""
    corpus: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --novelty --json` prints."""
        return {
            "corpus": list(self.corpus),
            "split": self.split,
            "pieces": self.pieces,
            "steps": self.steps,
            "runs": {
                name: {"generated": list(runs.generated), "held_out": list(runs.held_out)}
                for name, runs in self.runs.items()
            },
        }


def longest_runs(
    corpus: Iterable[Sequence[int] | np.ndarray], sequences: Iterable[Sequence[int] | np.ndarray]
) -> list[int]:
    """Return the length of the longest run of each sequence that also occurs in a corpus.

    >>> longest_runs([[1, 2, 3, 4]], [[9, 2, 3, 9], []])
    [2, 0]
    """
    return [int(lengths.max(initial=0)) for lengths in shared_runs(corpus, sequences)]


def symbols_of(steps: np.ndarray) -> np.ndarray:
    """Return steps as integers: symbols as they are, real vectors as numbers of their cells on a grid.

    >>> symbols_of(np.array([3, 1], np.uint8))
    array([3, 1])
    """
    if steps.ndim == 1:
        return steps.astype(np.int64)
    cells = np.round(steps / GRID).astype(np.int64)
    multipliers = np.array([1_000_003**column % (1 << 31) for column in range(cells.shape[1])], np.int64)
    return (cells + (1 << 20)) @ multipliers % (1 << 61)
