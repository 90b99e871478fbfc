"""The files of a generation: where they are written, what they must not replace, and their provenance."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqforge.api.generation_request import GenerationRequest
from seqforge.api.provenance import (
    append_record,
    digest,
    find_provenance,
    input_files,
    is_unchanged,
    provenance_of,
    provenance_path,
    record_text,
)
from seqforge.api.record_format import FileEntry
from seqforge.core.files import (
    make_folder,
    remove_temporary_files,
    remove_temporary_files_of,
    replacing,
    write_text,
)
from seqforge.errors import DamagedFileError, RequestError, UsageError, WriteError, listing
from seqforge.plugin import AnyPlugin, Piece, Prepares
from seqforge.plugin.pages import has_page_files, pages_of
from seqforge.plugin.records import carries_provenance, embed_record
from seqforge.plugin.validation import write_pieces

if TYPE_CHECKING:
    from seqforge.api.generation import Generation
    from seqforge.api.model_base import ModelBase

__all__ = ["OutputFiles", "check_output", "generate_files", "parse_formats"]

_NUMBERED = re.compile(r"(\d{4,9})(?:-\d{1,9})?\.[^.]+")
"""Names of the files of a folder: the number of the piece, the number of the page if there are several, a suffix."""


def generate_files(
    model: "ModelBase",
    request: GenerationRequest,
    output: str | Path,
    *,
    formats: Sequence[str] = (),
    replace: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Generate pieces, write them with their provenance, and return the paths of the files.

    Example:
        model = seqforge.load("abc")
        generate_files(model, GenerationRequest(n=3, request={"key": "D"}), "tunes/", formats=[".abc", ".svg"])

    Args:
        model: The model.
        request: The request.
        output: A file, or a folder for one file per piece; see `OutputFiles`.
        formats: Suffixes of the formats to write; () for the suffix of the file, or the plugin's first format.
        replace: Whether to replace files that would be lost.
        overwrite: Whether to number the files of a folder from 0001 again.

    Raises:
        UsageError: If a file would be lost, or a format is not possible.
        WriteError: If a file cannot be written.
    """
    from seqforge.api.generation import Generation

    inputs = [*map(Path, request.models), *input_files(request)]
    files = OutputFiles(
        model.plugin, output, n=request.n, formats=formats, inputs=inputs, replace=replace, overwrite=overwrite
    )
    generation = Generation(model, request)
    try:
        for generated in generation.run_in_order():
            files.add(generated.piece)
        files.finish(generation)
    finally:
        files.save_record(generation)
    return files.paths()


