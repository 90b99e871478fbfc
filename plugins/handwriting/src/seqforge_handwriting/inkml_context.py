"""The contexts of an InkML file: which channels a trace has, their units, and the transform to its canvas."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

import numpy as np

from seqforge_handwriting.safe_xml import local_name

__all__ = ["Context", "Contexts", "identifier"]

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6}
"""Lengths of the units of a channel (InkML 1.0, section 3.1.2)."""
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


def identifier(element: ET.Element) -> str:
    """Return the identifier of an element, "" without one."""
    return element.get(XML_ID) or element.get("id") or ""


@dataclass(frozen=True)
class Context:
    """How the numbers of a trace become points.

    >>> Context(upwards=True).place(np.array([[1.0, 2.0]])).tolist()
    [[1.0, -2.0]]

    Attributes:
        channels: The names of the regular channels.
        upwards: Whether Y grows upwards.
        scale: Millimetres per unit of X and of Y if the file names both and they differ, else 1 and 1.
        matrix: The transform to the canvas, shape (2, 3): the last column is the offset.
    """

    channels: tuple[str, ...] = ("X", "Y")
    upwards: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    matrix: tuple[tuple[float, float, float], tuple[float, float, float]] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return points on the canvas, with Y downwards; shape (points, 2)."""
        placed: np.ndarray = points * self.scale
        if self.matrix != Context.matrix:
            matrix = np.array(self.matrix)
            placed = placed @ matrix[:, :2].T + matrix[:, 2]
        return placed * (1, -1 if self.upwards else 1)


class Contexts:
    """The contexts of a file, by reference or by position: a <context> holds for the traces that follow it.

    >>> Contexts(ET.fromstring("<ink/>")).of(ET.fromstring("<trace>1 2</trace>")).channels
    ('X', 'Y')

    Args:
        root: The root element.

    Raises:
        ValueError: If it is unclear which format holds.
    """

    def __init__(self, root: ET.Element) -> None:
        self._elements = {identifier(element): element for element in root.iter() if identifier(element)}
        formats = [element for element in root.iter() if local_name(element) == "traceFormat"]
        inside = {child for element in root.iter() if local_name(element) == "context" for child in element.iter()}
        lone = [element for element in formats if element not in inside]
        if len({ET.tostring(element).strip() for element in lone if not identifier(element)}) > 1:
            raise ValueError("has traces of several formats (traceFormat) without a context; give each an identifier")
        self._default = Context()
        contexts = sum(local_name(element) == "context" for element in root.iter())
        if lone or (formats and contexts <= 1):
            self._default = _with_format(self._default, (lone or formats)[0])
        self.current = self._default

    def enter(self, context: ET.Element) -> None:
        """Let a <context> outside the definitions hold for the traces that follow."""
        self.current = self._read(context, self._default)

    def of(self, trace: ET.Element, inherited: str = "") -> Context:
        """Return the context of a trace.

        Args:
            trace: The trace.
            inherited: The reference of a group around it, "" for none.
        """
        reference = (trace.get("contextRef") or inherited).removeprefix("#")
        element = self._elements.get(reference)
        return self.current if element is None else self._read(element, self._default)

    def _read(self, element: ET.Element, base: Context, depth: int = 0) -> Context:
        """Return a context with what it refers to and contains; the innermost holds."""
        context = base
        for name in ("contextRef", "inkSourceRef", "traceFormatRef", "canvasTransformRef"):
            other = self._elements.get(element.get(name, "").removeprefix("#"))
            if other is not None and depth < 8:
                context = self._read(other, context, depth + 1)
        if local_name(element) == "traceFormat":
            return _with_format(context, element)
        if local_name(element) == "canvasTransform":
            return _with_transform(context, element)
        for child in element:
            if local_name(child) in ("traceFormat", "canvasTransform", "inkSource") and depth < 8:
                context = self._read(child, context, depth + 1)
        return context


def _with_format(context: Context, element: ET.Element) -> Context:
    channels = [child for child in element if local_name(child) == "channel"]
    by_name = {channel.get("name", ""): channel for channel in channels}
    units = [by_name[name].get("units", "") if name in by_name else "" for name in ("X", "Y")]
    lengths = [MILLIMETRES.get(unit) for unit in units]
    scale = (1.0, 1.0)
    if lengths[0] and lengths[1] and lengths[0] != lengths[1]:
        scale = lengths[0], lengths[1]
    upwards = "Y" in by_name and by_name["Y"].get("orientation") in ("-ve", "-")
    return replace(context, channels=tuple(by_name), upwards=upwards, scale=scale)


def _with_transform(context: Context, element: ET.Element) -> Context:
    """Return a context with the affine mapping of a canvasTransform (InkML 1.0, section 4.2).

    Raises:
        ValueError: If the mapping is not two rows of three numbers.
    """
    for affine in element.iter():
        if local_name(affine) == "affine":
            try:
                rows = [[float(value) for value in row.split()] for row in (affine.text or "").split(",")]
                (a, b, c), (d, e, f) = rows
            except ValueError as error:
                raise ValueError(
                    "has an affine mapping that is not two rows of three numbers, such as 1 0 0, 0 1 0"
                ) from error
            return replace(context, matrix=((a, b, c), (d, e, f)))
    return context
