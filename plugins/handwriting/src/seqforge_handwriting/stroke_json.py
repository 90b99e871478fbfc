"""Strokes as JSON, as in the corpus: {"writer": ..., "kind": ..., "text": ..., "strokes": [[dx, dy, ...], ...]}.

A written page also has its size, `page`, and its `lines`; each of these is read as a sample.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.ink import MAX_COORDINATE, Ink, to_deltas
from seqforge_handwriting.page import Page
from seqforge_handwriting.samples import MAX_POINTS, Sample, read_bytes, validated_ink
from seqforge_handwriting.written_lines import line_inks, lines_from_json, lines_to_json

__all__ = ["json_line", "page_line", "read_json", "read_pages"]

LABELS = ("writer", "kind")
MAX_TEXT = 100_000
"""Largest number of characters of the text of a sample."""


def read_json(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the samples of a file, or the reason why one cannot be read.

    Example:
        texts = [sample.ink.text for sample in read_json(Path("lines.jsonl")) if isinstance(sample, Sample)]

    The file contains JSON lines, one object, or a list of objects.
    """
    file = str(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except ReadError as error:
        yield error
        return
    except UnicodeDecodeError as error:
        yield ReadError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", file=file)
        return
    try:
        document = _parse(text)
    except ValueError:
        yield from _read_lines(text, file)
        return
    if not isinstance(document, list):
        yield from _samples(document, file, None, "")
        return
    if not document:
        yield ReadError("contains no samples; write something and save it again", file=file)
    for number, value in enumerate(document, 1):
        yield from _samples(value, file, None, f"sample {number}")


def _read_lines(text: str, file: str) -> Iterator[Sample | ReadError]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = _parse(line)
        except ValueError as error:
            yield ReadError(
                f"{_reason(error)}; the file must have one JSON object per line, or be one JSON value",
                file=file,
                line=number,
            )
            continue
        yield from _samples(value, file, number, f"line {number}")


def _samples(value: Any, file: str, line: int | None, place: str) -> Iterator[Sample | ReadError]:
    """Yield the sample that a JSON value describes, or those of the lines of a page."""
    sample = _sample(value, file, line, place)
    if isinstance(sample, ReadError) or "lines" not in value:
        yield sample
        return
    try:
        lines = lines_from_json(value["lines"], len(sample.ink.strokes))
    except ValueError as error:
        yield ReadError(f"{place}: {error}" if place else str(error), file=file, line=line)
        return
    if len(lines) < 2:
        yield sample
        return
    for number, ink in enumerate(line_inks(sample.ink, lines), 1):
        yield Sample(ink, sample.labels, f"{place}, line {number}" if place else f"line {number}", line)


def read_pages(text: str, file: str) -> Iterator[Page]:
    """Yield the pages of a letter, with their lines.

    Args:
        text: The content of the file: one page per line, as `page_line` writes it.
        file: The name of the file, for messages.

    Raises:
        ReadError: If a page is malformed, or has no lines.
    """
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        try:
            value = _parse(row)
            size = value.get("page") if isinstance(value, dict) else None
            if not isinstance(size, dict) or not value.get("lines"):
                raise ValueError("has no lines of a letter; write the letter as .json, in the order of writing")
            ink = _ink(value)
            width, height = float(size["width"]), float(size["height"])
            if not (0 < width < MAX_COORDINATE and 0 < height < MAX_COORDINATE):
                raise ValueError(f"has a page of {width:g} x {height:g} mm")
            yield Page(ink, width, height, lines=lines_from_json(value["lines"], len(ink.strokes)))
        except (KeyError, TypeError) as error:
            raise ReadError("has a page without a width and a height", file=file, line=number) from error
        except ValueError as error:
            raise ReadError(_reason(error), file=file, line=number) from error


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg.lower()} at column {error.colno}"
    return str(error)


def _parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is not JSON, contains NaN or Infinity, is too deeply nested, or has a number of 5,000 digits.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("is nested too deeply; strokes are lists of numbers") from error


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"contains {word}, which is not a number in JSON")


