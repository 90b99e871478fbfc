"""Encoded pieces on disk: one container for a run of pieces, written at once, memory-mapped to read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.sequences import Example
from seqforge.spaces import Space
from seqforge.tensorfile import TensorFile, canonical_json, write_tensors

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
    write_tensors(path, tensors, {"format": FORMAT, "kind": "shard"})


class Shard:
    """One opened shard: the arrays that `write_shard` wrote, steps left on disk.

    Raises:
        DamagedFileError: the file is not the shard that this space and these labels ask for.
    """

    def __init__(self, path: Path, space: Space, source: Space | None, labels: int) -> None:
        file = TensorFile(path, "shard")
        if file.metadata != {"format": FORMAT, "kind": "shard"}:
            raise file.damage("it is no shard of this format; delete its folder, and it is prepared again")
        self.steps = file.array("steps")
        self.bounds = np.array(file.array("bounds"))
        self.sides = np.array(file.array("sides"))
        self.units = np.array(file.array("units"))
        self.labels = np.array(file.array("labels"))
        self.features = np.array(file.array("features"))
        self._extras, self._extra_bounds = file.array("extras"), np.array(file.array("extra_bounds"))
        self.sources = file.array("sources") if source is not None else None
        self.source_bounds = np.array(file.array("source_bounds")) if source is not None else None
        pieces = len(self.sides)
        fits = (
            self.steps.dtype == space.dtype
            and self.steps.shape[1:] == space.shape
            and self.labels.shape == (pieces, labels)
            and len(self.units) == len(self.features) == pieces
            and _sound(self.bounds, pieces, len(self.steps))
            and _sound(self._extra_bounds, pieces, len(self._extras))
        )
        if self.sources is not None and self.source_bounds is not None:
            fits = fits and _sound(self.source_bounds, pieces, len(self.sources))
        if not fits:
            raise file.damage("its arrays do not fit each other; delete its folder, and it is prepared again")

    def extras(self, piece: int) -> dict[str, Any]:
        """Return what the codec keeps of a piece beside its steps."""
        first, end = self._extra_bounds[piece : piece + 2]
        return dict(json.loads(self._extras[first:end].tobytes())) if end > first else {}


def _joined(arrays: Sequence[np.ndarray], space: Space) -> np.ndarray:
    empty = np.zeros((0, *space.shape), space.dtype)
    return np.concatenate([empty, *arrays]).astype(space.dtype, copy=False)


def _bounds(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)


def _sound(bounds: np.ndarray, pieces: int, total: int) -> bool:
    return len(bounds) == pieces + 1 and bounds[0] == 0 and bounds[-1] == total and bool((np.diff(bounds) >= 0).all())
