"""From files to datasets: scan, split, fit a codec on train, encode. Finished chunks are kept and reused."""

import contextlib
import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.cache import cache_folder
from seqforge.core.files import make_folder, remove_temporary_files
from seqforge.core.spaces import Mixture, Space
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.corpus.attach_features import check_widths, write_features
from seqforge.corpus.cache_key import content_digest, preparation_key, sources_key
from seqforge.corpus.chunks import file_chunks, with_parts
from seqforge.corpus.pieces import UNDECIDED, read_pieces
from seqforge.corpus.pool import Pool, ReaderCrashError
from seqforge.corpus.sources import SourceFile, Sources
from seqforge.corpus.split import SHARES, Groups, split_by_content
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
from seqforge.errors import CorpusError, DamagedFileError, DecodeError, ReadError
from seqforge.plugin import AnyCodec, AnyPlugin, Codec, Divides, Piece
from seqforge.plugin.fitting import OnePass, fit_codec
from seqforge.plugin.validation import validate_codec

FEW_PIECES = 20
"""A corpus with fewer pieces is split by dividing each piece, if the plugin can."""
MAX_MEASURED = 2000
"""Largest number of pieces by which real numbers are standardised."""
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
        content: A digest of the codec and of the datasets; equal digests mean that a training reads equal data.
    """

    codec: AnyCodec
    datasets: Mapping[str, Dataset]
    folder: Path
    report: Mapping[str, Any]
    content: str

    @property
    def features(self) -> int:
        """The number of features of a piece; 0 without features."""
        return max(int(dataset.features.shape[1]) for dataset in self.datasets.values())

    def standardised_space(self) -> Space:
        """Return the space of the steps; that of real numbers with the standardisation of the training pieces.

        At most 2,000 pieces are measured, evenly spread.
        """
        space, train = self.codec.space, self.datasets["train"]
        if not isinstance(space, Mixture) or space.standardisation:
            return space
        numbers = np.unique(np.linspace(0, len(train) - 1, min(len(train), MAX_MEASURED)).astype(np.int64))
        return space.standardised(train.steps(number) for number in numbers.tolist())

    def pieces(self, split: str) -> Iterator[Piece[Any]]:
        """Yield the decoded pieces of a split.

        Raises:
            DecodeError: If steps do not decode; the message names the number of the piece, its split and the corpus.
        """
        dataset = self.datasets[split]
        for number in range(len(dataset)):
            try:
                yield self.codec.decode(dataset.example(number))
            except DecodeError as error:
                root = self.report.get("root") or self.folder
                place = f"piece {number + 1} of the split {split!r} of {root}"
                raise DecodeError(f"the steps of {place} do not decode: {error}") from error


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
    extend = extend and _can_extend(codec)
    name = prepared_name(plugin, options, sources, codec=codec, extend=extend)
    folder = make_folder((cache or cache_folder()) / "datasets" / name)
    preparation = _Preparation(plugin, options, files, folder, workers or os.cpu_count() or 1, on_message)
    preparation.extend = extend
    preparation.shares = sources.shares or SHARES
    if not (folder / MANIFEST).exists():
        preparation.run(codec)
    try:
        return preparation.open(codec)
    except DamagedFileError:
        for path in folder.iterdir():
            path.unlink()
        preparation.run(codec)
        return preparation.open(codec)


def prepared_name(
    plugin: AnyPlugin, options: Any, sources: Sources, *, codec: AnyCodec | None = None, extend: bool = False
) -> str:
    """Return the name of the folder in which `prepare` stores its result.

    It depends on the contents of the files, their names within the corpus, labels and splits, and on the options, the
    codec and the plugin's code. It does not depend on where the corpus is.

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        sources: The files.
        codec: The codec to encode with, as for `prepare`.
        extend: Whether the codec is extended, as for `prepare`.
    """
    extend = extend and _can_extend(codec)
    return f"{_sources_name(plugin, sources)}-{preparation_key(plugin, options, codec, extend=extend)}"


def has_sources(name: str, plugin: AnyPlugin, sources: Sources) -> bool:
    """Return whether a prepared corpus has these files, whatever plugin code and options encoded them.

    Args:
        name: The name of the prepared corpus (`prepared_name`).
        plugin: The plugin.
        sources: The files.
    """
    return name.startswith(f"{_sources_name(plugin, sources)}-")


def _sources_name(plugin: AnyPlugin, sources: Sources) -> str:
    return f"{plugin.name}-{sources_key(sources.files, sources.shares)}"


def _can_extend(codec: AnyCodec | None) -> bool:
    return codec is not None and type(codec).extended_for is not Codec.extended_for


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
        self.plugin, self.options, self.folder = plugin, options, folder
        self.workers, self.on_message = workers, on_message
        self.number_of_files = len(files)
        self.files = files = with_parts(files)
        self.size = sum(file.size for file in files)
        self.chunks = file_chunks(files)
        self.extend = False
        self.shares: Sequence[float] = SHARES
        self.divide: Sequence[float] = ()
        self.crashed: dict[int, str] = {}
        """The files whose reader crashed: index to reason."""
        worker = ChunkWorker(plugin, options, folder, files, self.chunks)
        self.pool = Pool(worker, workers=workers, size=self.size)

    def open(self, codec: AnyCodec | None) -> PreparedCorpus:
        report = dict(_validated_report(self.folder, read_manifest(self.folder)["report"]))
        content = report.pop("content")
        before, now = report.pop("root", ""), _root(self.files)
        if before and before != now:  # the corpus has moved
            report["reasons"] = [reason.replace(before, now) for reason in report["reasons"]]
        if codec is None or self.extend:
            codec = read_codec(self.plugin, self.folder, self.options)
        datasets = open_datasets(self.folder, codec.space, codec.source, dict(codec.labels))
        return PreparedCorpus(codec, datasets, self.folder, report, content)

    def run(self, codec: AnyCodec | None) -> None:
        """Prepare the corpus; if a reader crashes on a file that the scan could read, start again without the file."""
        remove_temporary_files(self.folder, ".+")
        with self.pool:
            while True:
                try:
                    return self._prepare(codec)
                except ReaderCrashError as error:
                    self.crashed[error.number] = error.reason
                    for path in self.folder.iterdir():
                        path.unlink()

    def _prepare(self, codec: AnyCodec | None) -> None:
        self.divide = ()
        # 1. Read every file once for fingerprints and fixed splits, and decide the other splits by content.
        scans = self._scan()
        splits, remark = self._split(scans)
        if remark == DIVIDE:
            self.divide = self.shares
            scans = self._scan()
            splits, _ = self._split(scans)
            parts = ", ".join(f"{100 * share:g} % {split}" for share, split in zip(self.shares, SPLITS, strict=True))
            remark = f"fewer than {FEW_PIECES} pieces: each is divided, {parts}"
        write_tensors(splits_path(self.folder), {str(n): s for n, s in enumerate(splits)}, {"kind": "splits"})
        numbers = [np.array(self._scan_file(chunk).array("numbers")) for chunk in range(len(self.chunks))]
        write_features(self.folder, self.files, numbers)
        # 2. Fit the codec on the train split, in one pass.
        if codec is None:
            self.on_message("fitting the codec on the training pieces")
            codec = fit_codec(self.plugin, self._training_pieces(splits), self.options)
        elif self.extend:
            pieces = OnePass(self.plugin, self._training_pieces(splits), "extended_for")
            codec = validate_codec(self.plugin, codec.extended_for(pieces), "extended_for")
        write_codec(self.plugin, self.folder, codec)
        # 3. Encode every chunk into shards, then write the manifest.
        encoded = self._encode()
        check_widths(
            self.plugin, codec, self.folder, {width for result in encoded for width in result.get("features", ())}
        )
        dropped: Counter[str] = Counter()
        for result in encoded:
            dropped.update(result["dropped"])
        all_splits = np.concatenate(splits)
        report = {
            "files": self.number_of_files,
            "pieces": {split: int((all_splits == number).sum()) for number, split in enumerate(SPLITS)},
            "skipped": sum(scan["skipped"] for scan in scans),
            "reasons": [reason for scan in scans for reason in scan["reasons"]][:MAX_REASONS],
            "dropped": dict(dropped.most_common(100)),
            "dropped_total": sum(result["dropped_total"] for result in encoded),
            "remarks": [remark] if remark else [],
            "root": _root(self.files),
        }
        shards = [name for result in encoded for name in result["shards"]]
        report["content"] = content_digest(self.plugin, codec, [self.folder / name for name in shards])
        write_manifest(self.folder, shards, report)

    def _scan(self) -> list[dict[str, Any]]:
        self.on_message(f"reading {self.number_of_files:,} file{'s' * (self.number_of_files != 1)}")
        done = self._finished(lambda chunk: read_scan(self._scan_file(chunk)))
        done |= self._run("scan", [chunk for chunk in range(len(self.chunks)) if chunk not in done])
        scans = [done[chunk] for chunk in range(len(self.chunks))]
        for scan in scans:
            self.crashed |= {int(number): reason for number, reason in scan.get("crashed", {}).items()}
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
        split = split_by_content(groups.representatives()[undecided], self.shares)
        all_splits[undecided] = split.splits
        edges = np.cumsum([len(numbers) for numbers in splits])[:-1]
        return np.split(all_splits, edges), split.remark

    def _training_pieces(self, splits: list[np.ndarray]) -> Iterator[Piece[Any]]:
        for chunk, numbers in enumerate(self.chunks):
            index = 0
            for number in numbers:
                if number in self.crashed:
                    continue
                for item in read_pieces(self.plugin, self.options, self.files[number], divide=self.divide):
                    if isinstance(item, ReadError):
                        continue
                    if splits[chunk][index] == 0:
                        yield item.piece
                    index += 1

    def _encode(self) -> list[dict[str, Any]]:
        self.on_message("encoding")
        done = self._finished(lambda chunk: read_encoded(self.folder, chunk))
        done |= self._run("encode", [chunk for chunk in range(len(self.chunks)) if chunk not in done])
        return [done[chunk] for chunk in range(len(self.chunks))]

    def _scan_file(self, chunk: int) -> TensorFile:
        return TensorFile(scan_path(self.folder, chunk, divide=bool(self.divide)), "scan")

    def _finished(self, read: Callable[[int], dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return the results of an earlier, interrupted preparation; damaged results are left out."""
        results = {}
        for chunk in range(len(self.chunks)):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, DamagedFileError):
                results[chunk] = {**read(chunk)}
        return results

    def _run(self, function: str, chunks: list[int]) -> dict[int, dict[str, Any]]:
        common = {"run": function, "divide": list(self.divide)}
        tasks = [
            {
                **common,
                "chunk": chunk,
                "crashed": {str(n): self.crashed[n] for n in self.chunks[chunk] if n in self.crashed},
            }
            for chunk in chunks
        ]
        return dict(zip(chunks, self.pool.run(tasks), strict=True))


def _root(files: list[SourceFile]) -> str:
    """Return the common start of the paths of all files, "" if they have none."""
    try:
        return os.path.commonpath([file.path for file in files])
    except ValueError:  # no file, or files on several drives
        return ""


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
        and isinstance(report.get("content"), str)
    )
    if not valid:
        raise DamagedFileError(f"{folder / MANIFEST} cannot be used: its report has a missing or wrong value")
    return report
