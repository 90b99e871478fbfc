"""Splitting by content: near duplicates share a split, and a piece keeps its split when the corpus grows."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seqforge.dataset import SPLITS
from seqforge.errors import OptionsError

SHARES = (0.90, 0.05, 0.05)
"""Shares of train, valid and test."""
FEW_GROUPS = 20
"""Up to this number of groups, the splits get exact numbers of groups: 10 pieces are divided into 8, 1 and 1."""
MIXER = np.uint64(0x9E3779B97F4A7C15)


BLOCK = 1 << 18
"""Number of pieces that are split at a time, if there are more."""


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


def split_by_content(representatives: np.ndarray, shares: Sequence[float] = SHARES) -> Split:
    """Return a split for every piece: by default 90 % train, 5 % valid, 5 % test; groups are kept together.

    The split of a group depends on its own fingerprint alone, so a growing corpus keeps its split. At most 20 groups
    are divided by number instead: every split with a share gets at least one, and the remark says so.

    >>> split_by_content(np.arange(1000, dtype=np.uint64)).splits.shape
    (1000,)

    Args:
        representatives: One fingerprint per piece, equal within a group, shape (pieces,), uint64.
        shares: Shares of train, valid and test; their sum is 1.
    """
    if len(representatives) > BLOCK:
        splits = _split_blocks(representatives, shares)
        if splits is not None:
            return Split(splits)
    groups, inverse, sizes = np.unique(representatives, return_inverse=True, return_counts=True)
    uniform = _uniform(groups)
    if len(groups) < 2:
        remark = "all pieces are near duplicates of each other, so there is no valid and no test split"
        return Split(np.zeros(len(representatives), np.int8), remark if len(groups) else "")
    if len(groups) <= FEW_GROUPS:
        splits = _split_by_number(uniform, sizes, shares)
        counts = np.bincount(splits, minlength=len(SPLITS)).tolist()
        numbers = ", ".join(f"{count} {name}" for count, name in zip(counts, SPLITS, strict=True))
        return Split(splits[inverse].astype(np.int8), f"only {len(groups)} distinct pieces: {numbers}")
    splits = _by_share(uniform, shares)
    moved = [number for number in range(len(SPLITS)) if shares[number] and _fill(splits, uniform, sizes, number)]
    changes = [f"one piece was moved to {SPLITS[number]}" for number in moved]
    remark = f"only {len(groups)} distinct pieces: {', '.join(changes)}" if changes else ""
    return Split(splits[inverse].astype(np.int8), remark)


def _uniform(representatives: np.ndarray) -> np.ndarray:
    """Return a number from 0 to below 1 for each fingerprint."""
    with np.errstate(over="ignore"):
        mixed = (representatives ^ (representatives >> np.uint64(31))) * MIXER
        mixed = (mixed ^ (mixed >> np.uint64(29))) * MIXER
    uniform: np.ndarray = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
    return uniform


def _by_share(uniform: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the split of each number."""
    splits: np.ndarray = np.minimum(np.searchsorted(np.cumsum(shares)[:-1], uniform, side="right"), _last(shares))
    return splits


def _split_blocks(representatives: np.ndarray, shares: Sequence[float]) -> np.ndarray | None:
    """Return the splits of many pieces, block by block; None if there are few groups, or a split would stay empty."""
    splits, groups = np.zeros(len(representatives), np.int8), np.zeros(0, np.uint64)
    for first in range(0, len(representatives), BLOCK):
        block = np.array(representatives[first : first + BLOCK])
        splits[first : first + BLOCK] = _by_share(_uniform(block), shares)
        if len(groups) <= FEW_GROUPS:
            groups = np.unique(np.concatenate([groups, np.unique(block)[: FEW_GROUPS + 1]]))
    present = np.bincount(splits, minlength=len(SPLITS)) > 0
    is_complete = all(present[number] for number in range(len(SPLITS)) if shares[number])
    return splits if len(groups) > FEW_GROUPS and is_complete else None


def parse_shares(text: str) -> tuple[float, ...]:
    """Return the shares of train, valid and test that a text names, divided by commas.

    >>> parse_shares("0.8,0.1,0.1")
    (0.8, 0.1, 0.1)

    Raises:
        OptionsError: If they are not two or three numbers from 0 to 1 whose sum is 1, or train has no share.
    """
    try:
        shares = tuple(float(word) for word in text.split(","))
    except ValueError:
        shares = ()
    shares += (0.0,) * (len(shares) == 2)
    valid = len(shares) == 3 and all(0 <= share <= 1 for share in shares) and shares[0] > 0
    if not valid or abs(sum(shares) - 1) > 1e-6:
        raise OptionsError.invalid("split", text, "shares of train, valid and test whose sum is 1, such as 0.8,0.1,0.1")
    return shares


def _last(shares: Sequence[float]) -> int:
    """Return the last split that has a share."""
    return max(number for number, share in enumerate(shares) if share)


def _split_by_number(uniform: np.ndarray, sizes: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the split of each group of a small corpus: valid and test get their shares, at least one group each.

    A group of the largest size stays in train if there are smaller ones, and so does the last group.
    """
    splits = np.zeros(len(uniform), np.int64)
    for target in (1, 2):
        for _ in range(max(1, round(shares[target] * len(uniform))) if shares[target] else 0):
            train = np.flatnonzero(splits == 0)
            if len(train) < 2:
                break
            smaller = train[sizes[train] < sizes[train].max()]
            candidates = smaller if len(smaller) else train
            splits[candidates[np.argmax(uniform[candidates])]] = target
    return splits


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
