"""The steps of the training loop: losses, hidden state, evaluation weights and learning."""

import itertools
from collections.abc import Callable

import pytest
import torch

from seqforge.dataset import Dataset
from seqforge.errors import RunError
from seqforge.network import Network
from seqforge.training import Decay, Progress, Trainer, TrainerState, TrainingConfig, Validated, exact_likelihood
from seqforge.training.diagnosis import MAX_SKIPS
from seqforge.training.stopwatch import Stopwatch

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_pattern_is_learned(make_network: Maker, make_dataset: Datasets, make_config: Configs, kind: str) -> None:
    train = make_dataset([[0, 1, 2, 3, 4] * n for n in (2, 3, 4) for _ in range(12)])
    network = make_network(cell=kind, hidden=16, embedding=16, weight_scale=0.5)
    before = exact_likelihood(network, train).nats_per_position
    trainer = Trainer(network, train, train, make_config(steps=60, batch_size=8, bptt=16, learning_rate=0.03))
    events = list(trainer.run())
    with trainer.evaluation_weights():
        after = exact_likelihood(network, train).nats_per_position
    assert before > 1.2
    assert after < 0.25
    last = [event for event in events if isinstance(event, Validated)][-1]
    assert last.nats_per_unit == pytest.approx(trainer.validation_loss() / trainer.valid_units_per_position)
    assert trainer.state.best_loss == pytest.approx(after, rel=0.05)


def test_losses_are_reported_per_natural_unit(
    make_network: Maker, make_dataset: Datasets, make_config: Configs, validate_often: None
) -> None:
    dataset = make_dataset([[1, 2, 3]] * 20, units=[2.0] * 20)  # 80 positions of half a unit
    trainer = Trainer(make_network(), dataset, dataset, make_config(steps=4))
    assert trainer.units_per_position == pytest.approx(0.5)
    events = list(trainer.run())
    validated = next(event for event in events if isinstance(event, Validated))
    assert validated.nats_per_unit == pytest.approx(2 * trainer.validation_loss())
    progress = [event for event in events if isinstance(event, Progress)][-1]
    assert (progress.t, progress.last) == (4, 4)
    assert 1.0 < progress.nats_per_unit / 2 < 4.0


def test_progress_is_reported_each_second_although_validations_follow_faster(
    make_network: Maker,
    random_dataset: Datasets,
    make_config: Configs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Trainer, "_validation_interval", lambda _: 2)
    readings = itertools.count(0.0, 0.25)  # a clock that goes on by a quarter of a second whenever it is read
    monkeypatch.setattr(Stopwatch, "session_seconds", lambda _: next(readings))
    dataset = random_dataset()
    events = list(Trainer(make_network(labels=(2,)), dataset, dataset, make_config(steps=40)).run())
    validations = sum(isinstance(event, Validated) for event in events)
    progress = [event.minutes * 60 for event in events if isinstance(event, Progress)]
    assert validations >= 10
    assert len(progress) >= 10
    assert all(later - earlier <= 2 for earlier, later in itertools.pairwise(progress))


def test_first_loss_is_the_loss_of_the_untrained_network(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    network = make_network(labels=(2,))
    trainer = Trainer(network, random_dataset(), None, make_config())
    batch = trainer.batches[0]
    with torch.no_grad():
        expected = network.loss(batch, network.zero_state(len(trainer.batches.local_rows)))[0].sum().item()
    nats, positions = trainer.step()
    assert nats == pytest.approx(expected, rel=1e-5)
    assert positions == batch.weights.sum().item()


def test_hidden_state_is_carried_over_and_reset_at_each_epoch(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    network = make_network(labels=(2,))
    config = make_config(learning_rate=1e-30, weight_decay=0.0, ema=0)
    trainer = Trainer(network, random_dataset(), None, config)
    rows = len(trainer.batches.local_rows)
    state = network.zero_state(rows)
    for t in range(14):
        if trainer.batches.locate(t)[1] == 0:
            state = network.zero_state(rows)
        with torch.no_grad():
            losses, state = network.loss(trainer.batches[t], state)
        assert trainer.step()[0] == pytest.approx(losses.sum().item(), rel=1e-5)
        assert all(not part.requires_grad for layer in trainer.hidden_state for part in layer)


def test_weights_are_restored_after_evaluation_weights(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    network = make_network(labels=(2,))
    trainer = Trainer(network, random_dataset(), None, make_config())
    trainer.step()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    with pytest.raises(KeyboardInterrupt), trainer.evaluation_weights():
        evaluated = {name: p.detach().clone() for name, p in network.named_parameters()}
        raise KeyboardInterrupt
    after = {name: p.detach() for name, p in network.named_parameters()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert any(not torch.equal(evaluated[name], value) for name, value in before.items())


def test_loss_that_is_not_finite_ends_the_run(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    network = make_network(labels=(2,))
    trainer = Trainer(network, random_dataset(), None, make_config())
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))  # type: ignore[operator, union-attr]
    with pytest.raises(RunError, match="`learning_rate`"):
        for _ in range(20):
            trainer.step()
    assert trainer.state.t == MAX_SKIPS


def test_state_of_new_run(make_network: Maker, random_dataset: Datasets, make_config: Configs) -> None:
    trainer = Trainer(make_network(labels=(2,)), random_dataset(), None, make_config())
    assert trainer.state == TrainerState(decay=Decay(8, 20))
