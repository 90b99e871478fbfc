"""Excerpts: the parts of random lengths in which training reads a long piece, such as a text.

A network that looks back learns from a long piece that most passages have occurred before. Generation has a short
history at first, in which they have not. The references of an excerpt begin anew, so that the network learns both.
"""

import numpy as np

__all__ = ["excerpt_starts"]

SHORTEST = 128
"""The smallest length of an excerpt in steps, except the last one of a piece."""
EXPONENT = 1.25
"""The exponent of the Pareto distribution of the lengths: half of all steps are in excerpts of at most 2,048 steps."""


def excerpt_starts(length: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions at which excerpts start, in ascending order from 0.

    The lengths have a Pareto distribution, so that the share of the steps in excerpts longer than n is
    (SHORTEST / n) ** (EXPONENT - 1): a half for 2,048 steps, a quarter for 32,768.

    >>> excerpt_starts(1000, np.random.default_rng(0))[0]
    np.int64(0)

    Args:
        length: The number of positions of the piece, at least 1.
        rng: Draws the lengths.
    """
    starts = [0]
    while starts[-1] < length:
        starts.append(starts[-1] + int(min(SHORTEST * (1 - rng.random()) ** (-1 / EXPONENT), length)))
    return np.array(starts[:-1], np.int64)
