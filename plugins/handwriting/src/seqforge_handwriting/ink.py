"""What a pen wrote: strokes in the order of writing, and the text that they say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-3
"""Units by which the coordinates of equal ink may differ: arithmetic in float32 stays well below."""
FARTHEST = 1e7
"""Units from the origin that no pen goes; beyond, differences of coordinates lose their meaning."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Strokes of a pen, first written first.

    Attributes:
        strokes: one array of shape (points, 2) a stroke: x to the right, y downwards, absolute, float64, read-only. A
            dot is a stroke of one point.
        text: what they say, "" where nobody knows.

    Raises:
        ValueError: a stroke is no array of points, has none, or a coordinate is not finite or absurdly large.
    """

    strokes: tuple[np.ndarray, ...]
    text: str = ""

    def __post_init__(self) -> None:
        kept = tuple(_stroke(stroke, number) for number, stroke in enumerate(self.strokes, 1))
        object.__setattr__(self, "strokes", kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ink):
            return NotImplemented
        if self.text != other.text or self.counts != other.counts:
            return False
        return bool(np.allclose(self.points, other.points, rtol=0, atol=TOLERANCE))

    def __hash__(self) -> int:
        return hash((self.text, self.counts))

    @property
    def counts(self) -> tuple[int, ...]:
        """How many points each stroke has."""
        return tuple(len(stroke) for stroke in self.strokes)

    @property
    def points(self) -> np.ndarray:
        """All points of all strokes, shape (points, 2)."""
        return np.concatenate(self.strokes) if self.strokes else np.zeros((0, 2))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the points; zeros where there are none."""
        if not self.strokes:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def moved(self, right: float, down: float) -> "Ink":
        """Return the ink at another place."""
        return self.transformed(np.eye(2), (right, down))

    def scaled(self, factor: float) -> "Ink":
        """Return the ink larger or smaller, as seen from the origin."""
        return self.transformed(np.eye(2) * factor)

    def transformed(self, matrix: np.ndarray, shift: Sequence[float] = (0.0, 0.0)) -> "Ink":
        """Return the ink with every point p at matrix @ p + shift; the matrix has shape (2, 2)."""
        return self.replaced(stroke @ np.asarray(matrix).T + np.asarray(shift) for stroke in self.strokes)

    def replaced(self, strokes: Iterable[np.ndarray]) -> "Ink":
        """Return other strokes with the same text."""
        return Ink(tuple(strokes), self.text)

    def rounded(self, decimals: int) -> "Ink":
        """Return the ink with coordinates of so many decimals."""
        return self.replaced(stroke.round(decimals) for stroke in self.strokes)


def _stroke(stroke: np.ndarray, number: int) -> np.ndarray:
    points = np.array(stroke, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"stroke {number} has the shape {points.shape}; allowed is (points, 2), one point at least")
    if not np.isfinite(points).all():
        raise ValueError(f"stroke {number} has a coordinate that is not finite")
    if np.abs(points).max() > FARTHEST:
        raise ValueError(f"stroke {number} has a coordinate beyond {FARTHEST:,.0f}")
    points.setflags(write=False)
    return points


def joined(inks: Iterable[Ink], *, separator: str = "\n") -> Ink:
    """Return the strokes of several pieces of ink as one, their texts joined."""
    every = list(inks)
    strokes = tuple(stroke for ink in every for stroke in ink.strokes)
    return Ink(strokes, separator.join(ink.text for ink in every))


def to_offsets(ink: Ink) -> np.ndarray:
    """Return ink as offsets, shape (points, 3): dx, dy, and 1 at the last point of each stroke, else 0.

    As in A. Graves, Generating Sequences With Recurrent Neural Networks (2013), section 4. The first row is the jump
    from the origin to the first point.
    """
    points = ink.points
    found = np.zeros((len(points), 3))
    found[:, :2] = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    if ink.strokes:
        found[np.cumsum(ink.counts) - 1, 2] = 1
    return found


def from_offsets(offsets: np.ndarray, text: str = "") -> Ink:
    """Return the ink of offsets, shape (points, 3), as `to_offsets` gives them; the last point ends its stroke.

    Raises:
        ValueError: the array has another shape, or a coordinate is not finite.
    """
    rows = np.asarray(offsets, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise ValueError(f"offsets have the shape {rows.shape}; allowed is (points, 3)")
    if not len(rows):
        return Ink((), text)
    ends = np.flatnonzero(rows[:-1, 2] > 0.5) + 1
    with np.errstate(invalid="ignore", over="ignore"):  # Ink refuses what is not finite
        points = np.cumsum(rows[:, :2], axis=0)
    return Ink(tuple(np.split(points, ends)), text)


def to_deltas(ink: Ink, decimals: int = 2) -> list[list[float]]:
    """Return the strokes as the corpus writes them: [dx, dy, dx, dy, ...] a stroke.

    A stroke's first pair is the jump from the last point of the stroke before, the first stroke's from the origin.
    Coordinates are rounded before they are subtracted, so no error adds up; whole numbers are int.
    """
    tenths = np.rint(ink.points * 10.0**decimals).astype(np.int64)
    steps = np.diff(tenths, axis=0, prepend=np.zeros((1, 2), np.int64))
    whole = decimals <= 0 or not (steps % 10**decimals).any()
    values: np.ndarray = steps // 10**decimals if whole else np.round(steps / 10.0**decimals, decimals)
    return [part.ravel().tolist() for part in np.split(values, np.cumsum(ink.counts)[:-1])] if ink.strokes else []


def from_deltas(strokes: Sequence[Sequence[float]], text: str = "") -> Ink:
    """Return the ink of strokes as the corpus writes them.

    Raises:
        ValueError: a stroke has no point or half a point, or a coordinate is not finite.
    """
    for number, stroke in enumerate(strokes, 1):
        if len(stroke) < 2 or len(stroke) % 2:
            raise ValueError(f"stroke {number} has {len(stroke)} numbers; allowed are pairs dx, dy, one at least")
    if not strokes:
        return Ink((), text)
    ends = np.cumsum([len(stroke) // 2 for stroke in strokes])
    steps = np.array([value for stroke in strokes for value in stroke], np.float64).reshape(-1, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.cumsum(steps, axis=0)
    return Ink(tuple(np.split(points, ends[:-1])), text)
