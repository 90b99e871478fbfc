"""Provenance: the record of everything that a generated file follows from, so that `--replay FILE` can reproduce it.

A single file carries its record if its format can (see `seqforge.CarriesProvenance`); otherwise the record is in
`FILE.provenance.json`. The files of a folder have their records in `provenance.json`, one record per run. The digest of
a file in a record is the SHA-256 of its bytes before the record was embedded.
"""

import hashlib
import json
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqforge.api.record_format import FORMAT, MAX_BYTES, SUFFIX, FileEntry, Record, parse_records
from seqforge.core.files import path_kind, write_text
from seqforge.errors import ContractError, DamagedFileError, PluginError, RequestError
from seqforge.inference import instruction_set
from seqforge.plugin import AnyPlugin, registry
from seqforge.plugin.entry_points import installed
from seqforge.plugin.records import extract_record
from seqforge.version import __version__

if TYPE_CHECKING:
    from seqforge.api.generation import Generation
    from seqforge.api.generation_request import GenerationRequest
    from seqforge.api.model_base import ModelBase

__all__ = [
    "Provenance",
    "append_record",
    "content_digest",
    "differences",
    "digest",
    "files_below",
    "find_provenance",
    "input_files",
    "input_paths",
    "is_unchanged",
    "named_file",
    "provenance_of",
    "provenance_path",
    "read_provenance",
    "record_text",
]


_SELECTION = re.compile(r"(#\d+)?(:[\d\s,-]+)?$")
"""A piece and its parts, after the name of a file."""


@dataclass(frozen=True)
class Provenance:
    """The records of a generated file or folder.

    Attributes:
        source: The file in which the records are: the generated file itself or a JSON file.
        entries: Each generated file with the record of its run, in the order of generation.
    """

    source: Path
    entries: tuple[tuple[Record, FileEntry], ...]


def provenance_path(output: Path) -> Path:
    """Return the path of the provenance of a file that does not carry it, or of the files of a folder.

    >>> provenance_path(Path("poem.txt")).name
    'poem.txt.provenance.json'
    """
    return output / SUFFIX.lstrip(".") if output.is_dir() else output.with_name(output.name + SUFFIX)


def provenance_of(generation: "Generation", files: Sequence[FileEntry]) -> dict[str, Any]:
    """Return the record of one run, as plain JSON.

    Example:
        record = provenance_of(generation, [(Path("tune.abc"), [0])])

    Args:
        generation: The generation.
        files: The files that it wrote.
    """
    request, model = generation.request, generation.model
    if not request.models and model.path is not None:
        request = replace(request, models=(str(model.path.resolve()),))
    prompts = [np.ascontiguousarray(prompt.example.steps) for prompt in generation.prompts]
    return {
        "format": FORMAT,
        "request": asdict(request),
        "plugin": model.plugin.name,
        "models": [{"path": path, "sha256": digest(Path(path))} for path in request.models],
        "inputs": [{"path": str(path), "sha256": digest(path)} for path in input_files(request)],
        "prompts": [{"steps": len(p), "sha256": hashlib.sha256(p.tobytes()).hexdigest()} for p in prompts],
        "files": [file.to_json() for file in files],
        "versions": versions(model),
    }


def record_text(record: Any) -> str:
    """Return a record as one line of ASCII, as it is embedded."""
    return json.dumps(record, separators=(",", ":"))


def input_files(request: "GenerationRequest") -> list[Path]:
    """Return the files that a request reads beside its models.

    They are the files of the plugin's fields, the features, and the pieces to which the models are adapted.
    """
    features = [Path(request.features)] if isinstance(request.features, str) and request.features else []
    return [*input_paths(request.request), *features, *files_below(request.adapt)]


def files_below(paths: Sequence[str]) -> list[Path]:
    """Return files, and in place of a folder the files in it."""
    result: list[Path] = []
    for path in map(Path, paths):
        result += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return result


def input_paths(request: Any) -> list[Path]:
    """Return the files that the fields of a plugin's request name, such as a prompt file or a style."""
    return [path for value in request.values() if isinstance(value, str) and (path := named_file(value)) is not None]


def named_file(text: str) -> Path | None:
    """Return the file that a text names, None if it names none.

    The name may be followed by the number of a piece and by ranges of its parts: `book.abc#3:5-8,13`.
    """
    paths = [Path(text), Path(_SELECTION.sub("", text, count=1))]
    return next((path for path in paths if path_kind(path) == "file"), None)


def read_provenance(path: Path) -> Provenance:
    """Return the provenance of a generated file, or of all files of a folder.

    Args:
        path: A generated file, a folder of generated files, or a provenance file.

    Raises:
        RequestError: If there is none.
        DamagedFileError: If it is damaged.
    """
    provenance = find_provenance(path)
    if provenance is None:
        places = "" if path.is_dir() else f"{provenance_path(path)} or "
        folder = path if path.is_dir() else path.parent
        raise RequestError(
            f"`replay` is {path}, which has no provenance (in the file, {places}{folder / SUFFIX.lstrip('.')}); only"
            " files that `seqforge generate -o` wrote can be reproduced",
            field="replay",
            value=str(path),
        )
    return provenance


