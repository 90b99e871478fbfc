"""States of a constraint as integers, so that the rows of a batch advance by array look-ups."""

from abc import ABC, abstractmethod
from collections.abc import Hashable

import numpy as np

__all__ = ["StateNumbers"]


class StateNumbers(ABC):
    """The states of a constraint as integers, for a batch; `Constraint.state_numbers` returns one.

    The sampler caches the successors of the states that it meets. That is enough where pieces share states. A
    constraint whose states differ in almost all rows, such as one that counts bars, computes the successors of a whole
    batch faster from arrays. A number stands for the same state for as long as the object exists.

    >>> class EvenNumbers(StateNumbers):  # of the constraint `Even`, an even number of steps
    ...     def number(self, state): return state
    ...     def state(self, number): return number
    ...     def mask_keys(self, numbers): return numbers
    ...     def advance(self, numbers, steps): return 1 - numbers
    >>> EvenNumbers().advance(np.array([0, 1, 1]), np.array([5, 5, 5])).tolist()
    [1, 0, 0]
    """

    @property
    def is_full(self) -> bool:
        """Whether the sampler should go on with a new object, so that the memory is bounded; False by default."""
        return False

    @abstractmethod
    def number(self, state: Hashable) -> int:
        """Return the number of a state of the constraint, from 0 to 2**62."""

    @abstractmethod
    def state(self, number: int) -> Hashable:
        """Return the state with a number."""

    @abstractmethod
    def mask_keys(self, numbers: np.ndarray) -> np.ndarray:
        """Return integers that are the same only for states with the same mask and the same `may_end`.

        Args:
            numbers: The numbers of states, int64, shape (rows,).
        """

    @abstractmethod
    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the numbers of the states after an allowed step of each row, int64, shape (rows,).

        Args:
            numbers: The numbers of the states before, int64, shape (rows,).
            steps: The step of each row, shape (rows,).
        """
