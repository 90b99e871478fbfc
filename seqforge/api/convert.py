"""Conversion: pieces of files, read by the plugin that reads them and written in any format that it writes."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seqforge.api.plugin_search import plugin_of_file, plugin_of_folder
from seqforge.core.files import STDIN, input_file, make_folder, remove_temporary_files_of, replacing
from seqforge.core.options import build_options
from seqforge.corpus import SourceFile, find_sources, read_files, visible_files
from seqforge.errors import CorpusError, OptionsError, ReadError, RequestError, UsageError, WriteError, listing
from seqforge.plugin import AnyPlugin, LaysOut, Loops, Piece, registry
from seqforge.plugin.validation import validate_piece, write_pieces

__all__ = [
    "Conversion",
    "PieceFile",
    "UnwritablePieceError",
    "check_format",
    "convert",
    "find_plugin",
    "is_folder_name",
    "read_piece_files",
    "write_piece_file",
]


@dataclass(frozen=True)
class PieceFile:
    """The pieces of one file.

    >>> len(PieceFile(Path("book.abc"), pieces=(Piece("first"), Piece("second")), errors=()).pieces)
    2

    Attributes:
        path: The path of the file, as it was given.
        pieces: The pieces that can be read.
        errors: What cannot be read, with the reason.
    """

    path: Path
    pieces: tuple[Piece[Any], ...]
    errors: tuple[ReadError, ...]


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    >>> Conversion((Path("tune.mid"),), pieces=1, skipped=()).files[0].name
    'tune.mid'

    Attributes:
        files: The paths of the written files.
        pieces: The number of written pieces.
        skipped: The reason for each piece that could not be read or written, as a sentence.
    """

    files: tuple[Path, ...]
    pieces: int
    skipped: tuple[str, ...]


def convert(
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    plugin: str | None = None,
    to: str | None = None,
    loop: bool = False,
    replace: bool = False,
    layout: Mapping[str, Any] | None = None,
) -> Conversion:
    """Read the pieces of files and write them in another format.

    Example:
        convert(["tune.abc"], "tune.mid")
        convert(["session.abc"], "tunes/", to="mid")  # one file per tune

    Args:
        inputs: Files, or folders of files; "-" is standard input.
        output: A file, whose suffix is the format, or a folder (it exists, ends in "/" or has no suffix), which
            receives one file per piece.
        plugin: The name of the plugin; None for the only installed one that reads and writes the formats.
        to: The format of the files in a folder, such as "mid"; not needed for a file.
        loop: Whether sound is written exactly as long as the music.
        replace: Whether existing files are replaced. An input is never replaced.
        layout: Options of how the pieces are written, by name: fields of the plugin's Layout; none by default.

    Raises:
        OptionsError: If an option of the layout is not allowed, or the plugin has none.
        UsageError: If the plugin, the format or an output is not possible.
        CorpusError: If no piece can be read.
        WriteError: If nothing can be written.
    """
    paths = [Path(path) for path in inputs]
    target, is_folder = Path(output), is_folder_name(output)
    form = _format(target, is_folder, to)
    listings = {path: visible_files(path) for path in paths if path.is_dir()}
    chosen = find_plugin(paths, plugin, writes=(form,), listings=listings)
    check_format(chosen, form, loop=loop)
    lay_out = _layout_function(chosen, layout or {})
    if not is_folder:
        _check_output(target, paths, replace=replace)
        if not target.parent.is_dir():
            raise WriteError(f"cannot write {target}: there is no folder {target.parent}; create it first")
    piece_files = list(read_piece_files(chosen, paths, listings=listings))
    skipped = [str(error) for file in piece_files for error in file.errors]
    piece_files = [replaced(file, pieces=tuple(map(lay_out, file.pieces))) for file in piece_files]
    pieces = [piece for file in piece_files for piece in file.pieces]
    if not pieces:
        reason = f": {skipped[0]}" if skipped else ""
        raise CorpusError(f"{listing(map(str, paths), most=3)} contains no piece that can be read{reason}")
    paths += [file.path for file in piece_files]  # the files of folders are inputs as well
    if not is_folder:
        _check_output(target, paths, replace=replace)
        write_piece_file(chosen, pieces, target, loop=loop)
        return Conversion((target,), len(pieces), tuple(skipped))
    plan = list(_names(piece_files, target, form))
    for path, _ in plan:
        _check_output(path, paths, replace=replace)
    files = []
    for path, piece in plan:
        make_folder(target)
        try:
            write_piece_file(chosen, [piece], path, loop=loop)
        except UnwritablePieceError as error:
            skipped.append(f"{_place(piece) or path.name}: {error}")
        else:
            files.append(path)
    if not files:
        raise WriteError(f"no piece can be written: {skipped[-1]}")
    return Conversion(tuple(files), len(files), tuple(skipped))


