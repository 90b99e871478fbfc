from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seqforge.network.recurrent import CELLS, RecurrentLayer, State

WIDTH, HIDDEN, ROWS = 3, 5, 4
KINDS = ["lstm", "gru", "rnn"]


def make_layer(kind: str, *, seed: int = 0) -> RecurrentLayer:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layer = CELLS[cast(Any, kind)](WIDTH, HIDDEN)
        for parameter in layer.parameters():
            nn.init.normal_(parameter, 0, 0.7)
    return layer


def make_inputs(layer: RecurrentLayer, time: int, *, seed: int = 1, scale: float = 1.0) -> tuple[Tensor, State]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(time, ROWS, WIDTH, generator=generator) * scale
    return inputs, tuple(torch.randn(ROWS, HIDDEN, generator=generator) * scale for _ in range(layer.state_size))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def reference_outputs(layer: RecurrentLayer, inputs: Tensor, state: State) -> np.ndarray:
    """Return the outputs computed from the equations in the docstrings, in float64."""
    w, u, b = (p.detach().double().numpy() for p in (layer.input_weight, layer.recurrent_weight, layer.bias))
    h, outputs = state[0].double().numpy(), []
    c = state[1].double().numpy() if len(state) == 2 else None
    gates = layer.gates
    for x in inputs.double().numpy():
        a = [x @ part.T + add for part, add in zip(np.split(w, gates), np.split(b, gates), strict=True)]
        r = [h @ part.T for part in np.split(u, gates)]
        if c is not None:
            i, f, g, o = sigmoid(a[0] + r[0]), sigmoid(a[1] + r[1]), np.tanh(a[2] + r[2]), sigmoid(a[3] + r[3])
            c = f * c + i * g
            h = o * np.tanh(c)
        elif gates == 3:
            d = layer.candidate_bias.detach().double().numpy()  # type: ignore[operator, union-attr]
            reset, z = sigmoid(a[0] + r[0]), sigmoid(a[1] + r[1])
            n = np.tanh(a[2] + reset * (r[2] + d))
            h = (1 - z) * n + z * h
        else:
            h = np.tanh(a[0] + r[0])
        outputs.append(h)
    return np.stack(outputs)


def make_torch_layer(layer: RecurrentLayer) -> nn.RNNBase:
    """Return the layer of torch with the same weights."""
    kinds: dict[int, type[nn.RNNBase]] = {4: nn.LSTM, 3: nn.GRU, 1: nn.RNN}
    torch_layer = kinds[layer.gates](WIDTH, HIDDEN)
    with torch.no_grad():
        torch_layer.weight_ih_l0.copy_(layer.input_weight)
        torch_layer.weight_hh_l0.copy_(layer.recurrent_weight)
        torch_layer.bias_ih_l0.copy_(layer.bias)
        torch_layer.bias_hh_l0.zero_()
        if layer.gates == 3:
            torch_layer.bias_hh_l0[2 * HIDDEN :] = layer.candidate_bias  # type: ignore[assignment]
    return torch_layer


