"""Reading InkML, the W3C format of digital ink (Recommendation of 20 September 2011): traces with channels X and Y."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.safe_xml import Document, local_name, read_xml
from seqforge_handwriting.samples import MAX_POINTS, Sample, validated_ink

__all__ = ["read_inkml"]

VALUE = re.compile(r"\s*([!'\"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\*|\?|[TF]|#[0-9A-Fa-f]+)")
"""A value of a trace (InkML 1.0, section 3.2.1): an optional prefix and the value itself."""
TEXT_TYPES = ("truth", "transcription", "text", "label")
"""Types of the annotations that contain the text, as in CROHME and other corpora."""


def read_inkml(path: Path) -> Sample | ReadError:
    """Return the ink of a file, or the reason why it cannot be read; traces with the pen up are skipped.

    Example:
        sample = read_inkml(Path("fox.inkml"))
    """
    try:
        document = read_xml(path, root="ink")
        channels, y_sign = _channels(document)
        lines = dict(zip(document.root.iter(), document.lines, strict=True))
        strokes: list[np.ndarray] = []
        for element in document.root.iter():
            if local_name(element) != "trace" or element.get("type", "penDown") != "penDown":
                continue
            try:
                strokes.append(_trace("".join(element.itertext()), channels) * (1, y_sign))
                if sum(map(len, strokes)) > MAX_POINTS:
                    raise ValueError(f"exceeds the limit of {MAX_POINTS:,} points; give fewer lines of writing")
            except ValueError as error:
                reason = f"trace {len(strokes) + 1} {error}"
                return ReadError(reason, file=str(path), line=lines[element])
        return Sample(validated_ink(strokes, _annotation(document.root, TEXT_TYPES)), _labels(document.root))
    except ReadError as error:
        return error
    except ValueError as error:
        return ReadError(str(error), file=str(path))


def _channels(document: Document) -> tuple[tuple[str, ...], int]:
    """Return the names of the regular channels, and the sign of Y: 1 if Y grows downwards, -1 if upwards.

    Raises:
        ValueError: If X or Y is missing, or the file has several formats.
    """
    formats = {_format(element) for element in document.root.iter() if local_name(element) == "traceFormat"}
    if len(formats) > 1:
        raise ValueError("has traces of several formats (traceFormat); save each format to a separate file")
    channels, y_sign = formats.pop() if formats else (("X", "Y"), 1)
    if "X" not in channels or "Y" not in channels:
        raise ValueError(f"has the channels {', '.join(channels)}; X and Y are required")
    return channels, y_sign


def _format(element: ET.Element) -> tuple[tuple[str, ...], int]:
    """Return the names of the regular channels of a format, and the sign of Y."""
    channels = [child for child in element if local_name(child) == "channel"]
    names = tuple(channel.get("name", "") for channel in channels)
    upwards = any(channel.get("name") == "Y" and channel.get("orientation") in ("-ve", "-") for channel in channels)
    return names, -1 if upwards else 1


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
