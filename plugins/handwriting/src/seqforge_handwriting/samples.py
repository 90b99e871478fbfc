"""Samples: ink with its labels as read from a file, and the limits of what a file may contain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.ink import MAX_COORDINATE, Ink

__all__ = ["MAX_POINTS", "Sample", "read_bytes", "validated_ink"]

MAX_BYTES = 64 << 20
"""Largest size of a file; all English lines of UNIPEN take 8 MB."""
MAX_STROKES = 20_000
MAX_POINTS = 500_000
"""Largest number of points of one sample; a page of writing has a few thousand."""


@dataclass(frozen=True)
class Sample:
    """One sample of handwriting in a file.

    >>> Sample(Ink((), "fox"), {"writer": "w014"}, place="line 3", line=3).ink.text
    'fox'

    Attributes:
        ink: The strokes and their text.
        labels: The labels that the file gives: writer, kind.
        place: The place in the file ("line 12", "sample 3"), "" if the file has one sample.
        line: The line number of a sample in a file with one sample per line, else None.
    """

    ink: Ink
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    line: int | None = None


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a file.

    Raises:
        ReadError: If the file cannot be read, is empty, or is larger than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(data) > max_bytes:
        raise ReadError(
            f"is larger than {max_bytes >> 20} MB, far more than strokes need; split it, or reduce its points",
            file=str(path),
        )
    if not data.strip():
        raise ReadError("is empty; write something and save it again", file=str(path))
    return data


def validated_ink(strokes: list[np.ndarray], text: str) -> Ink:
    """Return the strokes of a file as ink.

    >>> validated_ink([np.array([[1.0, 2.0]])], "i").counts
    (1,)

    Raises:
        ValueError: If there are no strokes or too many, or a coordinate is out of range.
    """
    if not strokes:
        raise ValueError("contains no strokes; write something and save it again")
    if len(strokes) > MAX_STROKES:
        raise ValueError(f"has {len(strokes):,} strokes; at most {MAX_STROKES:,} are allowed, so give fewer lines")
    points = sum(len(stroke) for stroke in strokes)
    if points > MAX_POINTS:
        raise ValueError(f"has {points:,} points; at most {MAX_POINTS:,} are allowed, so give fewer lines")
    for number, stroke in enumerate(strokes, 1):
        wrong = stroke[~(np.abs(stroke) <= MAX_COORDINATE).all(axis=1)]
        if len(wrong):
            raise ValueError(
                f"stroke {number} has the point {wrong[0, 0]:g}, {wrong[0, 1]:g}; a coordinate must be a number from"
                f" -{MAX_COORDINATE:,.0f} to {MAX_COORDINATE:,.0f}: correct it or delete the stroke"
            )
    return Ink(tuple(strokes), text)
