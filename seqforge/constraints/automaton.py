"""Automata over tokens, the parts of a constraint, and their product."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

from seqforge.errors import UsageError

__all__ = ["Automaton", "Product"]

MAX_ROWS = 10_000
"""The number of states of a part whose successors are cached."""
UNKNOWN = object()
"""The successor of a token that has not been computed."""


class Automaton(ABC):
    """A part of a constraint: which state follows a token, and whether the piece may end.

    Methods are pure functions and states are hashable. An automaton need not know masks or distances, and it may have
    dead ends: `TableConstraint` computes the first two and removes the last. Automata over one vocabulary are combined
    with `&`: the product allows what all of them allow.

    >>> from seqforge import TableConstraint
    >>> class Even(Automaton):  # an even number of tokens
    ...     def start(self):
    ...         return 0
    ...     def advance(self, state, token):
    ...         return 1 - state
    ...     def may_end(self, state):
    ...         return state == 0
    >>> constraint = TableConstraint(Even(["a", "b"]))
    >>> constraint.to_end(constraint.advance(constraint.start(), 0))
    1

    Args:
        vocabulary: The token of each step, such as `TokenCodec.vocabulary`; `range(size)` if steps have no tokens.
    """

    def __init__(self, vocabulary: Sequence[Hashable]) -> None:
        self.vocabulary = vocabulary

    @abstractmethod
    def start(self) -> Hashable:
        """Return the state before the first token."""

    @abstractmethod
    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        """Return the state after a token, None if the token is forbidden."""

    def may_end(self, state: Any) -> bool:
        """Return whether the piece may end in this state. By default it may end in every state."""
        return True

    def least_to_end(self, state: Any) -> int:
        """Return a lower bound of the number of tokens to an end: the closer it is, the faster the search for ends.

        By default it is 0 where the piece may end, and 1 elsewhere.
        """
        return 0 if self.may_end(state) else 1

    def token_class(self, token: Hashable) -> Hashable:
        """Return a value that is equal for tokens that `advance` treats alike; `advance` is called once per class.

        By default each token has its own class.
        """
        return token

    def successors(self, state: Any, tokens: Sequence[Hashable]) -> list[Hashable | None]:
        """Return the states after each of several tokens, one per class; override it where all are known at once."""
        return [self.advance(state, token) for token in tokens]

    def __and__(self, other: "Automaton") -> "Product":
        """Return the product with another automaton over the same vocabulary."""
        return Product(self, other)


class Product(Automaton):
    """Several automata at once: a token is allowed if all of them allow it, and the piece ends if all may end.

    The product of automata without dead ends may have some; `TableConstraint` removes them.

    >>> from seqforge import Count
    >>> rule = Count("abc", "a", exactly=2) & Count("abc", "b", at_most=1)  # the same as Product(...)
    >>> rule.advance(rule.start(), "b")
    (0, 1)

    Args:
        parts: The automata.

    Raises:
        UsageError: If they have different vocabularies, or there is none.

    Source: J. Hopcroft, R. Motwani and J. Ullman, "Introduction to Automata Theory, Languages, and Computation", 3rd
    edition 2006, section 4.2.1 (the product construction).
    """

    def __init__(self, *parts: Automaton) -> None:
        if not parts:
            raise UsageError.invalid("parts", parts, "one automaton or more")
        self.parts: list[Automaton] = []
        for part in parts:
            self.parts += part.parts if isinstance(part, Product) else [part]
        super().__init__(self.parts[0].vocabulary)
        for part in self.parts:
            if list(part.vocabulary) != list(self.vocabulary):
                message = f"{type(part).__name__} and {type(self.parts[0]).__name__} have different vocabularies"
                raise UsageError(f"{message}; all parts of a product need the same one", field="parts")
        self._rows: list[dict[Hashable, list[Any]]] = [{} for _ in self.parts]
        """What each part does with each class of tokens, by its state."""

    def start(self) -> Hashable:
        return tuple(part.start() for part in self.parts)

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        after = []
        for part, part_state in zip(self.parts, state, strict=True):
            successor = part.advance(part_state, token)
            if successor is None:
                return None
            after.append(successor)
        return tuple(after)

    def successors(self, state: Any, tokens: Sequence[Hashable]) -> list[Hashable | None]:
        rows = []
        for part, part_rows, part_state in zip(self.parts, self._rows, state, strict=True):
            row = part_rows.get(part_state)
            if row is None:
                if len(part_rows) >= MAX_ROWS:
                    part_rows.clear()
                row = part_rows[part_state] = self._new_row(part, part_state, tokens)
            rows.append(row)
        result: list[Hashable | None] = []
        for number, after in enumerate(zip(*rows, strict=True)):
            if UNKNOWN in after:
                after = self._after(state, tokens, number, rows)
            result.append(None if None in after else after)
        return result

    def _new_row(self, part: Automaton, state: Any, tokens: Sequence[Hashable]) -> list[Any]:
        """Return what is known of a part's successors: all of them, if the part computes them at once."""
        is_overridden = type(part).successors is not Automaton.successors
        return part.successors(state, tokens) if is_overridden else [UNKNOWN] * len(tokens)

    def _after(
        self, state: Any, tokens: Sequence[Hashable], number: int, rows: Sequence[list[Any]]
    ) -> tuple[Hashable | None, ...]:
        """Return the states of the parts after a token; None ends it, since later parts are not called then."""
        after: list[Hashable | None] = []
        for part, part_state, row in zip(self.parts, state, rows, strict=True):
            if row[number] is UNKNOWN:
                row[number] = part.advance(part_state, tokens[number])
            after.append(row[number])
            if row[number] is None:
                break
        return tuple(after)

    def may_end(self, state: Any) -> bool:
        pairs = zip(self.parts, state, strict=True)
        return all(part.may_end(part_state) for part, part_state in pairs)

    def least_to_end(self, state: Any) -> int:
        pairs = zip(self.parts, state, strict=True)
        return max(part.least_to_end(part_state) for part, part_state in pairs)

    def token_class(self, token: Hashable) -> Hashable:
        return tuple(part.token_class(token) for part in self.parts)
