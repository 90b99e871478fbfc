from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from seqforge.network.padding import pad_units
from seqforge.sampling.engine import ROW_COUNTS
from seqforge.sampling.linear import MAX_ROWS, FloatLinear, Int8Linear
from torch import Tensor

from seqforge.core.sequences import Example, Prompt
from seqforge.network import Network, NetworkState
from seqforge.sampling import Conditions, Engine, Precision, prompt_batch

NetworkFactory = Callable[..., Network]
KINDS = ["lstm", "gru", "rnn"]
SHAPES: list[dict[str, Any]] = [
    {"layers": 1},
    {"layers": 2, "tie_embeddings": False, "embedding": 5, "hidden": 7},
    {"layers": 3, "tie_embeddings": True, "embedding": 6, "hidden": 8},
    {"layers": 2, "labels": (2, 3), "features": 2},
    {"layers": 1, "labels": (4,), "tie_embeddings": False},
    {"layers": 3, "features": 3, "embedding": 12},
]


def conditions_for(network: Network, *, seed: int = 0) -> Conditions:
    rng = np.random.default_rng(seed)
    labels = np.array([rng.integers(0, n + 1) for n in network.config.labels], np.int64)
    return Conditions(labels, rng.normal(size=network.config.features).astype(np.float32))


def sequence_outputs(network: Network, steps: list[int], conditions: Conditions) -> Tensor:
    """Return the outputs of sequence mode: row r is after r steps."""
    batch = prompt_batch(network, Prompt(Example(np.array(steps, np.uint8))), conditions)
    with torch.no_grad():
        return network(batch, network.zero_state(1))[0][:, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("prompt_length", [0, 4])
def test_step_mode_agrees_with_sequence_mode(
    make_network: NetworkFactory, kind: str, shape: dict[str, Any], prompt_length: int
) -> None:
    network = make_network(cell=kind, weight_scale=1.5, **shape)
    conditions = conditions_for(network)
    steps = np.random.default_rng(1).integers(0, 5, 24).tolist()
    expected = sequence_outputs(network, steps, conditions)
    engine = Engine(network)
    prompt = Prompt(Example(np.array(steps[:prompt_length], np.uint8)))
    outputs, prompt_state, condition_gates = engine.begin(prompt_batch(engine.network, prompt, conditions))
    actual, state = [outputs], engine.state(prompt_state, 4)
    for step in steps[prompt_length:]:
        rows = engine.step(torch.full((4,), step), condition_gates.repeat(4, 1), state)
        actual.append(rows[2].clone())
    torch.testing.assert_close(torch.stack(actual), expected[prompt_length:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_independent(make_network: NetworkFactory, kind: str) -> None:
    network = make_network(cell=kind, layers=2)
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 5, (4, 9))
    conditions = conditions_for(network)
    engine = Engine(network)
    _, prompt_state, condition_gates = engine.begin(
        prompt_batch(engine.network, Prompt(Example(np.zeros(0, np.uint8))), conditions)
    )
    state = engine.state(prompt_state, 4)
    for column in sequences.T:
        outputs = engine.step(torch.from_numpy(column.copy()), condition_gates.repeat(4, 1), state)
    for row, steps in enumerate(sequences.tolist()):
        torch.testing.assert_close(outputs[row], sequence_outputs(network, steps, conditions)[-1], atol=1e-5, rtol=1e-5)


def test_rows_may_have_different_conditions(make_network: NetworkFactory) -> None:
    network = make_network(labels=(3,))
    engine = Engine(network)
    steps = [1, 4, 0]
    starts = [
        engine.begin(
            prompt_batch(engine.network, Prompt(Example(np.zeros(0, np.uint8))), Conditions(np.array([n]), np.zeros(0)))
        )
        for n in range(4)
    ]
    rows_of_state = [engine.state(start[1], 1) for start in starts]
    state: NetworkState = [
        tuple(torch.cat(parts) for parts in zip(*layers, strict=True)) for layers in zip(*rows_of_state, strict=True)
    ]
    condition_gates = torch.stack([start[2] for start in starts])
    rows = [engine.step(torch.full((4,), step), condition_gates, state).clone() for step in steps]
    for n in range(4):
        expected = sequence_outputs(network, steps, Conditions(np.array([n]), np.zeros(0)))[1:]
        torch.testing.assert_close(torch.stack(rows)[:, n], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [8, 16, 64, 5, 13, 33])
@pytest.mark.parametrize("layers", [1, 2])
def test_row_does_not_depend_on_the_number_of_rows(
    make_network: NetworkFactory, kind: str, hidden: int, layers: int
) -> None:
    network = make_network(size=9, cell=kind, hidden=hidden, layers=layers, embedding=8)
    engine = Engine(network)
    generator = torch.Generator().manual_seed(1)
    steps = torch.randint(0, 9, (6, MAX_ROWS), generator=generator)
    start = [
        tuple(pad_units(torch.randn(hidden, MAX_ROWS, generator=generator).tanh()).t() for _ in layer)
        for layer in network.zero_state(1)
    ]

    def run(rows: int) -> Tensor:
        state = [tuple(part[:rows].contiguous().clone() for part in layer) for layer in start]
        condition_gates = torch.zeros(rows, len(pad_units(torch.zeros(hidden))) * gates)
        return torch.stack([engine.step(column[:rows], condition_gates, state).clone() for column in steps])

    gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    expected = run(MAX_ROWS)
    differing = [
        rows for rows in ROW_COUNTS if rows >= engine.min_rows and not torch.equal(run(rows), expected[:, :rows])
    ]
    assert not differing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [{}, {"hidden": 64, "embedding": 32}, {"hidden": 13, "embedding": 6}], ids=str)
def test_row_does_not_depend_on_its_position(make_network: NetworkFactory, kind: str, shape: dict[str, Any]) -> None:
    network = make_network(cell=kind, layers=2, **shape)
    engine = Engine(network)
    no_conditions = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    _, prompt_state, condition_gates = engine.begin(
        prompt_batch(engine.network, Prompt(Example(np.array([1, 2], np.uint8))), no_conditions)
    )
    state = engine.state(prompt_state, MAX_ROWS)
    for step in (3, 0, 4, 4, 1):
        outputs = engine.step(torch.full((MAX_ROWS,), step), condition_gates.repeat(MAX_ROWS, 1), state)
    assert torch.equal(outputs, outputs[:1].expand_as(outputs))


def test_rows_for_returns_a_tested_number_of_rows(make_network: NetworkFactory) -> None:
    engine = Engine(make_network())
    for count in (*range(1, 66), 1000):
        rows = engine.rows_for(count)
        assert rows in ROW_COUNTS
        assert rows >= min(count, MAX_ROWS)
        assert rows >= engine.min_rows


def test_stepping_changes_neither_the_network_nor_the_prompt_state(make_network: NetworkFactory) -> None:
    network = make_network(layers=2)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    engine = Engine(network)
    prompt = Prompt(Example(np.array([1, 2], np.uint8)))
    outputs, prompt_state, condition_gates = engine.begin(prompt_batch(engine.network, prompt, conditions_for(network)))
    copy = [part.clone() for layer in prompt_state for part in layer]
    state = engine.state(prompt_state, 4)
    first = engine.step(torch.zeros(4, dtype=torch.int64), condition_gates.repeat(4, 1), state).clone()
    second = engine.step(torch.zeros(4, dtype=torch.int64), condition_gates.repeat(4, 1), engine.state(prompt_state, 4))
    assert torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip(copy, (p for layer in prompt_state for p in layer), strict=True))
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
    assert not torch.equal(outputs, first[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("precision", "layer_class"), [("float32", FloatLinear), ("int8", Int8Linear)])
def test_all_matrix_products_have_the_precision_of_the_engine(
    make_network: NetworkFactory, kind: str, precision: Precision, layer_class: type
) -> None:
    engine = Engine(make_network(cell=kind, layers=2), precision)
    products = [layer.recurrent_linear for layer in engine._layers]
    products += [layer.input_linear for layer in engine._layers if getattr(layer, "input_linear", None) is not None]
    assert all(type(product) is layer_class for product in products)
    assert all(any(product is linear for linear in engine._linears) for product in products), "they must be measured"
