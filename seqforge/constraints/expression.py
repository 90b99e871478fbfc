"""Regular expressions over tokens."""

from collections.abc import Collection, Hashable, Sequence
from typing import Any

from seqforge.constraints.automaton import Automaton
from seqforge.constraints.expression_parser import Choice, Node, Repeat, Sequel, TokenSet, parse
from seqforge.errors import UsageError

__all__ = ["Expression"]

MAX_POSITIONS = 100_000
"""The largest number of places for a token in an expression whose repeats are written out."""
START = 0


class Expression(Automaton):
    """The whole piece matches a regular expression whose letters are tokens.

    Words are separated by spaces. A word names a set of tokens or a token; a token with a sign of the syntax in it is
    quoted. The signs are those of `re`: `|`, `*`, `+`, `?`, `{3}`, `{2,}`, `{2,5}`, `( )`, `[a b]` for one token of
    several, `[^a b]` for any other token, and `.` for any token.

    >>> rule = Expression("'+'{2} (stitch+ '/')+", ["+", "/", "k", "p"], stitch=["k", "p"])
    >>> state = rule.advance(rule.advance(rule.start(), "+"), "+")
    >>> rule.advance(state, "/") is None, rule.least_to_end(state)
    (True, 2)

    Args:
        expression: The expression.
        vocabulary: The token of each step.
        sets: The tokens of each named set.

    Raises:
        UsageError: If the expression is malformed, names an unknown token, or has more than 100,000 places for tokens.

    Source: the position automaton: V. Glushkov, "The abstract theory of automata", Russian Mathematical Surveys 16(5),
    1961; its sets of positions are built as they are reached.
    """

    def __init__(self, expression: str, vocabulary: Sequence[Hashable], /, **sets: Collection[Hashable]) -> None:
        super().__init__(vocabulary)
        positions = _Positions()
        nullable, first, last = positions.add(parse(expression, vocabulary, sets))
        positions.follow[START] |= first
        self._tokens, self._follow = positions.tokens, positions.follow
        self._last = last | {START} if nullable else last
        self._distances = self._distances_to_end()
        self._classes = {
            token: frozenset(number for number, tokens in enumerate(dict.fromkeys(self._tokens)) if token in tokens)
            for token in vocabulary
        }
        self._successors: dict[tuple[frozenset[int], Hashable], frozenset[int] | None] = {}

    def start(self) -> Hashable:
        return frozenset([START])

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        positions: frozenset[int] = state
        key = positions, self._classes[token]
        if key not in self._successors:
            followers = {after for position in positions for after in self._follow[position]}
            self._successors[key] = frozenset(at for at in followers if token in self._tokens[at]) or None
        return self._successors[key]

    def may_end(self, state: Any) -> bool:
        return not self._last.isdisjoint(state)

    def least_to_end(self, state: Any) -> int:
        return int(min(self._distances[position] for position in state))

    def token_class(self, token: Hashable) -> Hashable:
        return self._classes[token]

    def _distances_to_end(self) -> list[int]:
        """Return the smallest number of tokens from each position to an end."""
        before: list[list[int]] = [[] for _ in self._follow]
        for position, followers in enumerate(self._follow):
            for after in followers:
                if self._tokens[after]:
                    before[after].append(position)
        unreachable = len(self._follow)
        distances = [unreachable] * len(self._follow)
        level, distance = list(self._last), 0
        while level:
            for position in level:
                distances[position] = distance
            distance += 1
            level = list({p for after in level for p in before[after] if distances[p] == unreachable})
        return distances


class _Positions:
    """The places for tokens in an expression: the tokens of each, and the positions that may follow it."""

    def __init__(self) -> None:
        self.tokens: list[frozenset[Hashable]] = [frozenset()]
        self.follow: list[set[int]] = [set()]

    def add(self, node: Node) -> tuple[bool, set[int], set[int]]:
        """Add the positions of a node; return whether it matches nothing at all, its first and its last positions."""
        match node:
            case TokenSet(tokens):
                if len(self.tokens) > MAX_POSITIONS:
                    raise UsageError(
                        f"the expression has more than {MAX_POSITIONS} places for tokens", field="expression"
                    )
                self.tokens.append(tokens)
                self.follow.append(set())
                position = len(self.tokens) - 1
                return False, {position}, {position}
            case Choice(parts):
                results = [self.add(part) for part in parts]
                firsts, lasts = set[int](), set[int]()
                for _, first, last in results:
                    firsts, lasts = firsts | first, lasts | last
                return any(nullable for nullable, _, _ in results), firsts, lasts
            case Repeat(part, least, most):
                return self._add_repeat(part, least, most)
            case Sequel(parts):
                return self._join([self.add(part) for part in parts])

    def _add_repeat(self, part: Node, least: int, most: int | None) -> tuple[bool, set[int], set[int]]:
        copies = [self.add(part) for _ in range(max(least, 1) if most is None else most)]
        if most is None:
            nullable, first, last = copies[-1]
            for position in last:
                self.follow[position] |= first
            copies[-1] = nullable or least == 0, first, last
        else:
            copies[least:] = [(True, first, last) for _, first, last in copies[least:]]
        return self._join(copies)

    def _join(self, parts: Sequence[tuple[bool, set[int], set[int]]]) -> tuple[bool, set[int], set[int]]:
        """Return the result of parts that follow each other."""
        nullable, firsts, lasts = True, set[int](), set[int]()
        for part_nullable, first, last in parts:
            for position in lasts:
                self.follow[position] |= first
            firsts = firsts | first if nullable else firsts
            lasts = lasts | last if part_nullable else set(last)
            nullable = nullable and part_nullable
        return nullable, firsts, lasts
