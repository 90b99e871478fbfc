"""Small constraints for the tests of sampling."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from seqforge.core.sequences import Constraint


@pytest.fixture(scope="session")
def brackets() -> Callable[..., "Constraint"]:
    """Return the class of a constraint of balanced brackets: `brackets(size, depth)`.

    Symbol 0 opens a bracket, 1 closes one, the others are letters. The state is the depth and whether the piece has a
    step. The piece may end if every bracket is closed and it is not empty.
    """
    from seqforge.core.sequences import Constraint

    class Brackets(Constraint):
        def __init__(self, size: int, depth: int) -> None:
            self.size, self.depth = size, depth

        def start(self) -> Hashable:
            return (0, False)

        def allowed(self, state: Any) -> np.ndarray:
            mask = np.ones(self.size, bool)
            mask[0], mask[1] = state[0] < self.depth, state[0] > 0
            return mask

        def may_end(self, state: Any) -> bool:
            return bool(state == (0, True))

        def to_end(self, state: Any) -> int:
            return int(max(state[0], not state[1]))

        def advance(self, state: Any, step: Any) -> Hashable:
            assert self.allowed(state)[step], "the core chose a step that is not allowed"
            return (state[0] + {0: 1, 1: -1}.get(int(step), 0), True)

    return Brackets


@pytest.fixture(scope="session")
def exactly() -> Callable[..., "Constraint"]:
    """Return the class of a constraint of pieces with an exact length: `exactly(size, length)`."""
    from seqforge.core.sequences import Constraint

    class Exactly(Constraint):
        def __init__(self, size: int, length: int) -> None:
            self.size, self.length = size, length

        def start(self) -> Hashable:
            return 0

        def allowed(self, state: Any) -> np.ndarray:
            return np.full(self.size, state < self.length)

        def may_end(self, state: Any) -> bool:
            return bool(state == self.length)

        def to_end(self, state: Any) -> int:
            return int(self.length - state)

        def advance(self, state: Any, step: Any) -> Hashable:
            assert state < self.length, "the core continued although no step is allowed"
            return int(state) + 1

    return Exactly


@pytest.fixture(scope="session")
def phrases() -> Callable[..., "Constraint"]:
    """Return the class of a constraint in which symbol 0 starts a phrase of `length` steps: `phrases(size, length)`.

    One step can move the nearest end far away.
    """
    from seqforge.core.sequences import Constraint

    class Phrases(Constraint):
        def __init__(self, size: int, length: int) -> None:
            self.size, self.length = size, length

        def start(self) -> Hashable:
            return 0

        def allowed(self, state: Any) -> np.ndarray:
            return np.ones(self.size, bool)

        def may_end(self, state: Any) -> bool:
            return bool(state == 0)

        def to_end(self, state: Any) -> int:
            return int(state)

        def advance(self, state: Any, step: Any) -> Hashable:
            return int(state) - 1 if state else (self.length if step == 0 else 0)

    return Phrases
