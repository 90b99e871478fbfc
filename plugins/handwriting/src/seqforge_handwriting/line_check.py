"""The check that ink is one line of writing; files of a corpus and of a style pass the same one."""

import numpy as np

from seqforge_handwriting.frame import Frame, estimate_frame
from seqforge_handwriting.ink import Ink

__all__ = ["MAX_HEIGHT", "line_frame"]

MAX_HEIGHT = 7.0
"""Largest height of a line of writing, from the top of its letters to their bottom, in x-heights."""
MIN_ROW_SHARE, MIN_ROW_STROKES = 0.2, 3
"""Smallest share of the length of all strokes, and smallest number of strokes, that a row of writing has."""


def line_frame(ink: Ink) -> Frame:
    """Return the frame of a line of writing.

    >>> line_frame(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "-")).x_height
    4.5

    Raises:
        ValueError: If the ink has two rows or is too tall for one line.
    """
    if _has_two_rows(ink):
        raise ValueError("the writing has two lines, one below the other; save every line as a separate sample")
    frame = estimate_frame(ink)
    _, top, _, bottom = frame.apply(ink).bounds
    if bottom - top > MAX_HEIGHT:
        raise ValueError(
            f"the writing is {bottom - top:.0f} x-heights tall, as if it had two lines; save every line as a separate"
            " sample"
        )
    return frame


def _has_two_rows(ink: Ink) -> bool:
    """Return whether an empty band divides the ink into an upper and a lower part that are both much of it.

    Dots, accents and commas are beyond such a band, too, but they are short.
    """
    spans = np.array([[stroke[:, 1].min(), stroke[:, 1].max()] for stroke in ink.strokes])
    lengths = np.array([np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in ink.strokes])
    order = np.argsort(spans[:, 0], kind="stable")
    bands = spans[order[1:], 0] > np.maximum.accumulate(spans[order, 1])[:-1]
    above = np.cumsum(lengths[order])[:-1] / max(float(lengths.sum()), 1e-12)
    counts = np.arange(1, len(order))
    several = np.minimum(counts, len(order) - counts) >= MIN_ROW_STROKES
    return bool((bands & several & (np.minimum(above, 1 - above) > MIN_ROW_SHARE)).any())
