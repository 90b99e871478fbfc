"""Files that a user names: a reader that crashes or hangs on one ends only a child process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqforge.corpus.pieces import read_pieces
from seqforge.corpus.pool import Pool, ReaderCrashError
from seqforge.corpus.source_file import SourceFile, file_list
from seqforge.corpus.worker import ChunkWorker
from seqforge.errors import ReadError
from seqforge.plugin import AnyPlugin, Piece


def read_files(
    plugin: AnyPlugin, options: Any, files: Sequence[SourceFile]
) -> Iterator[tuple[SourceFile, Iterator[Piece[Any] | ReadError]]]:
    """Yield each file with its pieces, and a ReadError for what cannot be read.

    A file of a plugin with a native reader is read in a child process first. If that process crashes or exceeds the
    time limit (`pool.READ_SECONDS`), the only item of the file is a ReadError.

    Example:
        for file, items in read_files(plugin, plugin.Options(), [SourceFile(Path("song.mid"))]):
            pieces = [item for item in items if not isinstance(item, ReadError)]

    Args:
        plugin: The plugin that reads the files.
        options: The plugin's options.
        files: The files. Tables are read without the plugin's reader.

    Raises:
        ContractError: If the plugin yields something else than pieces and errors.
        CorpusError: If the child process cannot be started.
    """
    absolute = file_list(_absolute(file) for file in files)
    chunks = [range(number, number + 1) for number in range(len(files))]
    with Pool(ChunkWorker(plugin, options, Path()), absolute, chunks, workers=1, size=0) as pool:
        for number, file in enumerate(files):
            fault = _fault(pool, number, file) if plugin.native and file.columns is None else None
            yield file, iter([fault]) if fault else _items(plugin, options, file)


def probe(plugin: AnyPlugin, options: Any, path: Path) -> ReadError | None:
    """Read a file in a child process and return an error if that crashes or hangs, None if it can be read here.

    Nothing is done for a plugin that reads in pure Python.

    Example:
        error = probe(plugin, plugin.Options(), Path("song.mid"))

    Args:
        plugin: The plugin that reads the file.
        options: The plugin's options.
        path: The path of the file.
    """
    if not plugin.native:
        return None
    file = SourceFile(path)
    with Pool(ChunkWorker(plugin, options, Path()), [_absolute(file)], [range(1)], workers=1, size=0) as pool:
        return _fault(pool, 0, file)


def _fault(pool: Pool, number: int, file: SourceFile) -> ReadError | None:
    """Return the error of a file that ends the process that reads it."""
    try:
        list(pool.run([{"run": "probe", "chunk": number}]))
    except ReaderCrashError as error:
        return ReadError(error.reason, file=str(file.path))
    return None


def _items(plugin: AnyPlugin, options: Any, file: SourceFile) -> Iterator[Piece[Any] | ReadError]:
    for item in read_pieces(plugin, options, file):
        yield item if isinstance(item, ReadError) else item.piece


def _absolute(file: SourceFile) -> SourceFile:
    return SourceFile(file.path.absolute())
