"""What is drawn in a file and is no ink: paper, frames, and white strokes on white paper."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["encloses", "is_rectangle", "is_white", "without_frames"]

TOLERANCE = 1e-3
"""Largest deviation of a side of a rectangle, relative to the size of the rectangle."""


def is_rectangle(curve: np.ndarray) -> bool:
    """Return whether a curve is a closed rectangle with horizontal and vertical sides.

    >>> corners = np.array([0, 3, 3 + 2j, 2j, 0])
    >>> is_rectangle(np.linspace(corners[:-1], corners[1:], 4).T)
    True

    Args:
        curve: Control points, shape (segments, 4), complex.
    """
    left, right, top, bottom = _box(curve)
    limit = TOLERANCE * max(right - left, bottom - top)
    if min(right - left, bottom - top) <= limit or abs(curve[-1, 3] - curve[0, 0]) > limit or len(curve) > 8:
        return False
    near_side = np.minimum(np.abs(curve.real - left), np.abs(curve.real - right)) <= limit
    near_side |= np.minimum(np.abs(curve.imag - top), np.abs(curve.imag - bottom)) <= limit
    corners = np.array([complex(x, y) for x in (left, right) for y in (top, bottom)])
    has_corners = np.abs(curve[:, :1] - corners).min(axis=0) <= limit
    return bool(near_side.all() and has_corners.all())


def encloses(curve: np.ndarray, others: Sequence[np.ndarray]) -> bool:
    """Return whether the box of a curve contains the boxes of others.

    >>> encloses(np.array([[0, 1, 2, 3 + 3j]]), [np.array([[1 + 1j, 1 + 1j, 2 + 1j, 2 + 2j]])])
    True
    """
    left, right, top, bottom = _box(curve)
    boxes = [_box(other) for other in others]
    return all(left <= box[0] and box[1] <= right and top <= box[2] and box[3] <= bottom for box in boxes)


def without_frames(curves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return curves without the rectangles that enclose all others; a rectangle alone is ink."""
    remaining = list(curves)
    while len(remaining) > 1:
        frame = next(
            (
                number
                for number, curve in enumerate(remaining)
                if is_rectangle(curve) and encloses(curve, remaining[:number] + remaining[number + 1 :])
            ),
            None,
        )
        if frame is None:
            break
        del remaining[frame]
    return remaining


def is_white(colour: Any) -> bool:
    """Return whether a colour of svgelements is white, up to 2 % of each component."""
    return bool(colour is not None and colour.value is not None and min(colour.red, colour.green, colour.blue) >= 250)


def _box(curve: np.ndarray) -> tuple[float, float, float, float]:
    """Return the smallest and largest x, then the smallest and largest y."""
    return (
        float(curve.real.min()),
        float(curve.real.max()),
        float(curve.imag.min()),
        float(curve.imag.max()),
    )
