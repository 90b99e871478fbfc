"""Reading the ink of tablets and collections: IAM-OnDB, Xournal++, UNIPEN, quickdraw, and arrays of offsets."""

import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.ink import from_offsets
from seqforge_handwriting.safe_xml import local_name, read_xml
from seqforge_handwriting.samples import MAX_POINTS, Sample, read_bytes, validated_ink

__all__ = ["read_iam", "read_npy", "read_quickdraw", "read_unipen", "read_xournal"]

SEGMENT = re.compile(r"\.SEGMENT\s+\S+\s+(\S+)\s+\S+\s+\"([^\"]*)\"")
"""A labelled segment: its kind, its delineation, its quality, and its text (UNIPEN 1.0, section 4)."""


def read_iam(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the line of a file of IAM-OnDB (lineStrokes/a01/a01-000/a01-000u-01.xml), with its text from ascii/.

    Example:
        (sample,) = read_iam(Path("lineStrokes/a01/a01-000/a01-000u-01.xml"))

    Source: M. Liwicki and H. Bunke, IAM-OnDB - an on-line English sentence database acquired from handwritten text on
    a whiteboard, ICDAR 2005.
    """
    try:
        document = read_xml(path, root="WhiteboardCaptureSession")
        strokes = [
            np.array([[_number(point.get("x")), _number(point.get("y"))] for point in stroke])
            for stroke in document.root.iter()
            if local_name(stroke) == "Stroke" and len(stroke)
        ]
        yield Sample(validated_ink(strokes, _iam_text(path)))
    except ReadError as error:
        yield error
    except ValueError as error:
        yield ReadError(str(error), file=str(path))


def _iam_text(path: Path) -> str:
    """Return the text of a line of IAM-OnDB: that line of the section CSR of its form in ascii/, "" without one."""
    form, _, number = path.stem.rpartition("-")
    if not form or not number.isdigit() or len(path.parents) < 4:
        return ""
    for ascii_folder in (path.parents[3] / "ascii", path.parents[3] / "ascii-all"):
        file = ascii_folder / path.parents[1].name / path.parent.name / f"{form}.txt"
        if file.is_file():
            _, _, section = file.read_text(encoding="utf-8", errors="replace").partition("CSR:")
            lines = [line.strip() for line in section.splitlines() if line.strip()]
            return lines[int(number) - 1] if 0 < int(number) <= len(lines) else ""
    return ""


def read_xournal(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the strokes of each page of a document of Xournal++ or Xournal; the marker and the eraser are no pens.

    Example:
        samples = list(read_xournal(Path("notes.xopp")))
    """
    try:
        document = read_xml(path, root="xournal")
        pages = [page for page in document.root if local_name(page) == "page"]
        for number, page in enumerate(pages, 1):
            strokes = [
                _xournal_stroke(stroke.text or "")
                for stroke in page.iter()
                if local_name(stroke) == "stroke" and stroke.get("tool", "pen") == "pen"
            ]
            if strokes or len(pages) == 1:
                yield Sample(validated_ink(strokes, ""), place=f"page {number}" if len(pages) > 1 else "")
    except ReadError as error:
        yield error
    except ValueError as error:
        yield ReadError(str(error), file=str(path))


def _xournal_stroke(text: str) -> np.ndarray:
    values = [_number(word) for word in text.split()]
    if len(values) < 2 or len(values) % 2:
        raise ValueError(f"has a stroke of {len(values)} numbers; it must have pairs x y")
    return np.array(values).reshape(-1, 2)


def read_unipen(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the ink of a UNIPEN file: the components between .PEN_DOWN and .PEN_UP, with the text of its segments.

    Example:
        (sample,) = read_unipen(Path("writer.dat"))

    Y grows upwards, as the format demands. If every component belongs to one labelled line, each line is a sample.

    Source: I. Guyon et al., UNIPEN project of on-line data exchange and recognizer benchmarks, ICPR 1994.
    """
    try:
        text = read_bytes(path).decode("latin-1")
        strokes, columns = _unipen_strokes(text)
        segments = [(_components(where), label) for where, label in SEGMENT.findall(text)]
        lines = [(part, label) for part, label in segments if part and part[-1] < len(strokes)]
        if "X" not in columns or "Y" not in columns:
            raise ValueError(f"has the coordinates {' '.join(columns)}; X and Y are required")
        if len(lines) > 1:
            for number, (part, label) in enumerate(lines, 1):
                chosen = [strokes[component] for component in part]
                yield Sample(validated_ink(chosen, label), place=f"segment {number}")
        else:
            yield Sample(validated_ink(strokes, lines[0][1] if lines else ""))
    except ReadError as error:
        yield error
    except ValueError as error:
        yield ReadError(str(error), file=str(path))


def _unipen_strokes(text: str) -> tuple[list[np.ndarray], list[str]]:
    """Return the components with the pen down, and the names of the coordinates."""
    strokes: list[np.ndarray] = []
    columns, points, down, count = ["X", "Y"], list[list[float]](), False, 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and not words[0].startswith("."):
            if down and words[0].lstrip("+-")[:1].isdigit():
                if len(words) < len(columns):
                    raise ValueError(f"line {number}: has {len(words)} numbers for {' '.join(columns)}")
                points.append([_number(words[columns.index("X")]), -_number(words[columns.index("Y")])])
                count += 1
                if count > MAX_POINTS:
                    raise ValueError(f"has more than {MAX_POINTS:,} points; split it")
            continue
        if points:
            strokes.append(np.array(points))
            points = []
        if words and words[0] == ".COORD":
            columns = words[1:]
        elif words:
            down = words[0] == ".PEN_DOWN" or (down and words[0] not in (".PEN_UP", ".SEGMENT"))
    return [*strokes, *([np.array(points)] if points else [])], columns


def _components(text: str) -> list[int]:
    """Return the numbers of a delineation such as 0-3,5; [] if it is not one."""
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) > MAX_POINTS:
            return []
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def read_quickdraw(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the drawings of a file of the Quick, Draw! dataset: one JSON object per line, with its word as label.

    Example:
        samples = list(read_quickdraw(Path("cat.ndjson")))
    """
    try:
        text = read_bytes(path).decode("utf-8")
    except ReadError as error:
        yield error
        return
    except UnicodeDecodeError as error:
        yield ReadError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", file=str(path))
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line)
                strokes = [np.array(stroke[:2], np.float64).T for stroke in value["drawing"]]
                word = value.get("word")
                labels = {"kind": word} if isinstance(word, str) and 0 < len(word) <= 100 else {}
                yield Sample(validated_ink(strokes, ""), labels, f"line {number}", number)
            except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
                reason = f'is not a drawing ({error}); a line must have "drawing": [[[x, ...], [y, ...]], ...]'
                yield ReadError(reason, file=str(path), line=number)


def read_npy(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the ink of an array of offsets, shape (points, 3): dx, dy, and 1 at the last point of a stroke.

    Example:
        (sample,) = read_npy(Path("line.npy"))
    """
    try:
        array: Any = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
        if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu" or len(array) > MAX_POINTS:
            raise ValueError(
                f"has the shape {array.shape} of {array.dtype}; it must be (points, 3): dx, dy, end of stroke"
            )
        yield Sample(validated_ink(list(from_offsets(array.astype(np.float64)).strokes), ""))
    except ReadError as error:
        yield error
    except (ValueError, EOFError, OSError) as error:
        yield ReadError(str(error), file=str(path))


def _number(text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"has the coordinate {(text or '')[:20]!r}, which is not a number")
    return value
