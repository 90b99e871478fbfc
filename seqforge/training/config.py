"""How to train, as plain values that stand in the run's config and state."""

from dataclasses import dataclass
from typing import Literal

from seqforge.errors import OptionsError
from seqforge.network import Dropout
from seqforge.training.schedule import Budget

Precision = Literal["auto", "float32", "bfloat16"]
DROPOUTS = {
    "input": "dropout-input",
    "between": "dropout",
    "output": "dropout-output",
    "recurrent": "dropout-recurrent",
    "labels": "label-dropout",
}
"""The flag of each share that is dropped."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        budget: how long.
        batch_size: lanes that are read side by side.
        window: steps through which gradients flow (truncated backpropagation through time).
        learning_rate: the highest of the schedule.
        warmup: steps until it is reached.
        weight_decay: of AdamW, on matrices alone.
        clip: the largest norm of the gradient.
        dropout: the shares dropped.
        average: horizon in steps of the running average of the weights that is evaluated and kept; it
            shrinks with the learning rate. 0 keeps the weights themselves.
        patience: validations without a better loss until the rate decays and the run ends; 0: never.
        seed: of everything random.
        precision: of the matrix products.
    """

    budget: Budget
    batch_size: int = 32
    window: int = 64
    learning_rate: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: Dropout = Dropout()
    average: int = 200
    patience: int = 8
    seed: int = 0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        least: dict[str, float] = {
            "batch_size": 1,
            "window": 2,
            "warmup": 0,
            "average": 0,
            "patience": 0,
            "seed": 0,
        }
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise OptionsError(f"--{_flag(name)} is {getattr(self, name)}; it must be at least {bound:g}")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise OptionsError(f"--{_flag(name)} is {getattr(self, name)}; it must be more than 0")
        if not self.weight_decay >= 0:
            raise OptionsError(f"--weight-decay is {self.weight_decay}; it must be at least 0")
        for name, option in DROPOUTS.items():
            share = getattr(self.dropout, name)
            if not 0 <= share < 1:
                raise OptionsError(f"--{option} is {share:g}; it must be from 0 to below 1")


def _flag(name: str) -> str:
    return name.replace("_", "-")
