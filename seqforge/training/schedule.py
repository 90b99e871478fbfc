"""The learning rate: a warm-up, a constant stretch, and a decay whose first and last step are written down."""

import math
from dataclasses import dataclass
from typing import Literal

from seqforge.errors import OptionsError

DECAY_SHARE = 0.6
"""Which share of a run the decay takes."""


@dataclass(frozen=True)
class Budget:
    """How long to train: so many steps, epochs or minutes."""

    amount: float
    kind: Literal["steps", "epochs", "minutes"]

    def __post_init__(self) -> None:
        if not 0 < self.amount < math.inf:
            raise OptionsError.invalid(self.kind, self.amount, "above 0 and finite")


@dataclass(frozen=True)
class Decay:
    """Where the rate falls: from full at step `first` to nearly nothing at step `last`, the run's end."""

    first: int
    last: int


def rate(t: int, *, peak: float, warmup: int, decay: Decay | None) -> float:
    """Return the learning rate of step t: it reads t and these numbers, never a clock.

    Linear warm-up and linear decay to a hundredth. Source of the shape (constant, then a decay that can be
    placed late): A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations", NeurIPS 2024, section 3.
    """
    value = peak * min(1.0, (t + 1) / max(1, warmup))
    if decay is not None and t >= decay.first:
        value *= max(0.01, 1 - (t - decay.first) / max(1, decay.last - decay.first))
    return value
