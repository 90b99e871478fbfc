"""The features of pieces, in the order in which the pieces are read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.tensorfile import write_tensors
from seqforge.corpus.features import open_features
from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.worker import features_path
from seqforge.errors import CorpusError, ReadError, listing
from seqforge.plugin import AnyCodec, AnyPlugin, Piece

__all__ = ["check_widths", "pieces_with_features", "write_features"]


def write_features(folder: Path, files: Sequence[SourceFile], numbers: Sequence[np.ndarray]) -> None:
    """Write the features of all pieces of a corpus that is being prepared, an array per chunk.

    Nothing is written if no file has features.

    Args:
        folder: The folder of the corpus.
        files: All files.
        numbers: For each chunk the index of the file and the number in the file of each piece, shape (pieces, 2).

    Raises:
        CorpusError: If a piece has no features, or the features do not fit each other.
    """
    described = [file for file in files if file.features is not None]
    if not described:
        return
    paths = sorted({file.features for file in described if file.features is not None})
    missing = next((file for file in files if file.features is None), None)
    if missing is not None:
        raise CorpusError(f"{missing.path} has no features, and {described[0].path} has; give both or neither")
    widths = {path: open_features(path).width for path in paths}
    if len(set(widths.values())) > 1:
        sizes = listing(f"{path} has {width}" for path, width in widths.items())
        raise CorpusError(f"the numbers of features per piece differ: {sizes}; they must be the same")
    # 1. Count the pieces of each file, and find the position of its first piece.
    counts = np.zeros(len(files), np.int64)
    for chunk in numbers:
        np.maximum.at(counts, chunk[:, 0], chunk[:, 1].astype(np.int64) + 1)
    first = np.zeros(len(files), np.int64)
    totals: dict[Path, int] = defaultdict(int)
    part_of: dict[tuple[Path, int], int] = defaultdict(int)
    offsets = np.zeros(len(files), np.int64)
    for index in sorted(range(len(files)), key=lambda index: (files[index].position, index)):
        features = files[index].features
        assert features is not None
        first[index], offsets[index] = totals[features], part_of[features, files[index].position]
        totals[features] += int(counts[index])
        part_of[features, files[index].position] += int(counts[index])
    for path, total in totals.items():
        open_features(path).check_count(total)
    # 2. Look the features of each piece up.
    tensors = {}
    for chunk_number, chunk in enumerate(numbers):
        rows = np.zeros((len(chunk), next(iter(widths.values()))), np.float32)
        for row, (index, number) in enumerate(chunk.tolist()):
            file = files[index]
            assert file.features is not None
            name, number_in_file = file.name or file.path.name, int(offsets[index]) + number
            rows[row] = open_features(file.features).row(name, number_in_file, int(first[index]) + number)
        tensors[str(chunk_number)] = rows
    write_tensors(features_path(folder), tensors, {"kind": "features"})


def check_widths(plugin: AnyPlugin, codec: AnyCodec, folder: Path, widths: Collection[int]) -> None:
    """Check that all pieces have the same number of features, and that the plugin does not compute them, too.

    Args:
        plugin: The plugin.
        codec: The codec.
        folder: The folder of the corpus that is being prepared.
        widths: The numbers of features of the pieces.

    Raises:
        CorpusError: If it is not so.
    """
    if codec.features and features_path(folder).exists():
        raise CorpusError(
            f"the plugin {plugin.name!r} computes the features of its pieces; remove features.npy or features.csv from"
            " the corpus"
        )
    if not codec.features and len(widths) > 1:
        raise CorpusError(
            f"the plugin {plugin.name!r} reads pieces with {listing(map(str, sorted(widths)))} features; all pieces"
            " must have the same number"
        )


def pieces_with_features(
    results: Iterable[tuple[SourceFile, Iterator[Piece[Any] | ReadError]]],
) -> Iterator[tuple[SourceFile, Iterator[Piece[Any] | ReadError]]]:
    """Yield files and their items with the features of each piece, which are beside the files.

    Example:
        for file, items in pieces_with_features(read_files(plugin, options, sources.files)):
            print(file.path, [item.features for item in items])

    Args:
        results: What `read_files` yields, the files in the order of a corpus.

    Raises:
        CorpusError: If a piece has no features, or there are more features than pieces.
    """
    positions: dict[Path, int] = defaultdict(int)

    def items_of(file: SourceFile, items: Iterator[Piece[Any] | ReadError]) -> Iterator[Piece[Any] | ReadError]:
        if file.features is None:
            yield from items
            return
        features, number = open_features(file.features), 0
        for item in items:
            if isinstance(item, ReadError):
                yield item
                continue
            row = features.row(file.name or file.path.name, number, positions[file.features])
            yield replace(item, features=row)
            number += 1
            positions[file.features] += 1

    for file, items in results:
        yield file, items_of(file, items)
    for path, count in positions.items():
        open_features(path).check_count(count)
