"""Bézier curves and polylines: strokes drawn smooth, and smooth strokes taken back to points.

Control points are complex numbers x + iy, shape (segments, 4): start, two controls, end; the end of a segment is the
start of the next.
"""

from collections.abc import Sequence

import numpy as np

CUSP_COSINE = -0.5
"""Cosine of the turn, 120 degrees, from which a corner stays a corner: a pen that goes back the way it came."""
SPARE = 0.01
"""A curve may leave its points' polyline by this part of the typical height of a stroke."""


def smooth(points: np.ndarray) -> np.ndarray:
    """Return a smooth curve through the points of a stroke, shape (points, 2), as Bézier control points.

    A centripetal Catmull-Rom spline: it makes no loop or cusp inside a segment (C. Yuksel, S. Schaefer and J. Keyser,
    Parameterization and Applications of Catmull-Rom Curves, 2011). Where the pen turns back it keeps the corner.
    Every point lies on the curve. A stroke of one point gives no segment.
    """
    p = points[:, 0] + 1j * points[:, 1]
    keep = np.concatenate([[True], np.diff(p) != 0])
    p = p[keep]
    if len(p) < 2:
        return np.zeros((0, 4), np.complex128)
    steps = np.diff(p)
    knots = np.sqrt(np.abs(steps))  # d ** alpha with alpha = 1/2, of distances d
    before, after = knots[:-1], knots[1:]
    # the tangent at each inner point, scaled for the segment before it and for the one after it
    velocity = steps[:-1] / before + steps[1:] / after - (steps[:-1] + steps[1:]) / (before + after)
    turn = (steps[:-1] * steps[1:].conj()).real / np.abs(steps[:-1]) / np.abs(steps[1:])
    corner = turn < CUSP_COSINE
    leaving, arriving = steps.copy(), steps.copy()  # at the ends, and at corners, straight towards the neighbour
    leaving[1:] = np.where(corner, steps[1:], velocity * after)
    arriving[:-1] = np.where(corner, steps[:-1], velocity * before)
    return np.stack([p[:-1], p[:-1] + leaving / 3, p[1:] - arriving / 3, p[1:]], axis=1)


def tolerance_of(pieces: Sequence[np.ndarray]) -> float:
    """Return how far points taken from these curves may stray from them: a hundredth of the median stroke's height."""
    heights = np.array([np.ptp(piece.imag) + np.ptp(piece.real) for piece in pieces]) / 2
    heights = heights[heights > 0]
    return float(np.median(heights)) * SPARE if len(heights) else 1.0


def flattened(pieces: Sequence[np.ndarray], tolerance: float, most: int) -> list[np.ndarray]:
    """Return curves as points, arrays of shape (points, 2): the ends of all segments, and what is needed between.

    Between its ends each segment has points evenly spaced along the curve, so many that the polyline would stray from
    it by no more than the tolerance if they were evenly spaced in its parameter (Wang's formula for cubic curves).

    Raises:
        ValueError: it takes more than `most` points.
    """
    needed = []
    for piece in pieces:
        bends = np.maximum(np.abs(piece[:, 0] - 2 * piece[:, 1] + piece[:, 2]), _second(piece))
        needed.append(np.maximum(1, np.ceil(np.sqrt(0.75 * bends / tolerance))))
    if sum(float(counts.sum()) for counts in needed) > most:
        raise ValueError(f"takes more than {most:,} points; give a few lines of the hand")
    return [_points(piece, counts.astype(int)) for piece, counts in zip(pieces, needed, strict=True)]


def _second(piece: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.abs(piece[:, 1] - 2 * piece[:, 2] + piece[:, 3])
    return found


def _points(piece: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return a curve as points, so many intervals a segment, of even length within it."""
    found = [piece[:1, 0]]
    for row, count in zip(piece, counts, strict=True):
        if count == 1:
            found.append(row[3:])
            continue
        fine = along(row[None], np.linspace(0, 1, 4 * count + 1)[None])[0]
        lengths = np.concatenate([[0], np.cumsum(np.abs(np.diff(fine)))])
        even = np.interp(np.linspace(0, lengths[-1], count + 1)[1:-1], lengths, np.linspace(0, 1, 4 * count + 1))
        found += [along(row[None], even[None])[0], row[3:]]
    line = np.concatenate(found)
    line = line[np.concatenate([[True], np.diff(line) != 0])]
    return np.stack([line.real, line.imag], axis=1)


def along(piece: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the points of segments, shape (segments, 4), at parameters t, shape (segments, times), in [0, 1]."""
    a, b, c, d = (piece[:, number, None] for number in range(4))
    s = 1 - t
    found: np.ndarray = a * s**3 + 3 * b * s**2 * t + 3 * c * s * t**2 + d * t**3
    return found
