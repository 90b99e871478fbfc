from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.evaluation import hidden_states
from seqforge.inference import Conditions, Engine, NetworkWeights, prompt_batch
from seqforge.network import Network, example_batch

STEPS = [3, 1, 4, 1, 0]


def states_of(network: Network, steps: list[int], **example: Any) -> np.ndarray:
    conditions = Conditions(
        np.array([1] * len(network.config.labels), np.int64), np.zeros(network.config.features, np.float32)
    )
    return hidden_states(network, Example(np.array(steps, np.uint8), **example), conditions)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("residual", [False, True])
def test_states_equal_those_of_manual_stepping(make_network: Callable[..., Network], cell: str, residual: bool) -> None:
    network = make_network(cell=cell, layers=3, residual=residual, labels=(2,))
    states = states_of(network, STEPS)
    assert states.shape == (6, 3, 8) and states.dtype == np.float32
    example = Example(np.array(STEPS, np.uint8))
    batch = example_batch(example, np.array([1]), np.zeros(0, np.float32), 0)
    state = network.zero_state(1)
    with torch.no_grad():
        for t in range(6):
            _, state = network(batch.slice_time(t, t + 1), state)
            for layer in range(3):
                assert np.array_equal(states[t, layer], state[layer][0][0].numpy())
        _, whole = network(batch, network.zero_state(1))
    for layer in range(3):
        np.testing.assert_allclose(states[-1, layer], whole[layer][0][0].numpy(), atol=1e-6)


def test_states_equal_those_of_the_engine(make_network: Callable[..., Network]) -> None:
    network = make_network(layers=2)
    engine = Engine(NetworkWeights.from_network(network))
    conditions = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    empty = prompt_batch(engine.network, Prompt(Example(np.zeros(0, np.uint8))), conditions)
    _, prompt_state, gates = engine.begin(empty)
    rows = engine.rows_for(1)
    state = engine.state(prompt_state, rows)
    states = states_of(network, STEPS)
    for t, step in enumerate(STEPS, 1):
        engine.step(np.full(rows, step), np.tile(gates, (rows, 1)), state)
        for layer in range(2):
            np.testing.assert_allclose(states[t, layer], state[layer][0][0], atol=1e-6)


def test_states_of_a_beginning_are_the_beginning_of_the_states(make_network: Callable[..., Network]) -> None:
    network = make_network(layers=2)
    assert np.array_equal(states_of(network, STEPS)[:3], states_of(network, STEPS[:2]))


def test_states_of_a_network_with_attention(make_network: Callable[..., Network]) -> None:
    network = make_network(layers=2, source_symbols=4)
    first = states_of(network, STEPS, source=np.array([0, 2], np.uint8))
    second = states_of(network, STEPS, source=np.array([2, 1], np.uint8))
    assert first.shape == (6, 2, 8) and not np.allclose(first, second)


def test_mode_of_the_network_is_kept(make_network: Callable[..., Network]) -> None:
    network = make_network().train()
    states_of(network, STEPS)
    assert network.training
    network.eval()
