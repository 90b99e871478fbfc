"""Strokes as JSON, the corpus' own form: {"writer": ..., "kind": ..., "text": ..., "strokes": [[dx, dy, ...], ...]}."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.ink import Ink, to_deltas
from seqforge_handwriting.reading import MOST_POINTS, Sample, checked, read_bytes

LABELS = ("writer", "kind")
LONGEST_TEXT = 100_000


def read_json(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the samples of a file: JSON lines, one object, or a list of objects; for a damaged one, what is wrong."""
    file = str(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except ReadError as error:
        yield error
        return
    except UnicodeDecodeError as error:
        yield ReadError(f"is no UTF-8 text (byte {error.start}); JSON is: save it as UTF-8", file=file)
        return
    try:
        whole = _parse(text)
    except ValueError:
        yield from _lines(text, file)
        return
    if not isinstance(whole, list):
        yield _sample(whole, file, None, "")
        return
    if not whole:
        yield ReadError("holds no samples; write something and save it again", file=file)
    for number, told in enumerate(whole, 1):
        yield _sample(told, file, None, f"sample {number}")


def _lines(text: str, file: str) -> Iterator[Sample | ReadError]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            told = _parse(line)
        except ValueError as error:
            yield ReadError(
                f"{_reason(error)}; allowed is a JSON object a line, or one for the whole file", file=file, line=number
            )
            continue
        yield _sample(told, file, number, f"line {number}")


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is no JSON: {error.msg.lower()} at column {error.colno}"
    return str(error)


def _parse(text: str) -> Any:
    """Return what a text stands for as JSON.

    Raises:
        ValueError: it is none, holds NaN or Infinity, is nested absurdly deep, or has a number of 5,000 digits.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("is nested too deep; strokes are lists of numbers") from error


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is no number in JSON")


def _sample(told: Any, file: str, line: int | None, place: str) -> Sample | ReadError:
    """Return a sample from its JSON."""
    try:
        if not isinstance(told, dict):
            raise ValueError(f"is a {type(told).__name__}; a sample is an object with strokes and text")
        return Sample(_ink(told), _labels(told), place)
    except ValueError as error:
        reason = str(error) if line is not None or not place else f"{place}: {error}"
        return ReadError(reason, file=file, line=line)


def _ink(told: Mapping[str, Any]) -> Ink:
    text = told.get("text", "")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT or not _whole(text):
        raise ValueError(f"has a text that is no string of up to {LONGEST_TEXT:,} characters; write what the ink says")
    lists = told.get("strokes")
    if not isinstance(lists, list):
        raise ValueError('has no "strokes"; allowed is a list of strokes, each a list [dx, dy, dx, dy, ...]')
    for number, stroke in enumerate(lists, 1):
        if not isinstance(stroke, list) or len(stroke) < 2 or len(stroke) % 2:
            held = f"{len(stroke)} numbers" if isinstance(stroke, list) else f"a {type(stroke).__name__}"
            raise ValueError(f"stroke {number} has {held}; allowed is a list of pairs dx, dy, one at least")
        if not all(type(value) is int or type(value) is float for value in stroke):
            wrong = next(value for value in stroke if type(value) is not int and type(value) is not float)
            raise ValueError(f"stroke {number} holds {str(wrong)[:40]!r}, which is no number")
    counts = [len(stroke) // 2 for stroke in lists]
    if sum(counts) > MOST_POINTS:
        raise ValueError(f"has {sum(counts):,} points; {MOST_POINTS:,} are allowed: give a few lines of the hand")
    try:
        steps = np.array([value for stroke in lists for value in stroke], np.float64).reshape(-1, 2)
    except OverflowError:
        raise ValueError("has a number of more than 300 digits; coordinates are far smaller") from None
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused by name
        points = np.cumsum(steps, axis=0)
    return checked(np.split(points, np.cumsum(counts)[:-1]) if counts else [], text)


def _whole(text: str) -> bool:
    """Return whether a text is made of whole characters: JSON can name halves of them."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _labels(told: Mapping[str, Any]) -> dict[str, str]:
    """Return those labels that are short words."""
    words = {name: told[name] for name in LABELS if isinstance(told.get(name), str)}
    return {name: word for name, word in words.items() if 0 < len(word) <= 100 and _whole(word)}


def json_line(ink: Ink, labels: Mapping[str, str] | None = None, *, decimals: int = 2) -> str:
    """Return ink as one line of JSON in the corpus' form, without a line end."""
    told = {**(labels or {}), "text": ink.text, "strokes": to_deltas(ink, decimals)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
