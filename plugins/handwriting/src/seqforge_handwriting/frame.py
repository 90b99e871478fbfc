"""The frame of a line of writing: the slope of its baseline, the slant of its letters, and its x-height.

The unit of a file may be a pixel or a tenth of a millimetre, and writers differ in size. So every line is normalised:
its baseline becomes level and its x-height becomes 1. The x-height is used because lines with and without ascenders
agree on it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from seqforge_handwriting.ink import MAX_COORDINATE, Ink
from seqforge_handwriting.line_geometry import estimate_baseline, estimate_slant, estimate_slope

__all__ = ["Frame", "estimate_frame", "normalize"]

MIN_X_HEIGHT = 1e-6
"""Smallest x-height of a frame, relative to the extent of the ink; normalised coordinates stay in range."""
CACHE_SIZE = 8
"""Number of frames that are kept. The same ink is read, fitted and encoded one after the other."""


@dataclass(frozen=True)
class Frame:
    """The coordinate frame of one line of writing. `apply` normalises ink, `undo` is the inverse.

    >>> frame = Frame(left=10, baseline=50, x_height=5)
    >>> frame.apply(Ink((np.array([[10.0, 45.0], [20.0, 50.0]]),))).strokes[0].tolist()
    [[0.0, -1.0], [2.0, 0.0]]

    Attributes:
        left: The x of the leftmost point of the line, in units of the ink.
        baseline: The y of the baseline at x = left.
        slope: The descent of the baseline per unit to the right (y grows downwards); 0 is level.
        slant: The lean of the letters to the right per unit of height, the tangent of the angle; 0 is upright.
        x_height: The distance from the baseline to the top of an x, above 0.

    Raises:
        ValueError: If a value is not finite or the x-height is not above 0.
    """

    left: float = 0.0
    baseline: float = 0.0
    slope: float = 0.0
    slant: float = 0.0
    x_height: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.left, self.baseline, self.slope, self.slant]).all() and 0 < self.x_height < np.inf):
            raise ValueError(f"{self} is not valid: all values must be finite, and the x-height must be above 0")

    @property
    def matrix(self) -> np.ndarray:
        """The linear part of `apply`, shape (2, 2): it levels the baseline, makes letters upright, and scales."""
        level = np.array([[1.0, 0.0], [-self.slope, 1.0]])
        upright = np.array([[1.0, self.slant], [0.0, 1.0]])
        matrix: np.ndarray = upright @ level / self.x_height
        return matrix

    def apply(self, ink: Ink) -> Ink:
        """Return the ink in x-heights, with a level baseline at y = 0, upright letters, and its left edge near 0."""
        return ink.transform(self.matrix, (-self.matrix @ (self.left, self.baseline)).tolist())

    def undo(self, ink: Ink) -> Ink:
        """Return normalised ink in the units and at the place of this frame: the inverse of `apply`."""
        return ink.transform(np.linalg.inv(self.matrix), (self.left, self.baseline))


def estimate_frame(ink: Ink) -> Frame:
    """Return the frame of a line of writing.

    >>> estimate_frame(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "-"))
    Frame(left=0.0, baseline=0.0, slope=0.0, slant=0.0, x_height=4.5)

    The slope is estimated first, from the lowest points; baseline, x-height and slant are estimated on the levelled
    line. To keep the slant of a writer when normalising, use `dataclasses.replace(frame, slant=0.0)`.

    Raises:
        ValueError: If the ink has no strokes.
    """
    if not ink.strokes:
        raise ValueError("an ink without strokes has no frame")
    return _estimate(ink.points.tobytes(), ink.counts, ink.text)


@lru_cache(maxsize=CACHE_SIZE)
def _estimate(points: bytes, counts: tuple[int, ...], text: str) -> Frame:
    """Return the frame of the ink with exactly these points; the cache does not use the equality of `Ink`."""
    coordinates = np.frombuffer(points, np.float64).reshape(-1, 2)
    ink = Ink(tuple(np.split(coordinates, np.cumsum(counts)[:-1])), text)
    if np.abs(coordinates).max() > MAX_COORDINATE / 4:  # levelling such ink would exceed the range of `Ink`
        frame = estimate_frame(ink.scale(1 / 4))
        return replace(frame, left=4 * frame.left, baseline=4 * frame.baseline, x_height=4 * frame.x_height)
    left, top, right, bottom = ink.bounds
    slope = estimate_slope(ink)
    level = Frame(left, 0.0, slope).apply(ink)
    baseline, x_height = estimate_baseline(level)
    smallest = MIN_X_HEIGHT * max(right - left, bottom - top)
    return Frame(left, baseline, slope, estimate_slant(level), max(x_height, smallest))


def normalize(ink: Ink) -> tuple[Ink, Frame]:
    """Return ink in x-heights on a level baseline with its slant unchanged, and the frame that was applied.

    >>> ink, frame = normalize(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "-"))
    >>> ink.strokes[0].tolist()
    [[0.0, 0.0], [2.0, 0.0]]
    """
    frame = replace(estimate_frame(ink), slant=0.0) if ink.strokes else Frame()
    return frame.apply(ink), frame
