"""The data that core and plugins exchange: examples, prompts and constraints. Arrays only; no plugin is known here."""

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from seqforge.core.state_numbers import StateNumbers

__all__ = ["Attention", "Constraint", "Example", "Free", "Prompt", "source_with_end"]

Attention = Literal["monotonic", "content", "none"]
"""How a network reads the source of a piece; `seqforge.network.NetworkConfig` describes the values."""


@dataclass(frozen=True, eq=False)
class Example:
    """An encoded piece.

    >>> example = Example(np.array([2, 0, 1], np.uint8), labels={"language": "Irish"})
    >>> len(example.steps)
    3

    Attributes:
        steps: The steps: shape (steps,) for symbols, (steps, width) for vectors.
        source: The sequence that is attended to, as steps of the codec's `source` space; None without a source.
        labels: Label name to value; a missing name means that the value is unknown.
        features: The real vector that conditions the whole piece, shape (features,), float32; None without features.
        extras: Plain JSON that `decode` needs beside the steps, such as a title.
        dropped: What `encode` replaced or left out, in words, with counts: {"grace notes": 3}. It is reported to the
            user and not stored with the dataset.
    """

    steps: np.ndarray
    source: np.ndarray | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    features: np.ndarray | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


def source_with_end(source: np.ndarray | None, symbols: int) -> np.ndarray:
    """Return a source as a network reads it: numbers from 1, followed by the extra symbol.

    >>> source_with_end(np.array([0, 2]), 3)
    array([1, 3, 4])

    Args:
        source: Symbols from 0; None or empty if the piece has no source, and then the result is empty.
        symbols: Number of different symbols.
    """
    if source is None or not len(source):
        return np.zeros(0, np.int64)
    return np.append(source.astype(np.int64), symbols) + 1


class Constraint(ABC):
    """An automaton over steps: which step may come next, and whether the piece may end.

    Every method is a pure function of its arguments and states are hashable, so the core caches masks by state, beams
    share states and a batch shares one cache. The core relies on three laws:

    1. In a state that allowed steps can reach, the piece may end or a step is allowed.
    2. `to_end` is the length of a path to a state in which the piece may end; 0 if it may end here.
    3. Some allowed step lowers `to_end` by one.

    For vectors (`Mixture`), the mask is that of the bits, and `project` bounds the real numbers. `project` receives
    each drawn vector and returns the one that takes its place: the network reads it next, and the piece contains it.
    Law 3 then holds for every vector that `project` returns: it or a vector with one other bit lowers `to_end`.

    Example:
        class Even(Constraint):  # an even number of steps, of two symbols
            def start(self): return 0
            def allowed(self, state): return np.array([True, True])
            def may_end(self, state): return state == 0
            def to_end(self, state): return state
            def advance(self, state, step): return 1 - state

    Attributes:
        follows_rules: Whether the pieces that it allows keep the rules of the domain (`Checks.violations`). False if it
            only ensures that pieces decode; the check then counts violations without failing.
    """

    follows_rules: bool = True

    @abstractmethod
    def start(self) -> Hashable:
        """Return the state before the first step."""

    @abstractmethod
    def allowed(self, state: Hashable) -> np.ndarray:
        """Return the mask of the steps that may come next: bool, shape (symbols,).

        For vectors it is the mask of the bits, shape (bits, 2): whether each bit may be 0, and whether it may be 1.
        """

    def project(self, state: Hashable, step: np.ndarray) -> np.ndarray:
        """Return the vector that takes the place of a drawn one, for instance the nearest one in a working area.

        By default it is the vector itself. It is called for vectors only; a projected vector stays as it is when it is
        projected again.

        Args:
            state: The state before the step.
            step: The vector, float32, shape (reals + bits,); it is not changed.
        """
        return step

    def mask_key(self, state: Hashable) -> Hashable:
        """Return a hashable key that is the same only for states with the same mask and the same `may_end`.

        The core computes one mask per key. By default the key is the state itself; override the method where many
        states share a mask, such as those that differ in the pitch of the last note.
        """
        return state

    def state_numbers(self) -> StateNumbers | None:
        """Return the states as integers that a batch advances by array look-ups; None by default.

        The sampler then caches the states and their successors itself. A constraint on vectors has none.
        """
        return None

    @abstractmethod
    def may_end(self, state: Hashable) -> bool:
        """Return whether the piece may end in this state."""

    @abstractmethod
    def to_end(self, state: Hashable) -> int:
        """Return the number of steps of a short path to a state in which the piece may end; 0 if it may end here."""

    @abstractmethod
    def advance(self, state: Hashable, step: Any) -> Hashable:
        """Return the state after an allowed step: an int, or a float32 vector."""


class Free(Constraint):
    """The constraint with one state: a fixed mask of steps is allowed, and the piece may always end.

    >>> Free(np.array([False, True])).allowed(0)
    array([False,  True])

    Args:
        mask: The symbols that may come: bool, shape (symbols,).
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
    """Where a generation starts, and what may follow.

    >>> prompt = Prompt(Example(np.zeros(0, np.uint8)), Free(np.array([False, True])))
    >>> prompt.candidates
    1

    Attributes:
        example: Its steps come first in the result; its source, labels and features hold throughout.
        constraint: The automaton of what may follow, from before the first step of the example; None allows everything.
        keep: Number of the example's first steps that belong to the result; None for all, 0 for a priming sample.
        candidates: Number of continuations drawn for each piece, of which one is kept (`seqforge.sampling.candidates`);
            more than 1 where the constraint fixes what comes later.
        joint_steps: Number of steps after those of the example that are drawn jointly: from the network's distribution
            over all sequences of that many steps that the constraint allows, all of which are scored. Set it if the
            constraint fixes one of the first steps; the steps before it are then drawn given the fixed one.
        whole_source: Whether a piece with a source may end only after the whole source was attended to, and must end
            soon after. False if the network and the constraint alone decide when it ends.
        source_start: Position in the source of what the continuation starts with, if the steps of the example show the
            source up to there. The attention is set to this position where it stands elsewhere after those steps, so
            that nothing of the example's part of the source is shown again. None leaves it where it stands.
        length: Length in natural units, prompt included, that the request needs room for. Without `--length`, the piece
            is led to its end only beyond it, and never below the default limit. None for the default limit.
        label_choices: Rows of labels, name to value, such as those of the training pieces. For each piece one row is
            drawn that agrees with the labels of the request and of the example, and sets the other labels; a piece of a
            model that learnt labels is then conditioned on all of them. Without rows, labels that are not set stay
            unknown. Beam search draws none.
        controls: Fields of `seqforge.sampling.Controls` that differ from those of the request, by name, such as
            {"bias": 0.5}.
    """

    example: Example
    constraint: Constraint | None = None
    keep: int | None = None
    candidates: int = 1
    joint_steps: int = 0
    whole_source: bool = True
    source_start: int | None = None
    length: float | None = None
    label_choices: Sequence[Mapping[str, str]] = ()
    controls: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.length is not None and not 0 < self.length < math.inf:
            raise ValueError(f"length is {self.length!r}; it must be a positive finite number or None")
