"""Groups of near duplicates among more pieces than fit into memory."""

import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np

__all__ = ["DiskGroups"]

BUCKET = 1 << 18
"""Number of fingerprints that are in memory at a time, about."""
MIXER = np.uint64(0x9E3779B97F4A7C15)
RECORD = np.dtype([("key", np.uint64), ("owner", np.int64)])
NONE = np.iinfo(np.uint64).max


class DiskGroups:
    """Pieces with their fingerprints, in temporary files; pieces with a common fingerprint form a group.

    The results are those of `Groups`; memory does not grow with the number of pieces.

    >>> groups = DiskGroups(Path("."))
    >>> groups.extend(np.array([5, 7, 9, 7]), np.array([0, 0, 1, 2]), pieces=3)
    >>> groups.representatives().tolist()
    [5, 9, 5]

    Args:
        folder: The folder of the temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, list[IO[bytes]]()
        weakref.finalize(self, _close, self._files)
        self._records, self._smallest = self._file(), self._file()
        self.pieces = self.fingerprints = 0

    def extend(self, keys: np.ndarray, owners: np.ndarray, pieces: int) -> None:
        """Add the next pieces.

        Args:
            keys: The fingerprints, at least one per piece.
            owners: The index of the piece of each fingerprint, from 0.
            pieces: The number of pieces.
        """
        records = np.zeros(len(keys), RECORD)
        records["key"], records["owner"] = keys, np.asarray(owners, np.int64) + self.pieces
        self._records.write(records.tobytes())
        smallest = np.full(pieces, NONE, np.uint64)
        np.minimum.at(smallest, np.asarray(owners, np.int64), records["key"])
        self._smallest.write(smallest.tobytes())
        self.pieces += pieces
        self.fingerprints += len(keys)

    def representatives(self) -> np.ndarray:
        """Return the smallest fingerprint of each piece's group, shape (pieces,), uint64; a file in memory."""
        if not self.pieces:
            return np.zeros(0, np.uint64)
        self._smallest.flush()
        smallest = np.memmap(self._smallest, np.uint64, "r+", shape=(self.pieces,))
        buckets = self._buckets()
        # Spread the smallest fingerprint over common fingerprints until nothing changes.
        is_changed = True
        while is_changed:
            is_changed = False
            for bucket in buckets:
                bucket.seek(0)
                records = np.frombuffer(bucket.read(), RECORD)
                owners = records["owner"]
                _, inverse = np.unique(records["key"], return_inverse=True)
                shared = np.full(len(records), NONE, np.uint64)
                before = smallest[owners]
                np.minimum.at(shared, inverse, before)
                after = shared[inverse]
                is_lower = after < before
                if is_lower.any():
                    is_changed = True
                    np.minimum.at(smallest, owners[is_lower], after[is_lower])
        return smallest

    def _buckets(self) -> list[IO[bytes]]:
        """Return files in which all records of a fingerprint are together, of about BUCKET records."""
        count = -(-self.fingerprints // BUCKET)
        if count <= 1:
            return [self._records]
        buckets = [self._file() for _ in range(count)]
        self._records.seek(0)
        while data := self._records.read(BUCKET * RECORD.itemsize):
            records = np.frombuffer(data, RECORD)
            with np.errstate(over="ignore"):
                places = ((records["key"] * MIXER) >> np.uint64(32)) % np.uint64(count)
            order = np.argsort(places, kind="stable")
            edges = np.searchsorted(places[order], np.arange(count + 1, dtype=np.uint64))
            for number, bucket in enumerate(buckets):
                bucket.write(records[order[edges[number] : edges[number + 1]]].tobytes())
        return buckets

    def _file(self) -> IO[bytes]:
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by the finalizer
        self._files.append(file)
        return file


def _close(files: list[IO[bytes]]) -> None:
    for file in files:
        file.close()
