"""Faults of a training: what is seen, and what the trainer does about it."""

import math
from collections.abc import Callable

import pytest
import torch

from seqforge.dataset import Dataset
from seqforge.errors import RunError
from seqforge.network import Network
from seqforge.training import DecayScheduled, Diagnosed, Estimated, Trainer, TrainerState, TrainingConfig
from seqforge.training.diagnosis import (
    MAX_HALVINGS,
    MAX_SKIPS,
    STEPS_TO_SETTLE,
    corpus_problems,
    label_problem,
    observe_step,
    valid_loss_rises,
)
from seqforge.training.estimate import estimate_loss

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]


def kinds(events: object) -> list[str]:
    return [event.kind for event in events if isinstance(event, Diagnosed)]  # type: ignore[attr-defined]


def observe(state: TrainerState, loss: float, norm: float = 1.0) -> list[Diagnosed]:
    state.t += 1
    return list(observe_step(state, nats_per_position=loss, norm=norm, rate=0.01))


def test_a_step_that_is_not_finite_changes_no_weight(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(labels=(2,))
    trainer = Trainer(network, random_dataset(), None, make_config(steps=6))
    trainer.step()
    before = {name: value.clone() for name, value in trainer.tensors().items() if not name.startswith("hidden")}
    loss = network.loss

    def infinite(*arguments: object) -> object:
        losses, state = loss(*arguments)  # type: ignore[arg-type]
        return losses * math.inf, state

    monkeypatch.setattr(network, "loss", infinite)
    assert trainer.step() == (0.0, 0.0)
    after = trainer.tensors()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(not part.any() for layer in trainer.hidden_state for part in layer)
    monkeypatch.undo()
    events = list(trainer.run())
    assert (
        trainer.state.t == 6
        and trainer.state.skipped == 0
        and all(torch.isfinite(p).all() for p in network.parameters())
    )
    assert "not finite" not in kinds(events)


def test_a_network_with_nan_stops_with_the_numbers(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    network = make_network(labels=(2,))
    with torch.no_grad():
        network.head.bias[0] = math.nan  # type: ignore[index,operator]
    trainer = Trainer(network, random_dataset(), None, make_config(steps=100))
    events: list[object] = []
    with pytest.raises(RunError, match="not finite"):
        events.extend(trainer.run())
    assert trainer.state.t == trainer.state.skipped == MAX_SKIPS
    assert trainer.state.rate_share == 0.5**3
    assert kinds(events).count("not finite") == 4  # the first, and each time the rate is halved


def test_a_loss_that_diverges_halves_the_rate_and_then_stops() -> None:
    state = TrainerState()
    for _ in range(2 * STEPS_TO_SETTLE):
        assert not observe(state, 2.0)
    seen: list[Diagnosed] = []
    while not seen:
        seen = observe(state, 6.0)
    assert seen[0].kind == "divergence" and state.rate_share == 0.5
    assert state.t < 2 * STEPS_TO_SETTLE + 40
    level = 6.0
    with pytest.raises(RunError):
        for _ in range((MAX_HALVINGS + 1) * 2 * STEPS_TO_SETTLE):
            level *= 1.02
            observe(state, level)
    assert state.rate_share == 0.5**MAX_HALVINGS


def test_ordinary_noise_is_no_divergence() -> None:
    state, generator = TrainerState(), torch.Generator().manual_seed(0)
    for t in range(2000):
        noise = torch.randn(2, generator=generator).tolist()
        spike = 4.0 if t % 97 == 0 else 0.0
        assert not observe(state, 1.5 + 2.0 * (t + 1) ** -0.3 + 0.3 * noise[0] + spike, math.exp(noise[1]))
    assert state.rate_share == 1.0


def test_exploding_gradients_are_reported_rarely() -> None:
    state = TrainerState()
    for _ in range(STEPS_TO_SETTLE):
        assert not observe(state, 2.0)
    reported = [bool(observe(state, 2.0, norm=500.0)) for _ in range(20)]
    assert [number for number, value in enumerate(reported, 1) if value] == [1, 10]
    assert state.explosions == 20 and not observe(state, 2.0)


def test_a_valid_loss_that_rises_from_the_start_starts_the_decay(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, validate_often: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    data = random_dataset()
    trainer = Trainer(make_network(labels=(2,)), data, data, make_config(minutes=1000.0))
    losses = iter([1.0, 1.1, 1.2, 1.3])
    monkeypatch.setattr(trainer, "validation_loss", lambda **_: next(losses, 1.4))
    trainer.stop_at = 20
    events = list(trainer.run())
    numbers = {event.kind: number for number, event in enumerate(events) if isinstance(event, Diagnosed)}
    decay = events[numbers["valid loss"] + 1]
    assert isinstance(decay, DecayScheduled) and (decay.first, decay.last) == (16, 24)


def test_a_valid_loss_that_falls_first_is_ordinary() -> None:
    state = TrainerState(bad_validations=3, first_losses=[1.0, 0.9, 1.1, 1.2])
    assert not list(valid_loss_rises(state))


def test_faults_of_a_corpus(make_dataset: Datasets) -> None:
    pieces = [[1, 2, 3]] * 3
    labels = {"key": ("C", "D"), "name": ("a", "b", "c"), "mode": ("x", "y")}
    values = [
        {"key": "C", "name": "a", "mode": "x"},
        {"key": "C", "name": "b", "mode": "y"},
        {"key": "C", "name": "c", "mode": "x"},
    ]
    data = make_dataset(pieces, labels=labels, piece_labels=values)
    seen = list(corpus_problems(data, data, parameters=1000))
    assert kinds(seen) == ["corpus", "corpus", "labels", "labels"]
    assert "'key'" in seen[2].message and "'name'" in seen[3].message
    large = make_dataset([[1, 2, 3, 4] * 300], labels={})
    assert not list(corpus_problems(large, large, parameters=1000))
    assert not list(corpus_problems(large, None, parameters=1000))


def test_labels_that_hardly_matter() -> None:
    assert kinds(label_problem(TrainerState(), with_labels=1.4999, without_labels=1.5)) == ["labels"]
    assert not list(label_problem(TrainerState(), with_labels=1.4, without_labels=1.5))


def test_labels_are_judged_at_the_end(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, validate_often: None
) -> None:
    data = random_dataset()  # the labels are random
    trainer = Trainer(make_network(labels=(2,)), data, data, make_config(learning_rate=1e-4))
    with torch.no_grad():
        trainer.network.conditioning.embeddings[0].zero_()
    assert "labels" in kinds(list(trainer.run()))


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
def test_a_power_law_is_continued(exponent: float) -> None:
    points = [(float(x), 1.3 + 2.0 * x**-exponent) for x in range(1, 9)]
    expected = 1.3 + 2.0 * 20**-exponent
    assert estimate_loss(points, 20.0) == pytest.approx(expected, abs=0.02)


def test_no_estimate_without_enough_losses_or_a_fall() -> None:
    assert estimate_loss([(1.0, 2.0), (2.0, 1.9)], 10.0) is None
    assert estimate_loss([(float(x), 1.0 + 0.1 * x) for x in range(1, 9)], 20.0) is None


def test_estimates_are_yielded_after_validations(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, validate_often: None
) -> None:
    data = random_dataset()
    trainer = Trainer(make_network(labels=(2,)), data, data, make_config(steps=60, learning_rate=0.01))
    estimates = [event for event in trainer.run() if isinstance(event, Estimated)]
    assert estimates and {(e.amount, e.budget) for e in estimates} == {(60.0, "steps")}
    assert all(20 <= estimate.t < 54 for estimate in estimates)