def find_provenance(path: Path, plugin: AnyPlugin | None = None) -> Provenance | None:
    """Return the provenance of a generated file or folder, None if there is none.

    Of several records of a file, the last one that fits its content is returned, else the last one.

    Args:
        path: A generated file, a folder of generated files, or a provenance file.
        plugin: The plugin that wrote the file; None for any installed plugin.

    Raises:
        DamagedFileError: If it is damaged.
    """
    if path.is_dir() or path.name.endswith(SUFFIX.lstrip(".")):
        source = provenance_path(path) if path.is_dir() else path
        if not source.is_file():
            return None
        latest = {entry.name: (record, entry) for record in _read(source) for entry in record.files}
        return Provenance(source, tuple(latest.values()))
    candidates = _records_of_file(path, plugin)
    if not candidates:
        return None
    current = content_digest(path, plugin)
    source, record, entry = next((item for item in candidates if item[2].sha256 == current), candidates[0])
    return Provenance(source, ((record, entry),))


def _records_of_file(path: Path, plugin: AnyPlugin | None) -> list[tuple[Path, Record, FileEntry]]:
    """Return the records of a file: its own, that beside it, and those of its folder, the last one first."""
    records = []
    embedded = _extract(path, plugin)
    if embedded is not None:
        records += [(path, record, record.files[0]) for record in _parse(path, embedded[0])]
    beside, folder = provenance_path(path), path.parent / SUFFIX.lstrip(".")
    if beside.is_file():
        records += [(beside, record, record.files[0]) for record in _read(beside)]
    if folder.is_file():
        records += [
            (folder, record, entry)
            for record in reversed(_read(folder))
            for entry in record.files
            if entry.name == path.name
        ]
    return records


def _read(source: Path) -> list[Record]:
    """Return the records of a JSON file, the oldest first."""
    try:
        if source.stat().st_size > MAX_BYTES:
            raise DamagedFileError(f"{source} is not the provenance of a generated file: it is too large")
        text = source.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{source} is not the provenance of a generated file: {error}") from error
    return _parse(source, text)


def _parse(source: Path, text: str) -> list[Record]:
    try:
        return parse_records(text)
    except ValueError as error:
        raise DamagedFileError(f"{source} is not the provenance of a generated file: {error}") from error


def _extract(path: Path, plugin: AnyPlugin | None) -> tuple[str, bytes] | None:
    """Return the record in a file and its content without the record; None if it has no record."""
    if path_kind(path) != "file":
        return None
    suffix, data = path.suffix.lower(), None
    for candidate in _plugins() if plugin is None else [plugin]:
        if suffix in candidate.writes:
            data = path.read_bytes() if data is None else data
            embedded = extract_record(candidate, data, suffix)
            if embedded is not None:
                return embedded
    return None


def _plugins() -> list[AnyPlugin]:
    """Return the installed plugins that can be loaded."""
    plugins = []
    for entry in installed():
        try:
            plugins.append(registry.load(entry.name))
        except (PluginError, ContractError):
            continue
    return plugins


def content_digest(path: Path, plugin: AnyPlugin | None = None) -> str:
    """Return the SHA-256 of a file without its own record, "" if it cannot be read."""
    try:
        embedded = _extract(path, plugin)
    except OSError:
        return ""
    return digest(path) if embedded is None else hashlib.sha256(embedded[1]).hexdigest()


def is_unchanged(path: Path, plugin: AnyPlugin) -> bool:
    """Return whether a file has exactly the content that its provenance says.

    Args:
        path: The file.
        plugin: The plugin that wrote it.
    """
    try:
        provenance = find_provenance(path, plugin)
        return provenance is not None and provenance.entries[0][1].sha256 == content_digest(path, plugin)
    except (DamagedFileError, OSError):
        return False


def append_record(folder: Path, record: Any) -> None:
    """Add the record of a generation to the provenance of a folder; other records are kept.

    Raises:
        DamagedFileError: If the present provenance is damaged.
        WriteError: If the file cannot be written.
    """
    path = folder / SUFFIX.lstrip(".")
    records: list[Any] = []
    if path.exists():
        _read(path)
        content = json.loads(path.read_text(encoding="utf-8"))
        records = content.get("records", [content])
    others = [other for other in records if other != record]  # a command that is repeated replaces its record
    text = json.dumps({"format": FORMAT, "records": [*others, record]}, indent=1, ensure_ascii=False)
    write_text(path, text + "\n")


def differences(record: Record, model: "ModelBase") -> list[str]:
    """Return what has changed since the record was written: models, input files, versions."""
    changes = []
    for item in (*record.models, *record.inputs):
        current = digest(Path(item.path))
        if current != item.sha256:
            changes.append(f"{item.path} {'has changed' if current else 'is missing'}")
    present = versions(model)
    changes += [
        f"{name} was {value} and is {present.get(name)}"
        for name, value in record.versions.items()
        if value != present.get(name)
    ]
    return changes


def versions(model: "ModelBase") -> dict[str, str]:
    """Return the versions, and the kind of processor, on which results may depend."""
    try:
        plugin_version = version(model.plugin.distribution())
    except PackageNotFoundError:
        plugin_version = "unknown"
    return {
        "seqforge": __version__,
        model.plugin.distribution(): plugin_version,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": f"{platform.machine()} {instruction_set()}",
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""
