"""The pieces of a file that is named on the command line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.cli.console import message
from seqforge.core.files import input_file
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
    file = input_file(path, field="file", suffix=suffix)
    if not file.is_file():
        raise UsageError(f"there is no file {path}", field="file", value=str(path))
    return file


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
