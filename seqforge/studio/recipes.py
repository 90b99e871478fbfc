"""Recipes: everything that a take follows from, as plain JSON, and the command line that makes the same file."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seqforge.core.options import flag_name
from seqforge.errors import RequestError
from seqforge.plugin.capabilities import EDIT_KINDS

__all__ = ["MAX_LENGTH", "MAX_TEXT", "Edit", "Recipe", "command_line"]

MAX_LENGTH = 20_000
"""The largest length of a take, in natural units."""
MAX_TEXT = 20_000
"""The largest number of characters of a text in a request."""
MAX_FIELDS = 60
MAX_REGIONS = 500
_ID = re.compile(r"[a-z]\d{1,6}")


@dataclass(frozen=True)
class Edit:
    """How a take follows from another one.

    >>> Edit("rewrite", "t1", (5, 6)).numbers
    (5, 6)

    Attributes:
        kind: "continue", "vary" or "rewrite".
        parent: The id of the other take.
        numbers: The numbers of the regions that are rewritten.
    """

    kind: str
    parent: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """Everything that a take follows from.

    >>> Recipe.parse({"model": "text:default", "request": {"prompt": "ROMEO:"}, "seed": 7}).seed
    7

    Attributes:
        model: The name of the model.
        seed: The seed.
        length: The length in natural units; None for the default.
        candidates: The number of candidates of which one is kept; 0 for the plugin's choice.
        labels: Label name to value.
        controls: Sampling controls that differ from the defaults.
        request: Fields of the plugin's Request that differ from the defaults. A file is {"file": id of an upload}.
        edit: How the take follows from another one; None for a new one.
    """

    model: str
    seed: int = 0
    length: float | None = None
    candidates: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    edit: Edit | None = None

    @classmethod
    def parse(cls, values: Any) -> "Recipe":
        """Return the recipe that a client sent.

        Raises:
            RequestError: If a value has a wrong type, or is out of bounds.
        """
        if not isinstance(values, dict):
            raise RequestError("the body must be a JSON object", field="body")
        names = set(cls.__dataclass_fields__)
        for name in values:
            if name not in names:
                raise RequestError.invalid(
                    "body", str(name)[:80], f"an object with the members {', '.join(sorted(names))}"
                )
        length = values.get("length")
        if length is not None:
            length = _number("length", length, 0, MAX_LENGTH)
            if length == 0:
                raise RequestError.invalid("length", length, f"above 0 and at most {MAX_LENGTH}")
        return cls(
            model=_text("model", values.get("model")),
            seed=_whole("seed", values.get("seed", 0), 2**53 - 1),
            length=length,
            candidates=_whole("candidates", values.get("candidates", 0), 16),
            labels={_text("labels", k): _text("labels", v) for k, v in _object("labels", values).items()},
            controls={name: _plain("controls", value) for name, value in _object("controls", values).items()},
            request={name: _field(name, value) for name, value in _object("request", values).items()},
            edit=_edit(values.get("edit")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain JSON, which `parse` reads."""
        return asdict(self)


def command_line(recipe: Recipe, fields: Mapping[str, Any], output: str) -> str:
    """Return the command that makes the same file.

    >>> command_line(Recipe("text:default", seed=3), {"prompt": "To be"}, "take.txt")
    "seqforge generate --model text:default --seed 3 --prompt 'To be' -o take.txt"

    Args:
        recipe: The recipe.
        fields: The fields of the plugin's Request, edits included, with names of files in place of ids.
        output: The name of the file to write.
    """
    words = ["seqforge", "generate", "--model", recipe.model, "--seed", str(recipe.seed)]
    if recipe.length is not None:
        words += ["--length", f"{recipe.length:g}"]
    if recipe.candidates:
        words += ["--candidates", str(recipe.candidates)]
    for name, value in recipe.labels.items():
        words += ["--label", f"{name}={value}"]
    for name, value in {**recipe.controls, **fields}.items():
        if value is True:
            words.append(flag_name(name))
        elif value is False:
            words.append("--no-" + flag_name(name)[2:])
        elif value is not None:
            text = str(value)
            words += [f"{flag_name(name)}={text}"] if text.startswith("-") else [flag_name(name), text]
    return shlex.join([*words, "-o", output])


def _object(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    value = values.get(name, {})
    if not isinstance(value, dict) or len(value) > MAX_FIELDS or not all(len(key) <= 80 for key in value):
        raise RequestError(f"`{name}` must be a JSON object with at most {MAX_FIELDS} members", field=name)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
        raise RequestError.invalid(name, str(value)[:80], f"a text of at most {MAX_TEXT:,} characters")
    return value


def _number(name: str, value: Any, lowest: float, highest: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= highest:
        raise RequestError.invalid(name, str(value)[:80], f"a number from {lowest:g} to {highest:,.0f}")
    return float(value)


def _whole(name: str, value: Any, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise RequestError.invalid(name, str(value)[:80], f"a whole number from 0 to {highest:,}")
    return value


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 2**63:
        return value
    return _text(name, value)


def _field(name: str, value: Any) -> Any:
    """Return the value of a field of the request: plain, or the id of an upload."""
    if isinstance(value, dict):
        upload = value.get("file")
        if set(value) != {"file"} or not isinstance(upload, str) or not _ID.fullmatch(upload):
            raise RequestError.invalid(name, str(value)[:80], 'a plain value, or {"file": id of an upload}')
        return {"file": upload}
    return _plain(name, value)


def _edit(value: Any) -> Edit | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not set(value) <= {"kind", "parent", "numbers"}:
        raise RequestError("`edit` must be an object with kind, parent and numbers", field="edit")
    kind, parent, numbers = value.get("kind"), value.get("parent"), value.get("numbers", [])
    if kind not in EDIT_KINDS:
        raise RequestError.invalid("kind", str(kind)[:80], f"one of {', '.join(EDIT_KINDS)}")
    if not isinstance(parent, str) or not _ID.fullmatch(parent):
        raise RequestError.invalid("parent", str(parent)[:80], "the id of a take")
    if not isinstance(numbers, Sequence) or isinstance(numbers, str) or len(numbers) > MAX_REGIONS:
        raise RequestError(f"`numbers` must be a list of at most {MAX_REGIONS} numbers", field="numbers")
    chosen = tuple(sorted({_whole("numbers", number, 100_000) for number in numbers}))
    if (kind == "rewrite") != bool(chosen):
        raise RequestError("`numbers` names the regions to rewrite, and only those", field="numbers")
    return Edit(kind, parent, chosen)
