"""Writing pages of ink as SVG for screens and plotters, as PNG, and as JSON strokes.

A drawing has one open path per stroke, in the order of writing, without fills. Its unit is the millimetre. Each pen is
a layer, as Inkscape, AxiDraw and vpype read them: a group with `inkscape:groupmode="layer"`, whose label starts with
its number.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqforge import WriteError
from seqforge_handwriting.curves import smooth
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Page
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.stroke_json import page_line
from seqforge_handwriting.svg_reader import DOT_LENGTH, INK_CLASS

__all__ = ["Layer", "PagedInk", "Pen", "draw", "layers_of", "path_data", "render_png", "write_pages"]

PIXELS_PER_MM = 96 / 25.4
DECIMALS = 3
"""Decimals of a coordinate in millimetres."""
NOT_IN_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that an XML file cannot contain."""
PAGE_GAP = 5.0
"""Distance between pages in one drawing, millimetres."""
CAPTION_SIZE = 2.6
"""Font size of captions, millimetres."""
MAX_PIXELS = 100_000_000
RESOLUTION = 300
"""Resolution of a PNG, dots per inch."""


@dataclass(frozen=True, eq=False)
class PagedInk(Ink):
    """Ink in millimetres that is laid out on pages.

    >>> PagedInk((), "a", pages=(Page(Ink((), "a"), 148, 210),)).pen.colour
    'black'

    Attributes:
        pages: The pages with their ink.
        pen: The pen that draws it.
    """

    pages: tuple[Page, ...] = ()
    pen: Pen = field(default_factory=Pen)


@dataclass(frozen=True)
class Layer:
    """The strokes of a page that one pen draws.

    >>> Layer(1, Pen(colour="navy"), ()).label
    '1-navy'

    Attributes:
        number: Its number, from 1.
        pen: The pen.
        strokes: The strokes in the order of drawing.
    """

    number: int
    pen: Pen
    strokes: tuple[np.ndarray, ...]

    @property
    def label(self) -> str:
        """The number and the colour; programs for plotters choose layers and pens by the number."""
        return f"{self.number}-{self.pen.colour}"


def layers_of(page: Page, pen: Pen) -> list[Layer]:
    """Return the layers of a page, one per pen in the order of their first stroke.

    >>> page = Page(Ink((np.zeros((1, 2)), np.ones((1, 2)))), 10, 10, pens=(Pen(), Pen(colour="red")))
    >>> [layer.label for layer in layers_of(page, Pen())]
    ['1-black', '2-red']

    Args:
        page: The page.
        pen: The pen of a page that names none.
    """
    pens = page.pens or (pen,) * len(page.ink.strokes)
    strokes: dict[Pen, list[np.ndarray]] = {}
    for stroke, its_pen in zip(page.ink.strokes, pens, strict=True):
        strokes.setdefault(its_pen, []).append(stroke)
    return [Layer(number, *item[:1], tuple(item[1])) for number, item in enumerate((strokes or {pen: []}).items(), 1)]


def draw(pages: Sequence[Page], pen: Pen | None = None, *, description: str = "") -> str:
    """Return pages as one SVG drawing; several pages are placed below each other, each in a group with its number.

    >>> page = Page(Ink((np.array([[1.0, 1.0], [5.0, 2.0]]),)), width=6, height=3)
    >>> "M1,1L5,2" in draw([page], Pen(curves=False))
    True

    Args:
        pages: The pages, at least one.
        pen: The pen; None for the default pen.
        description: The description in the file, such as its origin.

    Raises:
        ValueError: If a coordinate is not finite.
    """
    import svgwrite  # type: ignore[import-untyped]
    from svgwrite.extensions import Inkscape  # type: ignore[import-untyped]

    pen = pen or Pen()
    width, height = _extent(pages)
    factor = PIXELS_PER_MM if pen.unit == "px" else 1.0
    size = f"{_number(width * factor)}{pen.unit}", f"{_number(height * factor)}{pen.unit}"
    view = f"0 0 {_number(width)} {_number(height)}"
    drawing = svgwrite.Drawing(size=size, viewBox=view, debug=False)
    text = "\n".join(page.ink.text for page in pages)
    drawing.set_desc(title=NOT_IN_XML.sub(" ", text), desc=NOT_IN_XML.sub(" ", description) or "handwriting")
    layer_names = Inkscape(drawing)
    top = 0.0
    for page in pages:
        layers = layers_of(page, pen)
        for layer in layers:
            name = layer.label if len(pages) == 1 else f"{layer.label}, page {page.number}"
            group = layer_names.layer(name, class_=INK_CLASS, **_style(layer.pen))
            if page.count > 1:
                group["id"] = f"page-{page.number}" if len(layers) == 1 else f"page-{page.number}-{layer.number}"
            drawing.add(group)
            for stroke in layer.strokes:
                group.add(drawing.path(d=path_data(stroke + np.array([0.0, top]), curves=pen.curves)))
        for x, y, note in page.notes:
            position = _number(x), _number(y + top)
            drawing.add(
                drawing.text(note, insert=position, font_size=CAPTION_SIZE, font_family="sans-serif", fill="#777")
            )
        top += page.height + PAGE_GAP
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing.tostring()}\n'


