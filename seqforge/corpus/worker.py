"""One worker of the preparation: it scans or encodes a chunk of files. Speaks JSON lines; no pickle, no fork.

A worker is a process of its own (`python -m seqforge.corpus`), so a parser that crashes on a
hostile file takes one chunk with it and is named.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.plugin import registry
from seqforge.plugin.fault import blame
from seqforge.plugin.validation import validate_example, validate_units
from seqforge.corpus.pieces import UNDECIDED, keys_of, read_pieces
from seqforge.corpus.sources import SourceFile
from seqforge.corpus.split import Groups
from seqforge.dataset import write_shard
from seqforge.errors import ContractError, ReadError, SeqforgeError
from seqforge.core.files import write_text
from seqforge.plugin import Codec, Plugin, options_from_json
from seqforge.core.sequences import Example
from seqforge.core.tensorfile import TensorFile, write_tensors

PART_BYTES, PART_PIECES = 8 << 20, 20_000
MOST_REASONS = 10_000


class Chunks:
    """What a worker does, for one plugin with its options.

    Args:
        plugin: reads and encodes.
        options: of the plugin.
        folder: of the collection in the making.
        files: all files, in order.
        chunks: the numbers of the files of each chunk.
        divide: see `read_pieces`.
    """

    def __init__(
        self,
        plugin: Plugin,
        options: Any,
        folder: Path,
        files: list[SourceFile],
        chunks: list[list[int]],
        *,
        divide: bool,
    ) -> None:
        self.plugin, self.options, self.folder = plugin, options, folder
        self.files, self.chunks, self.divide = files, chunks, divide
        self.reading: Callable[[int], None] = lambda number: None  # is told each file before it is read
        self._codec: Codec | None = None

    def do(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Do one task, {"do": "scan" or "encode", "chunk": number}, and return what is to be told."""
        work = self.scan if task["do"] == "scan" else self.encode
        try:
            return work(int(task["chunk"]))
        except (SeqforgeError, OSError, MemoryError):
            raise
        except Exception as error:
            raise ContractError(
                blame(error)
                or f"the plugin {self.plugin.name!r} ({self.plugin.distribution()}) fails while the corpus is prepared:"
                f" {type(error).__name__}: {error}"
            ) from error

    def scan(self, chunk: int) -> dict[str, Any]:
        """Read a chunk's pieces and write down their keys and sides."""
        groups, sides, trouble = Groups(), bytearray(), Trouble()
        for item in self._pieces(chunk):
            if isinstance(item, ReadError):
                trouble.add(item)
            else:
                groups.add(keys_of(self.plugin, item[0]) if item[1] == UNDECIDED else [0])
                sides.append(item[1])
        keys, owners = groups.arrays()
        told = {"pieces": groups.pieces, **trouble.to_json()}
        tensors = {"keys": keys, "owners": owners, "sides": np.frombuffer(bytes(sides), np.uint8)}
        write_tensors(self.scan_path(chunk), tensors, {"kind": "scan", "told": told})
        return told

    def scan_path(self, chunk: int) -> Path:
        """Return where the scan of a chunk is written."""
        return scan_path(self.folder, chunk, divide=self.divide)

    def encode(self, chunk: int) -> dict[str, Any]:
        """Encode a chunk's pieces into shards, and write down which."""
        codec = self.codec()
        sides = TensorFile(self.folder / "sides.safetensors", "split").array(str(chunk))
        unseen: Counter[str] = Counter()
        parts: list[str] = []
        examples: list[Example] = []
        units: list[float] = []
        size, number = 0, 0

        def flush() -> None:
            nonlocal size
            parts.append(f"{chunk:06d}-{len(parts):06d}.safetensors")
            chosen = sides[number - len(examples) : number].tolist()
            write_shard(self.folder / parts[-1], codec.space, codec.source, codec.labels, examples, chosen, units)
            examples.clear()
            units.clear()
            size = 0

        for item in self._pieces(chunk):
            if isinstance(item, ReadError):
                continue
            example = validate_example(self.plugin, codec, codec.encode(item[0]))
            unseen.update(codec.unseen(item[0]))
            examples.append(example)
            units.append(float(validate_units(self.plugin, codec, example.steps).sum()))
            number += 1
            size += example.steps.nbytes
            if size >= PART_BYTES or len(examples) >= PART_PIECES:
                flush()
        if examples or not parts:
            flush()
        told = {
            "shards": parts,
            "unseen": dict(unseen.most_common(1000)),
            "unseen_total": sum(unseen.values()),
        }
        write_text(done_path(self.folder, chunk), json.dumps(told))
        return told

    def codec(self) -> Codec:
        """Return the codec that was fitted, from where the preparation left it."""
        if self._codec is None:
            file = TensorFile(self.folder / "codec.safetensors", "codec")
            arrays = {name: np.array(file.array(name)) for name in file.tensors}
            self._codec = self.plugin.codec.from_json(file.metadata["data"], arrays, self.options)
        return self._codec

    def _pieces(self, chunk: int) -> Any:
        for number in self.chunks[chunk]:
            self.reading(number)
            yield from read_pieces(self.plugin, self.options, self.files[number], divide=self.divide)


class Trouble:
    """What could not be read: how much, and the first reasons."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: list[str] = []

    def add(self, error: ReadError) -> None:
        """Note one."""
        self.count += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons.append(str(error))

    def to_json(self) -> dict[str, Any]:
        """Return count and reasons."""
        return {"skipped": self.count, "reasons": self.reasons}


def scan_path(folder: Path, chunk: int, *, divide: bool) -> Path:
    """Return where the scan of a chunk is written, of whole or of divided pieces."""
    return folder / f"scan-{chunk:06d}{'-divided' if divide else ''}.safetensors"


def done_path(folder: Path, chunk: int) -> Path:
    """Return where it is written that a chunk is encoded."""
    return folder / f"done-{chunk:06d}.json"


def chunks_from_json(told: Mapping[str, Any]) -> Chunks:
    """Return the work that `pool.run_tasks` describes to a worker."""
    plugin = registry.load(told["plugin"])
    files = [SourceFile(Path(f["path"]), f["labels"], f["side"], tuple(f["fractions"])) for f in told["files"]]
    options = options_from_json(plugin.Options, told["options"])
    return Chunks(plugin, options, Path(told["folder"]), files, told["chunks"], divide=told["divide"])
