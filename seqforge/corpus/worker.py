"""One worker of the preparation: it scans or encodes chunks of files.

A worker is a separate process (`python -m seqforge.corpus`) that reads and writes JSON lines, so a parser that crashes
on a hostile file takes only the worker with it, and the file is skipped. There is no pickle and no fork.
"""

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqforge.core.files import write_text
from seqforge.core.options import options_from_json
from seqforge.core.sequences import Example
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.corpus.pieces import UNDECIDED, ReadPiece, fingerprints_of, read_pieces
from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.split import Groups
from seqforge.dataset import SPLITS, write_shard
from seqforge.errors import ContractError, ReadError, SeqforgeError
from seqforge.plugin import AnyCodec, AnyPlugin, registry
from seqforge.plugin.validation import describe_fault, validate_codec, validate_example, validate_state, validate_units

SHARD_BYTES, SHARD_PIECES = 8 << 20, 20_000
MAX_REASONS = 10_000
HEARTBEAT_SECONDS = 1.0


class ChunkWorker:
    """Scans and encodes chunks of files for one plugin.

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        folder: The folder of the corpus that is being prepared.

    Attributes:
        on_file: Called with the index of each file before it is read, and again about once per second while its
            reader yields pieces.
        files: The files of the chunk by their index.
        crashed: The files that are skipped because their reader crashed: index to reason.
    """

    def __init__(self, plugin: AnyPlugin, options: Any, folder: Path) -> None:
        self.plugin, self.options, self.folder = plugin, options, folder
        self.files: dict[int, SourceFile] = {}
        self.divide: tuple[float, ...] = ()
        self.on_file: Callable[[int], None] = lambda number: None
        self.crashed: dict[int, str] = {}
        self._codec: AnyCodec | None = None

    def run(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Run one task and return its result as plain JSON.

        Args:
            task: `run` ("scan", "encode" or "probe"), `chunk` (its index), `files` (those of the chunk, as plain JSON),
                `first` (the index of its first file), and if needed `divide` (shares by which pieces are divided, see
                `read_pieces`) and `crashed` (files to skip: index to reason).

        Raises:
            SeqforgeError: If the task fails for a known reason.
            ContractError: If the plugin raises an unexpected error.
        """
        function = {"scan": self.scan, "encode": self.encode, "probe": self.probe}[task["run"]]
        self.files = dict(enumerate(map(SourceFile.from_json, task["files"]), start=task["first"]))
        self.divide = tuple(task.get("divide", ()))
        self.crashed = {int(number): reason for number, reason in task.get("crashed", {}).items()}
        try:
            return function(int(task["chunk"]))
        except (SeqforgeError, OSError, MemoryError):
            raise
        except Exception as error:
            raise ContractError(
                describe_fault(error)
                or f"the plugin {self.plugin.name!r} ({self.plugin.distribution()}) fails while the corpus is prepared:"
                f" {type(error).__name__}: {error}"
            ) from error

    def scan(self, chunk: int) -> dict[str, Any]:
        """Read the pieces of a chunk and write their fingerprints and splits."""
        groups, splits, skipped = Groups(), bytearray(), SkippedPieces()
        numbers: list[tuple[int, int]] = []
        for file, item in self._items():
            if isinstance(item, ReadError):
                skipped.add(item)
            else:
                groups.add(fingerprints_of(self.plugin, item.piece) if item.split == UNDECIDED else [0])
                splits.append(item.split)
                numbers.append((file, item.number))
        keys, owners = groups.arrays()
        crashed = {str(number): self.crashed[number] for number in self.files if number in self.crashed}
        result = {"pieces": groups.pieces, **skipped.to_json(), "crashed": crashed}
        tensors = {"keys": keys, "owners": owners, "splits": np.frombuffer(bytes(splits), np.uint8)}
        tensors["numbers"] = np.array(numbers, np.uint32).reshape(-1, 2)
        path = scan_path(self.folder, chunk, divide=bool(self.divide))
        write_tensors(path, tensors, {"kind": "scan", "result": result})
        return result

    def encode(self, chunk: int) -> dict[str, Any]:
        """Encode the pieces of a chunk into shards, and write the names of the shards."""
        codec = self.codec()
        splits = chunk_splits(TensorFile(splits_path(self.folder), "split"), chunk)
        features = features_of_chunk(self.folder, chunk)
        dropped: Counter[str] = Counter()
        widths: set[int] = set()
        shards: list[str] = []
        examples: list[Example] = []
        units: list[float] = []
        size, count = 0, 0

        def flush() -> None:
            nonlocal size
            shards.append(f"{chunk:06d}-{len(shards):06d}.safetensors")
            selected = splits[count - len(examples) : count].tolist()
            write_shard(self.folder / shards[-1], codec.space, codec.source, codec.labels, examples, selected, units)
            examples.clear()
            units.clear()
            size = 0

        for _, item in self._items():
            if isinstance(item, ReadError):
                continue
            example = validate_example(self.plugin, codec, codec.encode(item.piece))
            if not codec.features:
                vector = item.piece.features if features is None else features[count]
                example = dataclasses.replace(example, features=vector)
                widths.add(0 if vector is None else len(vector))
            dropped.update(example.dropped)
            examples.append(example)
            units.append(float(validate_units(self.plugin, codec, example.steps).sum()))
            count += 1
            size += example.steps.nbytes
            if size >= SHARD_BYTES or len(examples) >= SHARD_PIECES:
                flush()
        if examples or not shards:
            flush()
        result = {
            "shards": shards,
            "dropped": {name: int(number) for name, number in dropped.most_common(1000)},
            "dropped_total": int(sum(dropped.values())),
            "features": sorted(widths),
        }
        write_text(encoded_path(self.folder, chunk), json.dumps(result))
        return result

    def probe(self, chunk: int) -> dict[str, Any]:
        """Read the pieces of a chunk and drop them: a reader that crashes ends this process."""
        return {"pieces": sum(not isinstance(item, ReadError) for _, item in self._items())}

    def codec(self) -> AnyCodec:
        """Return the codec of the corpus that is being prepared."""
        if self._codec is None:
            self._codec = read_codec(self.plugin, self.folder, self.options)
        return self._codec

    def _items(self) -> Iterator[tuple[int, ReadPiece | ReadError]]:
        """Yield what is read from the files of a chunk, each with the index of its file."""
        for number, file in self.files.items():
            if number in self.crashed:
                yield number, ReadError(self.crashed[number], file=str(file.path))
                continue
            self.on_file(number)
            last = time.monotonic()
            for item in read_pieces(self.plugin, self.options, file, divide=self.divide):
                if time.monotonic() - last > HEARTBEAT_SECONDS:
                    self.on_file(number)
                    last = time.monotonic()
                yield number, item


class SkippedPieces:
    """Files and pieces that could not be read: their number and the first reasons."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: list[str] = []

    def add(self, error: ReadError) -> None:
        """Count one error."""
        self.count += 1
        if len(self.reasons) < MAX_REASONS:
            self.reasons.append(str(error).encode("utf-8", "backslashreplace").decode("utf-8"))

    def to_json(self) -> dict[str, Any]:
        """Return number and reasons as plain JSON."""
        return {"skipped": self.count, "reasons": self.reasons}


def write_codec(plugin: AnyPlugin, folder: Path, codec: AnyCodec) -> None:
    """Write the codec of a corpus that is being prepared."""
    data, arrays = validate_state(plugin, codec)
    write_tensors(folder / "codec.safetensors", arrays, {"kind": "codec", "data": data})


def read_codec(plugin: AnyPlugin, folder: Path, options: Any) -> AnyCodec:
    """Return the codec of a prepared corpus.

    Raises:
        DamagedFileError: If its file is missing or damaged.
    """
    file = TensorFile(folder / "codec.safetensors", "codec")
    arrays = {name: np.array(file.array(name)) for name in file.tensors}
    return validate_codec(plugin, plugin.codec.from_state(file.metadata["data"], arrays, options), "from_state")


def scan_path(folder: Path, chunk: int, *, divide: bool) -> Path:
    """Return the path of the scan of a chunk."""
    return folder / f"scan-{chunk:06d}{'-divided' if divide else ''}.safetensors"


class Scan(NamedTuple):
    """The scan of a chunk.

    Attributes:
        pieces: The number of pieces.
        skipped: The number of files and pieces that could not be read.
        reasons: The first reasons.
        crashed: The files whose reader crashed: index to reason.
        keys: The fingerprints of all pieces, uint64.
        owners: The index of the piece of each fingerprint, uint32.
        splits: The split of each piece, an index into `dataset.SPLITS` or `pieces.UNDECIDED`, uint8.
        numbers: The index of the file and the number in the file of each piece, shape (pieces, 2).
    """

    pieces: int
    skipped: int
    reasons: list[str]
    crashed: dict[int, str]
    keys: np.ndarray
    owners: np.ndarray
    splits: np.ndarray
    numbers: np.ndarray


def read_scan(path: Path) -> Scan:
    """Return the scan of a chunk.

    Raises:
        DamagedFileError, KeyError, TypeError, ValueError: If the file is missing or damaged.
    """
    file = TensorFile(path, "scan")
    result = dict(file.metadata["result"])
    pieces, crashed = result["pieces"], result.get("crashed", {})
    keys, owners, splits, numbers = (np.array(file.array(name)) for name in ("keys", "owners", "splits", "numbers"))
    valid = (
        are_counts(pieces, result["skipped"])
        and are_texts(result["reasons"])
        and isinstance(crashed, dict)
        and all(number.isdecimal() for number in crashed)
        and are_texts(list(crashed.values()))
        and [array.dtype.name for array in (keys, owners, splits, numbers)] == ["uint64", "uint32", "uint8", "uint32"]
        and keys.ndim == 1
        and keys.shape == owners.shape
        and splits.shape == (pieces,)
        and numbers.shape == (pieces, 2)
        and bool((owners < pieces).all() and (splits <= UNDECIDED).all())
    )
    if not valid:
        raise ValueError("the parts of the scan do not fit each other")
    names = {int(number): reason for number, reason in crashed.items()}
    return Scan(pieces, result["skipped"], result["reasons"], names, keys, owners, splits, numbers)


def read_encoded(folder: Path, chunk: int) -> dict[str, Any]:
    """Return the record that a chunk is encoded.

    Raises:
        OSError, KeyError, TypeError, ValueError, RecursionError: If the file is missing or damaged.
    """
    result = dict(json.loads(encoded_path(folder, chunk).read_text(encoding="utf-8")))
    dropped = dict(result["dropped"])
    if not (are_texts(result["shards"]) and are_counts(*dropped.values(), result["dropped_total"])):
        raise ValueError("the record has a wrong value")
    for name in result["shards"]:
        if Path(name).name != name or not (folder / name).is_file():
            raise ValueError("a shard is missing")
    return result


def are_counts(*values: Any) -> bool:
    """Return whether all values are whole numbers from 0."""
    return all(type(value) is int and 0 <= value < 1 << 63 for value in values)


def are_texts(values: Any) -> bool:
    """Return whether a value is a list of strings."""
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def splits_path(folder: Path) -> Path:
    """Return the path of the splits of all pieces."""
    return folder / "splits.safetensors"


def chunk_splits(file: TensorFile, chunk: int) -> np.ndarray:
    """Return the splits of the pieces of a chunk: 0 train, 1 valid, 2 test, uint8.

    Raises:
        DamagedFileError: If a value is something else.
    """
    splits = file.array(str(chunk))
    is_array = splits.ndim == 1 and splits.dtype == np.uint8
    if not is_array or (len(splits) and not 0 <= splits.min() <= splits.max() < len(SPLITS)):
        raise file.damage("it has values that are no splits")
    return splits


def features_path(folder: Path) -> Path:
    """Return the path of the features of all pieces, if the corpus has them."""
    return folder / "features.safetensors"


def features_of_chunk(folder: Path, chunk: int) -> np.ndarray | None:
    """Return the features of the pieces of a chunk, shape (pieces, features); None if the corpus has none."""
    path = features_path(folder)
    return np.array(TensorFile(path, "features").array(str(chunk))) if path.exists() else None


def encoded_path(folder: Path, chunk: int) -> Path:
    """Return the path of the record that a chunk is encoded."""
    return folder / f"encoded-{chunk:06d}.json"


def shards_path(folder: Path) -> Path:
    """Return the path of the record of the number of shards by which a corpus is prepared."""
    return folder / "shards.json"


def worker_from_json(work: Mapping[str, Any]) -> ChunkWorker:
    """Return the worker for the description that `pool.Pool` sends."""
    plugin = registry.load(work["plugin"])
    options = options_from_json(plugin.Options, work["options"])
    return ChunkWorker(plugin, options, Path(work["folder"]))
