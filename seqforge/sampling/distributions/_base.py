"""What every space's draw has in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from seqforge.core.spaces import Space
from seqforge.sampling.controls import Controls
from seqforge.sampling.history import History


@dataclass(frozen=True)
class Choice:
    """What was chosen for each row.

    Attributes:
        steps: one a row.
        ends: whether a row ends instead; its step is void then.
        scores: the log-probability of each choice under the network itself, before mask and controls, in nats.
        masked: the probability that the network gives to what the constraint forbids.
        bits: the surprise of each choice in the distribution that it was drawn from; for mirostat.
    """

    steps: np.ndarray
    ends: np.ndarray
    scores: np.ndarray
    masked: np.ndarray
    bits: np.ndarray


class Distribution(ABC):
    """How a step of one space is drawn from the head's outputs, under the controls."""

    @abstractmethod
    def choose(
        self,
        outputs: Tensor,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
    ) -> Choice:
        """Choose a step for each row.

        Args:
            outputs: the head's outputs, shape (row, outputs).
            masks: what may come, shape (row, ...), the end last; None where everything may.
            uniforms: numbers from [0, 1), shape (row, `uniforms`): the only randomness.
            histories: what has come in each row, where the controls look back.
        """

    @property
    @abstractmethod
    def choices(self) -> int:
        """The width of a mask, the end's place included."""

    @property
    @abstractmethod
    def uniforms(self) -> int:
        """How many random numbers a step takes."""

    @abstractmethod
    def probabilities(self, outputs: Tensor) -> Any:
        """Return the distribution of the next step that one row of outputs stands for."""


def distribution_for(space: Space, controls: Controls) -> Distribution:
    """Return the draw for a space: the class `SpaceDistribution` of the module named after the space's kind.

    Raises:
        RequestError: a control that has no meaning in this space was asked for.
    """
    module = import_module(f"seqforge.sampling.distributions.{space.kind}")
    draw: Distribution = module.SpaceDistribution(space, controls)
    return draw
