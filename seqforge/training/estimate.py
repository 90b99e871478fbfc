"""An early estimate of the loss at the end of a run: a power law through the losses so far. No torch."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from seqforge.training.events import Estimated, Validated
from seqforge.training.schedule import Budget, Decay

__all__ = ["MIN_POINTS", "Outlook", "estimate_loss"]

MIN_POINTS = 5
"""Number of losses that an estimate needs."""
EXPONENTS = np.geomspace(0.05, 2.0, 40)
"""The exponents that are tried."""


def estimate_loss(points: Sequence[tuple[float, float]], at: float) -> float | None:
    r"""Return the loss that a power law predicts.

    .. math:: L(x) = a + b \, x^{-c} \qquad b \ge 0

    For each exponent c, the least squares give a and b; the exponent with the smallest error is used. Later points
    count more, because the first steps do not follow the law.

    >>> points = [(x, 1.2 + 3.0 * x**-0.5) for x in (100.0, 200.0, 400.0, 800.0, 1600.0)]
    >>> round(estimate_loss(points, 10_000.0), 2)
    1.23

    Source: J. Kaplan et al., "Scaling Laws for Neural Language Models", arXiv 2001.08361, section 5, and T. Henighan et
    al., arXiv 2010.14701, equation 1.1: a power law with a constant.

    Args:
        points: Steps or minutes above 0 and losses, in order.
        at: The steps or minutes of the estimate.

    Returns:
        The estimate; None if there are fewer than MIN_POINTS points, or the loss does not fall.
    """
    usable = [(x, y) for x, y in points if x > 0 and math.isfinite(y)]
    if len(usable) < MIN_POINTS or not at > 0:
        return None
    x, y = (np.array(values) for values in zip(*usable, strict=True))
    weights = np.sqrt(x / x[-1])
    best, estimate = math.inf, None
    for exponent in EXPONENTS:
        power = (x / x[-1]) ** -exponent
        columns = np.stack([np.ones_like(power), power], 1) * weights[:, None]
        (a, b), *_ = np.linalg.lstsq(columns, y * weights, rcond=None)
        if b <= 0:
            continue
        error = float((((a + b * power) - y) ** 2 * weights**2).sum())
        if error < best:
            best, estimate = error, float(a + b * (at / x[-1]) ** -exponent)
    return estimate


class Outlook:
    """Estimates the loss at the end of a run after each validation.

    Example:
        outlook = Outlook(Budget(10, "minutes"))
        for estimated in outlook(validated, decay):
            print(f"about {estimated.nats_per_unit:.2f} after {estimated.amount:g} {estimated.budget}")

    Args:
        budget: The budget of the run.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._points: list[tuple[float, float]] = []

    def __call__(self, validated: Validated, decay: Decay | None) -> Iterator[Estimated]:
        """Yield an estimate if there are enough losses and at least a tenth of the run is left.

        Args:
            validated: The newest loss.
            decay: The decay of the learning rate, whose last step is the last step of the run.
        """
        if validated.nats_per_unit is None:
            return
        is_time = self.budget.kind == "minutes"
        now = validated.minutes if is_time else float(validated.t)
        amount = self.budget.amount if is_time else float(decay.last if decay else 0)
        self._points.append((now, validated.nats_per_unit))
        estimate = estimate_loss(self._points, amount) if now < 0.9 * amount else None
        if estimate is not None and estimate < validated.nats_per_unit:
            yield Estimated(validated.t, estimate, amount, "minutes" if is_time else "steps")
