"""From files to datasets: scan, split, fit a codec on train, encode. Finished chunks are kept and reused."""

import contextlib
import dataclasses
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.files import make_folder
from seqforge.core.options import options_to_json
from seqforge.core.tensorfile import TensorFile, canonical_json, write_tensors
from seqforge.corpus.pieces import UNDECIDED, read_pieces
from seqforge.corpus.pool import run_tasks
from seqforge.corpus.sources import SourceFile, Sources
from seqforge.corpus.split import Groups, split_by_content
from seqforge.corpus.worker import (
    MAX_REASONS,
    ChunkWorker,
    are_counts,
    are_texts,
    read_codec,
    read_encoded,
    read_scan,
    scan_path,
    splits_path,
    write_codec,
)
from seqforge.dataset import MANIFEST, SPLITS, Dataset, open_datasets, read_manifest, write_manifest
from seqforge.errors import ContractError, CorpusError, DamagedFileError, ReadError
from seqforge.plugin import AnyCodec, AnyPlugin, Codec, Divides, Piece
from seqforge.plugin.validation import validate_codec, validate_state

FORMAT = 3
CHUNK_BYTES = 4 << 20
FEW_PIECES = 20
"""A corpus with fewer pieces is split by dividing each piece, if the plugin can."""
DIVIDE = "divide"


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus that is ready for training.

    Attributes:
        codec: The codec: fitted on the train split, or the given one.
        datasets: The dataset of each split.
        folder: The folder in the cache.
        report: Plain JSON: numbers of files and pieces per split, skipped files with reasons, what the encoding
            dropped, and remarks.
    """

    codec: AnyCodec
    datasets: Mapping[str, Dataset]
    folder: Path
    report: Mapping[str, Any]


def cache_folder() -> Path:
    """Return the folder of prepared corpora: $SEQFORGE_CACHE, else the cache folder of the system."""
    override = os.environ.get("SEQFORGE_CACHE")
    if override:
        return Path(override)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "seqforge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqforge"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqforge"


def prepare(
    plugin: AnyPlugin,
    options: Any,
    sources: Sources,
    *,
    codec: AnyCodec | None = None,
    extend: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> PreparedCorpus:
    """Return the datasets of a corpus, prepared now or taken from the cache.

    Example:
        sources = find_sources(["ryans"], reads=plugin.reads, domain=plugin.name)
        datasets = prepare(plugin, plugin.Options(), sources).datasets

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        sources: The files.
        codec: The codec to encode with; None fits one on the train split.
        extend: Whether the given codec is extended for these pieces (`Codec.extended_for`).
        cache: The cache folder; None for `cache_folder()`.
        workers: The number of processes; None for one per core. The result does not depend on it.
        on_message: Called with a description of each stage.

    Raises:
        CorpusError: If nothing could be read.
        ContractError: If the plugin breaks the contract.
        WriteError: If the cache cannot be written.
    """
    files = [dataclasses.replace(file, path=file.path.absolute()) for file in sources.files]
    extend = extend and codec is not None and type(codec).extended_for is not Codec.extended_for
    key = _cache_key(plugin, options, files, codec, extend=extend)
    folder = make_folder((cache or cache_folder()) / "datasets" / f"{plugin.name}-{key}")
    preparation = _Preparation(plugin, options, files, folder, workers or os.cpu_count() or 1, on_message)
    preparation.extend = extend
    if not (folder / MANIFEST).exists():
        preparation.run(codec)
    try:
        return preparation.open(codec)
    except DamagedFileError:
        for path in folder.iterdir():
            path.unlink()
        preparation.run(codec)
        return preparation.open(codec)


class _Preparation:
    def __init__(
        self,
        plugin: AnyPlugin,
        options: Any,
        files: list[SourceFile],
        folder: Path,
        workers: int,
        on_message: Callable[[str], None],
    ) -> None:
        self.plugin, self.options, self.files, self.folder = plugin, options, files, folder
        self.workers, self.on_message = workers, on_message
        self.size = sum(file.path.stat().st_size for file in files)
        self.chunks = _chunks(files)
        self.divide = self.extend = False

    def open(self, codec: AnyCodec | None) -> PreparedCorpus:
        report = _validated_report(self.folder, read_manifest(self.folder)["report"])
        if codec is None or self.extend:
            codec = read_codec(self.plugin, self.folder, self.options)
        datasets = open_datasets(self.folder, codec.space, codec.source, dict(codec.labels))
        return PreparedCorpus(codec, datasets, self.folder, report)

    def run(self, codec: AnyCodec | None) -> None:
        # 1. Read every file once for fingerprints and fixed splits, and decide the other splits by content.
        scans = self._scan()
        splits, remark = self._split(scans)
        if remark == DIVIDE:
            self.divide = True
            scans = self._scan()
            splits, _ = self._split(scans)
            remark = f"fewer than {FEW_PIECES} pieces: each is divided, 90 % train, 5 % valid, 5 % test"
        write_tensors(splits_path(self.folder), {str(n): s for n, s in enumerate(splits)}, {"kind": "splits"})
        # 2. Fit the codec on the train split, in one pass.
        if codec is None:
            self.on_message("fitting the codec on the training pieces")
            pieces = self._training_pieces(splits)
            codec = validate_codec(self.plugin, self.plugin.codec.fit(pieces, self.options))
        elif self.extend:
            codec = validate_codec(self.plugin, codec.extended_for(self._training_pieces(splits)), "extended_for")
        write_codec(self.plugin, self.folder, codec)
        # 3. Encode every chunk into shards, then write the manifest.
        encoded = self._encode()
        dropped: Counter[str] = Counter()
        for result in encoded:
            dropped.update(result["dropped"])
        all_splits = np.concatenate(splits)
        report = {
            "files": len(self.files),
            "pieces": {split: int((all_splits == number).sum()) for number, split in enumerate(SPLITS)},
            "skipped": sum(scan["skipped"] for scan in scans),
            "reasons": [reason for scan in scans for reason in scan["reasons"]][:MAX_REASONS],
            "dropped": dict(dropped.most_common(100)),
            "dropped_total": sum(result["dropped_total"] for result in encoded),
            "remarks": [remark] if remark else [],
        }
        write_manifest(self.folder, [name for result in encoded for name in result["shards"]], report)

    def _scan(self) -> list[dict[str, Any]]:
        self.on_message(f"reading {len(self.files):,} file{'s' * (len(self.files) != 1)}")
        done = self._finished(lambda chunk: read_scan(self._scan_file(chunk)))
        done |= self._run("scan", [chunk for chunk in range(len(self.chunks)) if chunk not in done])
        scans = [done[chunk] for chunk in range(len(self.chunks))]
        if not sum(scan["pieces"] for scan in scans):
            reasons = [reason for scan in scans for reason in scan["reasons"]]
            more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            reason = "; ".join(reasons[:3]) + more if reasons else "the files contain no piece"
            raise CorpusError(f"nothing could be read: {reason}")
        return scans

    def _split(self, scans: list[dict[str, Any]]) -> tuple[list[np.ndarray], str]:
        """Return the splits of each chunk's pieces, and a remark; DIVIDE if pieces must be divided."""
        groups, splits = Groups(), []
        for chunk, scan in enumerate(scans):
            file = self._scan_file(chunk)
            groups.extend(file.array("keys"), file.array("owners"), scan["pieces"])
            splits.append(np.array(file.array("splits")))
        all_splits = np.concatenate(splits)
        undecided = all_splits == UNDECIDED
        if not undecided.any():
            return splits, ""
        if undecided.sum() < FEW_PIECES and not self.divide and isinstance(self.plugin, Divides):
            return splits, DIVIDE
        split = split_by_content(groups.representatives()[undecided])
        all_splits[undecided] = split.splits
        edges = np.cumsum([len(numbers) for numbers in splits])[:-1]
        return np.split(all_splits, edges), split.remark

    def _training_pieces(self, splits: list[np.ndarray]) -> Iterator[Piece[Any]]:
        for chunk, numbers in enumerate(self.chunks):
            index = 0
            for number in numbers:
                for item in read_pieces(self.plugin, self.options, self.files[number], divide=self.divide):
                    if isinstance(item, ReadError):
                        continue
                    if splits[chunk][index] == 0:
                        yield item[0]
                    index += 1

    def _encode(self) -> list[dict[str, Any]]:
        self.on_message("encoding")
        done = self._finished(lambda chunk: read_encoded(self.folder, chunk))
        done |= self._run("encode", [chunk for chunk in range(len(self.chunks)) if chunk not in done])
        return [done[chunk] for chunk in range(len(self.chunks))]

    def _scan_file(self, chunk: int) -> TensorFile:
        return TensorFile(scan_path(self.folder, chunk, divide=self.divide), "scan")

    def _finished(self, read: Callable[[int], dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return the results of an earlier, interrupted preparation; damaged results are left out."""
        results = {}
        for chunk in range(len(self.chunks)):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, DamagedFileError):
                results[chunk] = {**read(chunk)}
        return results

    def _run(self, function: str, chunks: list[int]) -> dict[int, dict[str, Any]]:
        work = {
            "plugin": self.plugin.name,
            "options": options_to_json(self.options),
            "folder": str(self.folder),
            "files": [
                {"path": str(f.path), "labels": dict(f.labels), "split": f.split, "fractions": list(f.fractions)}
                for f in self.files
            ],
            "chunks": self.chunks,
            "divide": self.divide,
        }
        tasks = [{"run": function, "chunk": chunk} for chunk in chunks]
        local = ChunkWorker(self.plugin, self.options, self.folder, self.files, self.chunks, divide=self.divide)
        results = run_tasks(local, work, tasks, workers=self.workers, size=self.size)
        return dict(zip(chunks, results, strict=True))


def _validated_report(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
    """Return the report of a manifest.

    Raises:
        DamagedFileError: If a part is missing or has a wrong type.
    """
    pieces, dropped = report.get("pieces"), report.get("dropped")
    valid = (
        isinstance(pieces, dict)
        and isinstance(dropped, dict)
        and are_counts(*(pieces.get(split) for split in SPLITS), *dropped.values())
        and are_counts(*(report.get(name) for name in ("files", "skipped", "dropped_total")))
        and all(are_texts(report.get(name)) for name in ("reasons", "remarks"))
    )
    if not valid:
        raise DamagedFileError(f"{folder / MANIFEST} cannot be used: its report has a missing or wrong value")
    return report


def _chunks(files: list[SourceFile]) -> list[list[int]]:
    """Return runs of file indices of about CHUNK_BYTES; they do not depend on the number of workers."""
    chunks: list[list[int]] = [[]]
    size = 0
    for number, file in enumerate(files):
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(number)
        size += file.path.stat().st_size
    return chunks


def _cache_key(
    plugin: AnyPlugin,
    options: Any,
    files: list[SourceFile],
    codec: AnyCodec | None,
    *,
    extend: bool,
) -> str:
    """Return a name for the result that covers files, splits, options, the codec and the plugin's code."""
    content = {
        "format": FORMAT,
        "plugin": plugin.name,
        "code": _code_digest(plugin),
        "options": options_to_json(options),
        "extend": extend,
        "codec": None if codec is None else _codec_digest(plugin, codec),
        "files": [[str(f.path), _digest(f.path), dict(f.labels), f.split, list(f.fractions)] for f in files],
    }
    try:
        text = canonical_json(content)
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"the plugin {plugin.name!r} ({plugin.distribution()}): its options are not plain JSON: {error}"
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _codec_digest(plugin: AnyPlugin, codec: AnyCodec) -> list[Any]:
    """Return version, data and digests of the arrays of a codec."""
    data, arrays = validate_state(plugin, codec)
    digests = [
        [name, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()] for name, array in sorted(arrays.items())
    ]
    return [codec.version, data, digests]


def _code_digest(plugin: AnyPlugin) -> str:
    """Return a digest of the plugin's package, so that an author who edits it gets fresh data."""
    module = sys.modules[type(plugin).__module__.partition(".")[0]]
    if hasattr(module, "__path__"):
        paths = sorted(path for folder in module.__path__ for path in Path(folder).rglob("*.py"))
    else:
        paths = [Path(module.__file__)] if module.__file__ else []
    return hashlib.sha256("".join(_digest(path) for path in paths).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"  # reported when the file is read
