"""A line of each writer, kept with the model to prime it with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqforge import Piece
from seqforge_handwriting.ink import Ink, from_offsets, joined, to_offsets
from seqforge_handwriting.page import Page
from seqforge_handwriting.shape import normal

WANTED = 22
"""Characters of a line to prime with: more costs time, fewer tell little of a hand."""
LEAST = 12
MOST_HANDS = 200
COLUMNS, COLUMN, NAMES, LEADING, MARGIN, X_HEIGHT = 3, 76.0, 13.0, 9.0, 6.0, 1.7
"""Of a sheet that shows them all: columns, their width, that of a name, from line to line; lengths in millimetres."""


class Hands:
    """For each writer the line whose length is nearest to what is wanted, in x-heights."""

    def __init__(self, lines: Mapping[str, Ink] | None = None) -> None:
        self.lines: dict[str, Ink] = dict(lines or {})

    def see(self, piece: Piece) -> Ink:
        """Keep a writer's line if it suits better than the one there is; return it in x-heights."""
        ink, _ = normal(piece.content)
        writer = piece.labels.get("writer", "")
        before = self.lines.get(writer)
        if not writer or len(ink.text) < LEAST or (before is None and len(self.lines) >= MOST_HANDS):
            return ink
        if before is None or abs(len(ink.text) - WANTED) < abs(len(before.text) - WANTED):
            self.lines[writer] = ink
        return ink

    def sheet(self) -> Page:
        """Return a page with the lines of all writers in columns, each beside its writer's name."""
        lines, notes = [], []
        for number, (writer, ink) in enumerate(sorted(self.lines.items())):
            row, column = divmod(number, COLUMNS)
            x, y = MARGIN + column * COLUMN, 2 * MARGIN + row * LEADING
            factor = min(X_HEIGHT, (COLUMN - NAMES - 3) / max(1e-6, ink.bounds[2] - ink.bounds[0]))
            lines.append(ink.moved(-ink.bounds[0], 0).scaled(factor).moved(x + NAMES, y))
            notes.append((x, y, writer))
        rows = -(-len(lines) // COLUMNS)
        size = 2 * MARGIN + COLUMNS * COLUMN, 3 * MARGIN + rows * LEADING
        return Page(joined(lines), *size, notes=tuple(notes))

    def to_json(self) -> list[list[Any]]:
        """Return the writers and what their lines say; the strokes are `arrays`."""
        return [[writer, ink.text, len(ink.points)] for writer, ink in sorted(self.lines.items())]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the offsets of all lines, one after the other, shape (points, 3), float32."""
        lines = [to_offsets(ink) for _, ink in sorted(self.lines.items())]
        return {"hands": np.concatenate([np.zeros((0, 3)), *lines]).astype(np.float32)}

    @classmethod
    def from_json(cls, data: Any, arrays: Mapping[str, np.ndarray]) -> "Hands":
        """Return the hands that `to_json` and `arrays` described.

        Raises:
            ValueError: they do not fit each other.
        """
        offsets = arrays["hands"]
        if offsets.ndim != 2 or offsets.shape[1] != 3 or sum(int(count) for _, _, count in data) != len(offsets):
            raise ValueError("its hands are garbled")
        ends = np.cumsum([int(count) for _, _, count in data]).tolist()
        starts = [0, *ends][: len(ends)]
        return cls({
            str(writer): from_offsets(offsets[start:end], str(text))
            for (writer, text, _), start, end in zip(data, starts, ends, strict=True)
        })  # fmt: skip
