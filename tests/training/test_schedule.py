import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.errors import OptionsError
from seqforge.training import Budget, Decay, TrainingConfig
from seqforge.training.schedule import rate

DECAYS = st.tuples(st.integers(0, 1000), st.integers(1, 1000)).map(lambda pair: (pair[0], sum(pair)))


@given(st.integers(0, 500), st.integers(0, 2000), st.floats(1e-6, 1))
def test_rate_rises_to_peak_and_stays(warmup: int, t: int, peak: float) -> None:
    result = rate(t, peak=peak, warmup=warmup, decay=None)
    assert result == pytest.approx(peak if t + 1 >= warmup else peak * (t + 1) / warmup)
    assert 0 < result <= peak


@given(DECAYS, st.integers(0, 2000), st.integers(0, 50), st.floats(1e-6, 1))
def test_rate_decays_linearly_to_a_hundredth(bounds: tuple[int, int], t: int, warmup: int, peak: float) -> None:
    decay = Decay(*bounds)
    constant = rate(t, peak=peak, warmup=warmup, decay=None)
    result = rate(t, peak=peak, warmup=warmup, decay=decay)
    if t < decay.first:
        assert result == constant
    elif t >= decay.last:
        assert result == pytest.approx(0.01 * constant)
    else:
        share = (decay.last - t) / (decay.last - decay.first)
        assert result == pytest.approx(constant * max(0.01, share))
    if t >= decay.first and t + 1 >= warmup:
        assert rate(t + 1, peak=peak, warmup=warmup, decay=decay) <= result


@given(DECAYS, st.integers(0, 2000))
def test_rate_is_pure_function(bounds: tuple[int, int], t: int) -> None:
    decay = Decay(*bounds)
    before = rate(t, peak=0.1, warmup=10, decay=decay)
    rate(t + 7, peak=0.3, warmup=1, decay=None)
    assert before == rate(t, peak=0.1, warmup=10, decay=decay)


@given(st.integers(1, 1000))
def test_decay_of_length_zero_does_not_divide_by_zero(t: int) -> None:
    assert rate(t, peak=1.0, warmup=0, decay=Decay(t, t)) == 1.0
    assert rate(t + 1, peak=1.0, warmup=0, decay=Decay(t, t)) == 0.01


@pytest.mark.parametrize("amount", [0.0, -1.0, -0.5, math.nan, math.inf])
@pytest.mark.parametrize("kind", ["steps", "epochs", "minutes"])
def test_budget_must_be_positive_and_finite(amount: float, kind: Any) -> None:
    with pytest.raises(OptionsError) as caught:
        Budget(amount, kind)
    assert caught.value.field == kind


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 0}, {"steps": -1}, {"epochs": 0.0}, {"epochs": math.nan}, {"epochs": math.inf}, {"minutes": -0.5},
        {"batch_size": 0}, {"bptt": 1}, {"warmup": -1}, {"ema": -1}, {"patience": -1}, {"seed": -1}, {"threads": 0},
        {"learning_rate": 0.0}, {"learning_rate": -1.0}, {"learning_rate": math.nan}, {"grad_clip": -1.0},
        {"grad_clip": math.nan}, {"threads": 1025}, {"learning_rate": math.inf},
        {"weight_decay": -0.1}, {"weight_decay": math.nan},
    ],
    ids=repr,
)  # fmt: skip
def test_option_out_of_range_is_named(values: dict[str, Any]) -> None:
    with pytest.raises(OptionsError) as caught:
        TrainingConfig(**values)
    assert caught.value.field == next(iter(values))


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "output_dropout", "recurrent_dropout", "label_dropout"])
@pytest.mark.parametrize("probability", [-0.1, 1.0, math.nan])
def test_dropout_probability_must_be_below_one(name: str, probability: float) -> None:
    with pytest.raises(OptionsError) as caught:
        TrainingConfig(**{name: probability})
    assert caught.value.field == name


def test_two_budgets_are_rejected() -> None:
    with pytest.raises(OptionsError, match="`steps` and `minutes`"):
        TrainingConfig(steps=10, minutes=1.0)
