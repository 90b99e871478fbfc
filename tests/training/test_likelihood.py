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


def nats_alone(network: Network, dataset: Dataset, piece: int) -> float:
    """Return the nats of one piece that is read alone in one batch."""
    steps = torch.from_numpy(np.array(dataset.steps(piece), np.int64))
    positions = len(steps) + 1
    starts, ends = torch.zeros(2, positions, 1, dtype=torch.bool)
    starts[0] = ends[-1] = True
    boundary = steps.new_zeros(1)
    batch = Batch(
        inputs=torch.cat([boundary, steps])[:, None],
        targets=torch.cat([steps, boundary])[:, None],
        starts=starts,
        ends=ends,
        weights=torch.ones(positions, 1),
        labels=torch.from_numpy(dataset.labels[piece].astype(np.int64)).expand(positions, 1, -1),
        features=torch.zeros(positions, 1, 0),
    )
    with torch.no_grad():
        return network.loss(batch, network.zero_state(1))[0].double().sum().item()


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@settings(max_examples=12)
@given(pieces=PIECES, rows=st.integers(1, 9), length=st.integers(1, 40))
def test_exact_likelihood_is_sum_over_pieces(
    make_network: Maker, make_dataset: Datasets, kind: str, pieces: list[list[int]], rows: int, length: int
) -> None:
    network = make_network(cell=kind, layers=2, labels=(2,))
    piece_labels = [{"key": "CD"[len(piece) % 2]} for piece in pieces]
    dataset = make_dataset(pieces, labels={"key": ("C", "D")}, piece_labels=piece_labels)
    result = exact_likelihood(network, dataset, max_rows=rows, length=length)
    assert result.positions == sum(len(piece) + 1 for piece in pieces)
    expected = sum(nats_alone(network, dataset, piece) for piece in range(len(pieces)))
    assert result.nats == pytest.approx(expected, rel=1e-5, abs=1e-4)
    assert result.nats_per_position == pytest.approx(expected / result.positions, rel=1e-5)


def test_exact_likelihood_restores_the_mode_of_the_network(make_network: Maker, make_dataset: Datasets) -> None:
    network, dataset = make_network(), make_dataset([[1, 2, 3]])
    for training in (True, False):
        network.train(training)
        exact_likelihood(network, dataset)
        assert network.training is training
    assert all(p.grad is None for p in network.parameters())


def test_likelihood_of_divided_pieces_is_close_and_counts_each_position_once(
    make_network: Maker, make_dataset: Datasets
) -> None:
    network = make_network()
    dataset = make_dataset([np.random.default_rng(0).integers(0, 5, 400).tolist(), [1, 2]])
    divided = evaluate_batches(network, Batches(dataset, rows=4, length=16, seed=None, burn_in=64))
    exact = exact_likelihood(network, dataset)
    assert divided.positions == exact.positions == 404
    assert divided.nats == pytest.approx(exact.nats, rel=1e-3)


def test_evaluation_stops_at_max_positions(make_network: Maker, make_dataset: Datasets) -> None:
    batches = Batches(make_dataset([[1] * 9] * 40), rows=2, length=10, seed=None)
    assert evaluate_batches(make_network(), batches, max_positions=100).positions == 100
