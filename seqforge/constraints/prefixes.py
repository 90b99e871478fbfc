"""A rule as a function of all tokens so far."""

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from seqforge.constraints.automaton import Automaton

__all__ = ["Prefixes"]

Prefix = tuple[Hashable, ...]


class Prefixes(Automaton):
    """A function of all tokens so far returns the tokens that may come next, and None among them where the end may.

    Other libraries have the same function, such as `prefix_allowed_tokens_fn` of `transformers`. The state is the whole
    prefix, so states are never shared; for long pieces, write an `Automaton` whose state is what the rule remembers.

    >>> def sorted_letters(prefix):
    ...     return [letter for letter in "abc" if not prefix or letter >= prefix[-1]] + [None]
    >>> rule = Prefixes("abc", sorted_letters)
    >>> rule.advance(("b",), "a") is None, rule.may_end(("b",))
    (True, True)

    Args:
        vocabulary: The token of each step.
        allowed_tokens: A function that returns the tokens that may follow a prefix; None stands for the end.
        least_to_end: A function that returns a lower bound of the number of tokens from a prefix to an end. Pass it if
            ends are far: without it, the search for an end tries all continuations in the order of their length.
    """

    def __init__(
        self,
        vocabulary: Sequence[Hashable],
        allowed_tokens: Callable[[Prefix], Collection[Hashable | None]],
        *,
        least_to_end: Callable[[Prefix], int] | None = None,
    ) -> None:
        super().__init__(vocabulary)
        self.allowed_tokens, self._least_to_end = allowed_tokens, least_to_end
        self._latest: tuple[Prefix, frozenset[Hashable | None]] | None = None

    def _allowed(self, prefix: Prefix) -> frozenset[Hashable | None]:
        latest = self._latest
        if latest is None or latest[0] != prefix:
            latest = self._latest = prefix, frozenset(self.allowed_tokens(prefix))
        return latest[1]

    def start(self) -> Hashable:
        return ()

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        prefix: Prefix = state
        return (*prefix, token) if token in self._allowed(prefix) else None

    def successors(self, state: Any, tokens: Sequence[Hashable]) -> list[Hashable | None]:
        allowed = self._allowed(state)
        return [(*state, token) if token in allowed else None for token in tokens]

    def may_end(self, state: Any) -> bool:
        return None in self._allowed(state)

    def least_to_end(self, state: Any) -> int:
        if self._least_to_end is not None:
            return self._least_to_end(state)
        return super().least_to_end(state)
