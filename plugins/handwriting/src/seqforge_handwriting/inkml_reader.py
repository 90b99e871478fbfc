"""Reading InkML, the W3C format of digital ink (Recommendation of 20 September 2011): traces with channels X and Y."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.inkml_context import Contexts, identifier
from seqforge_handwriting.safe_xml import Document, local_name, read_xml
from seqforge_handwriting.samples import MAX_POINTS, Sample, validated_ink

__all__ = ["read_inkml"]

VALUE = re.compile(r"\s*([!'\"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\*|\?|[TF]|#[0-9A-Fa-f]+)")
"""A value of a trace (InkML 1.0, section 3.2.1): an optional prefix and the value itself."""
TEXT_TYPES = ("truth", "transcription", "text", "label")
"""Types of the annotations that contain the text, as in CROHME and other corpora."""


PEN_DOWN = ("penDown", "indeterminate")
"""Types of the traces that are drawn: a device that cannot tell writes indeterminate."""


def read_inkml(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the samples of a file, or the reason why it cannot be read.

    Several groups with traces and a text of their own are a sample each; otherwise the file is one sample. Traces with
    the pen up are skipped, and so are definitions that no view shows. A continued trace is one stroke.

    Example:
        samples = list(read_inkml(Path("fox.inkml")))
    """
    try:
        document = read_xml(path, root="ink")
        groups = _line_groups(document.root)
        for number, group in enumerate(groups, 1):
            labels = _labels(document.root)
            strokes = _Traces(document, str(path)).strokes(group)
            text = _annotation(group, TEXT_TYPES) or ("" if len(groups) > 1 else _annotation(document.root, TEXT_TYPES))
            yield Sample(validated_ink(strokes, text), labels, f"group {number}" if len(groups) > 1 else "")
    except ReadError as error:
        yield error
    except ValueError as error:
        yield ReadError(str(error), file=str(path))


def _line_groups(root: ET.Element) -> list[ET.Element]:
    """Return the groups that are a line of writing each, or the root if there are not several."""
    groups = [
        group
        for group in root.iter()
        if local_name(group) == "traceGroup"
        and any(local_name(child) == "trace" for child in group)
        and any(local_name(child) == "annotation" and child.get("type", "").lower() in TEXT_TYPES for child in group)
    ]
    return groups if len(groups) > 1 else [root]


class _Traces:
    """The traces of a file as strokes.

    Args:
        document: The file.
        file: Its path, for messages.
    """

    def __init__(self, document: Document, file: str) -> None:
        self._file, self._contexts = file, Contexts(document.root)
        self._lines = dict(zip(document.root.iter(), document.lines, strict=True))
        self._by_id = {identifier(element): element for element in document.root.iter() if identifier(element)}
        self._strokes: dict[ET.Element, list[np.ndarray]] = {}
        self._points = 0

    def strokes(self, element: ET.Element) -> list[np.ndarray]:
        """Return the strokes in an element.

        Raises:
            ReadError: If a trace cannot be read.
        """
        self._visit(element, "", set())
        unique = {id(parts): parts for parts in self._strokes.values() if parts}
        return [np.concatenate(parts) for parts in unique.values()]

    def _visit(self, element: ET.Element, context: str, views: set[ET.Element]) -> None:
        for child in element:
            name, reference = local_name(child), child.get("contextRef", context)
            if name == "trace":
                self._add(child, reference)
            elif name == "context":
                self._contexts.enter(child)
            elif name == "traceGroup":
                self._visit(child, reference, views)
            elif name == "traceView":
                target = self._by_id.get(child.get("traceDataRef", "").removeprefix("#"))
                if target is not None and target not in views:
                    views.add(target)
                    if local_name(target) == "trace":
                        self._add(target, reference)
                    else:
                        self._visit(target, reference, views)
                self._visit(child, reference, views)

    def _add(self, trace: ET.Element, context: str) -> None:
        """Add a trace, or what continues one."""
        if trace in self._strokes or trace.get("type", "penDown") not in PEN_DOWN:
            return
        text = "".join(trace.itertext()).strip().rstrip(",").strip()
        prior = self._by_id.get(trace.get("priorRef", "").removeprefix("#"))
        self._strokes[trace] = []
        if not text:
            return
        try:
            where = self._contexts.of(trace, context)
            if "X" not in where.channels or "Y" not in where.channels:
                raise ValueError(f"has the channels {', '.join(where.channels)}; X and Y are required")
            points = where.place(_trace(text, where.channels))
        except ValueError as error:
            raise ReadError(f"trace {len(self._strokes)} {error}", file=self._file, line=self._lines[trace]) from error
        self._points += len(points)
        if self._points > MAX_POINTS:
            raise ReadError(f"has more than {MAX_POINTS:,} points; give fewer lines of writing", file=self._file)
        head = self._strokes.get(prior) if prior is not None else None
        if head is not None and trace.get("continuation") in ("middle", "end"):
            head.append(points)
            self._strokes[trace] = head if trace.get("continuation") == "middle" else []
        else:
            self._strokes[trace].append(points)


