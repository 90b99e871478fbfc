from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Free, Prompt
from seqforge.errors import RequestError
from seqforge.sampling.guide import CACHED_STATES, Guide

SIZE = 4


def prompt(*steps: int) -> Prompt:
    return Prompt(Example(np.array(steps, np.uint8)))


@given(st.lists(st.integers(0, SIZE - 1), max_size=10))
def test_a_prompt_is_followed_or_refused(brackets: Callable[..., Constraint], steps: list[int]) -> None:
    constraint = brackets(SIZE, 2)
    state, wrong = constraint.start(), None
    for number, step in enumerate(steps):
        if not constraint.allowed(state)[step]:
            wrong = number + 1
            break
        state = constraint.advance(state, step)
    if wrong is None:
        assert Guide(constraint).after(prompt(*steps)) == state
    else:
        with pytest.raises(RequestError, match=f"nothing allows its step {wrong}$"):
            Guide(constraint).after(prompt(*steps))


def test_a_prompt_that_nothing_continues_is_refused(exactly: Callable[..., Constraint]) -> None:
    class Stuck(type(exactly(SIZE, 2))):  # type: ignore[misc]
        def may_end(self, state: Any) -> bool:
            return False

    with pytest.raises(RequestError, match="nothing may follow it"):
        Guide(Stuck(SIZE, 2)).after(prompt(1, 1))


def test_a_mask_ends_with_whether_the_piece_may_end(brackets: Callable[..., Constraint]) -> None:
    guide = Guide(brackets(SIZE, 2))
    assert guide.mask((0, False), closing=False).tolist() == [True, False, True, True, False]
    assert guide.mask((0, True), closing=False).tolist() == [True, False, True, True, True]
    assert guide.mask((2, True), closing=False).tolist() == [False, True, True, True, False]


def test_closing_takes_only_steps_that_lead_to_the_end(brackets: Callable[..., Constraint]) -> None:
    guide = Guide(brackets(SIZE, 2))
    assert guide.mask((2, True), closing=True).tolist() == [False, True, False, False, False]
    assert guide.mask((1, True), closing=True).tolist() == [False, True, False, False, False]
    assert guide.mask((0, False), closing=True).tolist() == [False, False, True, True, False]
    assert guide.mask((0, True), closing=True).tolist() == [False, False, False, False, True]


def test_where_nothing_is_allowed_the_piece_ends() -> None:
    guide = Guide(Free(np.zeros(SIZE, bool)))
    assert guide.mask(0, closing=False).tolist() == [False] * SIZE + [True]


def test_masks_do_not_change_those_of_the_constraint() -> None:
    mask = np.ones(SIZE, bool)
    guide = Guide(Free(mask))
    guide.mask(0, closing=True)
    assert mask.all()


def test_each_state_is_asked_once_and_the_cache_stays_bounded(exactly: Callable[..., Constraint]) -> None:
    length = 3 * CACHED_STATES
    asked = []

    class Counted(type(exactly(SIZE, length))):  # type: ignore[misc]
        def allowed(self, state: Any) -> np.ndarray:
            asked.append(state)
            return super().allowed(state)  # type: ignore[no-any-return]

    guide = Guide(Counted(SIZE, length))
    for state in range(length):
        for _ in range(3):
            guide.mask(state, closing=False)
    assert asked == list(range(length))
    held = sum(place.mask.nbytes for place in guide._places.values())
    assert len(guide._places) <= CACHED_STATES
    assert held <= CACHED_STATES * (SIZE + 1)


@given(seed=st.integers(0, 2**32), limit=st.integers(4, 600))
def test_a_piece_is_whole_within_its_limit_though_few_steps_are_checked(
    brackets: Callable[..., Constraint], seed: int, limit: int
) -> None:
    constraint = brackets(SIZE, 3)
    guide, rng = Guide(constraint), np.random.default_rng(seed)
    state, check_at, checks = constraint.start(), limit, 0
    for left in range(limit, 0, -1):
        if left > check_at:
            mask = guide.mask(state, closing=False)
        else:
            check_at, checks = guide.next_check(state, left), checks + 1
            mask = guide.mask_within(state, left)
        choices = np.flatnonzero(mask[:-1])
        if not len(choices):
            break
        state = constraint.advance(state, int(rng.choice(choices)))
    assert constraint.may_end(state)
    assert checks <= limit
    if limit > 500:
        assert checks < limit - 100
