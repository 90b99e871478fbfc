"""Pages of ink as SVG for screens and plotters, as JSON strokes, and as PNG: by the suffix of the path.

A drawing has one open path a stroke, no fills, in the order of writing; its unit is the millimetre.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from seqforge import RequestError, WriteError
from seqforge_handwriting.curves import smooth
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Page
from seqforge_handwriting.strokes import json_line
from seqforge_handwriting.vector import WRITTEN

PIXELS_PER_MM = 96 / 25.4
DECIMALS = 3
"""Of a coordinate in millimetres."""
COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|[a-z]{3,20}")
NOT_IN_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold."""
GAP = 5.0
"""Millimetres between pages that stand in one drawing."""
NOTE = 2.6
"""Size of printed letters, millimetres."""
MOST_PIXELS = 100_000_000
RESOLUTION = 300
"""Dots an inch of a PNG."""


@dataclass(frozen=True)
class Pen:
    """What draws the strokes.

    Attributes:
        width: millimetres.
        colour: #rgb, #rrggbb, or a name that SVG knows.
        unit: of the drawing's width and height; coordinates are millimetres in any case.
        curves: draw smooth curves through the points; else straight from point to point.
    """

    width: float = 0.4
    colour: str = "black"
    unit: Literal["mm", "px"] = "mm"
    curves: bool = True

    def __post_init__(self) -> None:
        if not (0.01 <= self.width <= 50):
            raise RequestError(f"--width is {self.width:g}; a pen's width must be from 0.01 to 50 mm")
        if not COLOUR.fullmatch(self.colour) or not _known(self.colour):
            raise RequestError(
                f"--colour {self.colour[:40]!r} is no colour; write #rrggbb as in #1f4e9c, or a name as in navy"
            )


def _known(colour: str) -> bool:
    from svgwrite.data.colors import colornames  # type: ignore[import-untyped]

    return colour.startswith("#") or colour in colornames


def draw(pages: Sequence[Page], pen: Pen | None = None, *, told: str = "") -> str:
    """Return pages as one SVG drawing; several stand below each other, each a group with its number.

    Args:
        pages: one at least.
        pen: what draws them.
        told: where they came from; it stands in the description.

    Raises:
        ValueError: a coordinate is not finite.
    """
    import svgwrite  # type: ignore[import-untyped]

    pen = pen or Pen()
    width = max(page.width for page in pages)
    height = sum(page.height for page in pages) + GAP * (len(pages) - 1)
    factor = PIXELS_PER_MM if pen.unit == "px" else 1.0
    size = f"{_number(width * factor)}{pen.unit}", f"{_number(height * factor)}{pen.unit}"
    view = f"0 0 {_number(width)} {_number(height)}"
    drawing = svgwrite.Drawing(size=size, viewBox=view, debug=False)
    text = "\n".join(page.ink.text for page in pages)
    drawing.set_desc(title=NOT_IN_XML.sub(" ", text), desc=NOT_IN_XML.sub(" ", told) or "handwriting")
    style = {
        "fill": "none",
        "stroke": pen.colour,
        "stroke_width": _number(pen.width),
        "stroke_linecap": "round",
        "stroke_linejoin": "round",
    }
    above = 0.0
    for page in pages:
        several = {"id": f"page-{page.number}"} if page.count > 1 else {}
        group = drawing.g(class_=WRITTEN, **style, **several)
        for stroke in page.ink.strokes:
            group.add(drawing.path(d=path_data(stroke + np.array([0.0, above]), curves=pen.curves)))
        drawing.add(group)
        for x, y, note in page.notes:
            place = _number(x), _number(y + above)
            drawing.add(drawing.text(note, insert=place, font_size=NOTE, font_family="sans-serif", fill="#777"))
        above += page.height + GAP
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing.tostring()}\n'


def path_data(stroke: np.ndarray, *, curves: bool = True) -> str:
    """Return the path of a stroke, shape (points, 2), that passes through every point of it.

    A dot goes from its point to itself: with a round cap that is seen, and a plotter sets its pen down.

    Raises:
        ValueError: a coordinate is not finite.
    """
    points = np.round(np.asarray(stroke, np.float64), DECIMALS)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate of the drawing is not finite")
    rows = smooth(points) if curves else np.zeros((0, 4))
    start = f"M{_pair(complex(*points[0]))}"
    if len(rows):
        return start + "".join(f"C{_pair(row[1])} {_pair(row[2])} {_pair(row[3])}" for row in rows.tolist())
    rest = points[1:] if len(points) > 1 else points
    return start + "".join(f"L{_pair(complex(*point))}" for point in rest)


def _pair(point: complex) -> str:
    return f"{_number(point.real)},{_number(point.imag)}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        raise ValueError("a coordinate of the drawing is not finite")
    return f"{round(float(value), DECIMALS) + 0.0:.{DECIMALS}f}".rstrip("0").rstrip(".")


def write(pages: Sequence[Page], path: Path, pen: Pen | None = None, *, told: str = "") -> None:
    """Write pages in the format of a path's suffix: .svg, .png, or .json strokes (one line a page, in millimetres).

    Raises:
        ValueError: a coordinate is not finite.
        WriteError: a PNG is asked for and its extra is not installed, or it would be absurdly large.
    """
    match path.suffix.lower():
        case ".json" | ".jsonl":
            path.write_text("".join(json_line(page.ink, decimals=DECIMALS) + "\n" for page in pages), encoding="utf-8")
        case ".png":
            path.write_bytes(png(draw(pages, pen, told=told), pages))
        case _:
            path.write_text(draw(pages, pen, told=told), encoding="utf-8")


def png(drawing: str, pages: Sequence[Page]) -> bytes:
    """Return a drawing of pages as a PNG on white, 300 dots an inch.

    Raises:
        WriteError: resvg is not installed, or the picture would have more than a hundred million pixels.
    """
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError as error:
        raise WriteError(
            'pictures as .png need an extra: pip install "seqforge-handwriting[png]"; .svg needs nothing'
        ) from error
    width = max(page.width for page in pages)
    height = sum(page.height for page in pages) + GAP * (len(pages) - 1)
    dots = RESOLUTION / 25.4
    if width * height * dots**2 > MOST_PIXELS:
        raise WriteError(
            f"a picture of {width:.0f} x {height:.0f} mm has more than {MOST_PIXELS:,} pixels; write .svg, or fewer"
            " pages at once"
        )
    data = resvg.svg_to_bytes(svg_string=drawing, width=max(1, round(width * dots)), dpi=96, background="white")
    return bytes(data)


def numbered(path: Path, page: Page) -> Path:
    """Return the path for a page of several in files of their own: letter.svg becomes letter-1.svg."""
    if page.count == 1:
        return path
    return path.with_name(f"{path.stem}-{page.number:0{len(str(page.count))}d}{path.suffix}")


def fitted(ink: Ink, *, margin: float = 0.0) -> Page:
    """Return ink on a page of its own size, as it is: its units are taken for millimetres."""
    left, top, right, bottom = ink.bounds
    moved = ink.moved(margin - left, margin - top)
    return Page(moved, max(right - left + 2 * margin, 1.0), max(bottom - top + 2 * margin, 1.0))
