"""The compiled LSTM layer gives the outputs and gradients of torch, but for the rounding of bfloat16."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqforge.network import lstm_kernel
from seqforge.network.recurrent import LSTM

pytestmark = pytest.mark.skipif(lstm_kernel.library() is None, reason="this CPU has no AMX, or there is no compiler")

ROUNDING = 0.02
"""The largest error relative to the norm of a tensor, and to numbers of 0.2; bfloat16 has 8 bits."""


def run(inputs: Tensor, state: tuple[Tensor, Tensor], layer: LSTM, starts: Tensor | None, *, compiled: bool) -> Any:
    """Return outputs and states of a layer, and the gradients of a weighted sum of them."""
    variables = [tensor.clone().requires_grad_() for tensor in (inputs, *state)]
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=compiled):
        assert lstm_kernel.is_used(inputs.device, layer.hidden) == compiled
        outputs, (h, c) = layer(variables[0], (variables[1], variables[2]), starts)
    results = [outputs.float(), h, c]
    generator = torch.Generator().manual_seed(1)
    loss = sum((result * torch.randn(result.shape, generator=generator)).sum() for result in results)
    torch.autograd.backward(loss)
    gradients = [variable.grad for variable in (*variables, *layer.parameters())]
    return [tensor.detach() for tensor in (*results, *gradients) if tensor is not None]


@settings(max_examples=12, deadline=None)
@given(
    steps=st.integers(1, 12),
    rows=st.integers(1, 70),
    width=st.integers(1, 40),
    pairs=st.integers(1, 3),
    has_starts=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_outputs_and_gradients_equal_those_of_torch(
    steps: int, rows: int, width: int, pairs: int, has_starts: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layer = LSTM(width, 32 * pairs)
    layer.initialise(generator)
    inputs = torch.randn(steps, rows, width, generator=generator)
    state = (torch.rand(rows, layer.hidden, generator=generator), torch.randn(rows, layer.hidden, generator=generator))
    starts = torch.rand(steps, rows, generator=generator) < 0.2 if has_starts else None
    expected = run(inputs, state, layer, starts, compiled=False)
    results = run(inputs, state, layer, starts, compiled=True)
    assert len(results) == len(expected) == 9
    for result, reference in zip(results, expected, strict=True):
        assert (result - reference).norm() <= ROUNDING * (reference.norm() + 0.2 * reference.numel() ** 0.5)


def test_reset_is_exact() -> None:
    layer = LSTM(8, 64)
    layer.initialise(torch.Generator().manual_seed(0))
    inputs, starts = torch.randn(6, 3, 8), torch.zeros(6, 3, dtype=torch.bool)
    starts[2] = True
    results = []
    for scale in (0.0, 1.0, 100.0):
        before = inputs.clone()
        before[:2] *= scale
        outputs, gradients, *_ = (run(before, layer.zero_state(3), layer, starts, compiled=True)[i] for i in (0, 3))
        assert not outputs[2].any()
        results.append((outputs[2:], gradients[2:]))
    for outputs, gradients in results[1:]:
        assert torch.equal(outputs, results[0][0])
        assert torch.equal(gradients, results[0][1])


def test_result_does_not_depend_on_the_number_of_threads() -> None:
    layer = LSTM(32, 128)
    layer.initialise(torch.Generator().manual_seed(0))
    inputs, before = torch.randn(5, 20, 32), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(run(inputs, layer.zero_state(20), layer, None, compiled=True)[:3])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(first, second) for first, second in zip(results[0], other, strict=True))
