"""What every space's draw has in common."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from seqforge.sampling.controls import Controls
from seqforge.spaces import Space


class Draw(ABC):
    """How a step of one space is drawn from the head's outputs, under the controls."""

    @abstractmethod
    def choose(
        self, outputs: Tensor, masks: np.ndarray | None, uniforms: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Choose a step for each row.

        Args:
            outputs: the head's outputs, shape (row, outputs).
            masks: what may come, shape (row, ...), the end last; None where everything may.
            uniforms: numbers from [0, 1), shape (row, `uniforms`): the only randomness.

        Returns:
            The steps; whether each row ends instead (its step is void then); and the log-probability of
            each choice under the network itself, before mask and controls.
        """

    @property
    @abstractmethod
    def uniforms(self) -> int:
        """How many random numbers a step takes."""

    @abstractmethod
    def probabilities(self, outputs: Tensor) -> Any:
        """Return the distribution of the next step that one row of outputs stands for."""


def draw_for(space: Space, controls: Controls) -> Draw:
    """Return the draw for a space: the class `SpaceDraw` of the module named after the space's kind.

    Raises:
        RequestError: a control that has no meaning in this space was asked for.
    """
    module = import_module(f"seqforge.sampling.draws.{space.kind}")
    draw: Draw = module.SpaceDraw(space, controls)
    return draw
