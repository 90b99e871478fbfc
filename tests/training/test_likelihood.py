from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.dataset import Dataset
from seqforge.network import Batch, Network
from seqforge.training import Batches, evaluate_batches, exact_likelihood

Maker, Datasets = Callable[..., Network], Callable[..., Dataset]
PIECES = st.lists(st.lists(st.integers(0, 4), max_size=30), min_size=1, max_size=9)


def alone(network: Network, dataset: Dataset, piece: int) -> float:
    """Return the nats of one piece, read in one window by itself."""
    steps = torch.from_numpy(np.array(dataset.steps(piece), np.int64))
    rows = len(steps) + 1
    starts, ends = torch.zeros(2, rows, 1, dtype=torch.bool)
    starts[0] = ends[-1] = True
    nothing = steps.new_zeros(1)
    window = Batch(
        inputs=torch.cat([nothing, steps])[:, None],
        targets=torch.cat([steps, nothing])[:, None],
        starts=starts,
        ends=ends,
        weights=torch.ones(rows, 1),
        labels=torch.from_numpy(dataset.labels[piece].astype(np.int64)).expand(rows, 1, -1),
        features=torch.zeros(rows, 1, 0),
    )
    with torch.no_grad():
        return network.loss(window, network.zero_state(1))[0].double().sum().item()


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@settings(max_examples=12)
@given(pieces=PIECES, lanes=st.integers(1, 9), window=st.integers(1, 40))
def test_the_likelihood_is_the_sum_over_pieces_however_they_are_read(
    make_network: Maker, make_dataset: Datasets, kind: str, pieces: list[list[int]], lanes: int, window: int
) -> None:
    network = make_network(cell=kind, layers=2, labels=(2,))
    chosen = [{"key": "CD"[len(piece) % 2]} for piece in pieces]
    dataset = make_dataset(pieces, labels={"key": ("C", "D")}, chosen=chosen)
    found = exact_likelihood(network, dataset, most_lanes=lanes, window=window)
    assert found.positions == sum(len(piece) + 1 for piece in pieces)
    expected = sum(alone(network, dataset, piece) for piece in range(len(pieces)))
    assert found.nats == pytest.approx(expected, rel=1e-5, abs=1e-4)
    assert found.nats_per_position == pytest.approx(expected / found.positions, rel=1e-5)


def test_the_network_is_left_in_the_mode_it_was_in(make_network: Maker, make_dataset: Datasets) -> None:
    network, dataset = make_network(), make_dataset([[1, 2, 3]])
    for training in (True, False):
        network.train(training)
        exact_likelihood(network, dataset)
        assert network.training is training
    assert all(p.grad is None for p in network.parameters())


def test_pieces_that_are_cut_cost_about_the_same_and_each_row_once(make_network: Maker, make_dataset: Datasets) -> None:
    network = make_network()
    dataset = make_dataset([np.random.default_rng(0).integers(0, 5, 400).tolist(), [1, 2]])
    batches = Batches(dataset, lanes=4, window=16, seed=None, lead=64)
    found = evaluate_batches(network, batches)
    whole = exact_likelihood(network, dataset)
    assert found.positions == whole.positions == 404
    assert found.nats == pytest.approx(whole.nats, rel=1e-3)


def test_it_stops_after_about_so_many_rows(make_network: Maker, make_dataset: Datasets) -> None:
    batches = Batches(make_dataset([[1] * 9] * 40), lanes=2, window=10, seed=None)
    assert evaluate_batches(make_network(), batches, most_rows=100).positions == 100
