"""The scales of features equal those of NumPy, in whatever order the pieces come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import FeatureScales

NUMBERS = st.floats(-1e4, 1e4, width=32)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20), st.tuples(NUMBERS, NUMBERS))
def test_scales_are_mean_and_standard_deviation(rows: list[tuple[float, float]], row: tuple[float, float]) -> None:
    scales = FeatureScales()
    for numbers in rows:
        scales.add(numbers)
    array = np.array(rows, np.float64)
    deviations = array.std(axis=0)
    expected = (np.array(row) - array.mean(axis=0)) / np.where(deviations > 1e-6, deviations, 1)
    usable = (deviations > 1e-6) | np.isclose(array, array[:1]).all(axis=0) & (deviations == 0)
    restored = FeatureScales.from_json(scales.to_json())
    assert np.allclose(restored.scaled(row)[usable], expected[usable], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("numbers", [[1.0], [1.0, float("nan")], [1.0, 2.0, 3.0]])
def test_other_numbers_are_an_error(numbers: list[float]) -> None:
    scales = FeatureScales()
    scales.add([0.0, 1.0])
    with pytest.raises(ValueError, match="2 finite numbers"):
        scales.add(numbers)


@pytest.mark.parametrize(
    "data", [{"count": 1, "means": [0.0], "squares": [float("inf")]}, {"count": 1, "means": [0.0], "squares": []}]
)
def test_damaged_scales_are_an_error(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="two lists"):
        FeatureScales.from_json(data)