class OutputFiles:
    """The files of a generation, which are checked before anything is generated.

    A path is a folder if it ends with a slash, is an existing folder, or has no suffix and no formats are given. A
    folder receives one file per piece and format, numbered after the highest number that is there. With formats, a file
    is named without its suffix. In formats whose files hold one page, a piece of several pages is written as
    letter-1.svg, letter-2.svg and so on, or as 0001-1.svg in a folder; see `seqforge.Paginates`.

    Example:
        files = OutputFiles(model.plugin, "tunes/", n=2)
        for piece in pieces:
            files.add(piece)
        files.finish(generation)

    Args:
        plugin: The plugin that writes the files.
        output: The path of the file or folder.
        n: The number of pieces.
        formats: Suffixes of the formats to write; () for the suffix of the file, or the plugin's first format.
        inputs: Files that are read, which are never replaced.
        replace: Whether to replace files that would be lost.
        overwrite: Whether to number the files of a folder from 0001 again.

    Attributes:
        count: The number of pieces that were added.
        entries: The entry of the record of each written file.

    Raises:
        RequestError: If the plugin does not write a format, or a format does not hold several pieces.
        UsageError: If a file is an input, or would be lost.
        WriteError: If the folder of the file does not exist.
        DamagedFileError: If the provenance of the folder is damaged.
    """

    def __init__(
        self,
        plugin: AnyPlugin,
        output: str | Path,
        *,
        n: int = 1,
        formats: Sequence[str] = (),
        inputs: Iterable[Path] = (),
        replace: bool = False,
        overwrite: bool = False,
    ) -> None:
        self.plugin, self.path = plugin, Path(output)
        self.is_folder = (
            self.path.is_dir()
            or (not formats and self.path.suffix == "")
            or str(output).endswith(("/", "\\"))
        )  # fmt: skip
        self.count = 0
        self._inputs, self._replace = list(inputs), replace
        self.entries: list[FileEntry] = []
        self._pieces: list[Piece[Any]] = []
        self._recorded = 0
        for suffix in formats:
            check_format(plugin, suffix, 1, field="format")
        if self.is_folder:
            self.formats = tuple(formats) or (plugin.writes[0],)
            self._first = 1 if overwrite else 1 + max(_numbered(self.path), default=0)
            self._check_folder(n)
        else:
            self.formats = tuple(formats) or (self.path.suffix,)
            self._base = self.path
            if not formats or self.path.suffix.lower() in plugin.writes:
                self._base = self.path.with_suffix("")
            self._check_files(n, has_formats=bool(formats))
        if isinstance(plugin, Prepares):
            for suffix in self.formats:
                plugin.prepare_write(suffix.lower())

    def _check_folder(self, n: int) -> None:
        """Check the files of a folder; only those that exist can be lost."""
        provenance = find_provenance(self.path) if self.path.is_dir() else None
        digests = {entry.name: entry.sha256 for _, entry in provenance.entries} if provenance else {}
        for number, paths in _numbered(self.path).items():
            for path in paths if self._first <= number < self._first + n else ():
                if path.suffix in self.formats:
                    unchanged = path.name in digests and digest(path) == digests[path.name]
                    check_output(path, self._inputs, plugin=self.plugin, replace=self._replace or unchanged)

    def _check_files(self, n: int, *, has_formats: bool) -> None:
        if not self.path.parent.is_dir():
            raise WriteError(f"cannot write {self.path}: there is no folder {self.path.parent}; create it first")
        if has_formats and self._base != self.path and self.path.suffix.lower() not in self.formats:
            raise RequestError(
                f"`output` is {self.path} and `format` is {listing(self.formats)}; leave the suffix of the file out",
                field="output", value=str(self.path),
            )  # fmt: skip
        for suffix in self.formats:
            check_format(self.plugin, suffix.lower(), n)
            path = self._target(suffix)
            for other in [path, *_existing_pages(path)] if has_page_files(self.plugin, suffix) and n == 1 else [path]:
                self._check_file(other)

    def _check_file(self, path: Path) -> None:
        """Check that neither a file nor the file beside it that receives its record is lost."""
        check_output(path, self._inputs, plugin=self.plugin, replace=self._replace)
        if not carries_provenance(self.plugin, path.suffix.lower()):
            _check_sidecar(provenance_path(path), self._inputs, replace=self._replace)

    def _target(self, suffix: str) -> Path:
        return self._base.with_name(self._base.name + suffix)

    def add(self, piece: Piece[Any]) -> list[Path]:
        """Take the next piece; in a folder, write its files and return their paths."""
        self.count += 1
        if not self.is_folder:
            self._pieces.append(piece)
            return []
        make_folder(self.path)
        if self.count == 1:
            remove_temporary_files(self.path, r"\d+(-\d+)?|provenance")
        stem, paths = f"{self._first + self.count - 1:04d}", []
        for suffix in self.formats:
            for path, pieces, page in self._page_files([piece], self.path / (stem + suffix)):
                with replacing(path) as temporary:
                    write_pieces(self.plugin, pieces, temporary)
                    sha256 = digest(temporary)
                self.entries.append(FileEntry(path.name, (self.count - 1,), sha256, page))
                paths.append(path)
        return paths

    def paths(self, first: int = 0) -> list[Path]:
        """Return the paths of the files that are written.

        Args:
            first: The number of files to leave out, the first ones.
        """
        folder = self.path if self.is_folder else self._base.parent
        return [folder / entry.name for entry in self.entries[first:]]

    def _page_files(self, pieces: Sequence[Piece[Any]], path: Path) -> list[tuple[Path, list[Piece[Any]], int]]:
        """Return the path, the pieces and the number of the page of each file that pieces are written to."""
        pages = pages_of(self.plugin, pieces, path.suffix)
        if len(pages) == 1:
            return [(path, list(pieces), 0)]
        return [(_page_path(path, number), page, number) for number, page in enumerate(pages, 1)]

    def finish(self, generation: "Generation", *, numbers: Sequence[int] | None = None) -> None:
        """Write the pieces that belong into one file, and the provenance.

        Args:
            generation: The generation of the pieces.
            numbers: The number of each piece in the generation; None if all pieces were added in order.
        """
        if not self.is_folder:
            files = [file for suffix in self.formats for file in self._page_files(self._pieces, self._target(suffix))]
            for path, _, _ in files:
                self._check_file(path)
            for path, pieces, page in files:
                self._write(path, pieces, page, generation, numbers or range(self.count))
        self.save_record(generation, numbers=numbers)

    def save_record(self, generation: "Generation", *, numbers: Sequence[int] | None = None) -> None:
        """Write the record of the files of a folder that were written since the last record.

        Args:
            generation: The generation of the pieces.
            numbers: The number of each piece in the generation; None if all pieces were added in order.
        """
        if self.is_folder and self._recorded < len(self.entries):
            entries = self.entries[self._recorded :]
            if numbers is not None:
                entries = [replace_fields(e, numbers=tuple(numbers[k] for k in e.numbers)) for e in entries]
            append_record(self.path, provenance_of(generation, entries))
            self._recorded = len(self.entries)

    def _write(
        self, path: Path, pieces: Sequence[Piece[Any]], page: int, generation: "Generation", numbers: Sequence[int]
    ) -> None:
        """Write all pieces, or one page, to a file, with the record in it or beside it."""
        carries = carries_provenance(self.plugin, path.suffix.lower())
        remove_temporary_files_of(path)
        with replacing(path) as temporary:
            write_pieces(self.plugin, pieces, temporary)
            entry = FileEntry(path.name, tuple(numbers), digest(temporary), page)
            record = provenance_of(generation, [entry])
            if carries:
                embed_record(self.plugin, temporary, record_text(record))
        if not carries:
            write_text(provenance_path(path), record_text(record) + "\n")
        self.entries.append(entry)


