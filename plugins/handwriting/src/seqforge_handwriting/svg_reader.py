"""Reading SVG: open paths become strokes; outlines, pictures and letters of a font are rejected with advice."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.curves import flatten, flattening_tolerance
from seqforge_handwriting.ink import MAX_COORDINATE
from seqforge_handwriting.safe_xml import Document, local_name, read_xml
from seqforge_handwriting.samples import MAX_POINTS, Sample, validated_ink
from seqforge_handwriting.svg_paper import encloses, is_rectangle, is_white, without_frames
from seqforge_handwriting.svg_validation import prepare

__all__ = ["INK_CLASS", "read_svg"]

INK_CLASS = "handwriting"
"""Class of the groups in drawings of this plugin; the title of such a drawing is the text of its ink."""
DOT_LENGTH = 0.1
"""Length of the line that is drawn for a dot, millimetres."""
JOIN_DISTANCE = 0.01
"""Largest distance between the pieces of a stroke, pixels."""
MAX_DOT = 0.1
"""Largest diameter of a disc that is a dot, relative to the size of the drawing."""
PIXELS_PER_INCH = 96
INKSCAPE_LABEL = "{http://www.inkscape.org/namespaces/inkscape}label"
LAYER_NAME = re.compile(r"(?i)(layer|ebene|calque|capa|livello)?\s*\d*")
"""Labels that Inkscape gives to layers by itself."""
ADVICE = "draw the text with a pen tool (one open path without fill per stroke), or record it with docs/capture.html"


def read_svg(path: Path) -> Sample | ReadError:
    """Return the strokes of a drawing in CSS pixels (1/96 inch), or the reason why it cannot be read.

    Example:
        sample = read_svg(Path("fox.svg"))

    Transforms, units and styles are applied. Every open subpath is a stroke, in the order of the file. Curves become
    polylines with points at the ends of their segments and evenly spaced points between them.
    """
    try:
        document = read_xml(path, root="svg")
        return _sample(document, str(path))
    except ReadError as error:
        return error
    except ValueError as error:
        return ReadError(str(error), file=str(path))


def _sample(document: Document, file: str) -> Sample:
    names = {local_name(element) for element in document.root.iter()}
    text = _title(document.root)
    prepare(document, file)
    curves: list[np.ndarray] = []
    dots: list[tuple[np.ndarray, int]] = []
    outlines: list[tuple[np.ndarray, int]] = []
    shapes = list(_visible_shapes(document.root))
    white_is_paper = _has_white_paper(shapes)
    for shape in shapes:
        line = int(shape.values["data-line"])
        if white_is_paper and is_white(shape.stroke):
            continue
        if not _is_painted(shape.stroke) or not shape.stroke_width:
            if _is_painted(shape.fill) and type(shape).__name__ != "Rect":  # a rectangle is the paper
                if type(shape).__name__ in ("Circle", "Ellipse"):
                    dots.append((_disc(shape), line))
                    curves.append(dots[-1][0])
                    continue
                if shape.values.get("data-unpainted") == "1" and not _has_closed_subpath(shape):
                    curves += _subpaths(shape)
                    continue
                outlines += [(subpath, line) for subpath in _subpaths(shape)]
            continue
        try:
            curves += _subpaths(shape)
        except ValueError as error:
            raise ReadError(str(error), file=file, line=line) from error
    for outline, line in outlines:
        if not (curves and is_rectangle(outline) and encloses(outline, curves)):
            raise ReadError(
                "is a filled outline (a letter of a font, or the trace of a scan), which does not show the path of a"
                f" pen; {ADVICE}",
                file=file,
                line=line,
            )
    if not curves:
        content = "letters of a font and " if "text" in names else "a picture and " if "image" in names else ""
        raise ReadError(f"contains {content}no strokes of a pen; {ADVICE}", file=file)
    for dot, line in dots:
        if _size(dot) > MAX_DOT * _size(np.concatenate(curves)):
            raise ReadError(f"is a filled outline, too large for the dot of a pen; {ADVICE}", file=file, line=line)
    dot_numbers = {id(dot) for dot, _ in dots}
    curves = [_middle(curve) if id(curve) in dot_numbers else curve for curve in curves]
    curves = [_as_dot(curve) for curve in curves] if _is_own(document.root) else without_frames(_joined(curves))
    tolerance = flattening_tolerance(curves)
    return Sample(validated_ink(flatten(curves, tolerance, MAX_POINTS), text))


def _title(root: ET.Element) -> str:
    """Return the text that a drawing says it shows, "" if it says none.

    It is the title of a drawing of this plugin; in other drawings, whose title is usually the name of a file, it is the
    description, `aria-label`, or the label of an Inkscape layer or group if it is the only one.
    """
    elements = {name: "".join(child.itertext()) for child in root if (name := local_name(child))}
    if _is_own(root):
        return elements.get("title", "")
    labels = {value for element in root.iter() if (value := element.get(INKSCAPE_LABEL))}
    lone = labels.pop() if len(labels) == 1 else ""
    return (
        elements.get("desc", "").strip() or root.get("aria-label") or (lone if not LAYER_NAME.fullmatch(lone) else "")
    )


def _is_own(root: ET.Element) -> bool:
    """Return whether this plugin wrote a drawing."""
    return any(INK_CLASS in child.get("class", "").split() for child in root)


def _disc(shape: Any) -> np.ndarray:
    """Return the box of a filled disc as a curve of one segment from corner to corner."""
    left, top, right, bottom = shape.bbox()
    return np.array([[complex(left, top), complex(left, top), complex(right, bottom), complex(right, bottom)]])


def _size(curve: np.ndarray) -> float:
    """Return the larger of width and height of a curve, pixels."""
    return float(max(np.ptp(curve.real), np.ptp(curve.imag)))


def _middle(curve: np.ndarray) -> np.ndarray:
    """Return the middle of a curve of one segment, as a curve without a length."""
    return np.full((1, 4), (curve[0, 0] + curve[0, 3]) / 2)


def _joined(curves: list[np.ndarray]) -> list[np.ndarray]:
    """Return curves of which each starts apart from the end of the one before it.

    Signature pads and tablets save a path per segment; such pieces of a stroke follow each other end to start.
    """
    groups: list[list[np.ndarray]] = []
    for curve in curves:
        if groups and abs(groups[-1][-1][-1, 3] - curve[0, 0]) <= JOIN_DISTANCE:
            groups[-1].append(curve)
        else:
            groups.append([curve])
    return [np.concatenate(group) for group in groups]


def _as_dot(curve: np.ndarray) -> np.ndarray:
    """Return the middle of a curve if it is the line that is drawn for a dot, else the curve."""
    length = DOT_LENGTH * PIXELS_PER_INCH / 25.4
    if len(curve) == 1 and abs(curve[0, 3] - curve[0, 0] - length) < 0.005:
        return _middle(curve)
    return curve


def _visible_shapes(root: ET.Element) -> Iterator[Any]:
    """Yield the visible shapes, with inherited styles and with transforms applied.

    Raises:
        ValueError: If svgelements cannot parse the drawing.
    """
    from svgelements import SVG, Shape  # type: ignore[import-untyped]

    try:
        drawing = SVG.parse(io.BytesIO(ET.tostring(root)), reify=True, ppi=PIXELS_PER_INCH)
        for shape in drawing.elements():
            is_hidden = isinstance(shape, Shape) and (
                shape.values.get("visibility") in ("hidden", "collapse") or shape.values.get("data-invisible") == "1"
            )
            if isinstance(shape, Shape) and not is_hidden:
                yield shape
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"cannot be parsed as SVG ({error}); save it as plain SVG") from error


def _has_white_paper(shapes: list[Any]) -> bool:
    """Return whether white strokes are invisible: others have a colour, and no paper of another colour is drawn."""
    strokes = [shape.stroke for shape in shapes if _is_painted(shape.stroke) and shape.stroke_width]
    papers = [shape.fill for shape in shapes if type(shape).__name__ == "Rect" and _is_painted(shape.fill)]
    return not all(map(is_white, strokes)) and all(map(is_white, papers))


def _is_painted(colour: Any) -> bool:
    return colour is not None and colour.value is not None and colour.opacity != 0


def _has_closed_subpath(shape: Any) -> bool:
    return any(len(curve) > 1 and abs(curve[0, 0] - curve[-1, 3]) < 1e-6 for curve in _subpaths(shape))


def _subpaths(shape: Any) -> list[np.ndarray]:
    """Return every subpath as Bézier curves: complex control points, shape (segments, 4).

    Raises:
        ValueError: If a coordinate is out of range.
    """
    from svgelements import Arc, Close, CubicBezier, Move, Path, QuadraticBezier

    subpaths: list[np.ndarray] = []
    rows: list[tuple[complex, ...]] = []

    def finish() -> None:
        if rows:
            curve = np.array(rows, np.complex128)
            if not (np.isfinite(curve).all() and np.abs(curve).max() <= MAX_COORDINATE):
                raise ValueError(
                    f"has a coordinate that is not a number from -{MAX_COORDINATE:,.0f} to {MAX_COORDINATE:,.0f};"
                    " correct it"
                )
            subpaths.append(curve)
            rows.clear()

    for segment in Path(shape):
        if isinstance(segment, Move) or segment.start is None or segment.end is None:
            finish()
            continue
        if isinstance(segment, Close) and segment.start == segment.end:
            continue
        parts = segment.as_cubic_curves() if isinstance(segment, Arc) else (segment,)
        for part in parts:
            start, end = complex(part.start), complex(part.end)
            if isinstance(part, CubicBezier):
                rows.append((start, complex(part.control1), complex(part.control2), end))
            elif isinstance(part, QuadraticBezier):
                control = complex(part.control)
                rows.append((start, start + (control - start) * 2 / 3, end + (control - end) * 2 / 3, end))
            else:
                rows.append((start, start + (end - start) / 3, end - (end - start) / 3, end))
    finish()
    return subpaths
