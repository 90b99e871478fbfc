"""Forms: the fields of a dataclass of options as plain JSON, from which a page or an OpenAPI document is made."""

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.core.options import flag_name, without_none

__all__ = ["form_of", "schema_of"]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "file"}


def form_of(kind: type, *, leave_out: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """Return one entry per field: name, label, type, choices, default, help, unit, and whether it may be left open.

    Fields of the class itself come before inherited ones, and files come last.

    >>> from seqforge.sampling.controls import Controls
    >>> form_of(Controls)[1]["type"]
    'number'

    Args:
        kind: A frozen dataclass whose fields are made by `seqforge.flag`.
        leave_out: Names of fields that the form lacks.
    """
    hints = get_type_hints(kind)
    declared = vars(kind).get("__annotations__", {})
    entries = [
        _entry(item, hints[item.name])
        for item in dataclasses.fields(kind)
        if item.name not in leave_out and not item.metadata.get("list")
    ]
    return sorted(entries, key=lambda entry: (entry["type"] == "file", entry["name"] not in declared))


def schema_of(kind: type, *, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the JSON schema of a dataclass of options, as an OpenAPI document contains it."""
    properties = {}
    for entry in form_of(kind, leave_out=leave_out):
        schema: dict[str, Any] = {"description": entry["help"], "default": entry["default"]}
        if entry["choices"]:
            schema["enum"] = entry["choices"]
        else:
            schema["type"] = "string" if entry["type"] == "file" else entry["type"]
        if entry["optional"]:
            schema["nullable"] = True
        properties[entry["name"]] = schema
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _entry(item: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:
    plain, optional = without_none(hint)
    choices = list(get_args(plain)) if get_origin(plain) is Literal else []
    default = None if item.default is dataclasses.MISSING else item.default
    unit = str(item.metadata.get("unit", ""))
    return {
        "name": item.name,
        "label": item.name.rstrip("_").replace("_", " "),
        "flag": flag_name(item.name),
        "type": "choice" if choices else _TYPES.get(plain, "string"),
        "choices": choices,
        "optional": optional,
        "default": str(default) if isinstance(default, Path) else default,
        "help": str(item.metadata.get("help", "")),
        "unit": unit,
        "names_file": plain is Path or unit.startswith("FILE"),
    }
