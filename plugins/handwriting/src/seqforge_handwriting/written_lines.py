"""The lines of a written page: which strokes they consist of, and where they stand."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqforge_handwriting.ink import Ink

__all__ = ["WrittenLine", "line_inks", "lines_from_json", "lines_to_json"]

DECIMALS = 3
"""Decimals of a place in millimetres, as in a drawing."""


@dataclass(frozen=True)
class WrittenLine:
    """A line of a page. Lengths are in millimetres.

    >>> WrittenLine("Dear Ann,", strokes=12, baseline=15.5, left=10.0).x_height
    2.5

    Attributes:
        text: Its text.
        strokes: The number of its strokes; the strokes of a page are in the order of its lines.
        baseline: The y of its baseline.
        left: The x of its left edge.
        x_height: The height of its small letters.
        align: Where it stands: left, centre or right.
        style: The writer of the model whose hand it is in; "" for another hand.
        colour: The colour of its ink.
        pen_width: The width of its strokes.

    Raises:
        ValueError: If a length is not finite, the x-height is not above 0, or there is no stroke.
    """

    text: str
    strokes: int
    baseline: float
    left: float
    x_height: float = 2.5
    align: str = "left"
    style: str = ""
    colour: str = "black"
    pen_width: float = 0.4

    def __post_init__(self) -> None:
        if not (abs(self.baseline) < 1e6 and abs(self.left) < 1e6 and 0 < self.x_height < 1e4 and self.strokes > 0):
            raise ValueError("has a line without strokes, or one that is outside the page")


def line_inks(ink: Ink, lines: Sequence[WrittenLine]) -> Iterator[Ink]:
    """Yield the ink of each line of a page.

    >>> stroke = [[0.0, 0.0]]
    >>> lines = [WrittenLine("a", 1, 0.0, 0.0), WrittenLine("b", 2, 9.0, 0.0)]
    >>> [part.counts for part in line_inks(Ink((stroke, stroke, stroke)), lines)]
    [(1,), (1, 1)]

    Args:
        ink: The ink of the page.
        lines: The lines of the page.
    """
    start = 0
    for line in lines:
        yield Ink(ink.strokes[start : start + line.strokes], line.text)
        start += line.strokes


def lines_to_json(lines: Sequence[WrittenLine]) -> list[dict[str, Any]]:
    """Return lines as the member `lines` of a page in JSON.

    Args:
        lines: The lines.
    """
    return [
        {name: round(value, DECIMALS) if isinstance(value, float) else value for name, value in item.items()}
        for item in map(dataclasses.asdict, lines)
    ]


def lines_from_json(values: Any, strokes: int) -> tuple[WrittenLine, ...]:
    """Return the lines that `lines_to_json` described.

    Args:
        values: The member `lines` of a page in JSON.
        strokes: The number of strokes of the page.

    Raises:
        ValueError: If the lines are malformed, or do not have all strokes.
    """
    if not isinstance(values, list):
        raise ValueError("has lines that are not a list")
    lines = tuple(_line(value) for value in values)
    if sum(line.strokes for line in lines) != strokes:
        raise ValueError(f"has lines with {sum(line.strokes for line in lines)} strokes of {strokes}")
    return lines


def _line(value: Any) -> WrittenLine:
    fields = {field.name: field.type for field in dataclasses.fields(WrittenLine)}
    kinds: Mapping[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}
    if not isinstance(value, dict) or not {"text", "strokes", "baseline", "left"} <= value.keys() <= fields.keys():
        raise ValueError("has a line without its text, strokes or place")
    for name, content in value.items():
        if not isinstance(content, kinds[fields[name]]) or isinstance(content, bool):
            raise ValueError(f"has a line whose {name} is {str(content)[:40]!r}")
    return WrittenLine(**value)
