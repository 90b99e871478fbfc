from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqforge.core.sequences import Example, Prompt
from seqforge.network import Network, NetworkState
from seqforge.network.padding import pad_units
from seqforge.sampling import Conditions, Engine, prompt_batch
from seqforge.sampling.engine import SIZES
from seqforge.sampling.linear import MOST_ROWS

Maker = Callable[..., Network]
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


def whole(network: Network, steps: list[int], conditions: Conditions) -> Tensor:
    """Return the outputs of sequence mode: row r after r steps."""
    window = prompt_batch(network, Prompt(Example(np.array(steps, np.uint8))), conditions)
    with torch.no_grad():
        return network(window, network.zero_state(1))[0][:, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("given", [0, 4])
def test_step_mode_agrees_with_sequence_mode(make_network: Maker, kind: str, shape: dict[str, Any], given: int) -> None:
    network = make_network(cell=kind, weight_scale=1.5, **shape)
    conditions = conditions_for(network)
    steps = np.random.default_rng(1).integers(0, 5, 24).tolist()
    expected = whole(network, steps, conditions)
    engine = Engine(network)
    prompt = Prompt(Example(np.array(steps[:given], np.uint8)))
    outputs, first, added = engine.begin(prompt_batch(engine.network, prompt, conditions))
    found, state = [outputs], engine.state(first, 4)
    for step in steps[given:]:
        rows = engine.step(torch.full((4,), step), added.repeat(4, 1), state)
        found.append(rows[2].clone())
    torch.testing.assert_close(torch.stack(found), expected[given:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_keep_to_themselves(make_network: Maker, kind: str) -> None:
    network = make_network(cell=kind, layers=2)
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 5, (4, 9))
    conditions = conditions_for(network)
    engine = Engine(network)
    _, first, added = engine.begin(prompt_batch(engine.network, Prompt(Example(np.zeros(0, np.uint8))), conditions))
    state = engine.state(first, 4)
    for column in sequences.T:
        outputs = engine.step(torch.from_numpy(column.copy()), added.repeat(4, 1), state)
    for row, steps in enumerate(sequences.tolist()):
        torch.testing.assert_close(outputs[row], whole(network, steps, conditions)[-1], atol=1e-5, rtol=1e-5)


def test_each_row_may_have_conditions_of_its_own(make_network: Maker) -> None:
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
    added = torch.stack([start[2] for start in starts])
    rows = [engine.step(torch.full((4,), step), added, state).clone() for step in steps]
    for n in range(4):
        expected = whole(network, steps, Conditions(np.array([n]), np.zeros(0)))[1:]
        torch.testing.assert_close(torch.stack(rows)[:, n], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [8, 16, 64, 5, 13, 33])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_row_does_not_depend_on_how_many_there_are_to_the_bit(
    make_network: Maker, kind: str, hidden: int, layers: int
) -> None:
    network = make_network(size=9, cell=kind, hidden=hidden, layers=layers, embedding=8)
    engine = Engine(network)
    generator = torch.Generator().manual_seed(1)
    steps = torch.randint(0, 9, (6, MOST_ROWS), generator=generator)
    start = [
        tuple(pad_units(torch.randn(hidden, MOST_ROWS, generator=generator).tanh()).t() for _ in layer)
        for layer in network.zero_state(1)
    ]

    def run(rows: int) -> Tensor:
        state = [tuple(part[:rows].contiguous().clone() for part in layer) for layer in start]
        added = torch.zeros(rows, len(pad_units(torch.zeros(hidden))) * gates)
        return torch.stack([engine.step(column[:rows], added, state).clone() for column in steps])

    gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    expected = run(MOST_ROWS)
    differing = [
        rows for rows in SIZES if rows >= engine.fewest_rows and not torch.equal(run(rows), expected[:, :rows])
    ]
    assert not differing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [{}, {"hidden": 64, "embedding": 32}, {"hidden": 13, "embedding": 6}], ids=str)
def test_a_row_does_not_depend_on_its_place_to_the_bit(make_network: Maker, kind: str, shape: dict[str, Any]) -> None:
    network = make_network(cell=kind, layers=2, **shape)
    engine = Engine(network)
    nothing = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    _, first, added = engine.begin(prompt_batch(engine.network, Prompt(Example(np.array([1, 2], np.uint8))), nothing))
    state = engine.state(first, MOST_ROWS)
    for step in (3, 0, 4, 4, 1):
        outputs = engine.step(torch.full((MOST_ROWS,), step), added.repeat(MOST_ROWS, 1), state)
    assert torch.equal(outputs, outputs[:1].expand_as(outputs))


def test_the_number_of_rows_is_one_that_was_tried(make_network: Maker) -> None:
    engine = Engine(make_network())
    for wanted in (*range(1, 66), 1000):
        rows = engine.rows_for(wanted)
        assert rows in SIZES
        assert rows >= min(wanted, MOST_ROWS)
        assert rows >= engine.fewest_rows


def test_stepping_leaves_the_network_and_its_opening_alone(make_network: Maker) -> None:
    network = make_network(layers=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    engine = Engine(network)
    prompt = Prompt(Example(np.array([1, 2], np.uint8)))
    outputs, first, added = engine.begin(prompt_batch(engine.network, prompt, conditions_for(network)))
    kept = [part.clone() for layer in first for part in layer]
    state = engine.state(first, 4)
    one = engine.step(torch.zeros(4, dtype=torch.int64), added.repeat(4, 1), state).clone()
    again = engine.step(torch.zeros(4, dtype=torch.int64), added.repeat(4, 1), engine.state(first, 4))
    assert torch.equal(one, again)
    assert all(torch.equal(a, b) for a, b in zip(kept, (p for layer in first for p in layer), strict=True))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not torch.equal(outputs, one[0])
