"""Replay: generate files again from their provenance, and compare them with what was generated before."""

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.api.generation import Generation
from seqforge.api.output import OutputFiles
from seqforge.api.provenance import content_digest, differences, digest, named_file, read_provenance
from seqforge.api.record_format import FileEntry, Record
from seqforge.api.requested_model import requested_model
from seqforge.core.files import path_kind
from seqforge.core.options import build_options
from seqforge.errors import DamagedFileError, RequestError, listing
from seqforge.plugin import AnyPlugin, Piece, registry
from seqforge.plugin.pages import pages_of
from seqforge.plugin.validation import write_pieces

__all__ = ["Replay", "replay"]


@dataclass(frozen=True)
class Replay:
    """The result of a replay in which every file has the same bytes again.

    Attributes:
        names: The names of the files that were generated again.
        changes: What has changed since, such as a version, one phrase each.
        is_edited: Whether the replayed file itself was changed after it was generated.
        written: The files that were written to `output`.
    """

    names: tuple[str, ...]
    changes: tuple[str, ...] = ()
    is_edited: bool = False
    written: tuple[Path, ...] = ()


def replay(
    path: str | Path,
    output: str | Path | None = None,
    *,
    formats: Sequence[str] = (),
    replace: bool = False,
    overwrite: bool = False,
) -> Replay:
    """Generate files again from their provenance, compare their bytes, and write them to `output` if it is given.

    Example:
        replay("tunes/").names
        replay("tunes/0005.abc", "five.svg").written

    Args:
        path: A generated file, a folder of generated files, or a provenance file.
        output: The file or folder to write, in any format of the plugin; None only compares.
        formats: As in `generate_files`.
        replace: As in `generate_files`.
        overwrite: As in `generate_files`.

    Raises:
        RequestError: If the bytes differ, or a model or an input file is missing.
        DamagedFileError: If the provenance is damaged.
        UsageError: If a file would be lost.
    """
    path = Path(path)
    provenance = read_provenance(path)
    runs: dict[int, _Run] = {}
    for record, entry in provenance.entries:
        runs.setdefault(id(record), _Run(provenance.source, record, [])).entries.append(entry)
    plugins = [run.plugin() for run in runs.values()]
    files = None
    if output is not None:
        if len(runs) > 1 or len(set(plugins)) > 1:
            raise RequestError(
                f"{provenance.source} has the records of {len(runs)} runs; set `replay` to one file, or leave `output`"
                " out",
                field="replay", value=str(path),
            )  # fmt: skip
        inputs = [path, provenance.source, *next(iter(runs.values())).paths()]
        count = len(next(iter(runs.values())).numbers())
        files = OutputFiles(
            plugins[0], output, n=count, formats=formats, inputs=inputs, replace=replace, overwrite=overwrite
        )
    changes: list[str] = []
    differing: list[str] = []
    for run, plugin in zip(runs.values(), plugins, strict=True):
        generation, pieces = run.generate(plugin)
        changes += [change for change in differences(run.record, generation.model) if change not in changes]
        differing += run.differing(plugin, pieces)
        if files is not None and not differing:
            for number in run.numbers():
                files.add(pieces[number])
            files.finish(generation, numbers=run.numbers())
    names = tuple(entry.name for _, entry in provenance.entries)
    if differing:
        reason = f"; since then {listing(changes, most=6)}" if changes else ""
        raise RequestError(
            f"{provenance.source}: {len(differing)} of {len(names)} files differ ({listing(differing, most=3)}){reason}"
        )
    is_single = len(provenance.entries) == 1 and path.is_file() and path.suffix != ".json"
    is_edited = is_single and content_digest(path) != provenance.entries[0][1].sha256
    written = tuple(files.paths()) if files is not None else ()
    return Replay(names, tuple(changes), is_edited, written)


@dataclass(frozen=True)
class _Run:
    """The files of one record that are generated again."""

    source: Path
    record: Record
    entries: list[FileEntry]

    def plugin(self) -> AnyPlugin:
        """Return the plugin, after a check of everything that can be checked without a model."""
        record = self.record
        plugin = registry.load(record.plugin)
        for entry in self.entries:
            suffix = Path(entry.name).suffix.lower()
            if suffix not in plugin.writes or (len(entry.numbers) > 1 and suffix not in plugin.multi_piece):
                raise DamagedFileError(
                    f"{self.source} is not the provenance of a generated file: {plugin.name} does not write"
                    f" {entry.name!r}"
                )
        missing = [path for path in self.paths() if path_kind(Path(path)) != "file"]
        if missing:
            name = str(missing[0]) if str(missing[0]).isprintable() else ascii(str(missing[0]))
            raise RequestError(f"{self.source} cannot be replayed: {name} is missing; restore it")
        request = build_options(plugin.Request, record.request.request, owner=f"the plugin {plugin.name!r}")
        if any(_is_stream(getattr(request, item.name), item.metadata) for item in dataclasses.fields(request)):
            raise RequestError(
                f"{self.source} cannot be replayed: its input was read from standard input or a pipe, which is not"
                " stored"
            )
        return plugin

    def paths(self) -> list[Path]:
        """Return the paths of the models and input files."""
        return [Path(item.path) for item in (*self.record.models, *self.record.inputs)]

    def numbers(self) -> list[int]:
        """Return the numbers of the pieces, each once, in the order of the files."""
        return list(dict.fromkeys(number for entry in self.entries for number in entry.numbers))

    def generate(self, plugin: AnyPlugin) -> tuple[Generation, dict[int, Piece[Any]]]:
        """Return the generation and the pieces by their numbers."""
        request, numbers = self.record.request, self.numbers()
        model = requested_model(request)
        if model.plugin.name != plugin.name:
            raise DamagedFileError(
                f"{self.source} is not the provenance of a generated file: {request.models[0]} is not a model of"
                f" {plugin.name}"
            )
        generation = Generation(model, request)
        generated = generation.run(numbers=range(min(numbers), max(numbers) + 1))
        return generation, {item.k: item.piece for item in generated}

    def differing(self, plugin: AnyPlugin, pieces: dict[int, Piece[Any]]) -> list[str]:
        """Write the files to a temporary folder and return the names of those whose bytes differ."""
        names = []
        with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
            for entry in self.entries:
                path = Path(folder) / f"piece{Path(entry.name).suffix}"
                if all(number in pieces for number in entry.numbers):
                    self._write(plugin, [pieces[number] for number in entry.numbers], path, page=entry.page)
                if digest(path) != entry.sha256:
                    names.append(entry.name)
                path.unlink(missing_ok=True)
        return names

    def _write(self, plugin: AnyPlugin, pieces: Sequence[Piece[Any]], path: Path, *, page: int) -> None:
        """Write pieces, or one page of a piece; a page that the piece no longer has leaves no file."""
        if page == 0:
            write_pieces(plugin, pieces, path)
        elif page <= len(pages := pages_of(plugin, pieces, path.suffix)):
            write_pieces(plugin, pages[page - 1], path)


def _is_stream(value: Any, metadata: Mapping[str, Any]) -> bool:
    """Return whether a field of a request names standard input or a pipe.

    Args:
        value: The value of the field.
        metadata: The metadata of the field; a text with the unit FILE names a file.
    """
    if isinstance(value, Path):
        return path_kind(value) not in ("file", "folder")
    return bool(value) and str(metadata.get("unit", "")).startswith("FILE") and named_file(str(value)) is None
