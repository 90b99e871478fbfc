"""bfloat16 as 16 bits: rounding and reading agree with torch for all numbers."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqforge.network.precision import bfloat16_to_float, float_to_bfloat16

SPECIAL = [
    0x00000000, 0x80000000,  # zeros
    0x00000001, 0x007FFFFF, 0x80000001, 0x00008000, 0x00008001, 0x00018000, 0x00017FFF,  # subnormal, and halves of them
    0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F7F7FFF, 0x7F7F8000,  # the smallest and largest normal numbers
    0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F808000,
    0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001,  # halves: to even, down and up
]  # fmt: skip
BITS = hnp.arrays(np.uint32, st.integers(1, 50), elements=st.integers(0, 2**32 - 1) | st.sampled_from(SPECIAL))


def assert_rounded_as_torch_does(values: np.ndarray) -> None:
    actual = float_to_bfloat16(values)
    expected = torch.from_numpy(values.copy()).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert actual.dtype == np.uint16 and actual.shape == values.shape
    numbers = ~np.isnan(values)
    assert np.array_equal(actual[numbers], expected[numbers])
    assert np.isnan(bfloat16_to_float(actual[~numbers])).all()


@given(BITS)
def test_any_bits_are_rounded_as_torch_does(bits: np.ndarray) -> None:
    assert_rounded_as_torch_does(bits.view(np.float32))


def test_many_bits_are_rounded_as_torch_does() -> None:
    rng = np.random.default_rng(0)
    assert_rounded_as_torch_does(np.array(SPECIAL, np.uint32).view(np.float32))
    assert_rounded_as_torch_does(rng.integers(0, 2**32, 10**6, dtype=np.uint32).view(np.float32))
    upper = np.arange(2**16, dtype=np.uint32) << 16
    for lower in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF):  # around every half
        assert_rounded_as_torch_does((upper | lower).view(np.float32))


def test_all_16_bits_are_read_as_torch_does_and_written_again() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    values = bfloat16_to_float(bits)
    expected = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16).float().numpy()
    assert values.dtype == np.float32 and np.array_equal(values, expected, equal_nan=True)
    assert np.array_equal(np.signbit(values), np.signbit(expected))
    numbers = ~np.isnan(values)
    assert np.array_equal(float_to_bfloat16(values)[numbers], bits[numbers])


def test_arrays_of_any_shape_and_layout() -> None:
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    whole = float_to_bfloat16(values)
    assert np.array_equal(float_to_bfloat16(values.T), whole.T)
    assert np.array_equal(float_to_bfloat16(values[::2, 1:]), whole[::2, 1:])
    assert float_to_bfloat16(values[:0]).shape == (0, 6)
