"""The syntax of regular expressions over tokens: their tree, and the parser."""

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from seqforge.errors import UsageError

__all__ = ["Choice", "Node", "Repeat", "Sequel", "TokenSet", "parse"]

SYNTAX = re.compile(r"""\s*(?:(?P<quoted>'[^']*'|"[^"]*")|(?P<repeat>[*+?]|\{\s*\d+\s*(?:,\s*\d*\s*)?\})"""
                    r"""|(?P<sign>[()\[\]|.^])|(?P<word>[^\s()\[\]{}|*+?.^'"]+))""")  # fmt: skip
MAX_REPEATS = 10_000
"""The largest number in braces."""


@dataclass(frozen=True)
class TokenSet:
    """One token out of a set."""

    tokens: frozenset[Hashable]


@dataclass(frozen=True)
class Sequel:
    """Parts that follow each other; without parts, the empty sequence."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    """One of several parts."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """A part, repeated from `least` to `most` times; None for any number."""

    part: "Node"
    least: int
    most: int | None


Node = TokenSet | Sequel | Choice | Repeat


def parse(text: str, vocabulary: Sequence[Hashable], sets: Mapping[str, Collection[Hashable]]) -> Node:
    """Return the tree of an expression.

    >>> parse("a b?", "ab", {})
    Sequel(parts=(TokenSet(tokens=frozenset({'a'})), Repeat(part=TokenSet(tokens=frozenset({'b'})), least=0, most=1)))

    Args:
        text: The expression (`Expression` describes its syntax).
        vocabulary: All tokens.
        sets: The tokens of each named set.

    Raises:
        UsageError: If the expression is malformed or names an unknown token.
    """
    return _Parser(text, vocabulary, sets).tree()


class _Parser:
    """A recursive descent parser."""

    def __init__(self, text: str, vocabulary: Sequence[Hashable], sets: Mapping[str, Collection[Hashable]]) -> None:
        self.text, self.position = text, 0
        self.tokens = {str(token): token for token in vocabulary}
        self.alphabet = frozenset(vocabulary)
        self.sets = sets
        self.kind, self.value = "", ""
        self._next()

    def tree(self) -> Node:
        node = self._choice()
        if self.kind:
            raise self._error(f"{self.value!r} closes nothing")
        return node

    def _next(self) -> None:
        """Read the next symbol of the syntax; its kind is "" at the end."""
        self.start = self.position
        match = SYNTAX.match(self.text, self.position)
        if match is None:
            if self.text[self.position :].strip():
                raise self._error("a quotation mark or a brace is not closed")
            self.kind, self.value = "", ""
            return
        self.kind, self.position = str(match.lastgroup), match.end()
        self.value = match[self.kind]

    def _error(self, reason: str) -> UsageError:
        message = f"the expression {self.text!r} is wrong at character {self.start + 1}: {reason}"
        return UsageError(message, field="expression", value=self.text)

    def _choice(self) -> Node:
        parts = [self._sequel()]
        while self.value == "|" and self.kind == "sign":
            self._next()
            parts.append(self._sequel())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequel(self) -> Node:
        parts: list[Node] = []
        while self.kind and not (self.kind == "sign" and self.value in "|)]"):
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequel(tuple(parts))

    def _repeated(self) -> Node:
        node = self._atom()
        while self.kind == "repeat":
            node = Repeat(node, *self._limits())
            self._next()
        return node

    def _limits(self) -> tuple[int, int | None]:
        """Return the limits of a repeat."""
        if self.value in "*+?":
            return int(self.value == "+"), 1 if self.value == "?" else None
        low, comma, high = self.value.strip("{}").partition(",")
        least = int(low)
        most = least if not comma else int(high) if high.strip() else None
        if max(least, most or 0) > MAX_REPEATS or (most is not None and most < least):
            raise self._error(f"the numbers in {self.value} must ascend and be at most {MAX_REPEATS}")
        return least, most

    def _atom(self) -> Node:
        kind, value = self.kind, self.value
        if kind in ("word", "quoted"):
            return TokenSet(self._token())
        if value == ".":
            self._next()
            return TokenSet(self.alphabet)
        if value == "[":
            return self._set()
        if value != "(":
            raise self._error(f"{value!r} repeats nothing" if kind == "repeat" else f"{value!r} is misplaced")
        self._next()
        node = self._choice()
        self._close(")")
        return node

    def _set(self) -> TokenSet:
        self._next()
        inverted = self.value == "^" and self.kind == "sign"
        if inverted:
            self._next()
        tokens: frozenset[Hashable] = frozenset()
        while self.kind in ("word", "quoted"):
            tokens |= self._token()
        self._close("]")
        return TokenSet(self.alphabet - tokens if inverted else tokens)

    def _close(self, sign: str) -> None:
        if self.value != sign or self.kind != "sign":
            raise self._error(f"{sign!r} is missing")
        self._next()

    def _token(self) -> frozenset[Hashable]:
        """Return the token, or the tokens of the set, that a word names; a quoted word names a token."""
        name = self.value[1:-1] if self.kind == "quoted" else self.value
        if self.kind == "word" and name in self.sets:
            tokens = frozenset(self.sets[name])
            if unknown := sorted(map(repr, tokens - self.alphabet)):
                raise self._error(f"the set {name} contains {unknown[0]}, which is not in the vocabulary")
        elif name in self.tokens:
            tokens = frozenset([self.tokens[name]])
        else:
            raise self._error(f"{name!r} is neither a token of the vocabulary nor a named set")
        self._next()
        return tokens
