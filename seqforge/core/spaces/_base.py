"""What every space has in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from seqforge.errors import DamagedFileError


class Space(ABC):
    """What one step of a sequence is: the only thing that core and plugin must agree on.

    A space is named by its `kind`. The rooms above find their part for it under the same name:
    `network/heads/KIND.py` (how the network reads and predicts a step) and `sampling/draws/KIND.py`
    (how a step is drawn). A new space is a new file here and in those two rooms.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type["Space"]]] = {}

    def __init_subclass__(cls) -> None:
        Space.kinds[cls.kind] = cls

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The smallest numpy type that holds one step."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one step: () for a symbol, (width,) for a vector."""

    @abstractmethod
    def check(self, steps: np.ndarray) -> None:
        """Raise ValueError, naming the first step that lies outside the space."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what `space_from_json` needs, `kind` included."""


def space_from_json(data: Any) -> Space:
    """Return the space that `to_json` described.

    Raises:
        DamagedFileError: the description is of no known space, or its values are out of range.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in Space.kinds:
        raise DamagedFileError(f"{data!r} describes no known space; known are {sorted(Space.kinds)}")
    values = {name: value for name, value in data.items() if name != "kind"}
    try:
        return Space.kinds[kind](**values)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"{data!r} is no valid {kind} space: {error}") from error
