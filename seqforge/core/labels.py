"""Labels as numbers: the network reads the number of a label's value, 0 where the value is unknown."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

__all__ = ["LabelIndex"]


class LabelIndex:
    """The values of every label and their numbers.

    >>> index = LabelIndex({"language": ("Czech", "Irish"), "kind": ("jig", "reel")})
    >>> index.numbers({"language": "Irish"})
    array([2, 0])
    >>> index.labels([2, 0])
    {'language': 'Irish'}

    Args:
        known: Label name to its values, in the order in which the network numbers them from 1.
    """

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self.known = {name: tuple(values) for name, values in known.items()}
        self._numbers = {
            name: {value: number for number, value in enumerate(values, 1)} for name, values in self.known.items()
        }

    def numbers(self, labels: Mapping[str, str]) -> np.ndarray:
        """Return the number of each label's value, shape (labels,), int64; 0 where it is missing or unknown."""
        return np.array([table.get(labels.get(name, ""), 0) for name, table in self._numbers.items()], np.int64)

    def labels(self, numbers: Iterable[int] | np.ndarray) -> dict[str, str]:
        """Return label name to value for what `numbers` returned; unknown values are left out."""
        pairs = zip(self.known.items(), numbers, strict=True)
        return {name: values[int(number) - 1] for (name, values), number in pairs if number}
