import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical
from seqforge.inference import log_softmax
from seqforge.sampling import Controls, distribution_for
from seqforge.sampling.distributions import Distribution
from seqforge.sampling.filters import softmax

SIZE = 4
LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=SIZE + 1, max_size=SIZE + 1)
MASKS = st.lists(st.booleans(), min_size=SIZE + 1, max_size=SIZE + 1).filter(any)
CONTROLS = st.fixed_dictionaries(
    {}, optional={"temperature": st.floats(0.1, 3), "top_k": st.integers(1, 6), "top_p": st.floats(0.05, 1)}
)
GRID = (np.arange(4000) + 0.5) / 4000


def make_distribution(**controls: float) -> Distribution:
    return distribution_for(Categorical(SIZE), Controls(**controls))  # type: ignore[arg-type]


def frequencies(distribution: Distribution, logits: list[float], mask: list[bool] | None = None) -> np.ndarray:
    """Return how often each step is drawn if the random numbers are evenly spaced."""
    rows = np.tile(np.array(logits, np.float32), (len(GRID), 1))
    masks = None if mask is None else np.tile(np.array(mask), (len(GRID), 1))
    choice = distribution.choose(rows, masks, GRID[:, None])
    assert np.array_equal(choice.ends, choice.steps == SIZE)
    return np.bincount(choice.steps, minlength=SIZE + 1) / len(GRID)


def expected(logits: list[float], mask: list[bool], controls: dict[str, float]) -> np.ndarray:
    """Return the probabilities after mask, temperature, top-k and top-p, applied in this order."""
    values = [v / controls.get("temperature", 1) if m else -math.inf for v, m in zip(logits, mask, strict=True)]
    if "top_k" in controls:
        threshold = sorted(values, reverse=True)[min(int(controls["top_k"]), len(values)) - 1]
        values = [v if v >= threshold else -math.inf for v in values]
    probabilities = softmax(np.array([values]))[0]
    if "top_p" in controls:
        total, nucleus = 0.0, []
        for index in sorted(range(len(values)), key=lambda index: -values[index]):
            if total >= controls["top_p"]:
                break
            nucleus.append(index)
            total += probabilities[index]
        weights = np.zeros(len(values))
        weights[nucleus] = probabilities[nucleus]
        probabilities = weights / weights.sum()
    return probabilities


@given(LOGITS, MASKS, CONTROLS)
def test_steps_are_drawn_with_the_expected_probabilities(
    logits: list[float], mask: list[bool], controls: dict[str, float]
) -> None:
    logits = [value + 1e-3 * index for index, value in enumerate(np.float32(logits).tolist())]  # no ties
    actual = frequencies(make_distribution(**controls), logits, mask)
    np.testing.assert_allclose(actual, expected(np.float32(logits).tolist(), mask, controls), atol=2e-3)


@given(LOGITS)
def test_without_mask_all_steps_are_drawn(logits: list[float]) -> None:
    actual = frequencies(make_distribution(), logits)
    np.testing.assert_allclose(actual, softmax(np.array([logits]))[0], atol=2e-3)


@given(LOGITS, MASKS, st.sampled_from([0.0, 1 - 2**-53, 0.5]), CONTROLS)
def test_masked_steps_are_never_drawn(
    logits: list[float], mask: list[bool], uniform: float, controls: dict[str, float]
) -> None:
    chosen = (
        make_distribution(**controls)
        .choose(np.array([logits], np.float32), np.array([mask]), np.array([[uniform]]))
        .steps
    )
    assert mask[int(chosen[0])]


@given(LOGITS, MASKS, st.floats(0, 1, exclude_max=True))
@pytest.mark.parametrize(
    "controls",
    [{"greedy": True}, {"temperature": 0.0}, {"greedy": True, "temperature": 2.0, "top_k": 3}, {"top_k": 1}],
    ids=repr,
)
def test_greedy_zero_temperature_and_top_1_choose_the_most_probable_step(
    controls: dict[str, float], logits: list[float], mask: list[bool], uniform: float
) -> None:
    logits = [value + 1e-3 * index for index, value in enumerate(logits)]
    values = np.array([logits], np.float32)
    best = max((v, index) for index, (v, m) in enumerate(zip(values[0].tolist(), mask, strict=True)) if m)[1]
    if len(set(values[0].tolist())) == SIZE + 1:
        chosen = make_distribution(**controls).choose(values, np.array([mask]), np.array([[uniform]])).steps
        assert chosen.tolist() == [best]


@pytest.mark.parametrize("value", [1e-6, 1e-100, 1e-308, 5e-324])
def test_tiny_temperatures_are_greedy(value: float) -> None:
    rows = np.array([[8.0, -3.0, 9.0, 1.0, 2.0]], np.float32)
    mask = np.array([[False, True, False, True, True]])
    for masks, best in ((None, 2), (mask, 4)):
        chosen = make_distribution(temperature=value).choose(rows, masks, np.array([[0.3]])).steps
        assert chosen.tolist() == [best]


@given(LOGITS, MASKS, CONTROLS)
def test_score_is_the_log_probability_under_the_network(
    logits: list[float], mask: list[bool], controls: dict[str, float]
) -> None:
    values = np.array([logits], np.float32)
    choice = make_distribution(**controls).choose(values, np.array([mask]), np.array([[0.4]]))
    logs = log_softmax(values)[0]
    assert choice.scores[0] == pytest.approx(logs[int(choice.steps[0])])
    assert choice.masked[0] == pytest.approx(np.exp(logs)[~np.array(mask)].sum(), abs=1e-12)


def test_probabilities_are_the_softmax_of_the_outputs() -> None:
    outputs = np.array([1.0, 2.0, 3.0, 4.0, -5.0], np.float32)
    weights = np.exp([1.0, 2.0, 3.0, 4.0, -5.0])
    np.testing.assert_allclose(make_distribution().probabilities(outputs), weights / weights.sum())


def test_logit_bias_changes_the_odds_by_its_exponential() -> None:
    outputs, uniforms = np.zeros((len(GRID), 5), np.float32), np.array(GRID)[:, None]
    distribution = make_distribution(logit_bias=((1, math.log(6)),))
    counts = np.bincount(distribution.choose(outputs, None, uniforms).steps, minlength=5) / len(GRID)
    np.testing.assert_allclose(counts, [0.1, 0.6, 0.1, 0.1, 0.1], atol=2 / len(GRID))


def test_xtc_applies_with_its_probability() -> None:
    outputs = np.log(np.tile(np.array([0.5, 0.3, 0.1, 0.05, 0.05], np.float32), (len(GRID), 1)))
    uniforms = np.stack([np.full(len(GRID), 0.2), np.array(GRID)], 1)  # the first choice without XTC
    distribution = make_distribution(xtc_probability=0.25, xtc_threshold=0.2)
    assert distribution.uniforms == 2
    changed = distribution.choose(outputs, None, uniforms).steps != 0
    assert changed.mean() == pytest.approx(0.25, abs=2 / len(GRID))


@pytest.mark.parametrize(
    ("name", "value"), [("epsilon", 0.2), ("eta", 0.5), ("top_n_sigma", 0.5), ("temperature_range", 0.5)]
)
def test_a_new_control_narrows_the_distribution(name: str, value: float) -> None:
    outputs = np.tile(np.array([3.0, 0.0, 0.0, -1.0, -1.0], np.float32), (len(GRID), 1))
    uniforms = np.array(GRID)[:, None]
    free = (make_distribution().choose(outputs, None, uniforms).steps == 0).mean()
    assert (make_distribution(**{name: value}).choose(outputs, None, uniforms).steps == 0).mean() > free
