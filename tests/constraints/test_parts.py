"""Constraints from parts against the enumeration of all short sequences."""

import functools
import itertools
import re
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqforge import (
    Automaton,
    Brackets,
    ContractError,
    Count,
    Expression,
    FilledBars,
    Prefixes,
    RequestError,
    TableConstraint,
    Total,
    UsageError,
)

VOCABULARY = "ab()|"
MAX_LENGTH = 4
TEXTS = ["".join(letters) for n in range(MAX_LENGTH + 1) for letters in itertools.product(VOCABULARY, repeat=n)]


@dataclass
class Rule:
    """A part, and what it allows, computed from the whole text."""

    part: Automaton
    accepts: Callable[[str], bool]


def balanced(text: str, depth: int) -> bool:
    """Return whether brackets are balanced and at most `depth` of them are open at once."""
    depths = list(itertools.accumulate((letter == "(") - (letter == ")") for letter in text))
    return not depths or (min(depths) >= 0 and max(depths) <= depth and depths[-1] == 0)


def filled(text: str, length: int, bars: int) -> bool:
    """Return whether all bars are complete; a lasts 1 and b lasts 2."""
    *complete, rest = text.split("|")
    full = all(bar.count("a") + 2 * bar.count("b") == length for bar in complete)
    return full and not set(rest) & set("ab") and bars in (0, len(complete))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """Return a random expression in the syntax of the library, and in that of `re`."""
    kind = draw(st.sampled_from(["letter"] if not depth else ["letter", "set", "repeat", "choice", "sequel"]))
    if kind == "letter":
        letter = draw(st.sampled_from(VOCABULARY))
        return f"'{letter}'", re.escape(letter)
    if kind == "set":
        letters = draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3))
        sign = draw(st.sampled_from(["", "^"]))
        quoted, escaped = " ".join(f"'{letter}'" for letter in letters), "".join(map(re.escape, letters))
        return f"[{sign}{quoted}]", f"[{sign}{escaped}]"
    first = draw(expressions(depth=depth - 1))
    if kind == "repeat":
        sign = draw(st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}"]))
        return f"({first[0]}){sign}", f"(?:{first[1]}){sign}"
    second = draw(expressions(depth=depth - 1))
    if kind == "choice":
        return f"({first[0]}|{second[0]})", f"(?:{first[1]}|{second[1]})"
    return f"{first[0]} {second[0]}", first[1] + second[1]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Return a random part."""
    kind = draw(st.sampled_from(["count", "total", "brackets", "bars", "expression", "prefixes"]))
    number = draw(st.integers(0, 3))
    match kind:
        case "count":
            letters = draw(st.sets(st.sampled_from(VOCABULARY)))
            part = Count(VOCABULARY, letters, at_least=number, at_most=number + draw(st.integers(0, 1)))
            counted = part.least, part.most
            return Rule(part, lambda text: counted[0] <= sum(letter in letters for letter in text) <= counted[1])
        case "total":
            units = {"a": Fraction(1, 2), "|": 1}
            return Rule(
                Total(VOCABULARY, units, at_least=number),
                lambda text: sum(units.get(letter, 0) for letter in text) >= number,
            )
        case "brackets":
            return Rule(Brackets(VOCABULARY, {"(": ")"}, max_depth=number), lambda text: balanced(text, number))
        case "bars":
            part = FilledBars(VOCABULARY, {"a": 1, "b": 2}, "|", length=number + 1, bars=number % 3)
            return Rule(part, lambda text: filled(text, number + 1, number % 3))
        case "expression":
            ours, theirs = draw(expressions())
            compiled = re.compile(theirs)
            return Rule(Expression(ours, VOCABULARY), lambda text: compiled.fullmatch(text) is not None)
    return Rule(
        Prefixes(VOCABULARY, lambda prefix: [*VOCABULARY[len(prefix) :], None] if len(prefix) <= 2 else [None]),
        lambda text: len(text) <= 3 and all(VOCABULARY.index(letter) >= at for at, letter in enumerate(text)),
    )


def walk(constraint: TableConstraint, text: str) -> Hashable | None:
    """Return the state after a text, None if one of its letters is not allowed."""
    state = constraint.start()
    for letter in text:
        step = VOCABULARY.index(letter)
        if not constraint.allowed(state)[step]:
            return None
        state = constraint.advance(state, step)
    return state


def shortest(automaton: Automaton, state: Hashable, limit: int = 40) -> int | None:
    """Return the smallest number of tokens to an end by a search without a bound."""
    level, seen = {state}, {state}
    for distance in range(limit):
        if any(automaton.may_end(s) for s in level):
            return distance
        level = {automaton.advance(s, token) for s in level for token in VOCABULARY} - {None} - seen
        seen |= level
    return None


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(rules(), min_size=1, max_size=3))
def test_product_allows_what_every_part_accepts(parts: list[Rule]) -> None:
    automaton = parts[0].part
    for rule in parts[1:]:
        automaton = automaton & rule.part
    constraint = TableConstraint(automaton)
    accepted = {text for text in TEXTS if all(rule.accepts(text) for rule in parts)}
    if shortest(automaton, automaton.start()) is None:
        assert not accepted
        with pytest.raises(RequestError):
            constraint.start()
        return
    distance = functools.cache(functools.partial(shortest, automaton))
    allowed = set()
    pending = [("", constraint.start(), automaton.start())]
    while pending:
        text, state, automaton_state = pending.pop()
        if constraint.may_end(state):
            allowed.add(text)
        assert constraint.to_end(state) == distance(automaton_state)
        mask = constraint.allowed(state)
        for step, letter in enumerate(VOCABULARY):
            after = automaton.advance(automaton_state, letter)
            assert mask[step] == (after is not None and distance(after) is not None)
            if mask[step] and len(text) < MAX_LENGTH:
                pending.append((text + letter, constraint.advance(state, step), after))
    assert allowed == accepted


@settings(max_examples=20, deadline=None)
@given(rule=rules(), texts=st.lists(st.text(VOCABULARY, max_size=6), min_size=1, max_size=6))
def test_batches_agree_with_single_states(rule: Rule, texts: list[str]) -> None:
    constraint = TableConstraint(rule.part)
    assume(shortest(rule.part, rule.part.start()) is not None)
    states = [state for text in texts if (state := walk(constraint, text)) is not None]
    assume(states)
    masks = constraint.masks(np.array(states))
    assert (masks == [constraint.allowed(state) for state in states]).all()
    for step in range(len(VOCABULARY)):
        successors = constraint.advance_all(np.array(states), np.full(len(states), step))
        expected = [constraint.advance(s, step) if constraint.allowed(s)[step] else -1 for s in states]
        assert successors.tolist() == expected


def test_states_with_one_key_share_mask_and_end() -> None:
    rule = Brackets(VOCABULARY, {"(": ")"}) & Count(VOCABULARY, "a", at_most=9)
    constraint = TableConstraint(rule)
    states = [walk(constraint, text) for text in ("", "a", "(", "(a", "((", "aaaaaaaaa")]
    keys = [constraint.mask_key(state) for state in states]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3] == keys[4]
    assert len(set(keys)) == 3
    with pytest.raises(ValueError, match="not allowed"):
        constraint.advance(constraint.start(), VOCABULARY.index(")"))


def test_product_without_dead_ends_where_parts_conflict_later() -> None:
    rule = Expression("a* b", "ab") & Count("ab", "a", exactly=200) & Total("ab", {"a": 3, "b": 1}, at_most=601)
    constraint = TableConstraint(rule)
    assert constraint.to_end(constraint.start()) == 201
    assert constraint.allowed(constraint.start()).tolist() == [True, False]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [("a )", "closes nothing"), ("( a", "missing"), ("* a", "repeats nothing"), ("c", "neither"), ("a{3,1}", "ascend"),
     ("'a", "not closed"), ("letters", "not in the vocabulary")],
)  # fmt: skip
def test_wrong_expressions_name_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        Expression(expression, "ab", letters="abc")
    assert error.value.field == "expression"


def test_integers_are_tokens_too() -> None:
    constraint = TableConstraint(Expression("0 (1 | 2)+", range(3)))
    assert constraint.allowed(constraint.advance(constraint.start(), 0)).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Count("ab", "a") & Count("abc", "a"),
        lambda: Brackets("ab", {"a": "c"}),
        lambda: Brackets("ab", {"a": "b", "b": "a"}),
        lambda: Total("ab", {"a": 0.5}, exactly=1),
        lambda: Total("ab", {"a": 1}, at_least=3, at_most=2),
        lambda: FilledBars("ab", {"a": 1}, "a", length=4),
        lambda: FilledBars("ab|", {"a": 1}, "|", length=0),
    ],
)
def test_wrong_parts_are_refused(build: Callable[[], Automaton]) -> None:
    with pytest.raises(UsageError):
        build()


def test_endless_automaton_is_reported() -> None:
    def letters(prefix: tuple[Hashable, ...]) -> Collection[Hashable]:
        return "ab"  # without an end

    constraint = TableConstraint(Prefixes("ab", letters), max_states=1000)
    with pytest.raises(ContractError):
        constraint.start()
