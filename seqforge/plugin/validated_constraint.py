"""A plugin's constraint whose results are checked."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint
from seqforge.core.spaces import Mixture
from seqforge.core.state_numbers import StateNumbers
from seqforge.plugin.contract_errors import contract_error, kind_of
from seqforge.plugin.plugin import AnyPlugin

__all__ = ["ValidatedConstraint", "ValidatedVectorConstraint"]


class ValidatedConstraint(Constraint):
    """A plugin's constraint with checked masks; the sampler caches them by state, so each is checked about once.

    Steps that are never generated are removed from the masks.

    Args:
        inner: The plugin's constraint.
        plugin: The plugin.
        size: Number of symbols of the space.
        never_generated: Steps that are forbidden in every state.
    """

    def __init__(self, inner: Constraint, plugin: AnyPlugin, size: int, never_generated: Sequence[int] = ()) -> None:
        self.inner, self.plugin, self.size = inner, plugin, size
        self.follows_rules = inner.follows_rules
        self._never_generated = list(never_generated)

    def start(self) -> Hashable:
        state = self.inner.start()
        try:
            hash(state)
        except TypeError as error:
            rule = "a hashable state: masks are cached by it"
            raise contract_error(self.plugin, "start", f"returns {kind_of(state)}", rule, owner=self.inner) from error
        return state

    def allowed(self, state: Hashable) -> np.ndarray:
        mask = self.inner.allowed(state)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.size,):
            rule = f"an array of bool with one entry for each of {self.size} symbols"
            raise contract_error(self.plugin, "allowed", f"returns {kind_of(mask)}", rule, owner=self.inner)
        if mask[self._never_generated].any():
            mask = mask.copy()
            mask[self._never_generated] = False
        return mask

    def mask_key(self, state: Hashable) -> Hashable:
        return self.inner.mask_key(state)

    def state_numbers(self) -> StateNumbers | None:
        return self.inner.state_numbers()

    def may_end(self, state: Hashable) -> bool:
        return self.inner.may_end(state)

    def to_end(self, state: Hashable) -> int:
        return self.inner.to_end(state)

    def advance(self, state: Hashable, step: Any) -> Hashable:
        return self.inner.advance(state, step)


class ValidatedVectorConstraint(ValidatedConstraint):
    """A plugin's constraint on vectors, with checked masks of bits and checked projections.

    Args:
        inner: The plugin's constraint.
        plugin: The plugin.
        space: The space of the vectors.
    """

    def __init__(self, inner: Constraint, plugin: AnyPlugin, space: Mixture) -> None:
        super().__init__(inner, plugin, space.bits)
        self.space = space

    def allowed(self, state: Hashable) -> np.ndarray:
        mask = self.inner.allowed(state)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.space.bits, 2):
            rule = f"an array of bool of shape ({self.space.bits}, 2): whether each bit may be 0, and whether 1"
            raise contract_error(self.plugin, "allowed", f"returns {kind_of(mask)}", rule, owner=self.inner)
        return mask

    def project(self, state: Hashable, step: np.ndarray) -> np.ndarray:
        projected: Any = self.inner.project(state, step)
        if not isinstance(projected, np.ndarray) or projected.shape != self.space.shape:
            rule = f"an array of shape {self.space.shape}"
            raise contract_error(self.plugin, "project", f"returns {kind_of(projected)}", rule, owner=self.inner)
        try:
            self.space.check(projected[None])
        except ValueError as error:
            problem = f"returns a vector outside the space: {error}"
            raise contract_error(self.plugin, "project", problem, owner=self.inner) from error
        return projected.astype(np.float32)
