"""The pieces of a file that is named on the command line."""

from collections.abc import Iterator
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
    plugin: AnyPlugin,
    options: Any,
    file: "Path | SourceFile",
    *,
    quiet: bool = False,
    skipped: list[ReadError] | None = None,
) -> Iterator[Piece[Any]]:
    """Yield the pieces of a file that can be read, and print which cannot unless `quiet`.

    A file of a plugin with a native reader is read in a child process first, which it may crash.

    Args:
        plugin: The plugin that reads the file.
        options: The plugin's options.
        file: The file.
        quiet: Whether nothing is printed.
        skipped: A list to which what cannot be read is appended; None for no list.
    """
    skipped = [] if skipped is None else skipped
    from seqforge.corpus import SourceFile, probe, read_pieces

    source = SourceFile(file) if isinstance(file, Path) else file
    crash = probe(plugin, options, source.path) if source.columns is None else None
    if crash is not None:
        skipped.append(crash)
        if not quiet:
            message(f"skipped: {crash}")
        return
    for item in read_pieces(plugin, options, source):
        if not isinstance(item, ReadError):
            yield item[0]
            continue
        skipped.append(item)
        if not quiet:
            message(f"skipped: {item}")
