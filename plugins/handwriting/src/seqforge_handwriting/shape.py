"""The shape of a line of writing: slope of its baseline, slant of its letters, height of its x; taken off and put back.

How large a hand is says little: one writer's unit is a pixel, another's a tenth of a millimetre, and joined hands come
out smaller than printed ones. So lines are brought to a common size by the height of an x, which letters with and
without ascenders agree on.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.lines import lines_of, slant_of, slope_of


@dataclass(frozen=True)
class Frame:
    """What one line of writing is taken out of: `apply` gives it in x-heights, `undo` puts it back.

    Attributes:
        left: x of the line's first ink, before anything else is done.
        baseline: y where the baseline passes x = left.
        slope: how far the baseline falls for each unit to the right (y grows downwards); 0 is level.
        slant: how far the letters lean to the right for each unit upwards, the tangent of the angle; 0 is upright.
        x_height: units from the baseline to the top of an x; always above 0.
    """

    left: float = 0.0
    baseline: float = 0.0
    slope: float = 0.0
    slant: float = 0.0
    x_height: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.left, self.baseline, self.slope, self.slant]).all() and 0 < self.x_height < np.inf):
            raise ValueError(f"{self} is no frame: every value must be finite, and the x-height above 0")

    @property
    def matrix(self) -> np.ndarray:
        """The linear part of `apply`, shape (2, 2): level the baseline, set the letters upright, scale."""
        level = np.array([[1.0, 0.0], [-self.slope, 1.0]])
        upright = np.array([[1.0, self.slant], [0.0, 1.0]])
        found: np.ndarray = upright @ level / self.x_height
        return found

    def apply(self, ink: Ink) -> Ink:
        """Return the ink in x-heights: its baseline level at y = 0, its letters upright, its left edge near 0."""
        return ink.transformed(self.matrix, (-self.matrix @ (self.left, self.baseline)).tolist())

    def undo(self, ink: Ink) -> Ink:
        """Return normalised ink as it stood in this frame: the inverse of `apply`."""
        return ink.transformed(np.linalg.inv(self.matrix), (self.left, self.baseline))


def frame_of(ink: Ink) -> Frame:
    """Return the frame of a line of writing.

    The slope first, by the lowest points; then the x-height on the levelled line, and the slant.
    To keep a hand's slant, take it out of the frame: `dataclasses.replace(frame, slant=0.0)`.

    Raises:
        ValueError: there is no ink.
    """
    if not ink.strokes:
        raise ValueError("an empty line of writing has no shape")
    left, _, _, _ = ink.bounds
    slope = slope_of(ink)
    level = Frame(left, 0.0, slope).apply(ink)
    baseline, x_height = lines_of(level)
    return Frame(left, baseline, slope, slant_of(level), x_height)


def normal(ink: Ink) -> tuple[Ink, Frame]:
    """Return ink in x-heights on a level baseline, its slant kept; and what it was taken out of."""
    frame = replace(frame_once(ink), slant=0.0) if ink.strokes else Frame()
    return frame.apply(ink), frame


@lru_cache(maxsize=64)
def frame_once(ink: Ink) -> Frame:
    """Return `frame_of` ink, worked out once for what is read, checked and encoded one after the other."""
    return frame_of(ink)
