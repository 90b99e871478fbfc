"""What core and plugins hand each other: examples, prompts, constraints. It knows arrays, no plugin."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Constraint", "Example", "Free", "Prompt"]


@dataclass(frozen=True, eq=False)
class Example:
    """An encoded piece: all that a dataset holds of it.

    Attributes:
        steps: one row a step, shape (steps,) for symbols or (steps, width) for vectors.
        source: the sequence attended to, as steps of the codec's `source` space.
        labels: label name to value; a name left out is unknown.
        features: the vector that conditions the whole piece, shape (features,), float32.
        extras: plain JSON that the codec needs to give the piece back (a title).
    """

    steps: np.ndarray
    source: np.ndarray | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    features: np.ndarray | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


class Constraint(ABC):
    """An automaton over steps: which step may come next, and whether the piece may end here.

    Every method is a pure function of its arguments, and states are hashable: so the core caches
    masks by state, a beam copies nothing and a batch shares one cache. Three laws, which the core
    relies on: a state reached by allowed steps either may end or allows a step; `to_end` is the
    length of a way to a state that may end, 0 where the piece may end here; and some allowed step lowers it by one.
    """

    @abstractmethod
    def start(self) -> Hashable:
        """Return the state before the first step."""

    @abstractmethod
    def allowed(self, state: Hashable) -> np.ndarray:
        """Return the mask of steps that may come next: bool, one for each symbol of the space."""

    @abstractmethod
    def may_end(self, state: Hashable) -> bool:
        """Return whether the piece may end in this state."""

    @abstractmethod
    def to_end(self, state: Hashable) -> int:
        """Return the steps of a short way from this state to one that may end; 0 where it may end."""

    @abstractmethod
    def advance(self, state: Hashable, step: Any) -> Hashable:
        """Return the state after an allowed step."""


class Free(Constraint):
    """The constraint with one state: any step of a fixed mask may come, and the piece may always end.

    Args:
        mask: bool, one for each symbol; True where the symbol may come.
    """

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Hashable) -> np.ndarray:
        return self.mask

    def may_end(self, state: Hashable) -> bool:
        return True

    def to_end(self, state: Hashable) -> int:
        return 0

    def advance(self, state: Hashable, step: Any) -> Hashable:
        return 0


@dataclass(frozen=True, eq=False)
class Prompt:
    """Where to start generating from, and what may follow.

    Attributes:
        example: its steps come first in the result; its source, labels and features hold throughout.
        constraint: what may follow, from before the first step of the example; None allows everything.
        keep: how many of the example's first steps belong to the result (a priming sample does not: 0).
        candidates: how many continuations are drawn for each piece, where the constraint fixes what follows later;
            one of them is kept (`sampling.candidates`).
        whole_source: a piece with a source may end only once all of it was attended to, and must soon after (a text
            is written to its last letter). False: the network and the constraint alone say when it ends (a silent
            letter at a word's end is never looked at).
    """

    example: Example
    constraint: Constraint | None = None
    keep: int | None = None
    candidates: int = 1
    whole_source: bool = True
