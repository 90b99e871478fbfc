from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.sampling import Precision
from seqforge.sampling.linear import LEVELS, MOST_ROWS, FloatLinear, Int8Linear, make_linear

PRECISIONS = get_args(Precision)
NEAR = {"float32": 1e-5, "bfloat16": 2e-2, "int8": 2e-2}
"""Of the largest result."""


def some(outputs: int, inputs: int, rows: int = MOST_ROWS, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(outputs, inputs, generator=generator), torch.randn(outputs, generator=generator)
    return weight, bias, torch.randn(rows, inputs, generator=generator).tanh()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("biased", [True, False])
def test_a_product_is_near_the_exact_one(precision: Precision, biased: bool) -> None:
    weight, bias, rows = some(192, 320)
    found = make_linear(weight, bias if biased else None, precision=precision)(rows)
    exact = rows.double() @ weight.double().t() + (bias.double() if biased else 0)
    assert found.dtype is torch.float32
    assert (found - exact).abs().max() < NEAR[precision] * exact.abs().max()


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(("outputs", "inputs"), [(64, 64), (256, 1024), (2048, 512)])
def test_a_row_does_not_depend_on_how_many_there_are(precision: Precision, outputs: int, inputs: int) -> None:
    weight, bias, rows = some(outputs, inputs)
    multiply = make_linear(weight, bias, precision=precision)
    full = multiply(rows)
    if isinstance(multiply, FloatLinear) and multiply.packed is None:
        pytest.skip("torch has no oneDNN here: the engine finds the fewest rows instead")
    for count in (1, 2, 3, 8, 16, 64):
        assert torch.equal(multiply(rows[:count]), full[:count])


@settings(max_examples=30, deadline=None)
@given(outputs=st.integers(1, 40), inputs=st.integers(1, 2500), rows=st.integers(1, 5), seed=st.integers(0, 99))
def test_whole_numbers_add_up_in_every_way(outputs: int, inputs: int, rows: int, seed: int) -> None:
    weight, bias, given_ = some(outputs, inputs, rows, seed)
    multiply = Int8Linear(weight, bias)
    found = multiply(given_)
    other = Int8Linear(weight, bias)
    other.whole = other.by_column.t().float().contiguous()  # as on a machine whose kernels saturate
    assert torch.equal(other(given_), found)
    levels = (given_ * (LEVELS / given_.abs().amax(1, keepdim=True))).round().numpy()
    assert np.abs(levels).max() <= LEVELS
    sums = levels.astype(np.int64) @ multiply.by_column.numpy().astype(np.int64)
    plain = sums * multiply.scale.double().numpy() * np.abs(given_.numpy()).max(1, keepdims=True) + bias.numpy()
    np.testing.assert_allclose(found.numpy(), plain, rtol=1e-4, atol=1e-4)


def test_nothing_and_very_much_are_multiplied_too() -> None:
    weight, bias, rows = some(64, 64, 2)
    for precision in PRECISIONS:
        multiply = make_linear(weight, bias, precision=precision)
        torch.testing.assert_close(multiply(rows * 0), bias.expand(2, -1), atol=0.02, rtol=0.01)
        assert torch.isfinite(multiply(rows * 1e6)).all()
    assert torch.isfinite(Int8Linear(weight * 0)(rows)).all()