class UnwritablePieceError(WriteError):
    """A plugin cannot write one piece in a format; other pieces can still be written."""


def _layout_function(plugin: AnyPlugin, values: Mapping[str, Any]) -> Callable[[Piece[Any]], Piece[Any]]:
    """Return the function that gives a piece the layout of these options.

    Raises:
        OptionsError: If an option is not allowed, or the plugin has none.
    """
    if not values:
        return lambda piece: piece
    if not isinstance(plugin, LaysOut):
        name = next(iter(values))
        raise OptionsError(f"`{name}` does not apply to the plugin {plugin.name!r}; leave it out", field=name)
    options: Any = build_options(plugin.Layout, values, owner=f"the plugin {plugin.name!r}")
    return lambda piece: validate_piece(plugin, plugin.lay_out(piece, options), "lay_out", owner=plugin)


def find_plugin(
    paths: Sequence[Path],
    name: str | None = None,
    *,
    writes: Sequence[str] = (),
    listings: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
) -> AnyPlugin:
    """Return the plugin that reads files.

    Example:
        find_plugin([Path("tune.abc")], writes=[".mid"])

    Args:
        paths: The files or folders.
        name: The name of the plugin; None to find it by the suffix of the first file, or of a file in the first folder.
        writes: Suffixes that it must write, if it is found by suffix.
        listings: Folder to its files, as `visible_files` returns them; folders that are missing are listed.

    Raises:
        UsageError: If a file does not exist, or there is not exactly one such plugin.
    """
    for path in paths:
        if path != STDIN and not path.exists():
            raise UsageError(f"there is no file {path}", field="file", value=str(path))
    if name:
        return registry.load(name)
    files = [path for path in paths if path != STDIN and not path.is_dir()]
    if files:
        return plugin_of_file(files[0], writes=writes)
    folders = [path for path in paths if path.is_dir()]
    if not folders:
        raise UsageError("standard input has no suffix by which the plugin is found; set `plugin`", field="plugin")
    return plugin_of_folder(folders[0], writes=writes, listed=listings.get(folders[0]))


def check_format(plugin: AnyPlugin, suffix: str, *, loop: bool = False) -> None:
    """Raise an error unless a plugin writes a format.

    Raises:
        RequestError: If it does not, or a loop is asked for a format or plugin that has none.
    """
    if suffix not in plugin.writes:
        raise RequestError(
            f"{plugin.name} does not write {suffix or 'files without a suffix'}; it writes {listing(plugin.writes)}",
            field="output", value=suffix, allowed=listing(plugin.writes),
        )  # fmt: skip
    if loop and (suffix != ".wav" or not isinstance(plugin, Loops)):
        reason = f"the plugin {plugin.name!r} writes no loops" if suffix == ".wav" else f"the output is {suffix}"
        raise RequestError(f"`loop` is for .wav files of music, and {reason}; leave it out", field="loop", value=True)


def read_piece_files(
    plugin: AnyPlugin,
    paths: Sequence[Path],
    *,
    options: Any = None,
    listings: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
) -> Iterator[PieceFile]:
    """Yield the pieces of each file; standard input and pipes are read once.

    A file that crashes its reader, or on which the reader hangs, has an error and no pieces.

    Example:
        (file,) = read_piece_files(plugin, [Path("book.abc")])

    Args:
        plugin: The plugin that reads them.
        paths: Files, or folders of files that the plugin reads or imports.
        options: The plugin's options; None for the defaults.
        listings: Folder to its files, as `visible_files` returns them; folders that are missing are listed.

    Raises:
        UsageError: If a file does not exist.
        CorpusError: If a folder contains no file that the plugin reads.
    """
    options = plugin.Options() if options is None else options
    suffixes = (*plugin.reads, *plugin.imports) if plugin.reads else ()
    for path in paths:
        if path.is_dir():
            sources = list(find_sources([str(path)], reads=suffixes, domain=plugin.name, listings=listings).files)
        else:
            file = input_file(path, field="file", suffix=plugin.reads[0] if plugin.reads else plugin.writes[0])
            if not file.is_file():
                raise UsageError(f"there is no file {path}", field="file", value=str(path))
            sources = [SourceFile(file)]
        for source, items in read_files(plugin, options, sources):
            pieces, errors = [], []
            for item in items:
                if isinstance(item, ReadError):
                    errors.append(item)
                else:
                    pieces.append(item)
            yield PieceFile(source.path, tuple(pieces), tuple(errors))


