"""Statistics of ink, and the directions of the pen by which copying is judged."""

import numpy as np

from seqforge_handwriting.ink import Ink

__all__ = ["DIRECTIONS", "describe_ink", "directions"]

DIRECTIONS = 16
"""Number of directions of the pen; this number itself stands for a pen that is lifted."""
MAX_POINTS = 200
"""Longer strokes count as having this number of points."""


def describe_ink(ink: Ink) -> dict[str, np.ndarray]:
    """Return the number of points of each stroke, and the direction of each segment of a stroke.

    >>> described = describe_ink(Ink((np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0]]), np.array([[5.0, 5.0]]))))
    >>> {name: values.tolist() for name, values in described.items()}
    {'points per stroke': [3, 1], 'direction of the pen': [0, 4]}
    """
    known = np.array(directions(ink), np.int64)
    return {
        "points per stroke": np.minimum(np.array(ink.counts, np.int64), MAX_POINTS),
        "direction of the pen": known[known < DIRECTIONS],
    }


def directions(ink: Ink) -> list[int]:
    """Return the direction of each segment of the strokes, one of 16, and `DIRECTIONS` after each stroke.

    It depends neither on the size nor on the place of the ink. Direction 0 is to the right, 4 is down.

    >>> directions(Ink((np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0]]), np.array([[5.0, 5.0]]))))
    [0, 4, 16, 16]
    """
    result: list[int] = []
    for stroke in ink.strokes:
        right, down = np.diff(stroke, axis=0).T
        turns = np.arctan2(down, right) * (DIRECTIONS / (2 * np.pi))
        result += (np.rint(turns).astype(np.int64) % DIRECTIONS).tolist()
        result.append(DIRECTIONS)
    return result
