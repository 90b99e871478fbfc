"""The arguments of an adaptation to pieces, and their checks. No torch."""

import math
from typing import Any

from seqforge.api.arguments import real_number, whole_number
from seqforge.errors import RequestError

__all__ = ["ADAPT_RATE", "ADAPT_STEPS", "check_adaptation"]

ADAPT_STEPS, ADAPT_RATE = 50, 1e-3
"""The number of gradient steps of an adaptation, and its learning rate, by default."""
MAX_ADAPT_STEPS = 100_000


def check_adaptation(steps: Any, rate: Any) -> tuple[int, float]:
    """Return the number of steps and the learning rate of an adaptation.

    >>> check_adaptation(50, 1e-3)
    (50, 0.001)

    Raises:
        OptionsError: If a value is not a number.
        RequestError: If a number is not allowed.
    """
    steps, rate = whole_number("adapt_steps", steps), real_number("adapt_rate", rate)
    if not 1 <= steps <= MAX_ADAPT_STEPS:
        raise RequestError.invalid("adapt_steps", steps, f"from 1 to {MAX_ADAPT_STEPS:,}")
    if not 0 < rate < math.inf:
        raise RequestError.invalid("adapt_rate", rate, "above 0 and finite")
    return steps, rate