@pytest.mark.parametrize("kind", KINDS)
def test_layer_computes_documented_equations(kind: str) -> None:
    layer = make_layer(kind)
    inputs, state = make_inputs(layer, 9)
    outputs, after = layer(inputs, state, None)
    expected = reference_outputs(layer, inputs, state)
    assert outputs.dtype == torch.float32
    np.testing.assert_allclose(outputs.detach().numpy(), expected, atol=2e-6)
    np.testing.assert_allclose(after[0].detach().numpy(), expected[-1], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_layer_equals_torch_layer(kind: str, training: bool) -> None:
    layer = make_layer(kind).train(training)
    torch_layer = make_torch_layer(layer)
    inputs, state = make_inputs(layer, 9)
    torch_state = (state[0][None], state[1][None]) if len(state) == 2 else state[0][None]
    expected, after = torch_layer(inputs, torch_state)
    outputs, result = layer(inputs, state, None)
    torch.testing.assert_close(outputs, expected, atol=1e-6, rtol=0)
    for part, value in zip(result, after if isinstance(after, tuple) else (after,), strict=True):
        torch.testing.assert_close(part, value[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_torch_gradients(kind: str) -> None:
    layer = make_layer(kind).train()
    torch_layer = make_torch_layer(layer)
    inputs, _ = make_inputs(layer, 9)
    layer(inputs, layer.zero_state(ROWS), None)[0].square().sum().backward()
    torch_layer(inputs)[0].square().sum().backward()
    torch.testing.assert_close(layer.input_weight.grad, torch_layer.weight_ih_l0.grad, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(layer.recurrent_weight.grad, torch_layer.weight_hh_l0.grad, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(layer.bias.grad, torch_layer.bias_ih_l0.grad, atol=1e-4, rtol=1e-5)
    if kind == "gru":
        last = torch_layer.bias_hh_l0.grad[2 * HIDDEN :]  # type: ignore[index]
        torch.testing.assert_close(layer.candidate_bias.grad, last, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@given(
    seed=st.integers(0, 1000), cut=st.integers(1, 10), resets=st.sets(st.tuples(st.integers(0, 10), st.integers(0, 3)))
)
def test_two_parts_with_carried_state_equal_one_call(
    kind: str, seed: int, cut: int, resets: set[tuple[int, int]]
) -> None:
    layer = make_layer(kind)
    inputs, state = make_inputs(layer, 11, seed=seed)
    starts = torch.zeros(11, ROWS, dtype=torch.bool)
    for t, row in resets:
        starts[t, row] = True
    expected, after = layer(inputs, state, starts)
    first, carried = layer(inputs[:cut], state, starts[:cut])
    second, end = layer(inputs[cut:], carried, starts[cut:])
    torch.testing.assert_close(torch.cat([first, second]), expected, atol=1e-6, rtol=0)
    for part, value in zip(end, after, strict=True):
        torch.testing.assert_close(part, value, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_starts_without_reset_equal_no_starts(kind: str) -> None:
    layer = make_layer(kind)
    inputs, state = make_inputs(layer, 7)
    starts = torch.zeros(7, ROWS, dtype=torch.bool)
    torch.testing.assert_close(layer(inputs, state, starts)[0], layer(inputs, state, None)[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("autocast", [False, True])
@given(seed=st.integers(0, 1000), at=st.integers(0, 7), scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_outputs_after_reset_do_not_depend_on_the_past(
    kind: str, training: bool, autocast: bool, seed: int, at: int, scale: float
) -> None:
    layer = make_layer(kind).train(training)
    one, state = make_inputs(layer, 8, seed=seed, scale=scale)
    other, other_state = make_inputs(layer, 8, seed=seed + 1, scale=scale)
    other[at:] = one[at:]
    starts = torch.zeros(8, ROWS, dtype=torch.bool)
    starts[at] = True
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs, after = layer(one, state, starts)
        others, others_after = layer(other, other_state, starts)
    assert torch.equal(outputs[at:], others[at:])
    for part, value in zip(after, others_after, strict=True):
        assert torch.equal(part, value)
    if at:
        assert not torch.equal(outputs[:at], others[:at])


@pytest.mark.parametrize("kind", KINDS)
def test_reset_does_not_affect_other_rows(kind: str) -> None:
    layer = make_layer(kind)
    inputs, state = make_inputs(layer, 8)
    starts = torch.zeros(8, ROWS, dtype=torch.bool)
    starts[3, 1] = True
    outputs, _ = layer(inputs, state, starts)
    plain, _ = layer(inputs, state, None)
    others = [0, 2, 3]
    torch.testing.assert_close(outputs[:, others], plain[:, others], atol=1e-6, rtol=0)
    torch.testing.assert_close(outputs[:3, 1], plain[:3, 1], atol=1e-6, rtol=0)
    assert (outputs[3:, 1] - plain[3:, 1]).abs().max() > 1e-3


def test_reset_position_output() -> None:
    for kind in KINDS:
        layer = make_layer(kind)
        inputs, state = make_inputs(layer, 1, scale=100.0)
        outputs, after = layer(inputs, state, torch.ones(1, ROWS, dtype=torch.bool))
        if kind == "lstm":
            assert not outputs.any()
            assert not any(part.any() for part in after)
        elif kind == "gru":  # r and z are closed
            expected = (inputs[0] @ layer.input_weight[2 * HIDDEN :].T + layer.bias[2 * HIDDEN :]).tanh()
            torch.testing.assert_close(outputs[0], expected, atol=1e-5, rtol=0)
        else:
            expected = (inputs[0] @ layer.input_weight.T + layer.bias).tanh()
            torch.testing.assert_close(outputs[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("autocast", [False, True])
def test_no_gradient_flows_through_reset(kind: str, autocast: bool) -> None:
    layer = make_layer(kind).train()
    inputs, state = make_inputs(layer, 8)
    inputs.requires_grad_()
    state = tuple(part.requires_grad_() for part in state)
    starts = torch.zeros(8, ROWS, dtype=torch.bool)
    starts[5] = True
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs, _ = layer(inputs, state, starts)
    result = torch.autograd.grad(outputs[6:].float().square().sum(), [inputs, *state], retain_graph=True)
    assert not result[0][:5].any()
    assert not any(part.any() for part in result[1:])
    assert result[0][6:].any()
    assert all(torch.isfinite(part).all() for part in result)
    before = torch.autograd.grad(outputs[:5].float().square().sum(), [inputs, *state])
    assert all(part.any() for part in before)


@pytest.mark.parametrize("kind", KINDS)
def test_mask_multiplies_recurrent_matrix(kind: str) -> None:
    layer = make_layer(kind)
    inputs, state = make_inputs(layer, 6)
    mask = (torch.rand(layer.recurrent_weight.shape, generator=torch.Generator().manual_seed(3)) < 0.5).float() * 2
    starts = torch.zeros(6, ROWS, dtype=torch.bool)
    starts[2, 0] = True
    for start_flags in (None, starts):
        dropped, _ = layer(inputs, state, start_flags, mask)
        other = make_layer(kind)
        with torch.no_grad():
            other.recurrent_weight.mul_(mask)
        expected, _ = other(inputs, state, start_flags)
        torch.testing.assert_close(dropped, expected, atol=1e-6, rtol=0)
        assert (dropped - layer(inputs, state, start_flags)[0]).abs().max() > 1e-3


def test_initial_weights() -> None:
    for kind in KINDS:
        layer = CELLS[cast(Any, kind)](16, 8)
        layer.initialise(torch.Generator().manual_seed(0))
        for part in layer.recurrent_weight.detach().split(8):
            torch.testing.assert_close(part @ part.T, torch.eye(8), atol=1e-5, rtol=0)
        bias = torch.zeros_like(layer.bias)
        if kind == "lstm":
            bias[8:16] = 1
        assert torch.equal(layer.bias.detach(), bias)
