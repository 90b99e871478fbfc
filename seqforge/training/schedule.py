"""The learning-rate schedule: linear warm-up, constant rate, linear decay."""

import math
from dataclasses import dataclass
from typing import Literal

from seqforge.errors import OptionsError

DECAY_SHARE = 0.6
"""Share of the run that the decay takes."""
FINAL_SHARE = 0.01
"""Learning rate at the end of the decay, divided by the peak."""


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of steps, epochs or minutes.

    >>> Budget(2.5, "epochs")
    Budget(amount=2.5, kind='epochs')

    Attributes:
        amount: The number, above 0 and finite.
        kind: What is counted.

    Raises:
        OptionsError: If the amount is not allowed.
    """

    amount: float
    kind: Literal["steps", "epochs", "minutes"]

    def __post_init__(self) -> None:
        if not 0 < self.amount < math.inf:
            raise OptionsError.invalid(self.kind, self.amount, "above 0 and finite")


@dataclass(frozen=True)
class Decay:
    """The decay of the learning rate, which ends the run.

    >>> decay = Decay(first=400, last=1000)
    >>> rate(399, peak=5e-3, warmup=100, decay=decay), round(rate(999, peak=5e-3, warmup=100, decay=decay), 6)
    (0.005, 5e-05)

    Attributes:
        first: The first step of the decay.
        last: The last step of the decay and of the run.
    """

    first: int
    last: int


def rate(t: int, *, peak: float, warmup: int, decay: Decay | None) -> float:
    """Return the learning rate of step t, a pure function of its arguments.

    Source of the shape, a constant rate whose decay can be scheduled late: A. Hägele et al., "Scaling Laws and
    Compute-Optimal Training Beyond Fixed Training Durations", NeurIPS 2024, section 3.

    >>> [rate(t, peak=0.5, warmup=2, decay=Decay(4, 8)) for t in (0, 3, 6, 8)]
    [0.25, 0.5, 0.25, 0.005]

    Args:
        t: The number of the step.
        peak: The learning rate after the warm-up.
        warmup: The number of steps of the warm-up.
        decay: The decay; None if it is not scheduled yet.
    """
    value = peak * min(1.0, (t + 1) / max(1, warmup))
    if decay is not None and t >= decay.first:
        value *= max(FINAL_SHARE, 1 - (t - decay.first) / max(1, decay.last - decay.first))
    return value
