"""tools.export_model: weights with fewer bits of mantissa."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.export_model import rounded

NUMBERS = st.lists(st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False), min_size=1)


@given(NUMBERS, st.integers(1, 7))
def test_rounded_numbers_are_the_nearest_ones_of_the_precision(numbers: list[float], bits: int) -> None:
    array = np.array(numbers, np.float32)
    result = rounded(array, bits)
    mantissas, exponents = np.frexp(array.astype(np.float64))
    unit = np.ldexp(1.0, exponents - bits - 1)
    assert np.all(np.abs(result - array.astype(np.float64)) <= unit / 2)
    assert np.all(np.ldexp(result.astype(np.float64), bits + 1 - exponents) % 1 == 0)
    np.testing.assert_array_equal(rounded(result, bits), result)
    assert np.all(np.sign(result) == np.sign(mantissas))
