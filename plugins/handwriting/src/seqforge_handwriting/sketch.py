"""Drawings without a text: they have no baseline and no x-height, and are normalised by their size."""

from seqforge_handwriting.frame import Frame
from seqforge_handwriting.ink import Ink

__all__ = ["SKETCH_SIZE", "sketch_frame"]

SKETCH_SIZE = 8.0
"""Longest side of a normalised drawing, in x-heights: with letters of 2.5 mm, drawings of 20 mm."""


def sketch_frame(ink: Ink) -> Frame:
    """Return the frame of a drawing: its lower left corner, and an eighth of its longest side as x-height.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> sketch_frame(from_deltas([[10, 10, 80, 0, 0, 40]]))
    Frame(left=10.0, baseline=50.0, slope=0.0, slant=0.0, x_height=10.0)
    """
    left, top, right, bottom = ink.bounds
    side = max(right - left, bottom - top)
    return Frame(left, bottom, x_height=side / SKETCH_SIZE if side > 0 else 1.0)
