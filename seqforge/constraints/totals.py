"""Counters: how many tokens of a set, how many units in total, and bars that are filled exactly."""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqforge.constraints.automaton import Automaton
from seqforge.errors import UsageError

__all__ = ["Count", "FilledBars", "Total"]

Number = int | Fraction


class Total(Automaton):
    """The units of all tokens add up to a total: exactly, at least, or at most.

    >>> rule = Total(["note", "half", "whole"], {"half": 2, "whole": 4}, exactly=8)
    >>> state = rule.advance(rule.start(), "half")
    >>> rule.least_to_end(state)  # 4 and 2 are missing
    2

    Args:
        vocabulary: The token of each step.
        units: The units of each token, integers or fractions of at least 0; missing tokens have none.
        exactly: The total; None if `at_least` or `at_most` state it.
        at_least: The smallest total.
        at_most: The largest total; None for any.

    Raises:
        UsageError: If units are not rational numbers of at least 0, or no total lies within the limits.
    """

    def __init__(
        self,
        vocabulary: Sequence[Hashable],
        units: Mapping[Hashable, Number],
        *,
        exactly: Number | None = None,
        at_least: Number = 0,
        at_most: Number | None = None,
    ) -> None:
        super().__init__(vocabulary)
        least, most = (at_least, at_most) if exactly is None else (exactly, exactly)
        if most is not None and not least <= most:
            raise UsageError.invalid("at_most", most, f"at least {least}")
        limits = [least] if most is None else [least, most]
        self.units, (self.least, *rest) = scaled(units, limits)
        self.most = rest[0] if rest else None
        self.largest = max((self.units.get(token, 0) for token in vocabulary), default=0)

    def start(self) -> Hashable:
        return 0

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        total: int = state + self.units.get(token, 0)
        if self.most is None:
            return min(total, self.least)
        return total if total <= self.most else None

    def may_end(self, state: Any) -> bool:
        return bool(state >= self.least)

    def least_to_end(self, state: Any) -> int:
        return int(max(0, -(-(self.least - state) // max(self.largest, 1))))

    def token_class(self, token: Hashable) -> Hashable:
        return self.units.get(token, 0)


class Count(Total):
    """The number of tokens of a set: exactly, at least, or at most.

    >>> rule = Count("abc", "ab", exactly=3)
    >>> rule.least_to_end(rule.advance(rule.start(), "a"))
    2

    Args:
        vocabulary: The token of each step.
        tokens: The tokens that are counted.
        exactly: The number; None if `at_least` or `at_most` state it.
        at_least: The smallest number.
        at_most: The largest number; None for any.

    Raises:
        UsageError: If no number lies within the limits.
    """

    def __init__(
        self,
        vocabulary: Sequence[Hashable],
        tokens: Collection[Hashable],
        *,
        exactly: int | None = None,
        at_least: int = 0,
        at_most: int | None = None,
    ) -> None:
        units = dict.fromkeys(tokens, 1)
        super().__init__(vocabulary, units, exactly=exactly, at_least=at_least, at_most=at_most)


class FilledBars(Automaton):
    """The durations of the tokens between two bar lines add up to the length of a bar; the piece ends at a bar line.

    Tokens without a duration are free.

    >>> from fractions import Fraction
    >>> bars = FilledBars(["1/4", "1/2", "|"], {"1/4": Fraction(1, 4), "1/2": Fraction(1, 2)}, "|", length=1, bars=2)
    >>> bars.least_to_end(bars.start())  # two half notes and a bar line, twice
    6

    Args:
        vocabulary: The token of each step.
        durations: The duration of each token, integers or fractions above 0.
        bar_line: The token that ends a bar.
        length: The length of a bar, in the unit of the durations.
        bars: The number of bars; 0 for any number.

    Raises:
        UsageError: If durations are not rational numbers of at least 0, or the length is not above 0.
    """

    def __init__(
        self,
        vocabulary: Sequence[Hashable],
        durations: Mapping[Hashable, Number],
        bar_line: Hashable,
        *,
        length: Number,
        bars: int = 0,
    ) -> None:
        super().__init__(vocabulary)
        self.durations, (self.length,) = scaled(durations, [length])
        if self.length <= 0:
            raise UsageError.invalid("length", length, "above 0")
        if bar_line in self.durations or bar_line not in vocabulary:
            raise UsageError.invalid("bar_line", bar_line, "a token of the vocabulary without a duration")
        self.bar_line, self.bars = bar_line, bars
        self.longest = max((self.durations.get(token, 0) for token in vocabulary), default=0)

    def start(self) -> Hashable:
        return 0, 0

    def advance(self, state: Any, token: Hashable) -> Hashable | None:
        fill, bars = state
        if self.bars and bars == self.bars and (token == self.bar_line or token in self.durations):
            return None
        if token == self.bar_line:
            return (0, bars + 1 if self.bars else 0) if fill == self.length else None
        fill += self.durations.get(token, 0)
        return (fill, bars) if fill <= self.length else None

    def may_end(self, state: Any) -> bool:
        return bool(state == (0, self.bars))

    def least_to_end(self, state: Any) -> int:
        fill, bars = state
        longest = max(self.longest, 1)
        missing_bars = self.bars - bars if self.bars else int(fill > 0)
        if not missing_bars:
            return 0
        return int(-(-(self.length - fill) // longest) + 1 + (missing_bars - 1) * (-(-self.length // longest) + 1))

    def token_class(self, token: Hashable) -> Hashable:
        return "bar line" if token == self.bar_line else self.durations.get(token)


def scaled(units: Mapping[Hashable, Number], limits: Sequence[Number]) -> tuple[dict[Hashable, int], list[int]]:
    """Return units and limits as integers: all are multiplied by their smallest common denominator.

    >>> from fractions import Fraction
    >>> scaled({"a": Fraction(1, 2), "b": 1}, [Fraction(1, 3)])
    ({'a': 3, 'b': 6}, [2])

    Args:
        units: The units of each token.
        limits: The limits of their sum.

    Raises:
        UsageError: If a number is not rational or is below 0.
    """
    for number in (*units.values(), *limits):
        if not isinstance(number, int | Fraction) or number < 0:
            raise UsageError.invalid("units", number, "an integer or a Fraction of at least 0")
    fractions = {token: Fraction(number) for token, number in units.items()}
    ends = [Fraction(limit) for limit in limits]
    scale = math.lcm(*(number.denominator for number in (*fractions.values(), *ends)))
    return {token: int(number * scale) for token, number in fractions.items()}, [int(end * scale) for end in ends]
