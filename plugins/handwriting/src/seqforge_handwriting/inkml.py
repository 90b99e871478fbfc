"""InkML, the W3C's format for digital ink (Recommendation of 20 September 2011): traces with the channels X and Y."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.reading import MOST_POINTS, Sample, checked
from seqforge_handwriting.xmlfile import Document, name_of, read_xml

VALUE = re.compile(r"\s*([!'\"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\*|\?|[TF]|#[0-9A-Fa-f]+)")
"""A value of a trace (InkML 1.0, section 3.2.1): its prefix, if it has one, and the value itself."""
TEXTS = ("truth", "transcription", "text", "label")
"""Types of an annotation that hold what the ink says: CROHME and others use these."""


def read_inkml(path: Path) -> Sample | ReadError:
    """Return the ink of a file, or what is wrong with it; traces of a pen that is up are left out."""
    try:
        document = read_xml(path, root="ink")
        channels, down = _channels(document)
        lines = dict(zip(document.root.iter(), document.lines, strict=True))
        strokes: list[np.ndarray] = []
        for element in document.root.iter():
            if name_of(element) != "trace" or element.get("type", "penDown") != "penDown":
                continue
            try:
                strokes.append(_trace("".join(element.itertext()), channels) * (1, down))
                if sum(map(len, strokes)) > MOST_POINTS:
                    raise ValueError(f"brings the points over {MOST_POINTS:,}; give a few lines of the hand")
            except ValueError as error:
                reason = f"trace {len(strokes) + 1} {error}"
                return ReadError(reason, file=str(path), line=lines[element])
        return Sample(checked(strokes, _annotation(document.root, TEXTS)), _labels(document.root))
    except ReadError as error:
        return error
    except ValueError as error:
        return ReadError(str(error), file=str(path))


def _channels(document: Document) -> tuple[tuple[str, ...], int]:
    """Return the names of the regular channels, and 1 where Y grows downwards, -1 where it grows upwards.

    Raises:
        ValueError: X or Y is missing, or two formats differ.
    """
    found = {_format(element) for element in document.root.iter() if name_of(element) == "traceFormat"}
    if len(found) > 1:
        raise ValueError("has traces of several formats (traceFormat); save each format to a file of its own")
    channels, down = found.pop() if found else (("X", "Y"), 1)
    if "X" not in channels or "Y" not in channels:
        raise ValueError(f"has the channels {', '.join(channels)}; X and Y are needed")
    return channels, down


def _format(element: ET.Element) -> tuple[tuple[str, ...], int]:
    """Return the names of a format's regular channels, and the direction of Y."""
    regular = [child for child in element if name_of(child) == "channel"]
    names = tuple(child.get("name", "") for child in regular)
    upwards = any(child.get("name") == "Y" and child.get("orientation") in ("-ve", "-") for child in regular)
    return names, -1 if upwards else 1


def _trace(text: str, channels: tuple[str, ...]) -> np.ndarray:
    """Return the points of a trace, shape (points, 2).

    A prefix holds for its channel until the next one: ! says that values follow, ' first differences, " second
    differences; * repeats the last of them.

    Raises:
        ValueError: a point lacks a channel, or has something that is no number.
    """
    points = text.split(",")
    if len(points) > MOST_POINTS:
        raise ValueError(f"has {len(points):,} points; {MOST_POINTS:,} are allowed")
    columns = channels.index("X"), channels.index("Y")
    orders, values, speeds, steps = [0] * 2, [0.0] * 2, [0.0] * 2, [0.0] * 2
    found = np.empty((len(points), 2))
    for number, point in enumerate(points):
        tokens = _tokens(point, number + 1)
        if len(tokens) < len(channels):
            raise ValueError(f"has {len(tokens)} values at point {number + 1}; its channels are {', '.join(channels)}")
        for axis, column in enumerate(columns):
            prefix, value = tokens[column]
            orders[axis] = "!'\"".index(prefix) if prefix else orders[axis]
            if orders[axis] and not number:
                raise ValueError("begins with a difference; its first point must be a value")
            if value == "*" and not number:
                raise ValueError("begins with *; its first point must be a value")
            given = None if value == "*" else _number(value, number + 1)
            if orders[axis] == 0:
                new = values[axis] if given is None else given
                steps[axis] = 0.0 if not number else new - values[axis] - speeds[axis]
                speeds[axis] = 0.0 if not number else new - values[axis]
            elif orders[axis] == 1:
                new = speeds[axis] if given is None else given
                speeds[axis], steps[axis] = new, new - speeds[axis]
            else:
                steps[axis] = steps[axis] if given is None else given
                speeds[axis] += steps[axis]
            values[axis] = new if orders[axis] == 0 else values[axis] + speeds[axis]
        found[number] = values
    return found


def _tokens(point: str, number: int) -> list[tuple[str, str]]:
    found, place = [], 0
    point = point.rstrip()
    while place < len(point):
        match = VALUE.match(point, place)
        if match is None:
            raise ValueError(f"holds {point[place : place + 20].strip()!r} at point {number}, which is no number")
        found.append((match[1], match[2]))
        place = match.end()
    return found


def _number(value: str, point: int) -> float:
    try:
        return float(int(value[1:], 16)) if value[0] == "#" else float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"has {value[:20]!r} at point {point} where X and Y are numbers") from None


def _annotation(root: ET.Element, kinds: tuple[str, ...]) -> str:
    for element in root.iter():
        if name_of(element) == "annotation" and element.get("type", "").lower() in kinds:
            return " ".join("".join(element.itertext()).split())
    return ""


def _labels(root: ET.Element) -> dict[str, str]:
    writer = _annotation(root, ("writer",))
    return {"writer": writer} if 0 < len(writer) <= 100 else {}
