"""The pieces of a file that is named on the command line."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.cli.console import message, with_flags
from seqforge.core.files import STDIN, input_file
from seqforge.errors import CorpusError, ReadError, UsageError
from seqforge.plugin import AnyPlugin, FromText, Piece

if TYPE_CHECKING:
    from seqforge.corpus import SourceFile

PIECES_AT_A_TIME = 512
"""Number of pieces that are in memory at a time; pieces of similar length among them are read in parallel."""


def existing_file(path: Path, plugin: AnyPlugin) -> Path:
    """Return a regular file with the content of a path; standard input and pipes are copied.

    Raises:
        UsageError: If there is no such file.
    """
    suffix = plugin.reads[0] if plugin.reads else plugin.writes[0]
    check_is_no_folder(path)
    file = input_file(path, field="file", suffix=suffix)
    if not file.is_file():
        raise UsageError(f"there is no file {path}", field="file", value=str(path))
    return file


def check_is_no_folder(path: Path) -> None:
    """Raise a UsageError if a command that shows one file got a folder; it names a file of the folder."""
    if path != STDIN and path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        example = f", such as {files[0]}" if files else ""
        raise UsageError(f"{path} is a folder; name one of its files{example}", field="file", value=str(path))


def readable_pieces(
    plugin: AnyPlugin, options: Any, files: "Sequence[SourceFile]", *, skipped: list[ReadError] | None = None
) -> Iterator[Piece[Any]]:
    """Yield the pieces of files that can be read, with their features if there are some, and print which cannot.

    Args:
        plugin: The plugin that reads the files.
        options: The plugin's options.
        files: The files.
        skipped: A list to which what cannot be read is appended; None for no list.
    """
    from seqforge.corpus import pieces_with_features, read_files

    for _, items in pieces_with_features(read_files(plugin, options, files)):
        for item in items:
            if not isinstance(item, ReadError):
                yield item
                continue
            message(f"skipped: {item}")
            if skipped is not None:
                skipped.append(item)


def check_exist(files: Sequence[Path]) -> None:
    """Raise a UsageError if a file or folder does not exist."""
    for file in files:
        if file != STDIN and not file.exists():
            raise UsageError(f"there is no file {file}", field="files", value=str(file))


def piece_blocks(
    files: Sequence[Path], plugin: AnyPlugin, options: Any, text_column: str | None, label_columns: str
) -> Iterator[list[Piece[Any]]]:
    """Yield the readable pieces of files, folders and tables in lists of PIECES_AT_A_TIME; the last may be shorter.

    Raises:
        CorpusError: After the last file, if no piece could be read.
        UsageError: If a file does not exist, or the plugin makes no pieces from text.
    """
    pieces = _pieces(files, plugin, options, text_column, label_columns)
    empty = True
    while block := list(itertools.islice(pieces, PIECES_AT_A_TIME)):
        empty = False
        yield block
    if empty:
        listed = ", ".join(map(str, files))
        raise CorpusError(f"{listed} contain{'s' * (len(files) == 1)} no piece that can be read")


def _pieces(
    files: Sequence[Path], plugin: AnyPlugin, options: Any, text_column: str | None, label_columns: str
) -> Iterator[Piece[Any]]:
    """Yield the pieces of files and folders that can be read; others are printed."""
    from seqforge.corpus import TableColumns, find_sources
    from seqforge.corpus.tables import text_not_supported

    columns = TableColumns.from_names(text_column, label_columns)
    if columns is not None and not isinstance(plugin, FromText):
        raise text_not_supported(plugin)
    for file in files:
        name = file if file != STDIN and file.is_dir() else existing_file(file, plugin)
        sources = find_sources(
            [str(name)],
            reads=plugin.reads,
            imports=plugin.imports,
            folder_imports=plugin.folder_imports,
            domain=plugin.name,
            columns=columns,
        )
        for remark in sources.remarks if isinstance(plugin, FromText) else ():
            message(with_flags(remark.replace("train on", "read")))
        yield from readable_pieces(plugin, options, sources.files)


def place_of(piece: Piece[Any]) -> dict[str, str]:
    """Return the file of a piece and its place there, "" where they are unknown."""
    origin = piece.origin
    return {"file": origin.file if origin else "", "place": origin.place if origin else ""}