def write_piece_file(plugin: AnyPlugin, pieces: Sequence[Piece[Any]], path: Path, *, loop: bool = False) -> None:
    """Write pieces to a file, completely or not at all. Their origin is left out, because no model generated them.

    Example:
        write_piece_file(plugin, file.pieces, Path("book.pdf"))

    Args:
        plugin: The plugin that writes them.
        pieces: One piece, or several if the format holds several.
        path: The path of the file; its suffix is the format.
        loop: Whether sound is written exactly as long as the music.

    Raises:
        RequestError: If the plugin does not write the format, or it holds one piece only.
        WriteError: If the file cannot be written.
    """
    suffix = path.suffix.lower()
    check_format(plugin, suffix, loop=loop)
    if len(pieces) > 1 and (loop or suffix not in plugin.multi_piece):
        formats = f", or a file that holds several: {listing(plugin.multi_piece)}" if plugin.multi_piece else ""
        raise RequestError(
            f"a {suffix} file holds one piece, and there are {len(pieces)}; name a folder and its format (-o DIR/ --to"
            f" {suffix.lstrip('.')}){formats}",
            field="output", value=str(path), allowed=listing(plugin.multi_piece),
        )  # fmt: skip
    plain = [dataclasses.replace(piece, origin=None) for piece in pieces]
    remove_temporary_files_of(path)
    with replacing(path) as temporary:
        try:
            if loop and isinstance(plugin, Loops):
                plugin.write_loop(plain[0], temporary)
            else:
                write_pieces(plugin, plain, temporary)
        except WriteError as error:
            raise UnwritablePieceError(str(error)) from error


def is_folder_name(output: str | Path) -> bool:
    """Return whether an output is a folder: it exists as one, ends in a separator or has no suffix.

    >>> is_folder_name("tunes/"), is_folder_name("tune.mid")
    (True, False)
    """
    return Path(output).is_dir() or str(output).endswith(("/", "\\")) or Path(output).suffix == ""


def _format(target: Path, is_folder: bool, to: str | None) -> str:
    """Return the suffix of the outputs."""
    named = f".{to.lower().lstrip('.')}" if to else ""
    if is_folder and not named:
        raise UsageError(f"{target} is a folder, so the format is not known; set `to`, as in --to mid", field="to")
    if not is_folder and named and named != target.suffix.lower():
        raise UsageError(
            f"`to` is {named}, but the output is {target.name}; leave `to` out, or name another output",
            field="to", value=named, allowed=target.suffix.lower(),
        )  # fmt: skip
    return named if is_folder else target.suffix.lower()


def _check_output(target: Path, inputs: Sequence[Path], *, replace: bool) -> None:
    """Raise an error if a file would replace an input, or another file without `replace`."""
    if not target.exists():
        return
    if any(path.exists() and target.samefile(path) for path in inputs if path != STDIN):
        raise UsageError(
            f"{target} is an input, which is never replaced; name another output", field="output", value=str(target)
        )
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name another output", field="output", value=str(target))
    if not replace:
        raise UsageError(
            f"{target} exists; name another output, or set `replace` to replace it", field="output", value=str(target)
        )


def _names(files: Sequence[PieceFile], folder: Path, suffix: str) -> Iterator[tuple[Path, Piece[Any]]]:
    """Yield each piece with its path: the name of its file, with a number if the file has several pieces.

    Raises:
        UsageError: If two pieces would have one path.
    """
    sources: dict[str, Path] = {}
    for file in files:
        for number, piece in enumerate(file.pieces, 1):
            several = len(file.pieces) + len(file.errors) > 1
            name = f"{file.path.stem}-{number:04d}{suffix}" if several else f"{file.path.stem}{suffix}"
            other = sources.setdefault(name.lower(), file.path)
            if other != file.path:
                raise UsageError(
                    f"{other} and {file.path} would both be written to {folder / name}; convert them one by one",
                    field="output",
                )
            yield folder / name, piece


def _place(piece: Piece[Any]) -> str:
    """Return the file and place of a piece."""
    return f"{piece.origin.file}: {piece.origin.place}" if piece.origin else ""
