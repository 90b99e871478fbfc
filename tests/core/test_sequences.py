import numpy as np
import pytest

from seqforge.core.sequences import Example, Free, Prompt


@pytest.mark.parametrize("mask", [[True, False, True], [False, False, False]])
def test_free_constraint_follows_the_laws_of_constraints(mask: list[bool]) -> None:
    free = Free(np.array(mask))
    state = free.start()
    assert free.allowed(state).tolist() == mask
    assert free.may_end(state)
    assert free.to_end(state) == 0
    assert free.advance(state, 2) == state
    assert hash(state) == hash(free.start())


def test_defaults_of_example_and_prompt() -> None:
    example = Example(np.arange(3))
    assert (example.source, dict(example.labels), example.features, dict(example.extras)) == (None, {}, None, {})
    assert dict(example.dropped) == {}
    prompt = Prompt(example)
    assert (prompt.constraint, prompt.keep) == (None, None)


def test_examples_are_compared_by_identity() -> None:
    one, other = Example(np.arange(3)), Example(np.arange(3))
    assert one != other
    assert len({one, other}) == 2
