"""Bézier curves and polylines: smooth curves through the points of strokes, and points along curves.

Control points are complex numbers x + iy of shape (segments, 4): start, two controls, end. The end of a segment is the
start of the next one.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["evaluate", "flatten", "flattening_tolerance", "smooth"]

CUSP_COSINE = -0.5
"""Cosine of a turn of 120 degrees. The curve has a corner where the pen turns back by more than that."""
RELATIVE_TOLERANCE = 0.01
"""Largest distance of a flattened curve from the curve, relative to the median size of a stroke."""


def smooth(points: np.ndarray) -> np.ndarray:
    """Return a smooth curve through the points of a stroke as Bézier control points.

    The curve is a centripetal Catmull-Rom spline, which has no loops or cusps within a segment (C. Yuksel, S. Schaefer
    and J. Keyser, Parameterization and Applications of Catmull-Rom Curves, 2011). It keeps corners at which the pen
    turns back. A stroke of one point has no segment.

    >>> smooth(np.array([[0.0, 0.0], [3.0, 0.0]])).real.tolist()
    [[0.0, 1.0, 2.0, 3.0]]

    Args:
        points: The points of the stroke, shape (points, 2).
    """
    p = points[:, 0] + 1j * points[:, 1]
    keep = np.concatenate([[True], np.diff(p) != 0])
    p = p[keep]
    if len(p) < 2:
        return np.zeros((0, 4), np.complex128)
    steps = np.diff(p)
    knots = np.sqrt(np.abs(steps))  # d ** alpha with alpha = 1/2 for distances d
    before, after = knots[:-1], knots[1:]
    # the tangent at each inner point, to be scaled for the segments before and after it
    velocity = steps[:-1] / before + steps[1:] / after - (steps[:-1] + steps[1:]) / (before + after)
    turn = (steps[:-1] * steps[1:].conj()).real / np.abs(steps[:-1]) / np.abs(steps[1:])
    corner = turn < CUSP_COSINE
    outgoing, incoming = steps.copy(), steps.copy()  # ends and corners: straight towards the neighbour
    outgoing[1:] = np.where(corner, steps[1:], velocity * after)
    incoming[:-1] = np.where(corner, steps[:-1], velocity * before)
    return np.stack([p[:-1], p[:-1] + outgoing / 3, p[1:] - incoming / 3, p[1:]], axis=1)


def flattening_tolerance(curves: Sequence[np.ndarray]) -> float:
    """Return the tolerance for flattening these curves: a hundredth of the median size of a curve.

    >>> flattening_tolerance([smooth(np.array([[0.0, 0.0], [4.0, 0.0]]))])
    0.02
    """
    sizes = np.array([np.ptp(curve.imag) + np.ptp(curve.real) for curve in curves]) / 2
    sizes = sizes[sizes > 0]
    return float(np.median(sizes)) * RELATIVE_TOLERANCE if len(sizes) else 1.0


def flatten(curves: Sequence[np.ndarray], tolerance: float, max_points: int) -> list[np.ndarray]:
    """Return the points of polylines along curves, one array of shape (points, 2) per curve.

    >>> curve = smooth(np.array([[0.0, 0.0], [3.0, 0.0]]))
    >>> flatten([curve], tolerance=0.1, max_points=100)[0].tolist()
    [[0.0, 0.0], [3.0, 0.0]]

    Every segment keeps its ends. Between them it has evenly spaced points; their number is that of Wang's formula for
    cubic curves, by which the polyline with points evenly spaced in the parameter stays within the tolerance.

    Raises:
        ValueError: If more than `max_points` points are necessary.
    """
    counts = []
    for curve in curves:
        bends = np.maximum(
            np.abs(curve[:, 0] - 2 * curve[:, 1] + curve[:, 2]), np.abs(curve[:, 1] - 2 * curve[:, 2] + curve[:, 3])
        )
        counts.append(np.maximum(1, np.ceil(np.sqrt(0.75 * bends / tolerance))))
    if sum(float(intervals.sum()) for intervals in counts) > max_points:
        raise ValueError(f"takes more than {max_points:,} points; give a few lines of the writer")
    return [_points(curve, intervals.astype(int)) for curve, intervals in zip(curves, counts, strict=True)]


def _points(curve: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return points along a curve, given the number of intervals of each segment."""
    parts = [curve[:1, 0]]
    for segment, count in zip(curve, counts, strict=True):
        if count == 1:
            parts.append(segment[3:])
            continue
        fine = evaluate(segment[None], np.linspace(0, 1, 4 * count + 1)[None])[0]
        lengths = np.concatenate([[0], np.cumsum(np.abs(np.diff(fine)))])
        even = np.interp(np.linspace(0, lengths[-1], count + 1)[1:-1], lengths, np.linspace(0, 1, 4 * count + 1))
        parts += [evaluate(segment[None], even[None])[0], segment[3:]]
    line = np.concatenate(parts)
    line = line[np.concatenate([[True], np.diff(line) != 0])]
    return np.stack([line.real, line.imag], axis=1)


def evaluate(curve: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return points of a curve.

    >>> evaluate(smooth(np.array([[0.0, 0.0], [3.0, 0.0]])), np.array([[0.0, 0.5, 1.0]])).real.tolist()
    [[0.0, 1.5, 3.0]]

    Args:
        curve: The control points, shape (segments, 4).
        t: The parameters in [0, 1], shape (segments, times).
    """
    a, b, c, d = (curve[:, index, None] for index in range(4))
    s = 1 - t
    points: np.ndarray = a * s**3 + 3 * b * s**2 * t + 3 * c * s * t**2 + d * t**3
    return points
