"""A prepared corpus on disk: a folder of shards with a manifest, and a dataset for each split."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.files import write_text
from seqforge.core.labels import LabelIndex
from seqforge.core.names import check_name
from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical, Space
from seqforge.core.tensorfile import canonical_json
from seqforge.dataset.shards import Shard
from seqforge.errors import DamagedFileError

SPLITS = ("train", "valid", "test")
"""The names of the splits; a split is stored as its index in this tuple."""
MANIFEST = "manifest.json"
FORMAT = 2
MAX_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True)
class Dataset:
    """One split of a prepared corpus. Lengths and labels are in memory, steps stay on disk.

    Example:
        datasets = open_datasets(folder, codec.space, codec.source, codec.labels)
        example = datasets["train"].example(0)

    Attributes:
        space: The type of a step.
        label_index: The values of every label and their numbers.
        lengths: Number of steps of each piece, shape (pieces,).
        labels: Number of each label's value, shape (pieces, labels); 0 is unknown.
        features: Features of each piece, shape (pieces, features).
        units: Natural units of each piece, shape (pieces,).
        locations: Index of the shard and index within the shard of each piece, shape (pieces, 2).
        shards: The opened shards.
        source: The type of a step of the source; None without a source.
    """

    space: Space
    label_index: LabelIndex
    lengths: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    units: np.ndarray
    locations: np.ndarray
    shards: Sequence[Shard]
    source: Categorical | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def steps(self, piece: int, first: int = 0, end: int | None = None) -> np.ndarray:
        """Return the steps of a piece from `first` to before `end`; by default all of them.

        Raises:
            DamagedFileError: If a step is outside the space.
        """
        number, index = self.locations[piece].tolist()
        shard = self.shards[number]
        begin = int(shard.bounds[index])
        end = int(self.lengths[piece]) if end is None else end
        steps: np.ndarray = shard.steps[begin + first : begin + end]
        shard.check(steps, self.space)
        return steps

    def source_of(self, piece: int) -> np.ndarray | None:
        """Return the source of a piece, empty if it has none; None if the codec has no sources."""
        number, index = self.locations[piece].tolist()
        shard = self.shards[number]
        sources = shard.sources
        if sources is None or shard.source_bounds is None:
            return None
        symbols = np.array(sources[shard.source_bounds[index] : shard.source_bounds[index + 1]])
        if self.source is not None:
            shard.check(symbols, self.source)
        return symbols

    def symbols_per_step(self) -> float | None:
        """Return the mean number of source symbols per step over all pieces; None without a source."""
        symbols = steps = 0
        for number, shard in enumerate(self.shards):
            if shard.source_bounds is not None:
                indices = self.locations[self.locations[:, 0] == number, 1]
                lengths = np.diff(shard.source_bounds)[indices]
                symbols += int(lengths.sum())
                steps += int(np.diff(shard.bounds)[indices][lengths > 0].sum())
        return round(min(max(symbols / steps, 0.01), 10.0), 2) if symbols and steps else None

    def example(self, piece: int) -> Example:
        """Return a piece as it was encoded."""
        number, index = self.locations[piece].tolist()
        return Example(
            np.array(self.steps(piece)),
            source=self.source_of(piece),
            labels=self.label_index.labels(self.labels[piece].tolist()),
            features=self.features[piece] if self.features.shape[1] else None,
            extras=self.shards[number].extras(index),
        )


def write_manifest(folder: Path, shards: Sequence[str], report: Mapping[str, Any]) -> None:
    """Write the file that makes a folder of shards a prepared corpus. It is written last.

    Args:
        folder: The folder of the shards.
        shards: The file names of the shards.
        report: Plain JSON about the preparation: numbers of files and pieces, reasons for skipped files.

    Raises:
        WriteError: If the file cannot be written.
    """
    content = {"format": FORMAT, "kind": "manifest", "shards": list(shards), "report": dict(report)}
    write_text(folder / MANIFEST, canonical_json(content) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder: `shards` (file names) and `report`.

    Raises:
        DamagedFileError: If it is missing or damaged.
    """
    path = folder / MANIFEST
    advice = "delete that folder, and it is prepared again"
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise DamagedFileError(f"{path} cannot be used: it is larger than any manifest of seqforge; {advice}")
        content = json.loads(path.read_text(encoding="utf-8"))
        names = content["shards"]
        if content["format"] != FORMAT or content["kind"] != "manifest" or not isinstance(content["report"], dict):
            raise ValueError("it has another format")
        for name in names:
            check_name(name)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFileError(f"{path} cannot be used ({error}); {advice}") from error
    return dict(content)


def open_datasets(
    folder: Path, space: Space, source: Space | None, labels: Mapping[str, tuple[str, ...]]
) -> dict[str, Dataset]:
    """Return the dataset of every split, by its name in `SPLITS`.

    Example:
        train = open_datasets(folder, codec.space, codec.source, codec.labels)["train"]

    Args:
        folder: The folder of a prepared corpus.
        space: The type of a step.
        source: The type of a step of the source; None without a source.
        labels: Label name to its values.

    Raises:
        DamagedFileError: If the manifest or a shard is damaged.
    """
    shards = [Shard(folder / name, space, source, len(labels)) for name in read_manifest(folder)["shards"]]
    width = max((shard.features.shape[1] for shard in shards), default=0)
    label_index = LabelIndex(labels)
    datasets = {}
    for number, split in enumerate(SPLITS):
        selections = [np.flatnonzero(shard.splits == number) for shard in shards]
        locations = [np.stack([np.full(len(rows), at), rows], 1) for at, rows in enumerate(selections)]
        pairs = list(zip(shards, selections, strict=True))
        datasets[split] = Dataset(
            space=space,
            label_index=label_index,
            lengths=_concatenate([np.diff(shard.bounds)[rows] for shard, rows in pairs], (), np.int64),
            labels=_concatenate([shard.labels[rows] for shard, rows in pairs], (len(labels),), np.int64),
            features=_concatenate([_pad(shard.features[rows], width) for shard, rows in pairs], (width,), np.float32),
            units=_concatenate([shard.units[rows] for shard, rows in pairs], (), np.float64),
            locations=_concatenate(locations, (2,), np.int64),
            shards=shards,
            source=source if isinstance(source, Categorical) else None,
        )
    return datasets


def _pad(features: np.ndarray, width: int) -> np.ndarray:
    """Return features of this width; pieces without features get zeros."""
    missing = width - features.shape[1]
    return np.pad(features, ((0, 0), (0, missing))) if missing else features


def _concatenate(arrays: Sequence[np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.concatenate([np.zeros((0, *shape), dtype), *arrays]).astype(dtype, copy=False)
