from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqforge.sampling.linear import MAX_LEVEL, MAX_ROWS, FloatLinear, Int8Linear, make_linear

from seqforge.sampling import Precision

PRECISIONS = get_args(Precision)
RELATIVE_TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2, "int8": 2e-2}
"""Tolerance as a fraction of the largest result."""


def random_layer(outputs: int, inputs: int, rows: int = MAX_ROWS, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(outputs, inputs, generator=generator), torch.randn(outputs, generator=generator)
    return weight, bias, torch.randn(rows, inputs, generator=generator).tanh()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("has_bias", [True, False])
def test_result_is_close_to_the_exact_one(precision: Precision, has_bias: bool) -> None:
    weight, bias, rows = random_layer(192, 320)
    actual = make_linear(weight, bias if has_bias else None, precision=precision)(rows)
    exact = rows.double() @ weight.double().t() + (bias.double() if has_bias else 0)
    assert actual.dtype is torch.float32
    assert (actual - exact).abs().max() < RELATIVE_TOLERANCE[precision] * exact.abs().max()


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(("outputs", "inputs"), [(64, 64), (256, 1024), (2048, 512)])
def test_row_does_not_depend_on_the_number_of_rows(precision: Precision, outputs: int, inputs: int) -> None:
    weight, bias, rows = random_layer(outputs, inputs)
    linear = make_linear(weight, bias, precision=precision)
    expected = linear(rows)
    if isinstance(linear, FloatLinear) and linear.packed is None:
        pytest.skip("torch has no oneDNN here; the engine finds the smallest number of rows instead")
    for count in (1, 2, 3, 8, 16, 64):
        assert torch.equal(linear(rows[:count]), expected[:count])


@settings(max_examples=30, deadline=None)
@given(outputs=st.integers(1, 40), inputs=st.integers(1, 2500), rows=st.integers(1, 5), seed=st.integers(0, 99))
def test_int8_sums_are_exact_with_and_without_the_8_bit_kernel(outputs: int, inputs: int, rows: int, seed: int) -> None:
    weight, bias, values = random_layer(outputs, inputs, rows, seed)
    linear = Int8Linear(weight, bias)
    actual = linear(values)
    float_sums = Int8Linear(weight, bias)
    float_sums.float_weight = (
        float_sums.weight_many_rows.t().float().contiguous()
    )  # as on a machine whose 8-bit kernels saturate
    assert torch.equal(float_sums(values), actual)
    levels = (values * (MAX_LEVEL / values.abs().amax(1, keepdim=True))).round().numpy()
    assert np.abs(levels).max() <= MAX_LEVEL
    sums = levels.astype(np.int64) @ linear.weight_many_rows.numpy().astype(np.int64)
    expected = sums * linear.scale.double().numpy() * np.abs(values.numpy()).max(1, keepdims=True) + bias.numpy()
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_zero_and_very_large_rows_give_finite_results() -> None:
    weight, bias, rows = random_layer(64, 64, 2)
    for precision in PRECISIONS:
        linear = make_linear(weight, bias, precision=precision)
        torch.testing.assert_close(linear(rows * 0), bias.expand(2, -1), atol=0.02, rtol=0.01)
        assert torch.isfinite(linear(rows * 1e6)).all()
    assert torch.isfinite(Int8Linear(weight * 0)(rows)).all()
