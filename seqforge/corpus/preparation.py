"""The stages of a preparation: read, split, fit a codec on train, encode. Finished chunks are kept and reused."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.files import remove_temporary_files
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.corpus.attach_features import check_widths, write_features
from seqforge.corpus.cache_key import content_digest
from seqforge.corpus.chunks import file_chunks, with_parts
from seqforge.corpus.disk_groups import DiskGroups
from seqforge.corpus.pieces import UNDECIDED, read_pieces
from seqforge.corpus.pool import Pool, ReaderCrashError
from seqforge.corpus.source_file import SourceFile, file_list
from seqforge.corpus.split import split_by_content
from seqforge.corpus.worker import (
    MAX_REASONS,
    ChunkWorker,
    Scan,
    chunk_splits,
    features_path,
    read_codec,
    read_encoded,
    read_scan,
    scan_path,
    shards_path,
    splits_path,
    write_codec,
)
from seqforge.dataset import MANIFEST, SPLITS, write_manifest
from seqforge.errors import CorpusError, DamagedFileError, ReadError
from seqforge.plugin import AnyCodec, AnyPlugin, Divides, Piece
from seqforge.plugin.fitting import OnePass, fit_codec
from seqforge.plugin.validation import validate_codec

__all__ = ["Preparation", "common_root"]

FEW_PIECES = 20
"""A corpus with fewer pieces is split by dividing each piece, if the plugin can."""
DAMAGE = (OSError, ValueError, KeyError, TypeError, RecursionError, DamagedFileError)
"""What the reader of a damaged file raises."""


class Preparation:
    """The preparation of one corpus in a folder: its stages, each of which can be interrupted and run again.

    The stages are `read` (fingerprints and fixed splits of all pieces), `fit` (the other splits, the codec), `encode`
    and `finish` (the manifest). `read` and `encode` work chunk by chunk, so several processes or machines can share
    them. Whatever is finished in the folder is not done again.

    Example:
        preparation = Preparation(plugin, plugin.Options(), files, folder)
        with preparation.pool:
            preparation.run()

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        files: The files.
        folder: The folder to write to.
        shares: Shares of train, valid and test.
        codec: The codec to encode with; None fits one on the train split.
        extend: Whether the codec is extended for the pieces.
        workers: The number of processes.
        on_message: Called with a description of each stage.

    Attributes:
        chunks: The indices of the files of each chunk.
        pool: The processes that read and encode; a context manager.
    """

    def __init__(
        self,
        plugin: AnyPlugin,
        options: Any,
        files: Sequence[SourceFile],
        folder: Path,
        *,
        shares: Sequence[float],
        codec: AnyCodec | None = None,
        extend: bool = False,
        workers: int = 1,
        on_message: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plugin, self.options, self.folder = plugin, options, folder
        self.shares, self.codec, self.extend, self.on_message = shares, codec, extend, on_message
        self.number_of_files = len(files)
        self.files = file_list(with_parts(files))
        self.chunks, size = file_chunks(self.files)
        self._has_features = any(file.features is not None for file in self.files)
        self._divide: Sequence[float] = ()
        self._crashed: dict[int, str] = {}
        worker = ChunkWorker(plugin, options, folder)
        self.pool = Pool(worker, self.files, self.chunks, workers=workers, size=size)

    @property
    def is_finished(self) -> bool:
        """Whether the folder has a manifest."""
        return (self.folder / MANIFEST).exists()

    @property
    def is_fitted(self) -> bool:
        """Whether the splits are decided and the codec is fitted."""
        try:
            file = self._splits_file()
            for chunk in range(len(self.chunks)):
                chunk_splits(file, chunk)
            self._stored_codec()
        except DAMAGE:
            return False
        return features_path(self.folder).exists() or not self._has_features

    def run(self) -> None:
        """Run all stages; if a reader crashes on a file that could be read, start again without the file."""
        remove_temporary_files(self.folder, ".+")
        while True:
            try:
                if not self.is_fitted:
                    self.read(range(len(self.chunks)))
                    self.fit()
                self.encode(range(len(self.chunks)))
                return self.finish()
            except ReaderCrashError as error:
                self._crashed[error.number] = error.reason
                self.clear()

    def clear(self) -> None:
        """Remove all files of the folder."""
        for path in self.folder.iterdir():
            path.unlink()

    # -- the stages ---------------------------------------------------------------------------

    def read(self, chunks: Sequence[int]) -> None:
        """Read the pieces of chunks for their fingerprints and fixed splits.

        Raises:
            CorpusError: If a worker is ended from outside.
            ContractError: If the plugin breaks the contract.
        """
        self._divide = ()
        self.on_message(f"reading {self.number_of_files:,} file{'s' * (self.number_of_files != 1)}")
        self._run("scan", self.unread(chunks))

    def fit(self) -> None:
        """Decide the splits and fit the codec, after all chunks were read.

        Raises:
            CorpusError: If nothing could be read.
            ContractError: If the plugin breaks the contract.
        """
        self._divide = ()
        self._load_crashes()
        self._check_pieces()
        splits, remark = self._split()
        if splits is None:
            self._divide = self.shares
            self._run("scan", self.unread(range(len(self.chunks))))
            self._load_crashes()
            splits, _ = self._split()
            assert splits is not None
            parts = ", ".join(f"{100 * share:g} % {split}" for share, split in zip(self.shares, SPLITS, strict=True))
            remark = f"fewer than {FEW_PIECES} pieces: each is divided, {parts}"
        if self._has_features:
            numbers = [self._scan(chunk).numbers for chunk in range(len(self.chunks))]
            write_features(self.folder, self.files, numbers)
        codec = self.codec
        if codec is None:
            self.on_message("fitting the codec on the training pieces")
            codec = fit_codec(self.plugin, self._training_pieces(splits), self.options)
        elif self.extend:
            pieces = OnePass(self.plugin, self._training_pieces(splits), "extended_for")
            codec = validate_codec(self.plugin, codec.extended_for(pieces), "extended_for")
        write_codec(self.plugin, self.folder, codec)
        metadata = {"kind": "splits", "remark": remark, "divide": list(self._divide)}
        write_tensors(splits_path(self.folder), {str(n): array for n, array in enumerate(splits)}, metadata)

    def encode(self, chunks: Sequence[int]) -> None:
        """Encode chunks into shards, after the codec was fitted.

        Raises:
            ReaderCrashError: If a reader crashes on a file that could be read before.
            ContractError: If the plugin breaks the contract.
        """
        self._divide = tuple(self._splits_file().metadata["divide"])
        self._run("scan", self.unread(chunks))  # lost or damaged since then
        self._load_crashes()
        self.on_message("encoding")
        self._run("encode", self.unencoded(chunks))

    def finish(self) -> None:
        """Write the manifest, after all chunks were encoded."""
        splits = self._splits_file()
        self._divide = tuple(splits.metadata["divide"])
        codec = self.codec if self.codec is not None and not self.extend else self._stored_codec()
        dropped: Counter[str] = Counter()
        dropped_total, widths, shards = 0, set[int](), list[str]()
        skipped, reasons, pieces = 0, list[str](), np.zeros(len(SPLITS), np.int64)
        for chunk in range(len(self.chunks)):
            encoded, scan = read_encoded(self.folder, chunk), self._scan(chunk)
            dropped.update(encoded["dropped"])
            dropped_total += encoded["dropped_total"]
            widths.update(encoded.get("features", ()))
            shards += encoded["shards"]
            skipped += scan.skipped
            reasons += scan.reasons[: MAX_REASONS - len(reasons)]
            pieces += np.bincount(chunk_splits(splits, chunk), minlength=len(SPLITS))
        check_widths(self.plugin, codec, self.folder, widths)
        report = {
            "files": self.number_of_files,
            "pieces": dict(zip(SPLITS, pieces.tolist(), strict=True)),
            "skipped": skipped,
            "reasons": reasons,
            "dropped": dict(dropped.most_common(100)),
            "dropped_total": dropped_total,
            "remarks": [splits.metadata["remark"]] if splits.metadata["remark"] else [],
            "root": common_root(self.files),
            "content": content_digest(self.plugin, codec, [self.folder / name for name in shards]),
        }
        shards_path(self.folder).unlink(missing_ok=True)
        write_manifest(self.folder, shards, report)

    def unread(self, chunks: Sequence[int]) -> list[int]:
        """Return those of the chunks that are still to be read."""
        return [chunk for chunk in chunks if not _is_intact(self._scan, chunk)]

    def unencoded(self, chunks: Sequence[int]) -> list[int]:
        """Return those of the chunks that are still to be encoded."""
        return [chunk for chunk in chunks if not _is_intact(lambda chunk: read_encoded(self.folder, chunk), chunk)]

    # -- helpers ------------------------------------------------------------------------------

    def _scan(self, chunk: int) -> Scan:
        return read_scan(scan_path(self.folder, chunk, divide=bool(self._divide)))

    def _stored_codec(self) -> AnyCodec:
        return read_codec(self.plugin, self.folder, self.options)

    def _splits_file(self) -> TensorFile:
        """Return the file of the splits of all pieces; its metadata say how pieces are divided.

        Raises:
            DamagedFileError, KeyError: If they are missing or damaged.
        """
        file = TensorFile(splits_path(self.folder), "split")
        metadata = file.metadata
        if set(file.tensors) != {str(chunk) for chunk in range(len(self.chunks))} or metadata["kind"] != "splits":
            raise file.damage("it has the splits of other files")
        if metadata["divide"] not in ([], list(self.shares)) or not isinstance(metadata["remark"], str):
            raise file.damage("its metadata has a wrong value")
        return file

    def _load_crashes(self) -> None:
        """Remember the files that crashed their reader in the process that read them."""
        for chunk in range(len(self.chunks)):
            with contextlib.suppress(*DAMAGE):
                self._crashed |= self._scan(chunk).crashed

    def _check_pieces(self) -> None:
        """Check that at least one piece could be read.

        Raises:
            CorpusError: If none could.
        """
        reasons: list[str] = []
        for chunk in range(len(self.chunks)):
            scan = self._scan(chunk)
            if scan.pieces:
                return
            reasons += scan.reasons[: MAX_REASONS - len(reasons)]
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        reason = "; ".join(reasons[:3]) + more if reasons else "the files contain no piece"
        raise CorpusError(f"nothing could be read: {reason}")

    def _split(self) -> tuple[list[np.ndarray] | None, str]:
        """Return the splits of each chunk's pieces, and a remark; None if pieces must be divided."""
        groups = DiskGroups(self.folder)
        splits: list[np.ndarray] = []
        for chunk in range(len(self.chunks)):
            scan = self._scan(chunk)
            groups.extend(scan.keys, scan.owners, scan.pieces)
            splits.append(scan.splits)
        all_splits = np.concatenate(splits)
        undecided = all_splits == UNDECIDED
        if not undecided.any():
            return splits, ""
        if undecided.sum() < FEW_PIECES and not self._divide and isinstance(self.plugin, Divides):
            return None, ""
        representatives = groups.representatives()
        split = split_by_content(representatives if undecided.all() else representatives[undecided], self.shares)
        all_splits[undecided] = split.splits
        edges = np.cumsum([len(numbers) for numbers in splits])[:-1]
        return np.split(all_splits, edges), split.remark

    def _training_pieces(self, splits: list[np.ndarray]) -> Iterator[Piece[Any]]:
        for chunk, numbers in enumerate(self.chunks):
            index = 0
            for number in numbers:
                if number in self._crashed:
                    continue
                for item in read_pieces(self.plugin, self.options, self.files[number], divide=self._divide):
                    if isinstance(item, ReadError):
                        continue
                    if splits[chunk][index] == 0:
                        yield item.piece
                    index += 1

    def _run(self, function: str, chunks: list[int]) -> None:
        common = {"run": function, "divide": list(self._divide)}
        tasks = [
            {
                **common,
                "chunk": chunk,
                "crashed": {str(n): self._crashed[n] for n in self.chunks[chunk] if n in self._crashed},
            }
            for chunk in chunks
        ]
        for _ in self.pool.run(tasks):
            pass


def common_root(files: Iterable[SourceFile]) -> str:
    """Return the common start of the paths of all files, "" if they have none."""
    root = ""
    try:
        for number, file in enumerate(files):
            path = str(file.path)
            if number == 0:
                root = path
            elif not path.startswith(root + os.sep):
                root = os.path.commonpath([root, path])
    except ValueError:  # files on several drives
        return ""
    return root


def _is_intact(read: Callable[[int], Any], chunk: int) -> bool:
    with contextlib.suppress(*DAMAGE):
        read(chunk)
        return True
    return False
