"""The format of provenance records: JSON whose every value is checked before it is used."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from seqforge.api.generation_request import GenerationRequest
from seqforge.core.names import check_name
from seqforge.errors import UsageError
from seqforge.sampling import Precision

__all__ = ["FORMAT", "MAX_BYTES", "SUFFIX", "FileEntry", "InputEntry", "Record", "parse_records"]

FORMAT = 3
FORMATS = (2, 3)
"""The formats that can be read; format 2 had one record per folder and none inside files."""
SUFFIX = ".provenance.json"
MAX_BYTES = 64 << 20
MAX_NUMBER = 1e15


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A generated file in a record.

    Attributes:
        name: The name of the file, without its folder.
        numbers: The numbers of its pieces, from 0.
        sha256: The SHA-256 of its content without an embedded record.
        page: The number of the page of the piece that it contains, from 1; 0 if it contains whole pieces.
    """

    name: str
    numbers: tuple[int, ...]
    sha256: str
    page: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON; the number of a page is left out if there is none."""
        page = {"page": self.page} if self.page else {}
        return {"name": self.name, "k": list(self.numbers), **page, "sha256": self.sha256}


@dataclass(frozen=True)
class InputEntry:
    """A model or an input file in a record: its path and its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """The record of one run, whose values have the right types.

    Attributes:
        request: The request.
        plugin: The name of the plugin.
        models: The models.
        inputs: The input files, such as a prompt file.
        files: The files that were generated.
        versions: The version of each package, by name.
    """

    request: GenerationRequest
    plugin: str
    models: tuple[InputEntry, ...]
    inputs: tuple[InputEntry, ...]
    files: tuple[FileEntry, ...]
    versions: Mapping[str, str]


def parse_records(text: str) -> list[Record]:
    """Return the records in a JSON text, the oldest first.

    Raises:
        ValueError: If the text is not JSON of this format; the message is the end of a sentence.
    """
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    records = content.get("records", [content])
    if not isinstance(records, list) or not records:
        raise ValueError("`records` is not a list of records")
    if content.get("format") not in FORMATS:
        raise ValueError(f"its format is {_short(content.get('format'))}, and this seqforge reads {FORMAT}")
    return [_record(record) for record in records]


def _record(value: Any) -> Record:
    record = _mapping(value, "the record")
    if record.get("format") not in FORMATS:
        raise ValueError(f"its format is {_short(record.get('format'))}, and this seqforge reads {FORMAT}")
    request = _request(record.get("request"))
    models = tuple(_input(item, "models") for item in _list(record.get("models"), "models", empty=False))
    if tuple(model.path for model in models) != request.models:
        raise ValueError("`models` are not those of the request")
    versions = _mapping(record.get("versions"), "versions")
    for prompt in _list(record.get("prompts"), "prompts"):
        _string(_mapping(prompt, "prompts").get("sha256"), "prompts")
    return Record(
        request=request,
        plugin=_string(record.get("plugin"), "plugin"),
        models=models,
        inputs=tuple(_input(item, "inputs") for item in _list(record.get("inputs"), "inputs")),
        files=tuple(_file(item, request.n) for item in _list(record.get("files"), "files", empty=False)),
        versions={name: _string(text, "versions") for name, text in versions.items()},
    )


def _request(value: Any) -> GenerationRequest:
    values = _mapping(value, "request")
    unknown = set(values) - {field.name for field in fields(GenerationRequest)}
    if unknown:
        raise ValueError(f"`request` has unknown fields: {_short(sorted(unknown)[0])}")
    checked = {name: _CHECKS[name](item, name) for name, item in values.items()}
    if not checked.get("models"):
        raise ValueError("`request` names no model")
    try:
        return GenerationRequest(**checked)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _file(value: Any, n: int) -> FileEntry:
    entry = _mapping(value, "files")
    numbers = tuple(_integer(number, "k") for number in _list(entry.get("k"), "k", empty=False))
    if not all(0 <= number < n for number in numbers):
        raise ValueError(f"`k` contains a number that is not from 0 to {n - 1}")
    page = _integer(entry.get("page", 0), "page")
    if page < 0:
        raise ValueError(f"`page` is {page}; it must be at least 0")
    return FileEntry(check_name(entry.get("name")), numbers, _string(entry.get("sha256"), "sha256"), page)


def _input(value: Any, name: str) -> InputEntry:
    entry = _mapping(value, name)
    return InputEntry(_string(entry.get("path"), name), _string(entry.get("sha256"), name))


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"`{name}` is {_short(value)}; it must be an object")
    return value


def _list(value: Any, name: str, *, empty: bool = True) -> list[Any]:
    if not isinstance(value, list) or not (value or empty):
        raise ValueError(f"`{name}` is {_short(value)}; it must be a list" + ("" if empty else " that is not empty"))
    return value


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str) or "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"`{name}` is {_short(value)}; it must be a text")
    return value


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise ValueError(f"`{name}` is {_short(value)}; it must be an integer")
    return value


def _optional_integer(value: Any, name: str) -> int | None:
    return None if value is None else _integer(value, name)


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_NUMBER:
        raise ValueError(f"`{name}` is {_short(value)}; it must be a finite number")
    return float(value)


def _optional_number(value: Any, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _precision(value: Any, name: str) -> Any:
    if value not in get_args(Precision):
        raise ValueError(f"`{name}` is {_short(value)}; it must be a precision")
    return value


def _labels(value: Any, name: str) -> dict[str, str]:
    return {label: _string(text, name) for label, text in _mapping(value, name).items()}


def _options(value: Any, name: str) -> dict[str, Any]:
    """Return options by name, each a plain value or a list of strings."""
    for item in _mapping(value, name).values():
        for part in item if isinstance(item, list) else [item]:
            if isinstance(part, str):
                _string(part, name)
            elif isinstance(part, int | float) and not isinstance(part, bool):
                _number(part, name)
            elif part is not None and not isinstance(part, bool):
                raise ValueError(f"`{name}` contains {_short(part)}")
    return dict(value)


def _features(value: Any, name: str) -> Any:
    """Return the path of a file with features, or their numbers."""
    if isinstance(value, str):
        return _string(value, name)
    return tuple(tuple(_number(item, name) for item in _list(row, name, empty=False)) for row in _list(value, name))


def _models(value: Any, name: str) -> tuple[str, ...]:
    return tuple(_string(path, name) for path in _list(value, name, empty=False))


def _paths(value: Any, name: str) -> tuple[str, ...]:
    return tuple(_string(path, name) for path in _list(value, name))


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:60] + "..."


_CHECKS: Mapping[str, Callable[[Any, str], Any]] = {
    "models": _models,
    "n": _integer,
    "seed": _integer,
    "length": _optional_number,
    "max_steps": _optional_integer,
    "max_seconds": _optional_number,
    "max_copy": _integer,
    "beams": _integer,
    "length_penalty": _number,
    "coverage_penalty": _number,
    "beam_groups": _integer,
    "beam_diversity": _number,
    "precision": _precision,
    "device": _string,
    "candidates": _integer,
    "best_of": _integer,
    "guidance": _number,
    "alternatives": _integer,
    "labels": _labels,
    "features": _features,
    "adapt": _paths,
    "adapt_steps": _integer,
    "adapt_rate": _number,
    "controls": _options,
    "request": _options,
}
"""The check of each field of a GenerationRequest."""
