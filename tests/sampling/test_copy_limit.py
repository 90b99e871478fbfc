from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.run_index import RunIndex
from seqforge.core.sequences import Constraint
from seqforge.core.shared_runs import shared_runs
from seqforge.errors import RequestError
from seqforge.sampling.copy_limit import CopyLimit
from seqforge.sampling.guide import Guide


def walk(constraint: Constraint, choose: Callable[[int], int], most: int) -> list[int]:
    """Return the steps of a walk through allowed states, which is led to its end after `most` steps."""
    guide, state, steps = Guide(constraint), constraint.start(), list[int]()
    while True:
        mask = guide.mask(state, nearest_end=len(steps) >= most)
        if len(steps) >= most and mask[-1]:
            return steps
        allowed = np.flatnonzero(mask[:-1]).tolist()
        if not allowed or (mask[-1] and not choose(4)):
            assert constraint.may_end(state)
            return steps
        steps.append(allowed[choose(len(allowed))])
        state = constraint.advance(state, steps[-1])
        assert len(steps) < most + 60


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=25), min_size=1, max_size=4),
    st.integers(2, 5),
    st.integers(0, 2**32 - 1),
)
def test_no_long_run_and_the_other_constraint_holds(
    brackets: Callable[..., Constraint], corpus: list[list[int]], limit: int, seed: int
) -> None:
    rng, base = np.random.default_rng(seed), brackets(5, 3)
    constraint = CopyLimit(base, RunIndex(corpus, longest=limit + 1), limit, size=5)
    try:
        steps = walk(constraint, lambda count: int(rng.integers(count)), 30)
    except RequestError as error:
        assert error.field == "max_copy"
        return
    (runs,) = shared_runs(corpus, [steps])
    assert runs.max(initial=0) <= limit
    state = base.start()
    for step in steps:
        assert base.allowed(state)[step]
        state = base.advance(state, step)
    assert base.may_end(state)


def test_prompt_may_be_a_copy_but_is_not_continued() -> None:
    corpus = [[0, 1, 2, 3, 4]]
    constraint = CopyLimit(None, RunIndex(corpus, longest=3), 2, size=5, prompt_steps=4)
    state: Any = constraint.start()
    for step in (0, 1, 2, 3):
        assert constraint.allowed(state)[step]
        state = constraint.advance(state, step)
    assert constraint.allowed(state).tolist() == [True, True, True, True, False]


def test_rules_that_force_a_copy_are_an_error(exactly: Callable[..., Constraint]) -> None:
    constraint = CopyLimit(exactly(1, 9), RunIndex([[0] * 9], longest=4), 3, size=1)
    state = constraint.start()
    with pytest.raises(RequestError) as error:
        for _ in range(9):
            constraint.allowed(state)
            state = constraint.advance(state, 0)
    assert error.value.field == "max_copy" and error.value.value == 3
