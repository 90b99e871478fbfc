"""A stack: brackets that close in the order in which they opened, last first."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from seqforge.constraints.automaton import Automaton
from seqforge.errors import UsageError

__all__ = ["Brackets"]


class Brackets(Automaton):
    """Each opening token is closed by its partner, last opened first closed; other tokens are free.

    >>> brackets = Brackets("a()[]", {"(": ")", "[": "]"}, max_depth=2)
    >>> state = brackets.advance(brackets.advance(brackets.start(), "("), "[")
    >>> brackets.advance(state, ")") is None, brackets.least_to_end(state)
    (True, 2)

    Args:
        vocabulary: The token of each step.
        pairs: Opening token to closing token.
        max_depth: The largest number of open brackets; None for any.

    Raises:
        UsageError: If a token is not in the vocabulary, or both opens and closes.

    Source: the Dyck language: J. Berstel, "Transductions and Context-Free Languages", Teubner 1979, section II.3.
    """

    def __init__(
        self, vocabulary: Sequence[Hashable], pairs: Mapping[Hashable, Hashable], *, max_depth: int | None = None
    ) -> None:
        super().__init__(vocabulary)
        self.pairs, self.closings = dict(pairs), set(pairs.values())
        self.max_depth = len(vocabulary) * (1 << 30) if max_depth is None else max_depth
        known = set(vocabulary)
        for opening, closing in pairs.items():
            for token in (opening, closing):
                if token not in known:
                    raise UsageError.invalid("pairs", token, "a token of the vocabulary")
            if closing in self.pairs:
                raise UsageError.invalid("pairs", closing, "a token that does not open a bracket")

    def start(self) -> Hashable:
        return ()

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        stack: tuple[Hashable, ...] = state
        if token in self.pairs:
            return (*stack, self.pairs[token]) if len(stack) < self.max_depth else None
        if token in self.closings:
            return stack[:-1] if stack and stack[-1] == token else None
        return stack

    def may_end(self, state: Any) -> bool:
        return not state

    def least_to_end(self, state: Any) -> int:
        return len(state)

    def token_class(self, token: Hashable) -> Hashable:
        return token if token in self.pairs or token in self.closings else None
