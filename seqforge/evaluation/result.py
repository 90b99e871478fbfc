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


@dataclass(frozen=True)
class DynamicEvaluation:
    """The result of dynamic evaluation, beside that of the same pieces with the trained weights.

    >>> trained = Evaluation(unit="character", units=200.0, pieces=1, steps=201, nats=280.0, split="test")
    >>> adapted = Evaluation(unit="character", units=200.0, pieces=1, steps=201, nats=260.0, split="test")
    >>> DynamicEvaluation(adapted, trained, rate=1e-4, decay=0.001, length=64, chosen_on="valid").gain
    0.1

    Attributes:
        adapted: The likelihood with weights that follow the pieces.
        trained: The likelihood with the trained weights.
        rate: The learning rate of the updates.
        decay: Their decay towards the trained weights.
        length: Number of positions per update.
        chosen_on: The split on which rate and decay were chosen; "" if they were set.
    """

    adapted: Evaluation
    trained: Evaluation
    rate: float
    decay: float
    length: int
    chosen_on: str = ""

    @property
    def gain(self) -> float:
        """Nats per unit that dynamic evaluation saves."""
        return round(self.trained.nats_per_unit - self.adapted.nats_per_unit, 9)

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --dynamic --json` prints."""
        return {
            **self.adapted.to_json(),
            "trained_nats_per_unit": self.trained.nats_per_unit,
            "rate": self.rate,
            "decay": self.decay,
            "length": self.length,
            "chosen_on": self.chosen_on,
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
