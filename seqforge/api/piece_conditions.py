"""The features and the drawn labels of each piece of a generation."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from seqforge.core.sequences import Example

__all__ = ["PieceConditions"]

LABEL_COUNTER = np.array([0, 0, 4, 0], np.uint64)
"""The start of the random numbers that draw labels; other random numbers have other numbers in the third place."""


class PieceConditions:
    """What conditions each piece beside its prompt: a row of features, and labels that are drawn for it.

    Piece k has the features of row k modulo their number. Its labels depend on the seed and k alone. Pieces with the
    same features and labels have the same number, so that they share what the network reads of their prompt.

    >>> conditions = PieceConditions(None, [{"key": "D", "mode": "major"}, {"key": "Am"}], {"key": "Am"}, seed=0)
    >>> conditions.labels(conditions.number(5))
    {}

    Args:
        features: The features of a request, shape (rows, width); None for none.
        choices: The rows of labels from which one is drawn for each piece; () for none.
        labels: The labels that the request or its prompt sets. Of `choices`, only the rows that agree with them count.
        seed: The seed of the request.
    """

    def __init__(
        self,
        features: np.ndarray | None,
        choices: Sequence[Mapping[str, str]],
        labels: Mapping[str, str],
        *,
        seed: int,
    ) -> None:
        self._features, self._seed = features, seed
        matching = [row for row in choices if all(row.get(name) == value for name, value in labels.items())]
        drawn = [tuple((name, value) for name, value in row.items() if name not in labels) for row in matching] or [()]
        numbers = {row: number for number, row in enumerate(dict.fromkeys(drawn))}
        self._rows, self._numbers = list(numbers), [numbers[row] for row in drawn]

    @property
    def feature_rows(self) -> int:
        """The number of rows of features, 1 without features."""
        return 1 if self._features is None else len(self._features)

    def number(self, k: int) -> int:
        """Return the number of the conditions of piece k."""
        draw = 0
        if len(self._numbers) > 1:
            stream = np.random.Philox(key=np.array([self._seed, k], np.uint64), counter=LABEL_COUNTER)
            draw = self._numbers[int(np.random.Generator(stream).integers(len(self._numbers)))]
        return draw * self.feature_rows + k % self.feature_rows

    def features(self, number: int) -> np.ndarray | None:
        """Return the features of conditions; None without features."""
        return None if self._features is None else self._features[number % self.feature_rows]

    def labels(self, number: int) -> dict[str, str]:
        """Return the labels that are drawn."""
        return dict(self._rows[number // self.feature_rows])

    def example(self, example: Example, number: int) -> Example:
        """Return an example with the features and the drawn labels; labels that it has stay."""
        labels, features = {**self.labels(number), **example.labels}, self.features(number)
        return dataclasses.replace(example, labels=labels, features=example.features if features is None else features)
