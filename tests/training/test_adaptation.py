from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqforge.dataset import Dataset
from seqforge.errors import OptionsError
from seqforge.network import Network
from seqforge.training import Adaptation, DynamicUpdate, dynamic_likelihood, exact_likelihood, gradient_scales
from seqforge.training import adaptation as module
from seqforge.training.adaptation import OrderedBatches, choose_update
from seqforge.training.fine_tuning import fine_tuned

Maker, Datasets = Callable[..., Network], Callable[..., Dataset]
RATES_TO_TRY = [{"rate": -1.0}, {"rate": float("inf")}, {"decay": 1.5}, {"decay": float("nan")}, {"length": 0}]


@pytest.fixture
def pieces(make_dataset: Datasets) -> Dataset:
    """Pieces that repeat one pattern, so that the later ones can be predicted from the first ones."""
    return make_dataset([[0, 1, 2, 3] * 12, [], [0, 1, 2, 3] * 12, [0, 1, 2, 3] * 12])


@pytest.mark.parametrize("length", [1, 7, 64, 500])
@pytest.mark.parametrize("layers", [1, 2])
def test_rate_zero_is_the_likelihood_of_the_trained_network(
    make_network: Maker, pieces: Dataset, length: int, layers: int
) -> None:
    network = make_network(layers=layers)
    scales = gradient_scales(network, pieces, length=8)
    result = dynamic_likelihood(network, pieces, DynamicUpdate(rate=0.0, length=length), scales)
    expected = exact_likelihood(network, pieces)
    assert result.positions == expected.positions == 3 * 49 + 1
    assert result.nats == pytest.approx(expected.nats, rel=1e-5)


def test_ordered_batches_hold_the_pieces_in_their_order(pieces: Dataset) -> None:
    batches = OrderedBatches(pieces, length=10)
    starts = torch.cat([batches[t].starts[:, 0] for t in range(batches.batches_in(0))])
    assert torch.nonzero(starts).flatten().tolist() == [0, 49, 50, 99]


def test_update_is_that_of_the_paper(make_network: Maker, make_dataset: Datasets) -> None:
    network, dataset = make_network(), make_dataset([[0, 1, 2, 3, 4] * 4])
    scales = gradient_scales(network, dataset, length=8)
    update = DynamicUpdate(rate=0.01, decay=0.3, length=7, damping=0.5)
    adaptation = Adaptation(network, update, scales)
    batches = OrderedBatches(dataset, length=7)
    trained = {name: value.detach().clone() for name, value in network.named_parameters()}
    expected, state = {name: value.clone() for name, value in trained.items()}, network.zero_state(1)
    mean = np.mean([float(scale.mean()) for scale in scales])
    for t in range(3):
        adaptation.read(batches[t])
        at = make_network()
        at.load_state_dict(expected)
        losses, state = at.loss(batches[t], [tuple(part.detach() for part in layer) for layer in state])
        torch.autograd.backward(losses.sum() / batches[t].weights.sum())
        for (name, parameter), scale in zip(at.named_parameters(), scales, strict=True):
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            decay = torch.clamp(0.3 * scale / mean, max=1.0)
            step = 0.01 * gradient / (scale + 0.5 * mean)
            expected[name] = expected[name] + decay * (trained[name] - expected[name]) - step
    for name, value in adaptation.network.named_parameters():
        torch.testing.assert_close(value.detach(), expected[name], rtol=1e-4, atol=1e-6)


def test_repetition_is_learnt_and_the_network_is_not_changed(make_network: Maker, pieces: Dataset) -> None:
    network = make_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    scales = gradient_scales(network, pieces, length=8)
    adapted = dynamic_likelihood(network, pieces, DynamicUpdate(rate=0.01, decay=0.0, length=8), scales)
    assert adapted.nats < 0.8 * exact_likelihood(network, pieces).nats
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_choice_is_the_best_of_those_that_are_tried(
    make_network: Maker, pieces: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network()
    scales = gradient_scales(network, pieces, length=8)
    monkeypatch.setattr(module, "RATES", (0.0, 0.01, 1e30))
    monkeypatch.setattr(module, "DECAYS", (0.5, 0.0))
    assert choose_update(network, pieces, scales) == DynamicUpdate(rate=0.01, decay=0.0)
    assert choose_update(network, pieces, scales, decay=0.5) == DynamicUpdate(rate=0.01, decay=0.5)
    assert choose_update(network, pieces, scales, rate=0.0).rate == 0.0


@pytest.mark.parametrize("values", RATES_TO_TRY)
def test_values_that_are_not_allowed(values: dict[str, float]) -> None:
    with pytest.raises(OptionsError) as error:
        DynamicUpdate(**values)  # type: ignore[arg-type]
    assert error.value.field == next(iter(values))


def test_fine_tuning_learns_its_examples(make_network: Maker, pieces: Dataset) -> None:
    network = make_network()
    examples = [pieces.example(number) for number in range(len(pieces))]
    tuned = [fine_tuned(network, examples, {}, None, steps=30, rate=0.02) for _ in range(2)]
    assert exact_likelihood(tuned[0], pieces).nats < 0.7 * exact_likelihood(network, pieces).nats
    for first, second in zip(tuned[0].parameters(), tuned[1].parameters(), strict=True):
        assert torch.equal(first, second) and first.grad is None
