"""The interface of the distributions of all spaces."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from seqforge.core.spaces import Space
from seqforge.errors import RunError
from seqforge.sampling.controls import Controls
from seqforge.sampling.history import History

Projection = Callable[[int, np.ndarray], np.ndarray]
"""A function of the number of a row and a drawn vector."""


@dataclass(frozen=True)
class Choice:
    """The choices for all rows.

    >>> from seqforge.core.spaces import Categorical
    >>> distribution = distribution_for(Categorical(2), Controls())
    >>> outputs = np.zeros((2, 3), np.float32)  # the logits of two symbols and the end, for two rows
    >>> choice = distribution.choose(outputs, None, np.array([[0.1], [0.9]]))
    >>> choice.steps, choice.ends, choice.scores.round(3)
    (array([0, 2]), array([False,  True]), array([-1.099, -1.099]))

    Attributes:
        steps: The chosen step of each row, shape (rows,) or (rows, width).
        ends: Whether the row ends instead, shape (rows,); its step is then meaningless.
        scores: The log-probability of each choice under the network alone, before mask and controls, in nats.
        masked: The probability that the network gives to what the mask forbids, shape (rows,).
        bits: The surprisal of each choice in the distribution that it was drawn from, in bits; 0 without mirostat.
    """

    steps: np.ndarray
    ends: np.ndarray
    scores: np.ndarray
    masked: np.ndarray
    bits: np.ndarray


class Distribution(ABC):
    """The distribution of the next step in one space, and how a step is chosen from it under the controls.

    >>> from seqforge.core.spaces import Mixture
    >>> distribution = distribution_for(Mixture(reals=2, bits=1, components=4), Controls(temperature=0.5))
    >>> distribution.choices, distribution.uniforms  # go on, the two values of the bit, end
    (4, 5)
    """

    @abstractmethod
    def choose(
        self,
        outputs: np.ndarray,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
        project: Projection | None = None,
    ) -> Choice:
        """Choose a step or the end for each row.

        Args:
            outputs: The outputs of the network's head, shape (rows, outputs).
            masks: What is allowed, shape (rows, `choices`), the end last; None allows everything.
            uniforms: Random numbers from [0, 1), shape (rows, `uniforms`); there is no other randomness.
            histories: The earlier steps of each row, if the controls depend on them.
            project: A function that returns the step of a row that its constraint makes of a drawn vector; only for
                vectors.

        Raises:
            RunError: If the outputs are not finite.
        """

    @property
    @abstractmethod
    def choices(self) -> int:
        """The width of a mask, the end included."""

    @property
    @abstractmethod
    def uniforms(self) -> int:
        """The number of random numbers per step."""

    @abstractmethod
    def log_probabilities(self, outputs: np.ndarray, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the log-probability of one step, or of the end, per row of outputs; the controls do not count.

        Args:
            outputs: The outputs of the network's head, shape (rows, outputs).
            steps: The step of each row, shape (rows,) or (rows, width); ignored where the piece ends.
            ends: Whether the piece ends instead, shape (rows,).

        Returns:
            Log-probabilities or log-densities in nats, shape (rows,), float64.
        """

    def log_probability(self, outputs: np.ndarray, steps: np.ndarray) -> float:
        """Return the log-probability of a whole piece, its end included, in nats; the controls do not count.

        Args:
            outputs: The outputs of the network's head at every position, shape (steps + 1, outputs).
            steps: The steps, shape (steps,) or (steps, width).
        """
        choices = np.concatenate([steps, np.zeros_like(steps, shape=(1, *steps.shape[1:]))])
        return float(self.log_probabilities(outputs, choices, np.arange(len(choices)) == len(steps)).sum())

    @abstractmethod
    def probabilities(self, outputs: np.ndarray) -> Any:
        """Return the distribution of the next step, without controls, for one row of outputs.

        Raises:
            RunError: If the outputs are not finite.
        """


def check_finite(values: np.ndarray) -> None:
    """Check that the numbers from which a step is chosen are finite.

    >>> check_finite(np.array([0.0, -1.5]))

    Raises:
        RunError: If one is NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise RunError(
            "the outputs of the network are not finite (NaN or infinity), so no step can be chosen: the model is"
            " damaged or its training diverged; use another model, or train again with a lower `learning_rate`"
        )


def distribution_for(space: Space, controls: Controls) -> Distribution:
    """Return the distribution of a space: an instance of the class `SpaceDistribution` in the module of its kind.

    >>> from seqforge.core.spaces import Categorical
    >>> distribution = distribution_for(Categorical(3), Controls(greedy=True))
    >>> distribution.choices
    4

    Args:
        space: The space of the steps.
        controls: How a step is chosen.

    Raises:
        RequestError: If a control does not apply to the space.
    """
    module = import_module(f"seqforge.sampling.distributions.{space.kind}")
    distribution: Distribution = module.SpaceDistribution(space, controls)
    return distribution
