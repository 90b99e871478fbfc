"""Fewer points for the same strokes: by shape, or by even steps along the way. The ends of strokes stay."""

import numpy as np

from seqforge_handwriting.ink import Ink

DENSE = 30
"""Points a character, above which points are left out: the corpus has 6.5, a screen records a hundred."""
CURVED = 8
"""Likewise, in a drawing, where points are added along every curve."""


def thin(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Return those points of a stroke, shape (points, 2), that its polyline needs to stay within the tolerance.

    U. Ramer, An iterative procedure for the polygonal approximation of plane curves (1972); D. Douglas and T. Peucker
    (1973).
    """
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    todo = [(0, len(points) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        far = _distances(points[first + 1 : last], points[first], points[last])
        worst = int(far.argmax())
        if far[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            todo += [(first, middle), (middle, last)]
    found: np.ndarray = points[keep]
    return found


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return how far points lie from a segment (not from the line through it: strokes turn back)."""
    way = end - start
    length = float(way @ way)
    part = np.clip((points - start) @ way / length, 0, 1)[:, None] if length > 0 else 0.0
    found: np.ndarray = np.hypot(*(points - start - part * way).T)
    return found


def resampled(points: np.ndarray, step: float) -> np.ndarray:
    """Return a stroke, shape (points, 2), with points at even distances along it, no more than `step` apart."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()]) if len(points) > 1 else np.zeros(1)
    if lengths[-1] <= 0:
        return points[:1]
    places = np.linspace(0, lengths[-1], int(np.ceil(lengths[-1] / step)) + 1)
    found = np.stack([np.interp(places, lengths, points[:, axis]) for axis in (0, 1)], axis=1)
    found[[0, -1]] = points[[0, -1]]
    return found


def thinned(ink: Ink, tolerance: float) -> Ink:
    """Return ink whose strokes stay within the tolerance, in its units, with as few points as that takes."""
    return ink.replaced(thin(stroke, tolerance) for stroke in ink.strokes)


def lightened(ink: Ink, suffix: str, tolerance: float) -> Ink:
    """Return ink thinned where it has far more points a character than a pen needs; as it is where it has not.

    Args:
        ink: from a file.
        suffix: of the file; drawings have points added along every curve.
        tolerance: in the ink's units; 0 leaves all points.
    """
    most = CURVED if suffix.lower() == ".svg" else DENSE
    if not tolerance or len(ink.points) <= most * max(1, len(ink.text)):
        return ink
    return thinned(ink, tolerance)


def evened(ink: Ink, step: float) -> Ink:
    """Return ink with points at even distances along each stroke, no more than `step` of its units apart."""
    return ink.replaced(resampled(stroke, step) for stroke in ink.strokes)
