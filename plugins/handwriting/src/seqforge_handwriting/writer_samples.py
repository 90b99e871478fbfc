"""Samples of writers: one line per writer, stored with the model to prime the network with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqforge import Piece
from seqforge_handwriting.frame import normalize
from seqforge_handwriting.ink import Ink, concatenate, from_offsets, to_offsets
from seqforge_handwriting.page import Page

__all__ = ["WriterSamples"]

TARGET_LENGTH = 22
"""Preferred number of characters of a sample: longer samples cost time, shorter ones show little of the style."""
MIN_LENGTH = 12
MAX_WRITERS = 200
COLUMNS, COLUMN_WIDTH, NAME_WIDTH, ROW_HEIGHT, MARGIN, X_HEIGHT = 3, 76.0, 13.0, 9.0, 6.0, 1.7
"""Layout of the specimen sheet: number of columns, and lengths in millimetres."""


class WriterSamples:
    """For each writer, a line of about 22 characters, in x-heights.

    >>> samples = WriterSamples()
    >>> _ = samples.add(Piece(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "- - - - - - -"), {"writer": "w001"}))
    >>> samples.lines["w001"].bounds
    (0.0, 0.0, 2.0, 0.0)

    Args:
        lines: Writer to line; empty by default.

    Attributes:
        lines: Writer to line.
    """

    def __init__(self, lines: Mapping[str, Ink] | None = None) -> None:
        self.lines: dict[str, Ink] = dict(lines or {})

    def add(self, piece: Piece[Ink]) -> Ink:
        """Use a piece as the sample of its writer if its length suits better; return its ink in x-heights."""
        ink, _ = normalize(piece.content)
        writer = piece.labels.get("writer", "")
        current = self.lines.get(writer)
        if not writer or len(ink.text) < MIN_LENGTH or (current is None and len(self.lines) >= MAX_WRITERS):
            return ink
        if current is None or abs(len(ink.text) - TARGET_LENGTH) < abs(len(current.text) - TARGET_LENGTH):
            self.lines[writer] = ink
        return ink

    def specimen_sheet(self) -> Page:
        """Return a page that shows the lines of all writers in columns, each next to the name of its writer."""
        lines, notes = [], []
        for number, (writer, ink) in enumerate(sorted(self.lines.items())):
            row, column = divmod(number, COLUMNS)
            x, y = MARGIN + column * COLUMN_WIDTH, 2 * MARGIN + row * ROW_HEIGHT
            factor = min(X_HEIGHT, (COLUMN_WIDTH - NAME_WIDTH - 3) / max(1e-6, ink.bounds[2] - ink.bounds[0]))
            lines.append(ink.translate(-ink.bounds[0], 0).scale(factor).translate(x + NAME_WIDTH, y))
            notes.append((x, y, writer))
        rows = -(-len(lines) // COLUMNS)
        size = 2 * MARGIN + COLUMNS * COLUMN_WIDTH, 3 * MARGIN + rows * ROW_HEIGHT
        return Page(concatenate(lines), *size, notes=tuple(notes))

    def state(self) -> tuple[list[list[Any]], np.ndarray]:
        """Return writer, text and number of points of each line, and the offsets of all lines.

        The offsets follow each other in one float32 array of shape (points, 3).
        """
        items = sorted(self.lines.items())
        offsets = np.concatenate([np.zeros((0, 3)), *(to_offsets(ink) for _, ink in items)]).astype(np.float32)
        return [[writer, ink.text, len(ink.points)] for writer, ink in items], offsets

    @classmethod
    def from_state(cls, data: Any, offsets: np.ndarray) -> "WriterSamples":
        """Return the samples that `state` described.

        Raises:
            ValueError: If data and offsets do not fit each other.
        """
        counts = [int(count) for _, _, count in data]
        if offsets.ndim != 2 or offsets.shape[1] != 3 or sum(counts) != len(offsets):
            raise ValueError("the lines of the writers do not fit their offsets")
        ends = np.cumsum(counts).tolist()
        starts = [0, *ends][: len(ends)]
        return cls({
            str(writer): from_offsets(offsets[start:end], str(text))
            for (writer, text, _), start, end in zip(data, starts, ends, strict=True)
        })  # fmt: skip
