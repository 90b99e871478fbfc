"""The interface of a space."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from seqforge.errors import DamagedFileError


class Space(ABC):
    """The type of a step: the only thing about a sequence on which core and plugin must agree.

    The packages above find their part for a space by its `kind`: `network/heads/KIND.py` (how the network reads and
    predicts a step) and `sampling/distributions/KIND.py` (how a step is sampled). A new space is one new module in each
    of the three places.

    >>> sorted(Space.kinds)
    ['categorical', 'mixture']

    Attributes:
        kind: The name of the space.
        kinds: All spaces by name.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type["Space"]]] = {}

    def __init_subclass__(cls) -> None:
        Space.kinds[cls.kind] = cls

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The smallest numpy type that holds a step."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of a step: () for a symbol, (width,) for a vector."""

    @abstractmethod
    def check(self, steps: np.ndarray) -> None:
        """Check that steps belong to the space.

        Raises:
            ValueError: If they do not; the message names the first wrong step.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the plain JSON that `space_from_json` reads, including `kind`."""


def space_from_json(data: Any) -> Space:
    """Return the space that `to_json` described.

    >>> space_from_json({"kind": "categorical", "size": 5})
    Categorical(size=5)

    Raises:
        DamagedFileError: If the data describe no known space, or a value is out of range.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in Space.kinds:
        raise DamagedFileError(f"{data!r} is not a known space; known are {sorted(Space.kinds)}")
    values = {name: value for name, value in data.items() if name != "kind"}
    try:
        return Space.kinds[kind](**values)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"{data!r} is not a valid {kind} space: {error}") from error
