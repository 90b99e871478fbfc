"""Splitting by content: near duplicates share a split, and a piece keeps its split when the corpus grows."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seqforge.dataset import SPLITS

SHARES = (0.90, 0.05, 0.05)
"""Shares of train, valid and test."""
MIXER = np.uint64(0x9E3779B97F4A7C15)


class Groups:
    """Pieces with their fingerprints; pieces with a common fingerprint form a group.

    Memory grows by 12 bytes per fingerprint, whatever the pieces contain.

    >>> groups = Groups()
    >>> for fingerprints in ([5, 7], [9], [7]):
    ...     groups.add(fingerprints)
    >>> groups.representatives().tolist()
    [5, 9, 5]
    """

    def __init__(self) -> None:
        self._keys, self._owners = array("Q"), array("I")
        self.pieces = 0

    def add(self, fingerprints: Iterable[int]) -> None:
        """Add the next piece with its fingerprints, at least one."""
        for key in fingerprints:
            self._keys.append(key & 0xFFFFFFFFFFFFFFFF)
            self._owners.append(self.pieces)
        self.pieces += 1

    def extend(self, keys: np.ndarray, owners: np.ndarray, pieces: int) -> None:
        """Add the next pieces, in the form that `arrays` returned."""
        self._keys.frombytes(np.ascontiguousarray(keys, np.uint64).tobytes())
        self._owners.frombytes((np.asarray(owners, np.uint32) + np.uint32(self.pieces)).tobytes())
        self.pieces += pieces

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all fingerprints (uint64) and the index of the piece that each belongs to (uint32)."""
        return np.array(self._keys, np.uint64), np.array(self._owners, np.uint32)

    def representatives(self) -> np.ndarray:
        """Return the smallest fingerprint of each piece's group, shape (pieces,), uint64."""
        keys = np.frombuffer(self._keys, np.uint64) if self._keys else np.zeros(0, np.uint64)
        owners = np.frombuffer(self._owners, np.uint32).astype(np.int64) if self._owners else np.zeros(0, np.int64)
        distinct, inverse = np.unique(keys, return_inverse=True)
        smallest = np.full(self.pieces, np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(smallest, owners, keys)
        while True:  # propagate the smallest fingerprint over common fingerprints until nothing changes
            shared = np.full(len(distinct), np.iinfo(np.uint64).max, np.uint64)
            np.minimum.at(shared, inverse, smallest[owners])
            spread = smallest.copy()
            np.minimum.at(spread, owners, shared[inverse])
            if np.array_equal(spread, smallest):
                return smallest
            smallest = spread


@dataclass(frozen=True)
class Split:
    """The split of every piece.

    Attributes:
        splits: Index into `dataset.SPLITS` of each piece, shape (pieces,).
        remark: What the user should know about the split, "" if nothing.
    """

    splits: np.ndarray
    remark: str = ""


def split_by_content(representatives: np.ndarray) -> Split:
    """Return a split for every piece: 90 % train, 5 % valid, 5 % test; groups are kept together.

    The split of a group depends on its own fingerprint alone, so a growing corpus keeps its split. If a split of a
    small corpus would stay empty, a group is moved there, and the remark says so.

    >>> split_by_content(np.arange(1000, dtype=np.uint64)).splits.shape
    (1000,)

    Args:
        representatives: One fingerprint per piece, equal within a group, shape (pieces,), uint64.
    """
    groups, inverse, sizes = np.unique(representatives, return_inverse=True, return_counts=True)
    with np.errstate(over="ignore"):
        mixed = (groups ^ (groups >> np.uint64(31))) * MIXER
        mixed = (mixed ^ (mixed >> np.uint64(29))) * MIXER
    uniform = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
    edges = np.cumsum(SHARES)[:-1]
    splits = np.searchsorted(edges, uniform, side="right")
    if len(groups) < 2:
        remark = "all pieces are near duplicates of each other, so there is no valid and no test split"
        return Split(np.zeros(len(representatives), np.int8), remark if len(groups) else "")
    moved = [number for number in range(len(SPLITS)) if _fill(splits, uniform, sizes, number)]
    empty = [SPLITS[number] for number in range(len(SPLITS)) if not (splits == number).any()]
    changes = [f"one piece was moved to {SPLITS[number]}" for number in moved]
    changes += [f"none is left for {name}" for name in empty]
    remark = f"only {len(groups)} distinct pieces: {', '.join(changes)}" if changes else ""
    return Split(splits[inverse].astype(np.int8), remark)


def _fill(splits: np.ndarray, uniform: np.ndarray, sizes: np.ndarray, target: int) -> bool:
    """Move a group to a split that would stay empty; return whether one was moved.

    The group comes from train if that has two, else from the split that is needed least. It is never the largest of
    several groups, and among the others the one whose number is nearest to the target's interval.
    """
    if (splits == target).any():
        return False
    sources = [other for other in (0, 2, 1) if (splits == other).sum() > 1]
    sources += [2] if target < 2 and (splits == 2).any() else [1] if target == 0 else []
    if not sources:
        return False
    candidates = np.flatnonzero(splits == sources[0])
    smaller = candidates[sizes[candidates] < sizes[candidates].max()]
    candidates = smaller if len(smaller) else candidates
    nearest = np.argmin(uniform[candidates]) if target == 0 else np.argmax(uniform[candidates])
    splits[candidates[nearest]] = target
    return True
