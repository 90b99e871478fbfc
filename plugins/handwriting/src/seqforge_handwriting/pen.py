"""The pen that draws strokes."""

import re
from dataclasses import dataclass
from typing import Literal

from seqforge import RequestError

__all__ = ["Pen"]

COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|[a-z]{3,20}")


@dataclass(frozen=True)
class Pen:
    """The pen that draws strokes.

    >>> Pen(width=0.3, colour="navy").unit
    'mm'

    Attributes:
        width: The width of a stroke in millimetres, from 0.01 to 50.
        colour: The colour: #rgb, #rrggbb or a name of SVG.
        unit: The unit of the width and height of the drawing; coordinates are always millimetres.
        curves: Whether strokes are smooth curves through the points, or polylines.

    Raises:
        RequestError: If the width or the colour is not allowed.
    """

    width: float = 0.4
    colour: str = "black"
    unit: Literal["mm", "px"] = "mm"
    curves: bool = True

    def __post_init__(self) -> None:
        if not (0.01 <= self.width <= 50):
            raise RequestError.invalid("pen_width", self.width, "from 0.01 to 50 mm")
        if not COLOUR.fullmatch(self.colour) or not _is_colour(self.colour):
            raise RequestError.invalid("colour", self.colour[:40], "#rrggbb such as #1f4e9c, or a name such as navy")


def _is_colour(name: str) -> bool:
    from svgwrite.data.colors import colornames  # type: ignore[import-untyped]

    return name.startswith("#") or name in colornames
