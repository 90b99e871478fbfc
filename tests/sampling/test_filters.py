import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.errors import RequestError
from seqforge.sampling import Controls
from seqforge.sampling.filters import filter_top, scale_by_temperature, softmax

ROWS = st.lists(
    st.lists(st.floats(-20, 20) | st.just(-math.inf) | st.sampled_from([1.0, 2.0]), min_size=6, max_size=6).filter(
        lambda row: max(row) > -math.inf
    ),
    min_size=1,
    max_size=4,
).map(lambda rows: np.array(rows, np.float64))


def nonzero(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(row).tolist())


@given(ROWS)
def test_softmax_returns_probabilities(logits: np.ndarray) -> None:
    actual = softmax(logits)
    np.testing.assert_allclose(actual.sum(1), 1)
    for row, expected in zip(actual, logits, strict=True):
        weights = [math.exp(value - max(expected)) for value in expected]
        np.testing.assert_allclose(row, [weight / sum(weights) for weight in weights], atol=1e-12)


@given(ROWS, st.integers(1, 8))
def test_top_k_keeps_the_k_most_probable_steps_and_ties(logits: np.ndarray, k: int) -> None:
    logits = softmax(logits)
    actual = filter_top(logits, k=k)
    for row, original in zip(actual, logits, strict=True):
        threshold = sorted(original, reverse=True)[min(k, len(original)) - 1]
        assert nonzero(row) == {index for index, value in enumerate(original) if value >= threshold and value > 0}
        assert all(row[index] == original[index] for index in nonzero(row))


@given(ROWS, st.floats(0.01, 1))
def test_top_p_keeps_the_fewest_steps_that_sum_to_p_and_ties(logits: np.ndarray, p: float) -> None:
    actual = filter_top(softmax(logits), p=p)
    for row, original in zip(actual, logits, strict=True):
        probabilities = softmax(original[None])[0]
        order = sorted(range(len(original)), key=lambda index: (-probabilities[index], index))
        sums = np.cumsum(probabilities[order])
        last = probabilities[order[min(int((sums < p).sum()), len(order) - 1)]]
        nucleus = {index for index, value in enumerate(probabilities) if value >= last}
        assert row[order[0]] == probabilities[order[0]]
        assert all(row[index] == probabilities[index] for index in nonzero(row))
        if np.abs(sums - p).min() > 1e-9:  # otherwise rounding decides
            assert nonzero(row) == nucleus & nonzero(probabilities)


@given(ROWS, st.integers(0, 8), st.floats(0.01, 1), st.floats(0, 1))
def test_filters_in_one_call_equal_filters_in_sequence(logits: np.ndarray, k: int, p: float, min_p: float) -> None:
    logits = logits + 1e-3 * np.arange(6)  # no ties: they count towards the nucleus in sequence only
    weights = softmax(logits)
    actual = filter_top(filter_top(filter_top(weights, k=k), p=p), min_p=min_p)
    ranked = -np.sort(-filter_top(weights, k=k), axis=1)
    if np.abs(ranked.cumsum(1) - p * ranked.sum(1, keepdims=True)).min() > 1e-9:
        assert np.array_equal(filter_top(weights, k=k, p=p, min_p=min_p), actual)


@given(ROWS, st.floats(0.05, 10))
def test_temperature_is_an_exponent_of_the_probabilities(logits: np.ndarray, value: float) -> None:
    actual = softmax(scale_by_temperature(logits, value))
    expected = softmax(logits) ** (1 / value)
    np.testing.assert_allclose(actual, expected / expected.sum(1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -0.1}, {"temperature": 101.0}, {"temperature": math.nan}, {"temperature": math.inf},
        {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.01}, {"top_p": -1.0}, {"top_p": math.nan},
    ],
    ids=repr,
)  # fmt: skip
def test_control_out_of_range_raises_with_its_field(values: dict[str, float]) -> None:
    name, value = next(iter(values.items()))
    with pytest.raises(RequestError) as raised:
        Controls(**values)  # type: ignore[arg-type]
    assert raised.value.field == name and raised.value.allowed
    assert raised.value.value is value
