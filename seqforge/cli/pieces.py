"""The pieces of a file that is named on the command line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.cli.console import message
from seqforge.core.files import STDIN, input_file
from seqforge.errors import ReadError, UsageError
from seqforge.plugin import AnyPlugin, Piece

if TYPE_CHECKING:
    from seqforge.corpus import SourceFile


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
    """Yield the pieces of files that can be read, and print which cannot.

    Args:
        plugin: The plugin that reads the files.
        options: The plugin's options.
        files: The files.
        skipped: A list to which what cannot be read is appended; None for no list.
    """
    from seqforge.corpus import read_files

    for _, items in read_files(plugin, options, files):
        for item in items:
            if not isinstance(item, ReadError):
                yield item
                continue
            message(f"skipped: {item}")
            if skipped is not None:
                skipped.append(item)
