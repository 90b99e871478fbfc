import numpy as np
import pytest

from seqforge.core.sequences import Example, Free, Prompt


@pytest.mark.parametrize("mask", [[True, False, True], [False, False, False]])
def test_the_free_constraint_keeps_the_laws_of_constraints(mask: list[bool]) -> None:
    free = Free(np.array(mask))
    state = free.start()
    assert free.allowed(state).tolist() == mask
    assert free.may_end(state)
    assert free.to_end(state) == 0
    assert free.advance(state, 2) == state
    assert hash(state) == hash(free.start())


def test_an_example_is_only_its_steps_unless_more_is_said() -> None:
    example = Example(np.arange(3))
    assert (example.source, dict(example.labels), example.features, dict(example.extras)) == (None, {}, None, {})
    prompt = Prompt(example)
    assert (prompt.constraint, prompt.keep) == (None, None)


def test_examples_are_told_apart_by_identity_not_by_arrays() -> None:
    one, other = Example(np.arange(3)), Example(np.arange(3))
    assert one != other
    assert len({one, other}) == 2
