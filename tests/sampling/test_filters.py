import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.errors import RequestError
from seqforge.sampling import Controls
from seqforge.sampling.filters import softmax, temperature, top

ROWS = st.lists(
    st.lists(st.floats(-20, 20) | st.just(-math.inf) | st.sampled_from([1.0, 2.0]), min_size=6, max_size=6).filter(
        lambda row: max(row) > -math.inf
    ),
    min_size=1,
    max_size=4,
).map(lambda rows: np.array(rows, np.float64))


def kept(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(row).tolist())


@given(ROWS)
def test_softmax_gives_distributions(logits: np.ndarray) -> None:
    found = softmax(logits)
    np.testing.assert_allclose(found.sum(1), 1)
    for row, expected in zip(found, logits, strict=True):
        weights = [math.exp(value - max(expected)) for value in expected]
        np.testing.assert_allclose(row, [weight / sum(weights) for weight in weights], atol=1e-12)


@given(ROWS, st.integers(1, 8))
def test_top_k_keeps_the_k_most_probable_and_their_equals(logits: np.ndarray, k: int) -> None:
    logits = softmax(logits)
    found = top(logits, k=k)
    for row, before in zip(found, logits, strict=True):
        least = sorted(before, reverse=True)[min(k, len(before)) - 1]
        assert kept(row) == {at for at, value in enumerate(before) if value >= least and value > 0}
        assert all(row[at] == before[at] for at in kept(row))


@given(ROWS, st.floats(0.01, 1))
def test_top_p_keeps_the_fewest_that_sum_to_p_and_their_equals(logits: np.ndarray, p: float) -> None:
    found = top(softmax(logits), p=p)
    for row, before in zip(found, logits, strict=True):
        probabilities = softmax(before[None])[0]
        order = sorted(range(len(before)), key=lambda at: (-probabilities[at], at))
        sums = np.cumsum(probabilities[order])
        last = probabilities[order[min(int((sums < p).sum()), len(order) - 1)]]
        nucleus = {at for at, value in enumerate(probabilities) if value >= last}
        assert row[order[0]] == probabilities[order[0]]
        assert all(row[at] == probabilities[at] for at in kept(row))
        if np.abs(sums - p).min() > 1e-9:  # else rounding decides
            assert kept(row) == nucleus & kept(probabilities)


@given(ROWS, st.integers(0, 8), st.floats(0.01, 1), st.floats(0, 1))
def test_one_after_the_other_is_all_at_once(logits: np.ndarray, k: int, p: float, min_p: float) -> None:
    logits = logits + 1e-3 * np.arange(6)  # equals of the k-th count towards the nucleus only one by one
    weights = softmax(logits)
    found = top(top(top(weights, k=k), p=p), min_p=min_p)
    ranked = -np.sort(-top(weights, k=k), axis=1)
    if np.abs(ranked.cumsum(1) - p * ranked.sum(1, keepdims=True)).min() > 1e-9:
        assert np.array_equal(top(weights, k=k, p=p, min_p=min_p), found)


@given(ROWS, st.floats(0.05, 10))
def test_temperature_sharpens_below_one_and_flattens_above(logits: np.ndarray, value: float) -> None:
    found = softmax(temperature(logits, value))
    expected = softmax(logits) ** (1 / value)
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -0.1}, {"temperature": 101.0}, {"temperature": math.nan}, {"temperature": math.inf},
        {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.01}, {"top_p": -1.0}, {"top_p": math.nan},
    ],
    ids=repr,
)  # fmt: skip
def test_a_control_out_of_range_names_its_flag(values: dict[str, float]) -> None:
    name, value = next(iter(values.items()))
    with pytest.raises(RequestError, match=f"--{name.replace('_', '-')} is {value:g}"):
        Controls(**values)  # type: ignore[arg-type]
