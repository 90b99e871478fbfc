"""Ink: the strokes of a pen in the order of writing, and the text that they show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["MAX_COORDINATE", "Ink", "concatenate", "from_deltas", "from_offsets", "to_deltas", "to_offsets"]

TOLERANCE = 1e-5
"""Largest distance between coordinates of equal ink, relative to its extent. Rounding to float32 stays well below."""
ROUNDING_STEPS = 16
"""Rounding errors of equal coordinates, in steps of float64; matters only for ink that is tiny and far from the origin.
"""
MAX_COORDINATE = 1e7
"""Largest absolute value of a coordinate; beyond it, differences of coordinates lose precision."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Strokes of a pen in the order of writing.

    >>> ink = Ink((np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[5.0, 5.0]])), "i")
    >>> ink.counts, ink.bounds
    ((2, 1), (0.0, 0.0, 5.0, 5.0))

    Two inks are equal if they have the same text, the same number of points per stroke, and coordinates that differ by
    at most `TOLERANCE` of the extent. The unit of the coordinates therefore does not matter. Approximate equality is
    not transitive, so an ink has no hash.

    Attributes:
        strokes: One read-only float64 array of shape (points, 2) per stroke, in absolute coordinates: x grows to the
            right, y grows downwards. A dot is a stroke of one point.
        text: The text that the strokes show, "" if it is unknown.

    Raises:
        ValueError: If a stroke is empty or has another shape, or a coordinate is not finite or too large.
    """

    strokes: tuple[np.ndarray, ...]
    text: str = ""

    def __post_init__(self) -> None:
        strokes = tuple(_validated_stroke(stroke, number) for number, stroke in enumerate(self.strokes, 1))
        object.__setattr__(self, "strokes", strokes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ink):
            return NotImplemented
        if self.text != other.text or self.counts != other.counts:
            return False
        points, others = self.points, other.points
        if not len(points):
            return True
        extent = max(np.ptp(points, axis=0).max(), np.ptp(others, axis=0).max())
        rounding = ROUNDING_STEPS * np.spacing(max(np.abs(points).max(), np.abs(others).max()))
        return bool(np.abs(points - others).max() <= TOLERANCE * extent + rounding)

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of points of each stroke."""
        return tuple(len(stroke) for stroke in self.strokes)

    @property
    def points(self) -> np.ndarray:
        """The points of all strokes, shape (points, 2)."""
        return np.concatenate(self.strokes) if self.strokes else np.zeros((0, 2))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest x, smallest y, largest x and largest y of the points; zeros without points."""
        if not self.strokes:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def translate(self, right: float, down: float) -> "Ink":
        """Return the ink moved to the right and down."""
        return self.transform(np.eye(2), (right, down))

    def scale(self, factor: float) -> "Ink":
        """Return the ink scaled about the origin."""
        return self.transform(np.eye(2) * factor)

    def transform(self, matrix: np.ndarray, offset: Sequence[float] = (0.0, 0.0)) -> "Ink":
        """Return the ink with every point p replaced by matrix @ p + offset; the matrix has shape (2, 2)."""
        return self.with_strokes(stroke @ np.asarray(matrix).T + np.asarray(offset) for stroke in self.strokes)

    def with_strokes(self, strokes: Iterable[np.ndarray]) -> "Ink":
        """Return an ink with these strokes and the same text."""
        return Ink(tuple(strokes), self.text)

    def round(self, decimals: int) -> "Ink":
        """Return the ink with coordinates rounded to a number of decimals."""
        return self.with_strokes(stroke.round(decimals) for stroke in self.strokes)


def _validated_stroke(stroke: np.ndarray, number: int) -> np.ndarray:
    points = np.array(stroke, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            f"stroke {number} has the shape {points.shape}; it must be (points, 2) with at least one point"
        )
    if not np.isfinite(points).all():
        raise ValueError(f"stroke {number} has a coordinate that is not finite")
    if np.abs(points).max() > MAX_COORDINATE * (1 + TOLERANCE):  # decoded ink has rounding errors
        raise ValueError(f"stroke {number} has a coordinate beyond {MAX_COORDINATE:,.0f}")
    points.setflags(write=False)
    return points


def concatenate(inks: Iterable[Ink], *, separator: str = "\n") -> Ink:
    """Return one ink with the strokes of all inks; their texts are joined by the separator.

    >>> concatenate([Ink((), "a"), Ink((), "b")], separator=" ").text
    'a b'
    """
    items = list(inks)
    strokes = tuple(stroke for ink in items for stroke in ink.strokes)
    return Ink(strokes, separator.join(ink.text for ink in items))


def to_offsets(ink: Ink) -> np.ndarray:
    """Return the offsets of the pen, shape (points, 3): dx, dy, and 1 at the last point of a stroke, else 0.

    The encoding is that of A. Graves, Generating Sequences With Recurrent Neural Networks (2013), section 4. The first
    row is the offset of the first point from the origin.

    >>> to_offsets(from_deltas([[1, 2, 3, 4], [5, 6]])).tolist()
    [[1.0, 2.0, 0.0], [3.0, 4.0, 1.0], [5.0, 6.0, 1.0]]
    """
    points = ink.points
    offsets = np.zeros((len(points), 3))
    offsets[:, :2] = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    if ink.strokes:
        offsets[np.cumsum(ink.counts) - 1, 2] = 1
    return offsets


def from_offsets(offsets: np.ndarray, text: str = "") -> Ink:
    """Return the ink that `to_offsets` described; the last point always ends its stroke.

    >>> from_offsets(np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]])).strokes[0].tolist()
    [[1.0, 2.0], [4.0, 6.0]]

    Args:
        offsets: The offsets of the pen, shape (points, 3).
        text: The text of the ink.

    Raises:
        ValueError: If the array has another shape, or a coordinate is not finite or too large.
    """
    rows = np.asarray(offsets, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise ValueError(f"offsets have the shape {rows.shape}; it must be (points, 3)")
    if not len(rows):
        return Ink((), text)
    ends = np.flatnonzero(rows[:-1, 2] > 0.5) + 1
    with np.errstate(invalid="ignore", over="ignore"):  # Ink rejects coordinates that are not finite
        points = np.cumsum(rows[:, :2], axis=0)
    return Ink(tuple(np.split(points, ends)), text)


def to_deltas(ink: Ink, decimals: int = 2) -> list[list[float]]:
    """Return the strokes in the form of the corpus: one list [dx, dy, dx, dy, ...] per stroke.

    >>> to_deltas(Ink((np.array([[1.0, 2.0], [4.0, 6.5]]),)))
    [[1.0, 2.0, 3.0, 4.5]]

    The first pair of a stroke is relative to the last point of the previous stroke, or to the origin. Coordinates are
    rounded before they are subtracted, so rounding errors do not accumulate. If all numbers are whole they are ints.
    """
    scaled = np.rint(ink.points * 10.0**decimals).astype(np.int64)
    steps = np.diff(scaled, axis=0, prepend=np.zeros((1, 2), np.int64))
    integral = decimals <= 0 or not (steps % 10**decimals).any()
    values: np.ndarray = steps // 10**decimals if integral else np.round(steps / 10.0**decimals, decimals)
    return [part.ravel().tolist() for part in np.split(values, np.cumsum(ink.counts)[:-1])] if ink.strokes else []


def from_deltas(strokes: Sequence[Sequence[float]], text: str = "") -> Ink:
    """Return the ink that `to_deltas` described.

    >>> [stroke.tolist() for stroke in from_deltas([[10, 20, 1, 1], [5, -5]]).strokes]
    [[[10.0, 20.0], [11.0, 21.0]], [[16.0, 16.0]]]

    Raises:
        ValueError: If a stroke is empty or has an odd number of values, or a coordinate is not finite or too large.
    """
    for number, stroke in enumerate(strokes, 1):
        if len(stroke) < 2 or len(stroke) % 2:
            raise ValueError(f"stroke {number} has {len(stroke)} numbers; it must have at least one pair dx, dy")
    if not strokes:
        return Ink((), text)
    ends = np.cumsum([len(stroke) // 2 for stroke in strokes])
    steps = np.array([value for stroke in strokes for value in stroke], np.float64).reshape(-1, 2)
    with np.errstate(invalid="ignore", over="ignore"):  # Ink rejects coordinates that are not finite
        points = np.cumsum(steps, axis=0)
    return Ink(tuple(np.split(points, ends[:-1])), text)
