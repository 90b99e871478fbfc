"""The result of an evaluation: the negative log-likelihood of pieces per natural unit."""

import math
from dataclasses import dataclass
from typing import Any

from seqforge.errors import RunError


@dataclass(frozen=True)
class Evaluation:
    """The negative log-likelihood of pieces under a model. The end of each piece counts, its start does not.

    >>> evaluation = Evaluation(unit="character", units=200.0, pieces=1, steps=201, nats=280.0)
    >>> evaluation.nats_per_unit, round(evaluation.bits_per_unit, 2)
    (1.4, 2.02)

    Attributes:
        unit: The natural unit.
        units: Number of units.
        pieces: Number of pieces.
        steps: Number of predicted steps, ends included.
        nats: Negative log-likelihood of all pieces, in nats.
        split: The split that was evaluated, "" for single pieces.
        corpus: The names of the corpora.
        dropped: Number of things that the codec's encoding replaced or left out.
    """

    unit: str
    units: float
    pieces: int
    steps: int
    nats: float
    split: str = ""
    corpus: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def nats_per_unit(self) -> float:
        """Nats per unit."""
        return self.nats / max(self.units, 1e-9)

    @property
    def bits_per_unit(self) -> float:
        """Bits per unit."""
        return self.nats_per_unit / math.log(2)

    @property
    def nats_per_step(self) -> float:
        """Nats per step."""
        return self.nats / max(self.steps, 1)

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --json` prints."""
        return {
            "corpus": list(self.corpus),
            "split": self.split,
            "unit": self.unit,
            "units": self.units,
            "pieces": self.pieces,
            "steps": self.steps,
            "nats": self.nats,
            "nats_per_unit": self.nats_per_unit,
            "bits_per_unit": self.bits_per_unit,
            "nats_per_step": self.nats_per_step,
            "dropped": self.dropped,
        }


def check_finite_loss(nats: float) -> None:
    """Check that a loss is finite.

    >>> check_finite_loss(1.5)

    Raises:
        RunError: If it is not.
    """
    if not math.isfinite(nats):
        raise RunError(
            f"the loss is {nats}, because the outputs of the network are not finite: the model is damaged or its"
            " training diverged; use another model, or train again with a lower `learning_rate`"
        )
