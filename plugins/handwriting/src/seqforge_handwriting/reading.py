"""Files into ink: strokes as JSON, SVG with open paths, InkML. Nothing in them is believed before it is checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqforge import ReadError, listing
from seqforge_handwriting.ink import FARTHEST, Ink

SUFFIXES = (".jsonl", ".json", ".svg", ".inkml")
MOST_BYTES = 64 << 20
"""Of a file of JSON lines: the whole of UNIPEN's English is 8 MB."""
MOST_STROKES = 20_000
MOST_POINTS = 500_000
"""Of one piece of ink: a thousand pages would have more, and nobody primes with those."""


@dataclass(frozen=True)
class Sample:
    """One piece of ink that was read.

    Attributes:
        ink: the strokes and what they say.
        labels: what the file tells of it: writer, kind.
        place: where it stood in the file ("line 12"), "" where it is the whole file.
    """

    ink: Ink
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


def read_ink(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the pieces of ink in a file, or what is wrong; the suffix names the format."""
    match path.suffix.lower():
        case ".json" | ".jsonl":
            from seqforge_handwriting.strokes import read_json

            yield from read_json(path)
        case ".svg":
            from seqforge_handwriting.vector import read_svg

            yield read_svg(path)
        case ".inkml":
            from seqforge_handwriting.inkml import read_inkml

            yield read_inkml(path)
        case suffix:
            name = f"files with {suffix}" if suffix else "files without a suffix"
            yield ReadError(f"{name} hold no strokes that can be read; give {listing(SUFFIXES)}", file=str(path))


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        ReadError: it is gone, may not be read, is empty, or has more than `most` bytes.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(data) > most:
        raise ReadError(
            f"has more than {most >> 20} MB; strokes of a pen take far less: split it, or thin its points",
            file=str(path),
        )
    if not data.strip():
        raise ReadError("is empty; write something and save it again", file=str(path))
    return data


def checked(strokes: list[np.ndarray], text: str) -> Ink:
    """Return strokes from a file as ink.

    Raises:
        ValueError: there are none, too many, or they have a coordinate that no pen reaches.
    """
    if not strokes:
        raise ValueError("holds no strokes; write something and save it again")
    if len(strokes) > MOST_STROKES:
        raise ValueError(f"has {len(strokes):,} strokes; {MOST_STROKES:,} are allowed: give a few lines of the hand")
    points = sum(len(stroke) for stroke in strokes)
    if points > MOST_POINTS:
        raise ValueError(f"has {points:,} points; {MOST_POINTS:,} are allowed: give a few lines of the hand")
    for number, stroke in enumerate(strokes, 1):
        wrong = stroke[~(np.abs(stroke) <= FARTHEST).all(axis=1)]
        if len(wrong):
            raise ValueError(
                f"stroke {number} has the point {wrong[0, 0]:g}, {wrong[0, 1]:g}; a coordinate must be a number"
                f" within {FARTHEST:,.0f} of zero: correct it or leave the stroke out"
            )
    return Ink(tuple(strokes), text)
