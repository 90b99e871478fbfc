"""A prepared collection: a folder of shards with a manifest, and the view of one side of its split."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.files import write_text
from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical, Space
from seqforge.core.tensorfile import canonical_json
from seqforge.dataset.shards import Shard
from seqforge.errors import DamagedFileError

SIDES = ("train", "valid", "test")
MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Dataset:
    """One side of a prepared collection. Lengths and labels are in memory, steps stay on disk.

    Attributes:
        space: of the steps.
        label_values: label name to values.
        lengths: steps of each piece, shape (pieces,).
        labels: number of each label's value, shape (pieces, labels); 0 is unknown.
        features: shape (pieces, features).
        units: natural units of each piece, shape (pieces,).
        places: shard and number within it of each piece, shape (pieces, 2).
        shards: the opened shards.
        source: what a step of the source is; None without one.
    """

    space: Space
    label_values: Mapping[str, tuple[str, ...]]
    lengths: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    units: np.ndarray
    places: np.ndarray
    shards: Sequence[Shard]
    source: Categorical | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def steps(self, piece: int, first: int = 0, end: int | None = None) -> np.ndarray:
        """Return a stretch of a piece's steps."""
        number, place = self.places[piece].tolist()
        shard = self.shards[number]
        begin = int(shard.bounds[place])
        end = int(self.lengths[piece]) if end is None else end
        found: np.ndarray = shard.steps[begin + first : begin + end]
        return found

    def source_of(self, piece: int) -> np.ndarray | None:
        """Return a piece's source, empty where it has none; None where the codec has no sources."""
        number, place = self.places[piece].tolist()
        shard = self.shards[number]
        if shard.sources is None or shard.source_bounds is None:
            return None
        return np.array(shard.sources[shard.source_bounds[place] : shard.source_bounds[place + 1]])

    def pace(self) -> float | None:
        """Return how many symbols of the source go with a step, the mean over all pieces; None without a source."""
        symbols = steps = 0
        for number, shard in enumerate(self.shards):
            if shard.source_bounds is not None:
                own = self.places[self.places[:, 0] == number, 1]
                told = np.diff(shard.source_bounds)[own]
                symbols += int(told.sum())
                steps += int(np.diff(shard.bounds)[own][told > 0].sum())
        return round(min(max(symbols / steps, 0.01), 10.0), 2) if symbols and steps else None

    def example(self, piece: int) -> Example:
        """Return a whole piece, as it was encoded."""
        number, place = self.places[piece].tolist()
        shard = self.shards[number]
        chosen = zip(self.label_values.items(), self.labels[piece], strict=True)
        return Example(
            np.array(self.steps(piece)),
            source=self.source_of(piece),
            labels={name: values[label - 1] for (name, values), label in chosen if label},
            features=self.features[piece] if self.features.shape[1] else None,
            extras=shard.extras(place),
        )


def write_manifest(folder: Path, shards: Sequence[str], told: Mapping[str, Any]) -> None:
    """Write the file that makes a folder of shards a collection; it is written last.

    Raises:
        WriteError: the file cannot be written.
    """
    content = {"format": FORMAT, "kind": "manifest", "shards": list(shards), "told": dict(told)}
    write_text(folder / MANIFEST, canonical_json(content) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest: the names of the shards, and what was told.

    Raises:
        DamagedFileError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    advice = "delete that folder, and it is prepared again"
    try:
        if path.stat().st_size > 64 << 20:
            raise DamagedFileError(f"{path} cannot be used: it is larger than any manifest of ours; {advice}")
        content = json.loads(path.read_text(encoding="utf-8"))
        names = content["shards"]
        if content["format"] != FORMAT or content["kind"] != "manifest" or not isinstance(content["told"], dict):
            raise ValueError("another format")
        if not all(isinstance(name, str) and Path(name).name == name and "\0" not in name for name in names):
            raise ValueError("a shard outside the folder")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFileError(f"{path} cannot be used ({error}); {advice}") from error
    return dict(content)


def open_datasets(
    folder: Path, space: Space, source: Space | None, labels: Mapping[str, tuple[str, ...]]
) -> dict[str, Dataset]:
    """Return every side of a collection by its name (`SIDES`).

    Raises:
        DamagedFileError: manifest or shard is damaged.
    """
    shards = [Shard(folder / name, space, source, len(labels)) for name in read_manifest(folder)["shards"]]
    width = max((shard.features.shape[1] for shard in shards), default=0)
    sides = {}
    for number, side in enumerate(SIDES):
        chosen = [np.flatnonzero(shard.sides == number) for shard in shards]
        places = [np.stack([np.full(len(which), at), which], 1) for at, which in enumerate(chosen)]
        pairs = list(zip(shards, chosen, strict=True))
        sides[side] = Dataset(
            space=space,
            label_values=labels,
            lengths=_joined([np.diff(shard.bounds)[which] for shard, which in pairs], (), np.int64),
            labels=_joined([shard.labels[which] for shard, which in pairs], (len(labels),), np.int64),
            features=_joined([_widened(s.features[w], width) for s, w in pairs], (width,), np.float32),
            units=_joined([shard.units[which] for shard, which in pairs], (), np.float64),
            places=_joined(places, (2,), np.int64),
            shards=shards,
            source=source if isinstance(source, Categorical) else None,
        )
    return sides


def _widened(features: np.ndarray, width: int) -> np.ndarray:
    """Return the features, zeros for those of pieces that have none."""
    missing = width - features.shape[1]
    return np.pad(features, ((0, 0), (0, missing))) if missing else features


def _joined(arrays: Sequence[np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.concatenate([np.zeros((0, *shape), dtype), *arrays]).astype(dtype, copy=False)