def _style(pen: Pen) -> dict[str, str]:
    """Return the attributes of the group of a pen."""
    return {
        "fill": "none",
        "stroke": pen.colour,
        "stroke_width": _number(pen.width),
        "stroke_linecap": "round",
        "stroke_linejoin": "round",
    }


def path_data(stroke: np.ndarray, *, curves: bool = True) -> str:
    """Return the SVG path of a stroke; it passes through every point.

    A dot becomes a line of `DOT_LENGTH` around its point: programs for plotters leave out paths without a length.

    >>> path_data(np.array([[0.0, 0.0], [1.0, 2.5]]), curves=False)
    'M0,0L1,2.5'

    Args:
        stroke: The points, shape (points, 2).
        curves: Whether the path is a smooth curve or a polyline.

    Raises:
        ValueError: If a coordinate is not finite.
    """
    points = np.round(np.asarray(stroke, np.float64), DECIMALS)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate of the drawing is not finite")
    segments = smooth(points) if curves else np.zeros((0, 4))
    start = f"M{_pair(complex(*points[0]))}"
    if len(segments):
        return start + "".join(f"C{_pair(row[1])} {_pair(row[2])} {_pair(row[3])}" for row in segments.tolist())
    if len(np.unique(points, axis=0)) == 1:
        x, y = points[0].tolist()
        return f"M{_pair(complex(x - DOT_LENGTH / 2, y))}L{_pair(complex(x + DOT_LENGTH / 2, y))}"
    return start + "".join(f"L{_pair(complex(*point))}" for point in points[1:])


def _pair(point: complex) -> str:
    return f"{_number(point.real)},{_number(point.imag)}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        raise ValueError("a coordinate of the drawing is not finite")
    return f"{round(float(value), DECIMALS) + 0.0:.{DECIMALS}f}".rstrip("0").rstrip(".")


def _extent(pages: Sequence[Page]) -> tuple[float, float]:
    """Return the width and height of a drawing of pages below each other, millimetres."""
    height = sum(page.height for page in pages) + PAGE_GAP * (len(pages) - 1)
    return max(page.width for page in pages), height


def write_pages(pages: Sequence[Page], path: Path, pen: Pen | None = None, *, description: str = "") -> None:
    """Write pages in the format of a path's suffix: .svg, .png, or .json strokes (one line per page, in millimetres).

    Example:
        write_pages([page_around(ink, margin=2)], Path("line.svg"), Pen(colour="navy"))

    Args:
        pages: The pages, at least one.
        path: The path of the file.
        pen: The pen; None for the default pen.
        description: The description in the drawing, such as its origin.

    Raises:
        ValueError: If a coordinate is not finite.
        WriteError: If a PNG is to be written and its extra is not installed, or the picture would be too large.
    """
    match path.suffix.lower():
        case ".json" | ".jsonl":
            path.write_text("".join(page_line(page, decimals=DECIMALS) + "\n" for page in pages), encoding="utf-8")
        case ".png":
            path.write_bytes(render_png(draw(pages, pen, description=description), pages))
        case _:
            path.write_text(draw(pages, pen, description=description), encoding="utf-8")


def render_png(drawing: str, pages: Sequence[Page]) -> bytes:
    """Return an SVG drawing of pages as a PNG on white with 300 dots per inch.

    Example:
        Path("line.png").write_bytes(render_png(draw(pages), pages))

    Raises:
        WriteError: If resvg is not installed, or the picture would have more than 100 million pixels.
    """
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError as error:
        raise WriteError(
            'writing .png needs an extra: pip install "seqforge-handwriting[png]"; or write .svg instead'
        ) from error
    width, height = _extent(pages)
    dots_per_mm = RESOLUTION / 25.4
    if width * height * dots_per_mm**2 > MAX_PIXELS:
        raise WriteError(
            f"a picture of {width:.0f} x {height:.0f} mm has more than {MAX_PIXELS:,} pixels; write .svg, or fewer"
            " pages"
        )
    pixels = max(1, round(width * dots_per_mm))
    return bytes(resvg.svg_to_bytes(svg_string=drawing, width=pixels, dpi=96, background="white"))
