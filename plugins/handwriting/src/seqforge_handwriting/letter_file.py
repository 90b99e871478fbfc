"""Letters as JSON: lines of a text, each with its hand, bias, colour, pen width and place.

["Dear Ann,", {"text": "I am well.", "style": "w014", "colour": "navy"}, {"text": "Yours", "align": "right"}]
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from seqforge import RequestError, did_you_mean, listing

__all__ = ["Entry", "parse_letter"]


@dataclass(frozen=True)
class Entry:
    """One or several lines of a letter, and what differs from the rest of the request; None for no difference.

    >>> Entry("Dear Ann,", colour="navy").changes
    {'colour': 'navy'}

    Attributes:
        text: The lines.
        style: The hand: a writer of the model, or a file.
        style_text: The text that the file of the style shows.
        colour: The colour of the ink.
        pen_width: The width of the pen in millimetres.
        align: Where the lines stand: left, centre or right.
        bias: The bias of the sampler; larger is neater.
    """

    text: str
    style: str | None = None
    style_text: str | None = None
    colour: str | None = None
    pen_width: float | None = None
    align: str | None = None
    bias: float | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of a request that differ, by name; `bias` is none of them."""
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if name not in ("text", "bias") and value is not None}


FIELDS = tuple(field.name for field in dataclasses.fields(Entry))
NUMBERS = ("pen_width", "bias")
"""The fields of an entry that are numbers."""
MAX_BIAS = 100
"""The largest bias of the sampler."""


def parse_letter(content: str, file: str) -> list[Entry]:
    """Return the entries of a letter.

    >>> [entry.text for entry in parse_letter('["Dear Ann,", {"text": "I am well."}]', "letter.json")]
    ['Dear Ann,', 'I am well.']

    Args:
        content: The content of the file: a list of texts and of objects with a text.
        file: The name of the file, for messages.

    Raises:
        RequestError: If it is not such a list, or a value has a wrong type.
    """
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _error(file, f"is not JSON: {error}") from error
    if not isinstance(values, list) or not values:
        example = '{"text": "...", "colour": "navy"}'
        raise _error(file, f"must be a list of lines, each a text or an object such as {example}")
    return [_entry(value, file, number) for number, value in enumerate(values, 1)]


def _entry(value: Any, file: str, number: int) -> Entry:
    item = {"text": value} if isinstance(value, str) else value
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise _error(file, f'entry {number}: must be a text, or an object with "text"')
    for name, content in item.items():
        if name not in FIELDS:
            known = f"it has {listing(FIELDS)}{did_you_mean(name, FIELDS)}"
            raise _error(file, f"entry {number}: has no field {name!r}; {known}")
        kinds: tuple[type, ...] = (int, float) if name in NUMBERS else (str,)
        if not isinstance(content, kinds) or isinstance(content, bool):
            kind = "a number" if name in NUMBERS else "a text"
            raise _error(file, f"entry {number}: {name} is {str(content)[:40]!r}; it must be {kind}")
    entry = Entry(**item)
    if entry.bias is not None and not 0 <= entry.bias <= MAX_BIAS:
        raise _error(file, f"entry {number}: bias is {entry.bias:g}; it must be from 0 to {MAX_BIAS}")
    return entry


def _error(file: str, reason: str) -> RequestError:
    return RequestError(f"the `text_file` {file} {reason}", field="text_file", value=file)
