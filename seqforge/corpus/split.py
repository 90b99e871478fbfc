"""Splitting by content: near duplicates on one side, and the same piece on the same side tomorrow."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seqforge.dataset import SIDES

SHARES = (0.90, 0.05, 0.05)
MIXER = np.uint64(0x9E3779B97F4A7C15)


class Groups:
    """Pieces and their keys, gathered one by one; pieces with a key in common form a group.

    Memory grows by 12 bytes for each key, whatever a piece holds.
    """

    def __init__(self) -> None:
        self._keys, self._owners = array("Q"), array("I")
        self.pieces = 0

    def add(self, keys: Iterable[int]) -> None:
        """Add the next piece with its keys (at least one)."""
        for key in keys:
            self._keys.append(key & 0xFFFFFFFFFFFFFFFF)
            self._owners.append(self.pieces)
        self.pieces += 1

    def extend(self, keys: np.ndarray, owners: np.ndarray, pieces: int) -> None:
        """Add the next pieces, as `arrays` gave them."""
        self._keys.frombytes(np.ascontiguousarray(keys, np.uint64).tobytes())
        self._owners.frombytes((np.asarray(owners, np.uint32) + np.uint32(self.pieces)).tobytes())
        self.pieces += pieces

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all keys, and the number of the piece that each belongs to."""
        return np.array(self._keys, np.uint64), np.array(self._owners, np.uint32)

    def representatives(self) -> np.ndarray:
        """Return for each piece the smallest key of its group, shape (pieces,), uint64."""
        keys = np.frombuffer(self._keys, np.uint64) if self._keys else np.zeros(0, np.uint64)
        owners = np.frombuffer(self._owners, np.uint32).astype(np.int64) if self._owners else np.zeros(0, np.int64)
        names, number = np.unique(keys, return_inverse=True)
        smallest = np.full(self.pieces, np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(smallest, owners, keys)
        while True:  # spread the smallest key over shared keys until nothing changes
            shared = np.full(len(names), np.iinfo(np.uint64).max, np.uint64)
            np.minimum.at(shared, number, smallest[owners])
            spread = smallest.copy()
            np.minimum.at(spread, owners, shared[number])
            if np.array_equal(spread, smallest):
                return smallest
            smallest = spread


@dataclass(frozen=True)
class Split:
    """The side of each piece, shape (pieces,) of indices into `dataset.SIDES`, and what to say about it."""

    sides: np.ndarray
    remark: str = ""


def split_by_content(representatives: np.ndarray) -> Split:
    """Return a side for every piece: 90 % train, 5 % valid, 5 % test, groups kept whole.

    A group's side depends on its own key alone, so a growing collection keeps its split. Where a
    collection is so small that a side would stay empty, a group is moved there, and that is said.
    """
    groups, number, sizes = np.unique(representatives, return_inverse=True, return_counts=True)
    with np.errstate(over="ignore"):
        mixed = (groups ^ (groups >> np.uint64(31))) * MIXER
        mixed = (mixed ^ (mixed >> np.uint64(29))) * MIXER
    place = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
    edges = np.cumsum(SHARES)[:-1]
    side = np.searchsorted(edges, place, side="right")
    if len(groups) < 2:
        remark = "all pieces are near duplicates of each other, so there is no valid and no test split"
        return Split(np.zeros(len(representatives), np.int8), remark if len(groups) else "")
    moved = [side_number for side_number in range(len(SIDES)) if _fill(side, place, sizes, side_number)]
    empty = [SIDES[side_number] for side_number in range(len(SIDES)) if not (side == side_number).any()]
    told = [f"a piece was put into {SIDES[side_number]} by hand" for side_number in moved]
    told += [f"none is left for {name}" for name in empty]
    remark = f"only {len(groups)} distinct pieces: {', '.join(told)}" if told else ""
    return Split(side[number].astype(np.int8), remark)


def _fill(side: np.ndarray, place: np.ndarray, sizes: np.ndarray, needed: int) -> bool:
    """Move a group to a side that would stay empty; return whether one was moved.

    It comes from train, where that has two, else from the side that train needs least; never the largest of
    several, and the one nearest to where it goes.
    """
    if (side == needed).any():
        return False
    spare = [other for other in (0, 2, 1) if (side == other).sum() > 1]
    spare += [2] if needed < 2 and (side == 2).any() else [1] if needed == 0 else []
    if not spare:
        return False
    donors = np.flatnonzero(side == spare[0])
    smaller = donors[sizes[donors] < sizes[donors].max()]
    donors = smaller if len(smaller) else donors
    side[donors[np.argmin(place[donors]) if needed == 0 else np.argmax(place[donors])]] = needed
    return True
