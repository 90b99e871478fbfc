import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqforge.errors import RequestError
from seqforge.sampling import Controls, filters
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


LOGITS = st.lists(st.floats(-20, 20), min_size=2, max_size=12).map(lambda values: np.array([values]))


@given(LOGITS, st.floats(0.1, 3), st.floats(0.2, 5))
def test_top_n_sigma_does_not_depend_on_the_temperature(logits: np.ndarray, n: float, temperature: float) -> None:
    limit = logits.max() - n * logits.std()
    assume(np.abs(logits - limit).min() > 1e-6)
    mask = filters.filter_top_n_sigma(logits, n) > -np.inf
    assert (mask == (filters.filter_top_n_sigma(logits / temperature, n) > -np.inf)).all()
    assert (mask == (logits >= limit)).all()


def test_top_n_sigma_ignores_impossible_steps() -> None:
    logits = np.array([[3.0, 1.0, -np.inf, -np.inf]])  # the deviation of 3 and 1 is 1
    assert filters.filter_top_n_sigma(logits, 1.9).tolist() == [[3.0, -np.inf, -np.inf, -np.inf]]
    assert filters.filter_top_n_sigma(logits, 2.0).tolist() == logits.tolist()


@given(LOGITS, st.floats(0, 1), st.floats(0, 1))
def test_epsilon_and_eta_keep_what_their_definitions_say(logits: np.ndarray, epsilon: float, eta: float) -> None:
    probabilities = filters.softmax(logits)
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum()
    smallest = max(epsilon, min(eta, eta**0.5 * np.exp(-entropy)))
    assume(np.abs(probabilities - smallest).min() > 1e-9)
    mask = filters.filter_epsilon(probabilities * 7, epsilon=epsilon, eta=eta) > 0
    expected = (probabilities >= smallest) & (probabilities > 0)
    expected[0, probabilities.argmax()] = True
    expected |= probabilities == probabilities.max()
    assert (mask == expected).all()


@given(LOGITS, st.floats(0.01, 0.6))
def test_xtc_leaves_the_least_probable_top_choice(logits: np.ndarray, threshold: float) -> None:
    probabilities = filters.softmax(logits)
    changed = filters.exclude_top_choices(probabilities, threshold, np.array([True]))
    top = probabilities[0] >= threshold
    if top.sum() < 2:
        assert (changed == probabilities).all()
    else:
        assert changed.max() < probabilities.max() or (probabilities[0][top] == probabilities.max()).all()
        assert changed[0][top].max() == probabilities[0][top].min()
    assert (changed[0][~top] == probabilities[0][~top]).all()
    assert (filters.exclude_top_choices(probabilities, threshold, np.array([False])) == probabilities).all()


@given(LOGITS, st.floats(0.2, 3), st.floats(0, 2), st.floats(0.2, 3))
def test_dynamic_temperature_lies_in_its_range(
    logits: np.ndarray, temperature: float, width: float, exponent: float
) -> None:
    assume(np.ptp(logits) > 0.1)
    scaled = filters.scale_by_entropy(logits, temperature, width, exponent)
    actual = np.ptp(logits) / np.ptp(scaled)
    low = max(temperature - width, filters.MIN_DYNAMIC_TEMPERATURE)
    assert low - 1e-6 <= actual <= temperature + width + 1e-6
    flat = filters.scale_by_entropy(np.array([[0.0, 1e-6]]), temperature, width, exponent)
    assert 1e-6 / np.ptp(flat) == pytest.approx(temperature + width, rel=1e-3)
