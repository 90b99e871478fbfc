"""What tells one hand from another in a line of writing: slant, size, width of a character."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.shape import frame_of

SLANT_SPREAD, SIZE_SPREAD, WIDTH_SPREAD = 5.0, 0.17, 0.15
"""By how much lines of one writer differ, standard deviations: degrees, and logarithms of size and width (measured on
the 1,400 lines of the corpus unipen; between writers it is 14 degrees, 0.21 and 0.23)."""


@dataclass(frozen=True)
class Hand:
    """Measures of a hand.

    Attributes:
        slant_degrees: how far the letters lean to the right from the vertical.
        x_height: from the baseline to the top of an x, in units of the ink.
        width: of a character, spaces counted, in x-heights; 0 where the text is not known.
    """

    slant_degrees: float
    x_height: float
    width: float = 0.0

    def distance(self, other: "Hand") -> float:
        """Return how far two hands lie apart, in standard deviations of what one writer varies by."""
        parts = [
            (self.slant_degrees - other.slant_degrees) / SLANT_SPREAD,
            math.log(self.x_height / other.x_height) / SIZE_SPREAD,
        ]
        if self.width > 0 and other.width > 0:
            parts.append(math.log(self.width / other.width) / WIDTH_SPREAD)
        return math.sqrt(sum(part**2 for part in parts))


def hand_of(ink: Ink) -> Hand:
    """Return the measures of one line of writing.

    Raises:
        ValueError: there is no ink.
    """
    frame = frame_of(ink)
    left, _, right, _ = ink.bounds
    letters = len(ink.text.strip())
    width = (right - left) / letters / frame.x_height if letters else 0.0
    return Hand(math.degrees(math.atan(frame.slant)), frame.x_height, width)


def mean_hand(hands: Sequence[Hand]) -> Hand:
    """Return the typical measures of several lines of one writer: their medians.

    Raises:
        ValueError: there is no line.
    """
    if not hands:
        raise ValueError("no lines, so no hand")
    widths = [hand.width for hand in hands if hand.width > 0]
    return Hand(
        float(np.median([hand.slant_degrees for hand in hands])),
        float(np.median([hand.x_height for hand in hands])),
        float(np.median(widths)) if widths else 0.0,
    )
