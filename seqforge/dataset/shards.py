"""Encoded pieces on disk: one file per run of pieces, written at once and memory-mapped for reading."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.labels import LabelIndex
from seqforge.core.sequences import Example
from seqforge.core.spaces import Space
from seqforge.core.tensorfile import TensorFile, canonical_json, write_tensors
from seqforge.errors import DamagedFileError

FORMAT = 2
MAX_MAPPED = 128
"""Number of arrays of shards that are memory-mapped at a time."""


def write_shard(
    path: Path,
    space: Space,
    source: Space | None,
    labels: Mapping[str, Sequence[str]],
    examples: Sequence[Example],
    splits: Sequence[int],
    units: Sequence[float],
) -> None:
    """Write one shard, completely or not at all.

    Example:
        examples = [codec.encode(piece) for piece in pieces]
        units = [float(codec.units(example.steps).sum()) for example in examples]
        write_shard(path, codec.space, codec.source, codec.labels, examples, [0] * len(pieces), units)

    Args:
        path: The file.
        space: The type of a step.
        source: The type of a step of the source; None without a source.
        labels: Label name to its values; they are stored as numbers from 1, with 0 for unknown.
        examples: The encoded pieces.
        splits: The split of each piece, an index into `dataset.SPLITS`.
        units: The natural units of each piece.

    Raises:
        WriteError: If the file cannot be written.
    """
    index = LabelIndex(labels)
    width = max((0 if e.features is None else len(e.features) for e in examples), default=0)
    features = np.zeros((len(examples), width), np.float32)
    for row, example in enumerate(examples):
        if example.features is not None:
            features[row] = example.features
    numbers = [index.numbers(example.labels) for example in examples]
    extras = [canonical_json(dict(example.extras)).encode() if example.extras else b"" for example in examples]
    tensors = {
        "steps": _concatenate([example.steps for example in examples], space),
        "bounds": _bounds([len(example.steps) for example in examples]),
        "splits": np.array(splits, np.uint8),
        "units": np.array(units, np.float64),
        "labels": np.array(numbers, np.int32).reshape(len(examples), len(labels)),
        "features": features,
        "extras": np.frombuffer(b"".join(extras), np.uint8),
        "extra_bounds": _bounds([len(extra) for extra in extras]),
    }
    if source is not None:
        sources = [np.zeros(0, source.dtype) if e.source is None else e.source for e in examples]
        tensors["sources"] = _concatenate(sources, source)
        tensors["source_bounds"] = _bounds([len(steps) for steps in sources])
    counts = [len(values) for values in labels.values()]
    write_tensors(path, tensors, {"format": FORMAT, "kind": "shard", "labels": counts})


class Shard:
    """An opened shard: the arrays that `write_shard` wrote. In memory are only the bounds of its pieces.

    The largest arrays are memory-mapped when they are read. At most 128 of all shards are mapped at a time, because
    each takes a file descriptor.

    Example:
        shard = Shard(path, codec.space, codec.source, len(codec.labels))
        first = shard.steps[shard.bounds[0] : shard.bounds[1]]

    Args:
        path: The file.
        space: The type of a step.
        source: The type of a step of the source; None without a source.
        labels: The number of labels.

    Raises:
        DamagedFileError: If the file is not a shard with this space and these labels.
    """

    def __init__(self, path: Path, space: Space, source: Space | None, labels: int) -> None:
        file = TensorFile(path, "shard")
        metadata = file.metadata if isinstance(file.metadata, dict) else {}
        counts = metadata.get("labels")
        is_shard = (metadata.get("format"), metadata.get("kind")) == (FORMAT, "shard")
        if (
            not is_shard
            or not isinstance(counts, list)
            or not all(type(count) is int and 0 <= count < 1 << 31 for count in counts)
        ):
            raise file.damage("it is not a shard of this format; delete its folder, and it is prepared again")
        self._file = file
        pieces = self._piece_count()
        steps = self._array("steps", space.dtype, (None, *space.shape))
        self.bounds = self._bounds("bounds", pieces, len(steps))
        self._array("splits", np.uint8, (pieces,))
        self._array("units", np.float64, (pieces,))
        values = self._array("labels", np.int32, (pieces, labels))
        self._array("features", np.float32, (pieces, None))
        extras = self._array("extras", np.uint8, (None,))
        self._extra_bounds = self._bounds("extra_bounds", pieces, len(extras))
        self.source_bounds: np.ndarray | None = None
        if source is not None:
            symbols = self._array("sources", source.dtype, (None, *source.shape))
            self.source_bounds = self._bounds("source_bounds", pieces, len(symbols))
        if len(counts) != labels or not ((values >= 0) & (values <= np.array(counts, np.int64))).all():
            raise self._mismatch()

    @property
    def steps(self) -> np.ndarray:
        """The steps of all pieces, one after the other."""
        return _mapped(self._file, "steps")

    @property
    def sources(self) -> np.ndarray | None:
        """The sources of all pieces, one after the other; None if the codec has no sources."""
        return None if self.source_bounds is None else _mapped(self._file, "sources")

    @property
    def splits(self) -> np.ndarray:
        """The split of each piece, shape (pieces,)."""
        return np.array(self._file.array("splits"))

    @property
    def units(self) -> np.ndarray:
        """The natural units of each piece, shape (pieces,)."""
        return np.array(self._file.array("units"))

    @property
    def labels(self) -> np.ndarray:
        """The numbers of the values of the labels of each piece, shape (pieces, labels)."""
        return np.array(self._file.array("labels"))

    @property
    def features(self) -> np.ndarray:
        """The features of each piece, shape (pieces, features)."""
        return np.array(self._file.array("features"))

    def extras(self, piece: int) -> dict[str, Any]:
        """Return the plain JSON that the codec stores beside the steps of a piece."""
        first, end = self._extra_bounds[piece], self._extra_bounds[piece + 1]
        try:
            return dict(json.loads(_mapped(self._file, "extras")[first:end].tobytes())) if end > first else {}
        except (ValueError, TypeError) as error:
            raise self._file.damage(f"the extras of piece {piece} are not JSON") from error

    def check(self, steps: np.ndarray, space: Space) -> None:
        """Check steps of this shard.

        Raises:
            DamagedFileError: If a step is outside the space.
        """
        try:
            space.check(steps)
        except ValueError as error:
            raise self._file.damage(f"{error}; delete its folder, and it is prepared again") from error

    def _piece_count(self) -> int:
        shape = self._file.array("splits").shape
        return int(shape[0]) if shape else 0

    def _array(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> np.ndarray:
        """Return an array after a check of its type and shape; None in the shape allows any length."""
        array = self._file.array(name)
        fits = len(array.shape) == len(shape) and all(
            expected in (None, actual) for expected, actual in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise self._mismatch()
        return array

    def _bounds(self, name: str, pieces: int, total: int) -> np.ndarray:
        bounds = np.array(self._array(name, np.int64, (pieces + 1,)))
        if bounds[0] != 0 or bounds[-1] != total or (np.diff(bounds) < 0).any():
            raise self._mismatch()
        return bounds

    def _mismatch(self) -> DamagedFileError:
        return self._file.damage("its arrays do not fit each other; delete its folder, and it is prepared again")


@lru_cache(MAX_MAPPED)
def _mapped(file: TensorFile, name: str) -> np.ndarray:
    return file.array(name)


def _concatenate(arrays: Sequence[np.ndarray], space: Space) -> np.ndarray:
    empty = np.zeros((0, *space.shape), space.dtype)
    return np.concatenate([empty, *arrays]).astype(space.dtype, copy=False)


def _bounds(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
