"""Simplification of strokes: points that the shape does not need are left out. The ends of strokes stay."""

import numpy as np

from seqforge_handwriting.ink import Ink

__all__ = ["simplify", "simplify_dense", "simplify_stroke"]

MAX_POINTS_PER_CHARACTER = 30
"""Ink with more points per character is simplified: the corpus has 6.5, a touch screen records about a hundred."""
MAX_POINTS_PER_CHARACTER_SVG = 8
"""The same for SVG drawings, whose curves are read with additional points."""


def simplify_stroke(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Return the points that a stroke needs so that its polyline moves by at most the tolerance.

    The algorithm is that of U. Ramer, An iterative procedure for the polygonal approximation of plane curves (1972) and
    D. Douglas and T. Peucker (1973).

    >>> simplify_stroke(np.array([[0.0, 0.0], [1.0, 0.1], [2.0, 0.0]]), tolerance=0.5).tolist()
    [[0.0, 0.0], [2.0, 0.0]]

    Args:
        points: The points of a stroke, shape (points, 2).
        tolerance: The largest distance of a removed point from the polyline, in units of the points.
    """
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            middle = first + 1 + farthest
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    simplified: np.ndarray = points[keep]
    return simplified


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the distances of points from a segment; the distance from its line would ignore that strokes turn back."""
    direction = end - start
    length = float(direction @ direction)
    position = np.clip((points - start) @ direction / length, 0, 1)[:, None] if length > 0 else 0.0
    distances: np.ndarray = np.hypot(*(points - start - position * direction).T)
    return distances


def simplify(ink: Ink, tolerance: float) -> Ink:
    """Return ink with simplified strokes; the tolerance is in units of the ink.

    >>> simplify(Ink((np.array([[0.0, 0.0], [1.0, 0.1], [2.0, 0.0]]),)), tolerance=0.5).counts
    (2,)
    """
    return ink.with_strokes(simplify_stroke(stroke, tolerance) for stroke in ink.strokes)


def simplify_dense(ink: Ink, suffix: str, tolerance: float) -> Ink:
    """Return ink simplified if it has far more points per character than the corpus, else unchanged.

    >>> line = Ink((np.stack([np.arange(40.0), np.zeros(40)], axis=1),), "a")
    >>> simplify_dense(line, ".json", tolerance=0.5).counts
    (2,)

    Args:
        ink: The ink of a file.
        suffix: The suffix of the file; SVG drawings have additional points along their curves.
        tolerance: The tolerance in units of the ink; 0 keeps all points.
    """
    limit = MAX_POINTS_PER_CHARACTER_SVG if suffix.lower() == ".svg" else MAX_POINTS_PER_CHARACTER
    if not tolerance or len(ink.points) <= limit * max(1, len(ink.text)):
        return ink
    return simplify(ink, tolerance)
