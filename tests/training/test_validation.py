"""What a validation reads of a short and of a long valid split."""

from collections.abc import Callable

import numpy as np
import pytest

from seqforge.dataset import Dataset
from seqforge.network import Network
from seqforge.training import validation
from seqforge.training.likelihood import exact_likelihood
from seqforge.training.validation import Validation, sampled_pieces

PIECES = [[(number * step) % 5 for step in range(number % 30 + 4)] for number in range(200)]


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset(PIECES, units=[len(piece) / 2 for piece in PIECES])


def test_short_split_is_read_completely(dataset: Dataset, make_network: Callable[..., Network]) -> None:
    whole = Validation(dataset, rows=2, length=8, history=None)
    network = make_network()
    assert not whole.is_sampled and whole.final_loss(network, precision="float32", trained_positions=10**9) is None
    assert whole.loss(network, precision="float32") == pytest.approx(
        exact_likelihood(network, dataset).nats_per_position, rel=0.02
    )


def test_long_split_is_sampled_and_read_completely_at_the_end(
    dataset: Dataset, make_network: Callable[..., Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SAMPLE_POSITIONS", 400), ("BURN_IN", 4), ("MIN_INTERVAL", 1)):
        monkeypatch.setattr(validation, name, value)
    sampled = Validation(dataset, rows=2, length=8, history=None)
    network = make_network()
    assert sampled.is_sampled and sampled.sample.positions < 600 < sampled.all.positions
    assert sampled.loss(network, precision="float32") == sampled.loss(network, precision="float32")
    final = sampled.final_loss(network, precision="float32", trained_positions=10**9)
    exact = exact_likelihood(network, dataset)
    assert final == pytest.approx(exact.nats / float(dataset.units.sum()), rel=0.02)
    assert sampled.final_loss(network, precision="float32", trained_positions=100) is None
    assert sampled.interval(64) < Validation(dataset, rows=2, length=8, history=None).interval(32)


def test_sample_is_evenly_spread(dataset: Dataset) -> None:
    sample = sampled_pieces(dataset, 400)
    numbers = sample.locations[:, 1].tolist()  # all pieces are in one shard
    assert numbers[0] == 0 and numbers[-1] == 199 and np.diff(numbers).max() <= 2 * np.diff(numbers).min()
    assert [sample.steps(at).tolist() for at in range(len(sample))] == [PIECES[number] for number in numbers]
    assert 200 < int(sample.lengths.sum()) < 800
    assert len(sampled_pieces(dataset, 0)) == 1
