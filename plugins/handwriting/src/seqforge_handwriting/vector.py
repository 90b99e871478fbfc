"""SVG into ink: open paths with a stroke; outlines, pictures and letters of a font are refused with advice."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqforge import ReadError
from seqforge_handwriting.curves import flattened, tolerance_of
from seqforge_handwriting.ink import FARTHEST
from seqforge_handwriting.reading import MOST_POINTS, Sample, checked
from seqforge_handwriting.svgcheck import prepare
from seqforge_handwriting.xmlfile import Document, name_of, read_xml

WRITTEN = "handwriting"
"""Class of the group in files of our own, whose title is the text of the ink."""
PIXELS_PER_INCH = 96
WRITE = "draw the text with a pen tool (each stroke an open path without fill), or record it with docs/capture.html"


def read_svg(path: Path) -> Sample | ReadError:
    """Return the strokes of a drawing in CSS pixels (1/96 inch), or what is wrong with it.

    Transforms, units and styles are applied. Every open subpath is a stroke, in the order of the file. Curves become
    points evenly spaced along them, their own points kept, so fine that the eye sees no corner.
    """
    try:
        document = read_xml(path, root="svg")
        return _sample(document, str(path))
    except ReadError as error:
        return error
    except ValueError as error:
        return ReadError(str(error), file=str(path))


def _sample(document: Document, file: str) -> Sample:
    names = {name_of(element) for element in document.root.iter()}
    text = _title(document.root)
    prepare(document, file)
    pieces: list[Any] = []
    for shape in _shapes(document.root):
        line = int(shape.values["data-line"])
        if not _painted(shape.stroke) or not shape.stroke_width:
            if _painted(shape.fill) and type(shape).__name__ != "Rect":  # a rectangle is the paper
                if shape.values.get("data-bare") == "1" and not _closed(shape):
                    pieces += _subpaths(shape)
                    continue
                raise ReadError(
                    "is a filled outline (a font's letter, or the trace of a scan), which says nothing of the pen's"
                    f" way; {WRITE}",
                    file=file,
                    line=line,
                )
            continue
        try:
            pieces += _subpaths(shape)
        except ValueError as error:
            raise ReadError(str(error), file=file, line=line) from error
    if not pieces:
        only = "letters of a font, and " if "text" in names else "a picture, and " if "image" in names else ""
        raise ReadError(f"holds {only}no stroke that a pen could follow; {WRITE}", file=file)
    fineness = tolerance_of(pieces)
    return Sample(checked(flattened(pieces, fineness, MOST_POINTS), text))


def _title(root: ET.Element) -> str:
    """Return the text that a drawing of our own says, "" of others."""
    if not any(WRITTEN in child.get("class", "").split() for child in root):
        return ""
    return next(("".join(child.itertext()) for child in root if name_of(child) == "title"), "")


def _shapes(root: ET.Element) -> Iterator[Any]:
    """Yield the shapes that are seen, with styles inherited and transforms applied.

    Raises:
        ValueError: svgelements cannot make sense of the drawing.
    """
    from svgelements import SVG, Shape  # type: ignore[import-untyped]

    try:
        drawing = SVG.parse(io.BytesIO(ET.tostring(root)), reify=True, ppi=PIXELS_PER_INCH)
        for shape in drawing.elements():
            if isinstance(shape, Shape) and shape.values.get("visibility") not in ("hidden", "collapse"):
                yield shape
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"is no SVG that can be read ({error}); save it as plain SVG") from error


def _painted(colour: Any) -> bool:
    return colour is not None and colour.value is not None and colour.opacity != 0


def _closed(shape: Any) -> bool:
    """Return whether some subpath ends where it began."""
    return any(len(piece) > 1 and abs(piece[0, 0] - piece[-1, 3]) < 1e-6 for piece in _subpaths(shape))


def _subpaths(shape: Any) -> list[Any]:
    """Return the Bézier curves of every subpath: complex control points, shape (segments, 4).

    Raises:
        ValueError: a coordinate is beyond reach.
    """
    import numpy as np
    from svgelements import Arc, Close, CubicBezier, Move, Path, QuadraticBezier

    found: list[Any] = []
    rows: list[tuple[complex, ...]] = []

    def finish() -> None:
        if rows:
            points = np.array(rows, np.complex128)
            if not (np.isfinite(points).all() and np.abs(points).max() <= FARTHEST):
                raise ValueError(f"has a coordinate that is no number within {FARTHEST:,.0f} of zero; correct it")
            found.append(points)
            rows.clear()

    for segment in Path(shape):
        if isinstance(segment, Move) or segment.start is None or segment.end is None:
            finish()
            continue
        if isinstance(segment, Close) and segment.start == segment.end:
            continue
        pieces = segment.as_cubic_curves() if isinstance(segment, Arc) else (segment,)
        for piece in pieces:
            start, end = complex(piece.start), complex(piece.end)
            if isinstance(piece, CubicBezier):
                rows.append((start, complex(piece.control1), complex(piece.control2), end))
            elif isinstance(piece, QuadraticBezier):
                control = complex(piece.control)
                rows.append((start, start + (control - start) * 2 / 3, end + (control - end) * 2 / 3, end))
            else:
                rows.append((start, start + (end - start) / 3, end - (end - start) / 3, end))
    finish()
    return found