def _trace(text: str, channels: tuple[str, ...]) -> np.ndarray:
    """Return the points of a trace, shape (points, 2).

    A prefix holds for its channel until the next prefix: ! means values, ' first differences, " second differences.
    The value * repeats the last value or difference.

    Raises:
        ValueError: If a point lacks a channel, or a value is not a number.
    """
    points = text.split(",")
    if len(points) > MAX_POINTS:
        raise ValueError(f"has {len(points):,} points; at most {MAX_POINTS:,} are allowed")
    columns = channels.index("X"), channels.index("Y")
    orders, values, velocities, accelerations = [0] * 2, [0.0] * 2, [0.0] * 2, [0.0] * 2
    coordinates = np.empty((len(points), 2))
    for index, point in enumerate(points):
        tokens = _tokens(point, index + 1)
        if len(tokens) < len(channels):
            raise ValueError(f"has {len(tokens)} values at point {index + 1}; its channels are {', '.join(channels)}")
        for axis, column in enumerate(columns):
            prefix, token = tokens[column]
            orders[axis] = "!'\"".index(prefix) if prefix else orders[axis]
            if orders[axis] and not index:
                raise ValueError("starts with a difference; its first point must be a value")
            if token == "*" and not index:
                raise ValueError("starts with *; its first point must be a value")
            number = None if token == "*" else _number(token, index + 1)
            if orders[axis] == 0:
                value = values[axis] if number is None else number
                accelerations[axis] = 0.0 if not index else value - values[axis] - velocities[axis]
                velocities[axis] = 0.0 if not index else value - values[axis]
            elif orders[axis] == 1:
                velocity = velocities[axis] if number is None else number
                velocities[axis], accelerations[axis] = velocity, velocity - velocities[axis]
            else:
                accelerations[axis] = accelerations[axis] if number is None else number
                velocities[axis] += accelerations[axis]
            values[axis] = value if orders[axis] == 0 else values[axis] + velocities[axis]
        coordinates[index] = values
    return coordinates


def _tokens(point: str, number: int) -> list[tuple[str, str]]:
    """Return prefix and value of every channel of a point."""
    tokens, position = [], 0
    point = point.rstrip()
    while position < len(point):
        match = VALUE.match(point, position)
        if match is None:
            excerpt = point[position : position + 20].strip()
            raise ValueError(f"contains {excerpt!r} at point {number}, which is not a number")
        tokens.append((match[1], match[2]))
        position = match.end()
    return tokens


def _number(value: str, point: int) -> float:
    try:
        return float(int(value[1:], 16)) if value[0] == "#" else float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"has {value[:20]!r} at point {point}; X and Y must be numbers") from None


def _annotation(root: ET.Element, types: tuple[str, ...]) -> str:
    """Return the first annotation of one of these types, "" if there is none."""
    for element in root.iter():
        if local_name(element) == "annotation" and element.get("type", "").lower() in types:
            return " ".join("".join(element.itertext()).split())
    return ""


def _labels(root: ET.Element) -> dict[str, str]:
    writer = _annotation(root, ("writer",))
    return {"writer": writer} if 0 < len(writer) <= 100 else {}
