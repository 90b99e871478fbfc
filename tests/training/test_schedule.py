import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.errors import OptionsError
from seqforge.network import Dropout
from seqforge.training import Budget, Decay, TrainingConfig
from seqforge.training.schedule import rate

DECAYS = st.tuples(st.integers(0, 1000), st.integers(1, 1000)).map(lambda pair: (pair[0], sum(pair)))


@given(st.integers(0, 500), st.integers(0, 2000), st.floats(1e-6, 1))
def test_the_rate_rises_to_its_peak_and_stays(warmup: int, t: int, peak: float) -> None:
    found = rate(t, peak=peak, warmup=warmup, decay=None)
    assert found == pytest.approx(peak if t + 1 >= warmup else peak * (t + 1) / warmup)
    assert 0 < found <= peak


@given(DECAYS, st.integers(0, 2000), st.integers(0, 50), st.floats(1e-6, 1))
def test_the_rate_falls_in_a_straight_line_to_a_hundredth(
    places: tuple[int, int], t: int, warmup: int, peak: float
) -> None:
    decay = Decay(*places)
    plain = rate(t, peak=peak, warmup=warmup, decay=None)
    found = rate(t, peak=peak, warmup=warmup, decay=decay)
    if t < decay.first:
        assert found == plain
    elif t >= decay.last:
        assert found == pytest.approx(0.01 * plain)
    else:
        left = (decay.last - t) / (decay.last - decay.first)
        assert found == pytest.approx(plain * max(0.01, left))
    if t >= decay.first and t + 1 >= warmup:
        assert rate(t + 1, peak=peak, warmup=warmup, decay=decay) <= found


@given(DECAYS, st.integers(0, 2000))
def test_the_rate_is_a_pure_function(places: tuple[int, int], t: int) -> None:
    decay = Decay(*places)
    found = [rate(t, peak=0.1, warmup=10, decay=decay)]
    rate(t + 7, peak=0.3, warmup=1, decay=None)
    assert found == [rate(t, peak=0.1, warmup=10, decay=decay)]


@given(st.integers(1, 1000))
def test_a_decay_of_no_length_does_not_divide_by_zero(at: int) -> None:
    assert rate(at, peak=1.0, warmup=0, decay=Decay(at, at)) == 1.0
    assert rate(at + 1, peak=1.0, warmup=0, decay=Decay(at, at)) == 0.01


@pytest.mark.parametrize("amount", [0, -1, -0.5, math.nan])
@pytest.mark.parametrize("kind", ["steps", "epochs", "minutes"])
def test_a_budget_of_nothing_names_its_flag(amount: float, kind: Any) -> None:
    with pytest.raises(OptionsError, match=f"--{kind} is"):
        Budget(float(amount), kind)


@pytest.mark.parametrize("kind", ["steps", "epochs"])
def test_a_budget_without_end_is_refused_where_it_is_counted(kind: Any) -> None:
    with pytest.raises(OptionsError, match=f"--{kind} is"):
        Budget(math.inf, kind)


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 0}, {"window": 1}, {"warmup": -1}, {"average": -1}, {"patience": -1}, {"seed": -1},
        {"learning_rate": 0.0}, {"learning_rate": -1.0}, {"learning_rate": math.nan}, {"clip": 0.0},
        {"weight_decay": -0.1}, {"weight_decay": math.nan},
    ],
    ids=repr,
)  # fmt: skip
def test_an_option_out_of_range_is_named(values: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match=f"^--{next(iter(values)).replace('_', '-')} is "):
        TrainingConfig(Budget(1.0, "steps"), **values)


@pytest.mark.parametrize("place", ["input", "between", "output", "recurrent", "labels"])
@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_a_share_dropped_must_leave_something(place: str, share: float) -> None:
    with pytest.raises(OptionsError, match="dropout"):
        TrainingConfig(Budget(1.0, "steps"), dropout=Dropout(**{place: share}))
