"""The recurrent cells over one step, against torch in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from seqforge.inference.layers import Layer, LayerState, layer_for
from seqforge.inference.linear import make_linear
from seqforge.network.config import Cell

CELLS: list[Cell] = ["lstm", "gru", "rnn"]
MODULES = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
several = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def random_weights(cell: Cell, hidden: int, inputs: int, *, scale: float = 1.0, seed: int = 0) -> dict[str, np.ndarray]:
    rng, width = np.random.default_rng(seed), GATES[cell] * hidden
    shapes = {"input_weight": (width, inputs), "recurrent_weight": (width, hidden), "bias": (width,)}
    if cell == "gru":
        shapes["candidate_bias"] = (hidden,)
    return {name: (scale * rng.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}


def random_state(layer: Layer, rows: int, seed: int = 1) -> LayerState:
    rng = np.random.default_rng(seed)
    return tuple(np.tanh(rng.normal(size=part.shape)).astype(np.float32) for part in layer.zero_state(rows))


def expected_state(cell: Cell, weights: dict[str, np.ndarray], inputs: np.ndarray, state: LayerState) -> list[Any]:
    """Return the state after one step of the cell of torch in float64."""
    hidden = weights["recurrent_weight"].shape[1]
    module = MODULES[cell](inputs.shape[1], hidden, dtype=torch.float64)
    with torch.no_grad():
        for parameter, name in (
            (module.weight_ih, "input_weight"),
            (module.weight_hh, "recurrent_weight"),
            (module.bias_ih, "bias"),
        ):
            parameter.copy_(torch.from_numpy(weights[name]))
        module.bias_hh.zero_()
        if cell == "gru":
            module.bias_hh[2 * hidden :] = torch.from_numpy(weights["candidate_bias"])
        before = [torch.from_numpy(part).double() for part in state]
        after = module(torch.from_numpy(inputs).double(), tuple(before) if cell == "lstm" else before[0])
    return [part.numpy() for part in (after if cell == "lstm" else (after,))]


@pytest.mark.parametrize("cell", CELLS)
@several
@given(hidden=st.integers(1, 70), rows=st.integers(1, 9), seed=st.integers(0, 99))
def test_step_equals_the_cell_of_torch(instructions: str, cell: Cell, hidden: int, rows: int, seed: int) -> None:
    weights = random_weights(cell, hidden, 3, scale=0.7 / hidden**0.5, seed=seed)
    layer = layer_for(cell, weights, make_linear, upper=True)
    inputs = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    state = random_state(layer, rows)
    expected = expected_state(cell, weights, inputs, state)
    layer.step(layer.read(inputs), state)
    for actual, value in zip(state, expected, strict=True):
        np.testing.assert_allclose(actual, value, atol=1e-6, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden", [1, 5, 16, 33])
def test_functions_are_exact_over_their_range(instructions: str, cell: Cell, hidden: int) -> None:
    """The gates take all values from -20 to 20, and the largest ones that a network has."""
    weights = random_weights(cell, hidden, 1, scale=0.0)
    layer = layer_for(cell, weights, make_linear, upper=True)
    values = np.concatenate([np.linspace(-20, 20, 801), [-1e4, -100, -88, -87, 87, 88, 100, 1e4, 0, -0.0, 1e-30]])
    gates = np.tile(values.astype(np.float32)[:, None], (1, GATES[cell] * hidden))
    gates += np.linspace(0, 0.5, GATES[cell] * hidden, dtype=np.float32)
    state = random_state(layer, len(values))
    before = [part.astype(np.float64) for part in state]
    parts = np.split(gates.astype(np.float64), GATES[cell], 1)
    layer.step(gates.copy(), state)
    if cell == "lstm":
        i, f, g, o = sigmoid(parts[0]), sigmoid(parts[1]), np.tanh(parts[2]), sigmoid(parts[3])
        c = f * before[1] + i * g
        expected = [o * np.tanh(c), c]
    elif cell == "gru":
        z, n = sigmoid(parts[1]), np.tanh(parts[2])
        expected = [n + z * (before[0] - n)]
    else:
        expected = [np.tanh(parts[0])]
    for actual, value in zip(state, expected, strict=True):
        np.testing.assert_allclose(actual, value, atol=4e-7, rtol=0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def test_tanh_of_small_numbers_has_a_small_relative_error(instructions: str) -> None:
    layer = layer_for("rnn", random_weights("rnn", 7, 1, scale=0.0), make_linear, upper=True)
    values = np.repeat(np.logspace(-30, 0, 61).astype(np.float32)[:, None], 7, 1)
    for sign in (1, -1):
        state = layer.zero_state(61)
        layer.step(sign * values, state)
        np.testing.assert_allclose(state[0], np.tanh(sign * values.astype(np.float64)), rtol=5e-7, atol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_extreme_gates_close_and_open_exactly(instructions: str, cell: Cell) -> None:
    hidden = 13
    layer = layer_for(cell, random_weights(cell, hidden, 1, scale=0.0), make_linear, upper=True)
    for values in np.stack(np.meshgrid(*[[-1e4, 1e4]] * GATES[cell], indexing="ij"), -1).reshape(-1, GATES[cell]):
        gates = np.repeat(values.astype(np.float32), hidden)[None]
        state = random_state(layer, 1)
        before = [part.copy() for part in state]
        layer.step(gates, state)
        opened = (values > 0).astype(np.float32)
        if cell == "lstm":
            c = opened[1] * before[1] + opened[0] * (2 * opened[2] - 1)
            expected = [opened[3] * np.tanh(c), c]
        elif cell == "gru":
            expected = [before[0] if opened[1] else np.full((1, hidden), 2 * opened[2] - 1)]
        else:
            expected = [np.full((1, hidden), 2 * opened[0] - 1)]
        for actual, value in zip(state, expected, strict=True):
            np.testing.assert_allclose(actual, value, atol=2e-7, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("unit", [0, 4, 12])
def test_nan_stays_nan_in_its_unit_alone(instructions: str, cell: Cell, unit: int) -> None:
    hidden = 13
    layer = layer_for(cell, random_weights(cell, hidden, 1, scale=0.0), make_linear, upper=True)
    for gate in range(GATES[cell]):
        gates = np.zeros((2, GATES[cell] * hidden), np.float32)
        gates[1, gate * hidden + unit] = np.nan
        state = random_state(layer, 2)
        if cell == "gru":  # the reset gate reaches the state through the candidate
            layer = layer_for(cell, random_weights(cell, hidden, 1), make_linear, upper=True)
        layer.step(gates, state)
        expected = np.zeros((2, hidden), np.bool_)
        expected[1, unit] = True
        assert np.array_equal(np.isnan(state[0]), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_start_is_a_step_whose_gates_to_the_past_are_closed(instructions: str, cell: Cell) -> None:
    weights = random_weights(cell, 13, 3)
    layer = layer_for(cell, weights, make_linear, upper=True)
    gates = layer.read(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    state, same = random_state(layer, 4, seed=1), random_state(layer, 4, seed=2)
    layer.start(gates.copy(), state)
    layer.start(gates.copy(), same)
    assert all(part.tobytes() == other.tobytes() for part, other in zip(state, same, strict=True))
    if cell == "lstm":
        assert not np.any(state)
    else:
        np.testing.assert_allclose(state[0], np.tanh(gates[:, -13:].astype(np.float64)), atol=4e-7)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden", [1, 7, 13, 16, 33])
def test_row_depends_on_itself_alone(instructions: str, cell: Cell, hidden: int) -> None:
    layer = layer_for(cell, random_weights(cell, hidden, 3), make_linear, upper=True)
    inputs = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    state = random_state(layer, 64)
    start = [part.copy() for part in state]
    layer.step(layer.read(inputs), state)
    for count in range(1, 64):
        order = (np.arange(count) + 7 * count) % 64
        part = tuple(values[order].copy() for values in start)
        layer.step(layer.read(inputs[order]), part)
        assert all(a.tobytes() == b[order].tobytes() for a, b in zip(part, state, strict=True))
