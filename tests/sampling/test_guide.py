from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Free, Prompt
from seqforge.errors import RequestError
from seqforge.sampling.guide import MAX_CACHED_STATES, Guide

SIZE = 4


def prompt(*steps: int) -> Prompt:
    return Prompt(Example(np.array(steps, np.uint8)))


@given(st.lists(st.integers(0, SIZE - 1), max_size=10))
def test_prompt_leads_to_its_state_or_is_refused(brackets: Callable[..., Constraint], steps: list[int]) -> None:
    constraint = brackets(SIZE, 2)
    state, wrong_step = constraint.start(), None
    for number, step in enumerate(steps):
        if not constraint.allowed(state)[step]:
            wrong_step = number + 1
            break
        state = constraint.advance(state, step)
    if wrong_step is None:
        assert Guide(constraint).state_after(prompt(*steps)) == state
    else:
        with pytest.raises(RequestError, match=f"step {wrong_step}$") as raised:
            Guide(constraint).state_after(prompt(*steps))
        assert raised.value.value == wrong_step


def test_prompt_without_continuation_is_refused(exactly: Callable[..., Constraint]) -> None:
    class Stuck(type(exactly(SIZE, 2))):  # type: ignore[misc]
        def may_end(self, state: Any) -> bool:
            return False

    with pytest.raises(RequestError, match="no step after it"):
        Guide(Stuck(SIZE, 2)).state_after(prompt(1, 1))


def test_last_entry_of_a_mask_is_whether_the_piece_may_end(brackets: Callable[..., Constraint]) -> None:
    guide = Guide(brackets(SIZE, 2))
    assert guide.mask((0, False), nearest_end=False).tolist() == [True, False, True, True, False]
    assert guide.mask((0, True), nearest_end=False).tolist() == [True, False, True, True, True]
    assert guide.mask((2, True), nearest_end=False).tolist() == [False, True, True, True, False]


def test_nearest_end_allows_only_steps_towards_the_end(brackets: Callable[..., Constraint]) -> None:
    guide = Guide(brackets(SIZE, 2))
    assert guide.mask((2, True), nearest_end=True).tolist() == [False, True, False, False, False]
    assert guide.mask((1, True), nearest_end=True).tolist() == [False, True, False, False, False]
    assert guide.mask((0, False), nearest_end=True).tolist() == [False, False, True, True, False]
    assert guide.mask((0, True), nearest_end=True).tolist() == [False, False, False, False, True]


def test_end_is_allowed_if_no_step_is() -> None:
    guide = Guide(Free(np.zeros(SIZE, bool)))
    assert guide.mask(0, nearest_end=False).tolist() == [False] * SIZE + [True]


def test_guide_does_not_change_the_masks_of_the_constraint() -> None:
    mask = np.ones(SIZE, bool)
    guide = Guide(Free(mask))
    guide.mask(0, nearest_end=True)
    assert mask.all()


def test_each_state_is_computed_once_and_the_cache_is_bounded(exactly: Callable[..., Constraint]) -> None:
    length = 3 * MAX_CACHED_STATES
    computed = []

    class Counted(type(exactly(SIZE, length))):  # type: ignore[misc]
        def allowed(self, state: Any) -> np.ndarray:
            computed.append(state)
            return super().allowed(state)  # type: ignore[no-any-return]

    guide = Guide(Counted(SIZE, length))
    for state in range(length):
        for _ in range(3):
            guide.mask(state, nearest_end=False)
    assert computed == list(range(length))
    cached_bytes = sum(entry.mask.nbytes for entry in guide._states.values())
    assert len(guide._states) <= MAX_CACHED_STATES
    assert cached_bytes <= MAX_CACHED_STATES * (SIZE + 1)


@given(seed=st.integers(0, 2**32), limit=st.integers(4, 600))
def test_piece_ends_within_its_limit_with_few_checks(
    brackets: Callable[..., Constraint], seed: int, limit: int
) -> None:
    constraint = brackets(SIZE, 3)
    guide, rng = Guide(constraint), np.random.default_rng(seed)
    state, check_at, checks = constraint.start(), limit, 0
    for left in range(limit, 0, -1):
        if left > check_at:
            mask = guide.mask(state, nearest_end=False)
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
