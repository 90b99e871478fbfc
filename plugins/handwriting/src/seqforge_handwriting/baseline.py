"""The drift of a baseline: a written line rises and falls a little, as by hand on blank paper."""

import hashlib

import numpy as np

from seqforge_handwriting.ink import Ink

__all__ = ["with_drift"]

WAVELENGTHS = (70.0, 29.0)
"""Lengths of the waves of a baseline, in x-heights."""
SHARES = (0.7, 0.3)
"""Shares of the waves in the drift."""
SLOPE_SHARE = 0.5
"""Rise or fall from one end of a line to the other, relative to the drift."""


def with_drift(ink: Ink, drift: float) -> Ink:
    """Return a line whose baseline rises and falls; how it does so depends on the ink alone.

    >>> line = Ink((np.array([[0.0, 0.0], [30.0, 0.0]]),), "-")
    >>> bool(np.abs(with_drift(line, 0.3).points[:, 1]).max() < 0.5)
    True

    Args:
        ink: The line, in x-heights.
        drift: The largest distance of the waves from a straight baseline, in x-heights; 0 returns the line unchanged.
    """
    if not drift or not ink.strokes:
        return ink
    digest = hashlib.blake2b(ink.points.round(6).tobytes(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "little"))
    phases, slope = rng.uniform(0, 2 * np.pi, 2), SLOPE_SHARE * rng.uniform(-1, 1)
    left, _, right, _ = ink.bounds
    length = max(right - left, 1.0)

    def height(x: np.ndarray) -> np.ndarray:
        waves = [s * np.sin(2 * np.pi * x / w + p) for s, w, p in zip(SHARES, WAVELENGTHS, phases, strict=True)]
        total: np.ndarray = drift * (sum(waves) + slope * ((x - left) / length - 0.5))
        return total

    down = [np.stack([np.zeros(len(stroke)), height(stroke[:, 0])], axis=1) for stroke in ink.strokes]
    return ink.with_strokes(stroke + offset for stroke, offset in zip(ink.strokes, down, strict=True))