def parse_formats(text: str | None) -> tuple[str, ...]:
    """Return the suffixes in a list such as "svg,mid".

    >>> parse_formats("svg,.mid")
    ('.svg', '.mid')

    Raises:
        RequestError: If the text contains no format.
    """
    if text is None:
        return ()
    words = [word.strip().lower().lstrip(".") for word in text.split(",")]
    if not all(words):
        raise RequestError.invalid("format", text, "a list of formats such as svg,mid")
    return tuple(dict.fromkeys("." + word for word in words))


def check_format(plugin: AnyPlugin, suffix: str, n: int, *, field: str = "output") -> None:
    """Check that a plugin writes a format, and that a file of it holds n pieces.

    Raises:
        RequestError: If not.
    """
    if suffix not in plugin.writes:
        raise RequestError(
            f"{plugin.name} does not write {suffix} files; it writes {listing(plugin.writes)}",
            field=field, value=suffix, allowed=listing(plugin.writes),
        )  # fmt: skip
    if n > 1 and suffix not in plugin.multi_piece:
        formats = f", or a file that holds several: {listing(plugin.multi_piece)}" if plugin.multi_piece else ""
        raise RequestError(
            f"a {suffix} file holds one piece and `n` is {n}; name a folder (-o DIR/){formats}", field="n", value=n
        )


def check_output(
    path: Path, inputs: Iterable[Path], *, plugin: AnyPlugin | None, replace: bool, field: str = "output"
) -> None:
    """Check that writing a file destroys nothing.

    Args:
        path: The file to write.
        inputs: Files that are read, which are never replaced.
        plugin: The plugin that writes the file; a file that is unchanged since it was generated may be replaced. None
            if the file has no provenance.
        replace: Whether to replace files that would be lost.
        field: The name of the option that gave the path, for messages.

    Raises:
        UsageError: If the file is an input, or it exists and would be lost.
    """
    for other in inputs:
        if _is_same_file(path, other):
            raise UsageError(
                f"`{field}` is {path}, which is also an input; name another file", field=field, value=str(path)
            )
    if replace or not os.path.lexists(path) or (plugin is not None and is_unchanged(path, plugin)):
        return
    raise UsageError(
        f"{path} exists and is not an unchanged file that `seqforge generate` wrote, so it would be lost; set `replace`"
        " to replace it, or name another file",
        field=field,
        value=str(path),
    )


def _check_sidecar(path: Path, inputs: Iterable[Path], *, replace: bool) -> None:
    """Check that the file beside an output, which receives its record, is free or contains a record."""
    check_output(path, inputs, plugin=None, replace=True)
    if not replace and path.exists():
        try:
            find_provenance(path)
        except DamagedFileError as error:
            raise UsageError(
                f"{path} exists and is not a provenance record, so it would be lost; set `replace` to replace it, or"
                " name another file",
                field="output",
                value=str(path),
            ) from error


def _is_same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except (OSError, ValueError):
        return os.path.realpath(first) == os.path.realpath(second)


def _page_path(path: Path, number: int) -> Path:
    """Return the path of a page: letter-2.svg for page 2 of letter.svg."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _existing_pages(path: Path) -> list[Path]:
    """Return the existing files that have the names of the first 999 pages of a file."""
    name = re.compile(rf"{re.escape(path.stem)}-[1-9]\d{{0,2}}{re.escape(path.suffix)}")
    return [other for other in sorted(path.parent.iterdir()) if name.fullmatch(other.name)]


def _numbered(folder: Path) -> dict[int, list[Path]]:
    """Return the numbered files of a folder by their numbers."""
    numbered: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if match := _NUMBERED.fullmatch(path.name):
            numbered.setdefault(int(match[1]), []).append(path)
    return numbered