def _sample(value: Any, file: str, line: int | None, place: str) -> Sample | ReadError:
    """Return the sample that a JSON value describes."""
    try:
        if not isinstance(value, dict):
            raise ValueError(f"is a {type(value).__name__}; a sample must be an object with strokes and text")
        return Sample(_ink(value), _labels(value), place, line)
    except ValueError as error:
        reason = str(error) if line is not None or not place else f"{place}: {error}"
        return ReadError(reason, file=file, line=line)


def _ink(value: Mapping[str, Any]) -> Ink:
    text = value.get("text", "")
    if not isinstance(text, str) or len(text) > MAX_TEXT or not _has_whole_characters(text):
        raise ValueError(
            f"has a text that is not a string of at most {MAX_TEXT:,} characters; give the text of the ink"
        )
    strokes = value.get("strokes")
    if not isinstance(strokes, list):
        raise ValueError('has no "strokes"; they must be a list of strokes, each a list [dx, dy, dx, dy, ...]')
    for number, stroke in enumerate(strokes, 1):
        if not isinstance(stroke, list) or len(stroke) < 2 or len(stroke) % 2:
            content = f"has {len(stroke)} numbers" if isinstance(stroke, list) else f"is a {type(stroke).__name__}"
            raise ValueError(f"stroke {number} {content}; it must be a list with at least one pair dx, dy")
        if not all(type(coordinate) is int or type(coordinate) is float for coordinate in stroke):
            wrong = next(
                coordinate for coordinate in stroke if type(coordinate) is not int and type(coordinate) is not float
            )
            raise ValueError(f"stroke {number} contains {str(wrong)[:40]!r}, which is not a number")
    counts = [len(stroke) // 2 for stroke in strokes]
    if sum(counts) > MAX_POINTS:
        raise ValueError(f"has {sum(counts):,} points; at most {MAX_POINTS:,} are allowed, so give fewer lines")
    try:
        steps = np.array([number for stroke in strokes for number in stroke], np.float64).reshape(-1, 2)
    except OverflowError:
        raise ValueError("has a number of more than 300 digits; coordinates are far smaller") from None
    with np.errstate(invalid="ignore", over="ignore"):  # validated_ink rejects coordinates that are not finite
        points = np.cumsum(steps, axis=0)
    return validated_ink(np.split(points, np.cumsum(counts)[:-1]) if counts else [], text)


def _has_whole_characters(text: str) -> bool:
    """Return whether a text has no lone surrogates, which JSON can express."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _labels(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that are short strings."""
    words = {name: value[name] for name in LABELS if isinstance(value.get(name), str)}
    return {name: word for name, word in words.items() if 0 < len(word) <= 100 and _has_whole_characters(word)}


def page_line(page: Page, *, decimals: int = 2) -> str:
    """Return a written page as one line of JSON, with its size and its lines if they are known.

    >>> page_line(Page(Ink((np.array([[1.0, 2.0]]),), "i"), 10, 5))
    '{"text":"i","strokes":[[1,2]]}'

    Args:
        page: The page.
        decimals: Number of decimals of the coordinates.
    """
    if not page.lines:
        return json_line(page.ink, decimals=decimals)
    size = {"width": round(page.width, decimals), "height": round(page.height, decimals)}
    return json_line(page.ink, {"page": size, "lines": lines_to_json(page.lines)}, decimals=decimals)


def json_line(ink: Ink, labels: Mapping[str, Any] | None = None, *, decimals: int = 2) -> str:
    """Return ink as one line of JSON in the form of the corpus, without a line end.

    >>> json_line(Ink((np.array([[1.0, 2.0], [4.0, 6.0]]),), "l"), {"writer": "w1"})
    '{"writer":"w1","text":"l","strokes":[[1,2,3,4]]}'

    Args:
        ink: The ink.
        labels: Further members: writer and kind, or those of a page.
        decimals: Number of decimals of the coordinates.
    """
    value = {**(labels or {}), "text": ink.text, "strokes": to_deltas(ink, decimals)}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
