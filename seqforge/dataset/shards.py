"""Encoded pieces on disk: one container for a run of pieces, written at once, memory-mapped to read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.sequences import Example
from seqforge.core.spaces import Space
from seqforge.core.tensorfile import TensorFile, canonical_json, write_tensors
from seqforge.errors import DamagedFileError

FORMAT = 1


def write_shard(
    path: Path,
    space: Space,
    source: Space | None,
    labels: Mapping[str, Sequence[str]],
    examples: Sequence[Example],
    sides: Sequence[int],
    units: Sequence[float],
) -> None:
    """Write one shard, whole or not at all.

    Args:
        path: where to.
        space: of the steps.
        source: of the sources, None without.
        labels: label name to values; stored as numbers from 1, 0 for unknown.
        examples: the encoded pieces.
        sides: of each piece: its side of the split (an index into `dataset.SIDES`).
        units: of each piece: its natural units.

    Raises:
        WriteError: the file cannot be written.
    """
    numbers = [{value: number + 1 for number, value in enumerate(values)} for values in labels.values()]
    width = max((0 if e.features is None else len(e.features) for e in examples), default=0)
    features = np.zeros((len(examples), width), np.float32)
    for row, example in enumerate(examples):
        if example.features is not None:
            features[row] = example.features
    chosen = [
        [table.get(example.labels.get(name, ""), 0) for name, table in zip(labels, numbers, strict=True)]
        for example in examples
    ]
    extras = [canonical_json(dict(example.extras)).encode() if example.extras else b"" for example in examples]
    tensors = {
        "steps": _joined([example.steps for example in examples], space),
        "bounds": _bounds([len(example.steps) for example in examples]),
        "sides": np.array(sides, np.uint8),
        "units": np.array(units, np.float64),
        "labels": np.array(chosen, np.int32).reshape(len(examples), len(numbers)),
        "features": features,
        "extras": np.frombuffer(b"".join(extras), np.uint8),
        "extra_bounds": _bounds([len(extra) for extra in extras]),
    }
    if source is not None:
        sources = [np.zeros(0, source.dtype) if e.source is None else e.source for e in examples]
        tensors["sources"] = _joined(sources, source)
        tensors["source_bounds"] = _bounds([len(each) for each in sources])
    counts = [len(values) for values in labels.values()]
    write_tensors(path, tensors, {"format": FORMAT, "kind": "shard", "labels": counts})


class Shard:
    """One opened shard: the arrays that `write_shard` wrote, steps left on disk.

    Raises:
        DamagedFileError: the file is not the shard that this space and these labels ask for.
    """

    def __init__(self, path: Path, space: Space, source: Space | None, labels: int) -> None:
        file = TensorFile(path, "shard")
        told = file.metadata if isinstance(file.metadata, dict) else {}
        values = told.get("labels")
        if (told.get("format"), told.get("kind")) != (FORMAT, "shard") or not isinstance(values, list):
            raise file.damage("it is no shard of this format; delete its folder, and it is prepared again")
        self._file = file
        pieces = self._pieces()
        self.steps = self._array("steps", space.dtype, (None, *space.shape))
        self.bounds = self._bounds("bounds", pieces, len(self.steps))
        self.sides = np.array(self._array("sides", np.uint8, (pieces,)))
        self.units = np.array(self._array("units", np.float64, (pieces,)))
        self.labels = np.array(self._array("labels", np.int32, (pieces, labels)))
        self.features = np.array(self._array("features", np.float32, (pieces, None)))
        self._extras = self._array("extras", np.uint8, (None,))
        self._extra_bounds = self._bounds("extra_bounds", pieces, len(self._extras))
        self.sources: np.ndarray | None = None
        self.source_bounds: np.ndarray | None = None
        if source is not None:
            self.sources = self._array("sources", source.dtype, (None, *source.shape))
            self.source_bounds = self._bounds("source_bounds", pieces, len(self.sources))
        if len(values) != labels or not ((self.labels >= 0) & (self.labels <= np.array(values, np.int64))).all():
            raise self._misfit()

    def extras(self, piece: int) -> dict[str, Any]:
        """Return what the codec keeps of a piece beside its steps."""
        first, end = self._extra_bounds[piece], self._extra_bounds[piece + 1]
        try:
            return dict(json.loads(self._extras[first:end].tobytes())) if end > first else {}
        except (ValueError, TypeError) as error:
            raise self._file.damage(f"what it holds beside the steps of piece {piece} is no JSON") from error

    def _pieces(self) -> int:
        shape = self._file.array("sides").shape
        return int(shape[0]) if shape else 0

    def _array(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> np.ndarray:
        """Return an array, once it has this type and shape (None: any length)."""
        array = self._file.array(name)
        fits = len(array.shape) == len(shape) and all(
            wanted in (None, there) for wanted, there in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise self._misfit()
        return array

    def _bounds(self, name: str, pieces: int, total: int) -> np.ndarray:
        bounds = np.array(self._array(name, np.int64, (pieces + 1,)))
        if bounds[0] != 0 or bounds[-1] != total or (np.diff(bounds) < 0).any():
            raise self._misfit()
        return bounds

    def _misfit(self) -> DamagedFileError:
        return self._file.damage("its arrays do not fit each other; delete its folder, and it is prepared again")


def _joined(arrays: Sequence[np.ndarray], space: Space) -> np.ndarray:
    empty = np.zeros((0, *space.shape), space.dtype)
    return np.concatenate([empty, *arrays]).astype(space.dtype, copy=False)


def _bounds(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
