"""What pieces are classified by: a label that the network reads, or a property that their first step states."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.errors import RequestError

__all__ = ["FirstStepClasses", "LabelClasses", "PieceClasses"]


class PieceClasses(ABC):
    """The values of a property of pieces, and how a piece is scored as if it had each of them.

    Args:
        name: The name of the property.
        values: Its values.
    """

    def __init__(self, name: str, values: Sequence[str]) -> None:
        self.name, self.values = name, tuple(values)

    @abstractmethod
    def variants(self, examples: Sequence[Example], labels: np.ndarray) -> tuple[list[Example], np.ndarray]:
        """Return each example once per value, and the numbers of the labels of these variants.

        Args:
            examples: The examples.
            labels: The numbers of the values of their labels, shape (examples, labels).
        """

    @abstractmethod
    def targets(self, dataset: Dataset) -> np.ndarray:
        """Return the number of the value of each piece from 1, 0 where it is unknown, shape (pieces,), int64."""


class LabelClasses(PieceClasses):
    """The values of a label, which the network reads beside every step.

    Args:
        name: The name of the label.
        values: Its values.
        column: The number of the label among those of the model.
    """

    def __init__(self, name: str, values: Sequence[str], column: int) -> None:
        super().__init__(name, values)
        self.column = column

    def variants(self, examples: Sequence[Example], labels: np.ndarray) -> tuple[list[Example], np.ndarray]:
        size = len(self.values)
        repeated = np.repeat(labels, size, 0)
        repeated[:, self.column] = np.tile(np.arange(1, size + 1), len(examples))
        return [example for example in examples for _ in range(size)], repeated

    def targets(self, dataset: Dataset) -> np.ndarray:
        targets: np.ndarray = dataset.labels[:, self.column].astype(np.int64)
        return targets


class FirstStepClasses(PieceClasses):
    """The values of a property that the first step of a piece states, such as the rhythm of a tune.

    Args:
        name: The name of the property.
        steps: Each value and the step that states it.
    """

    def __init__(self, name: str, steps: Mapping[str, int]) -> None:
        super().__init__(name, tuple(steps))
        self.steps = tuple(steps.values())

    def variants(self, examples: Sequence[Example], labels: np.ndarray) -> tuple[list[Example], np.ndarray]:
        if not all(len(example.steps) for example in examples):
            raise RequestError(f"a piece is empty, so it has no {self.name}; leave it out", field="piece")
        variants = []
        for example in examples:
            for step in self.steps:
                steps = example.steps.copy()
                steps[0] = step
                variants.append(replace(example, steps=steps))
        return variants, np.repeat(labels, len(self.values), 0)

    def targets(self, dataset: Dataset) -> np.ndarray:
        numbers = {step: number for number, step in enumerate(self.steps, 1)}
        firsts = (dataset.steps(number)[:1].tolist() for number in range(len(dataset)))
        return np.array([numbers.get(steps[0], 0) if steps else 0 for steps in firsts], np.int64)
