"""The shapes of accents as strokes of a pen, in x-heights, upright, with y growing downwards."""

from collections.abc import Mapping

import numpy as np

__all__ = ["ABOVE", "BELOW", "mark_strokes"]

Points = list[list[tuple[float, float]]]

ABOVE: Mapping[str, Points] = {
    "acute": [[(0.17, -0.40), (0.05, -0.22), (-0.09, -0.02)]],
    "grave": [[(-0.17, -0.40), (-0.05, -0.22), (0.10, -0.02)]],
    "circumflex": [[(-0.25, 0.0), (-0.12, -0.18), (0.0, -0.35), (0.13, -0.17), (0.27, 0.02)]],
    "caron": [[(-0.25, -0.34), (-0.12, -0.17), (0.0, 0.0), (0.13, -0.18), (0.27, -0.36)]],
    "tilde": [[(-0.32, 0.0), (-0.26, -0.14), (-0.13, -0.19), (0.02, -0.10), (0.16, -0.03), (0.28, -0.10),
               (0.33, -0.24)]],
    "macron": [[(-0.28, -0.08), (0.0, -0.1), (0.28, -0.09)]],
    "breve": [[(-0.24, -0.26), (-0.17, -0.08), (0.0, 0.0), (0.17, -0.09), (0.24, -0.27)]],
    "dot": [[(0.0, -0.12), (-0.01, -0.03)]],
    "diaeresis": [[(-0.19, -0.13), (-0.21, -0.02)], [(0.2, -0.14), (0.18, -0.03)]],
    "ring": [[(0.04, -0.41), (-0.12, -0.38), (-0.2, -0.22), (-0.13, -0.05), (0.03, 0.0), (0.17, -0.09), (0.19, -0.26),
              (0.09, -0.39), (-0.02, -0.41)]],
    "double acute": [[(0.02, -0.38), (-0.09, -0.2), (-0.2, -0.02)], [(0.29, -0.39), (0.18, -0.21), (0.07, -0.02)]],
}  # fmt: skip
"""Marks over a letter; the origin is the lowest point of the mark, over the middle of the letter."""
TURNED: Mapping[str, Points] = {
    "?": [[(0.02, -0.98), (0.03, -0.9)],
          [(0.0, -0.5), (0.01, -0.3), (-0.07, -0.1), (-0.24, 0.1), (-0.3, 0.3), (-0.2, 0.5), (0.03, 0.56),
           (0.24, 0.46), (0.3, 0.32)]],
    "!": [[(0.0, -0.98), (0.01, -0.9)], [(0.0, -0.55), (-0.01, -0.1), (0.0, 0.55)]],
}  # fmt: skip
"""Upside-down marks of Spanish; the origin is the baseline in their middle."""
BELOW: Mapping[str, Points] = {
    "cedilla": [[(0.0, -0.04), (-0.04, 0.16), (0.1, 0.21), (0.16, 0.34), (0.07, 0.47), (-0.15, 0.48)]],
    "ogonek": [[(0.0, -0.03), (-0.1, 0.14), (-0.13, 0.31), (-0.04, 0.45), (0.12, 0.47), (0.24, 0.38)]],
    "comma below": [[(0.04, 0.2), (0.05, 0.31), (-0.07, 0.5)]],
    "dot below": [[(0.0, 0.24), (-0.01, 0.33)]],
}
"""Marks under a letter; the origin is the lowest point of the letter at the place of the mark."""
SIZE_VARIATION, ANGLE_VARIATION, PLACE_VARIATION, POINT_VARIATION = 0.08, 0.06, 0.03, 0.012
"""Standard deviations of the size, the angle in radians, the place and each point of a mark, in x-heights."""


def mark_strokes(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes of a mark with natural variation, each of shape (points, 2).

    >>> [stroke.shape for stroke in mark_strokes("diaeresis", np.random.default_rng(0))]
    [(2, 2), (2, 2)]

    Args:
        name: The name of a mark in `ABOVE`, `BELOW` or `TURNED`.
        rng: The source of the variation.
    """
    shape = {**ABOVE, **BELOW, **TURNED}[name]
    size = 1 + SIZE_VARIATION * np.clip(rng.normal(), -2, 2)
    angle = ANGLE_VARIATION * np.clip(rng.normal(), -2, 2)
    place = PLACE_VARIATION * np.clip(rng.normal(size=2), -2, 2) * ((1, 0) if name in BELOW else (1, 1))
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    strokes = []
    for points in shape:
        noise = POINT_VARIATION * np.clip(rng.normal(size=(len(points), 2)), -2, 2)
        strokes.append((np.array(points) + noise) @ turn.T + place)
    return strokes
