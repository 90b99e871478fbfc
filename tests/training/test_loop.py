import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.errors import DamagedFileError
from seqforge.network import Dropout, Network
from seqforge.training import (
    Budget,
    Decay,
    DecayScheduled,
    Ended,
    Event,
    Progress,
    Trainer,
    TrainerState,
    TrainingConfig,
    Validated,
    exact_likelihood,
    loop,
    read_state,
    write_state,
)
from seqforge.training.schedule import DECAY_SHARE

Maker, Datasets = Callable[..., Network], Callable[..., Dataset]
EVERYWHERE = Dropout(input=0.1, between=0.2, output=0.3, recurrent=0.2, labels=0.4)
LABELS = {"key": ("C", "D")}


def some_pieces(make_dataset: Datasets, *, seed: int = 0, count: int = 16) -> Dataset:
    rng = np.random.default_rng(seed)
    pieces = [rng.integers(0, 5, n).tolist() for n in [*rng.integers(0, 9, count).tolist(), 50]]
    chosen = [{"key": "CD"[n]} for n in rng.integers(0, 2, len(pieces))]
    return make_dataset(pieces, labels=LABELS, chosen=chosen)


def config_for(**values: Any) -> TrainingConfig:
    given: dict[str, Any] = {
        "budget": Budget(20.0, "steps"), "batch_size": 3, "window": 8, "warmup": 3, "average": 5,
        "precision": "float32", **values,
    }  # fmt: skip
    return TrainingConfig(**given)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "_validate_every", lambda _: 4)


def shifted(example: Example, rng: np.random.Generator) -> Example:
    by = int(rng.integers(0, 5))
    return dataclasses.replace(example, steps=((example.steps.astype(int) + by) % 5).astype(np.uint8))


def everything(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.tensors().items()}


def standing_of(trainer: Trainer) -> dict[str, Any]:
    return {**dataclasses.asdict(trainer.state), "seconds": None}


# -- resuming -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dropout", [Dropout(), EVERYWHERE], ids=["", "dropout"])
@pytest.mark.parametrize("average", [0, 5])
def test_twenty_steps_are_twelve_and_eight_resumed_to_the_bit(
    tmp_path: Path,
    make_network: Maker,
    make_dataset: Datasets,
    looks_often: None,
    kind: str,
    dropout: Dropout,
    average: int,
) -> None:
    train, valid = some_pieces(make_dataset), some_pieces(make_dataset, seed=1, count=4)
    config = config_for(dropout=dropout, average=average)

    def fresh(seed: int) -> Trainer:
        return Trainer(make_network(cell=kind, layers=2, labels=(2,), seed=seed), train, valid, config)

    through = fresh(0)
    before = everything(through)
    events = list(through.run())
    assert through.state.finished
    assert through.batches.place(19)[0] >= 2, "the run passes over its pieces several times"

    halted = fresh(0)
    halted.stop_at = 12
    first = list(halted.run())
    assert halted.state.t == 12
    write_state(tmp_path / "s", halted.state, halted.tensors(), {})
    resumed = fresh(7)
    standing, tensors, _ = read_state(tmp_path / "s")
    resumed.restore(standing, tensors)
    second = list(resumed.run())

    assert standing_of(resumed) == standing_of(through)
    expected, found = everything(through), everything(resumed)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert any(not torch.equal(expected[name], before[name]) for name in before)
    assert resumed.measure() == through.measure()
    looked = [
        [(e.t, e.nats_per_unit, e.best) for e in some if isinstance(e, Validated)]
        for some in (events, [*first, *second])
    ]
    assert looked[0] == looked[1]
    assert [t for t, *_ in looked[0]] == [4, 8, 12, 16, 20]


def test_augmentation_and_bfloat16_resume_to_the_bit(make_network: Maker, make_dataset: Datasets) -> None:
    train = some_pieces(make_dataset)
    config = config_for(dropout=EVERYWHERE, precision="bfloat16")

    def fresh(seed: int) -> Trainer:
        return Trainer(make_network(layers=2, labels=(2,), seed=seed), train, None, config, augment=shifted)

    through, halted, resumed = fresh(0), fresh(0), fresh(1)
    list(through.run())
    for _ in range(7):
        halted.step()
    resumed.restore(dataclasses.replace(halted.state), everything(halted))
    list(resumed.run())
    assert all(torch.equal(everything(resumed)[name], value) for name, value in everything(through).items())
    assert {value.dtype for value in everything(through).values()} == {torch.float32}


def test_a_state_of_before_the_first_step_can_be_resumed(make_network: Maker, make_dataset: Datasets) -> None:
    train = some_pieces(make_dataset)
    one = Trainer(make_network(labels=(2,)), train, None, config_for())
    other = Trainer(make_network(labels=(2,), seed=3), train, None, config_for())
    other.restore(dataclasses.replace(one.state), everything(one))
    list(one.run())
    list(other.run())
    assert all(torch.equal(everything(other)[name], value) for name, value in everything(one).items())


def test_a_run_that_is_asked_to_stop_stops_after_its_step_and_can_go_on(
    make_network: Maker, make_dataset: Datasets, looks_often: None
) -> None:
    train = some_pieces(make_dataset)
    through = Trainer(make_network(labels=(2,)), train, None, config_for())
    list(through.run())
    trainer = Trainer(make_network(labels=(2,)), train, None, config_for())
    seen: list[Event] = []
    for event in trainer.run():
        seen.append(event)
        trainer.stop_requested = isinstance(event, Validated)
    assert seen[-1] == Ended(4, False, seen[-1].minutes)  # type: ignore[union-attr]
    trainer.stop_requested = False
    *_, last = trainer.run()
    assert last == Ended(20, True, last.minutes)  # type: ignore[union-attr]
    assert all(torch.equal(everything(trainer)[name], value) for name, value in everything(through).items())


@pytest.mark.parametrize(
    "name",
    [
        "weights.head.embedding", "average.head.bias", "adam.step.head.embedding", "adam.exp_avg.head.embedding",
        "adam.exp_avg_sq.start", "lanes.0.1", "lanes.1.0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", [None, torch.zeros(3, 3, 3), torch.zeros(0)], ids=["missing", "3x3x3", "empty"])
def test_a_state_that_does_not_fit_is_refused(
    make_network: Maker, make_dataset: Datasets, name: str, other: Tensor | None
) -> None:
    def fresh() -> Trainer:
        return Trainer(make_network(layers=2, labels=(2,)), some_pieces(make_dataset), None, config_for())

    trainer = fresh()
    for _ in range(3):
        trainer.step()
    tensors = everything(trainer)
    assert name in tensors
    if other is None:
        del tensors[name]
    else:
        tensors[name] = other
    with pytest.raises(DamagedFileError, match="does not fit this run"):
        fresh().restore(dataclasses.replace(trainer.state), tensors)


@pytest.mark.parametrize("shape", [{"hidden": 9}, {"layers": 2}, {"cell": "gru"}, {"tie_embeddings": False}], ids=str)
def test_the_state_of_another_network_is_refused(
    make_network: Maker, make_dataset: Datasets, shape: dict[str, Any]
) -> None:
    train = some_pieces(make_dataset)
    one = Trainer(make_network(labels=(2,)), train, None, config_for())
    one.step()
    other = Trainer(make_network(labels=(2,), **shape), train, None, config_for())
    with pytest.raises(DamagedFileError, match="does not fit this run"):
        other.restore(one.state, everything(one))


# -- the schedule ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 1000])
def test_a_budget_in_steps_places_the_decay_at_once(make_network: Maker, make_dataset: Datasets, steps: int) -> None:
    config = config_for(budget=Budget(float(steps), "steps"))
    trainer = Trainer(make_network(labels=(2,)), some_pieces(make_dataset), None, config)
    assert trainer.state.decay == Decay(steps - round(DECAY_SHARE * steps), steps)


@pytest.mark.parametrize("epochs", [0.5, 1.0, 2.0, 2.5])
def test_a_budget_in_epochs_is_counted_in_windows(make_network: Maker, make_dataset: Datasets, epochs: float) -> None:
    config = config_for(epochs=epochs)
    trainer = Trainer(make_network(labels=(2,)), some_pieces(make_dataset), None, config)
    events = list(trainer.run())
    steps = trainer.state.t
    assert isinstance(events[-1], Ended)
    assert events[-1].finished
    place = trainer.batches.place(steps)
    assert place[0] == int(epochs)
    share = place[1] / trainer.batches.windows_in(int(epochs))
    assert share == pytest.approx(epochs % 1, abs=0.5 / trainer.batches.windows_in(int(epochs)) + 1e-9)


def test_a_budget_in_minutes_keeps_the_rate_until_its_part_is_spent(
    make_network: Maker, make_dataset: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    config = config_for(minutes=1.0)
    trainer = Trainer(make_network(labels=(2,)), some_pieces(make_dataset), None, config)
    assert trainer.state.decay is None
    step = trainer.step

    def slow() -> tuple[float, float]:
        now[0] += 1.0
        return step()

    monkeypatch.setattr(trainer, "step", slow)
    events = list(trainer.run())
    (placed,) = [event for event in events if isinstance(event, DecayScheduled)]
    assert placed.first == placed.t == round(60 * (1 - DECAY_SHARE))
    assert placed.last == trainer.state.t == 60
    rates = [event.rate for event in events if isinstance(event, Progress)]
    assert rates[5 : placed.t] == [config.learning_rate] * (placed.t - 5)
    assert rates[placed.t :] == sorted(rates[placed.t :], reverse=True)
    assert rates[-1] < 0.1 * config.learning_rate
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.finished
    assert ended.minutes == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("patience", "placed_at", "ends"), [(1, 12, 18), (3, 20, 30)])
def test_losing_patience_places_the_decay_and_then_ends_the_run(
    make_network: Maker,
    make_dataset: Datasets,
    looks_often: None,
    monkeypatch: pytest.MonkeyPatch,
    patience: int,
    placed_at: int,
    ends: int,
) -> None:
    losses = iter([3.0, 2.0, *[2.0] * 1000])  # looked at after 4, 8 (the best), 12, 16, ... steps
    monkeypatch.setattr(Trainer, "measure", lambda _: next(losses))
    train, valid = some_pieces(make_dataset), some_pieces(make_dataset, seed=1)
    config = config_for(steps=100_000.0, patience=patience)
    trainer = Trainer(make_network(labels=(2,)), train, valid, config)
    events = list(trainer.run())
    (placed,) = [event for event in events if isinstance(event, DecayScheduled)]
    assert (placed.t, placed.first, placed.last) == (placed_at, placed_at, ends)
    assert trainer.state.decay == Decay(placed_at, ends)
    assert (trainer.state.t, trainer.state.finished) == (ends, True)
    assert [event.best for event in events if isinstance(event, Validated)][:3] == [True, True, False]


def test_patience_lost_twice_over_in_the_decay_ends_the_run(
    make_network: Maker, make_dataset: Datasets, looks_often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([2.0, *[2.5] * 1000])
    monkeypatch.setattr(Trainer, "measure", lambda _: next(losses))
    train, valid = some_pieces(make_dataset), some_pieces(make_dataset, seed=1)
    config = config_for(steps=200.0, patience=2)
    trainer = Trainer(make_network(labels=(2,)), train, valid, config)
    trainer.state.decay = Decay(0, 200)
    *_, last = trainer.run()
    assert isinstance(last, Ended)
    assert (last.t, last.finished) == (20, True)  # the best at 4, four more in vain


def test_without_patience_a_run_goes_on(
    make_network: Maker, make_dataset: Datasets, looks_often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "measure", lambda _: 2.0)
    train, valid = some_pieces(make_dataset), some_pieces(make_dataset, seed=1)
    config = config_for(steps=60.0, patience=0)
    *_, last = Trainer(make_network(labels=(2,)), train, valid, config).run()
    assert isinstance(last, Ended)
    assert last.t == 60


def test_a_loss_that_is_not_a_number_is_never_the_best(
    tmp_path: Path, make_network: Maker, make_dataset: Datasets, looks_often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([float("nan"), 2.0, float("nan"), 1.0, 3.0])
    monkeypatch.setattr(Trainer, "measure", lambda _: next(losses))
    train, valid = some_pieces(make_dataset), some_pieces(make_dataset, seed=1)
    trainer = Trainer(make_network(labels=(2,)), train, valid, config_for())
    bests = []
    for event in trainer.run():
        if isinstance(event, Validated):
            bests.append(event.best)
            write_state(tmp_path / "s", trainer.state, trainer.tensors(), {})
    assert bests == [False, True, False, True, False]
    assert trainer.state.best == 1.0


def test_without_a_valid_split_the_last_weights_are_the_best(make_network: Maker, make_dataset: Datasets) -> None:
    trainer = Trainer(make_network(labels=(2,)), some_pieces(make_dataset), None, config_for())
    looked = [event for event in trainer.run() if isinstance(event, Validated)]
    assert [(event.t, event.best) for event in looked] == [(20, True)]


# -- learning -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_pattern_is_learned(make_network: Maker, make_dataset: Datasets, kind: str) -> None:
    pieces = [[0, 1, 2, 3, 4] * n for n in (2, 3, 4) for _ in range(12)]
    train = make_dataset(pieces)
    network = make_network(cell=kind, hidden=16, embedding=16, weight_scale=0.5)
    before = exact_likelihood(network, train).nats_per_position
    config = config_for(steps=60.0, batch_size=8, window=16, learning_rate=0.03)
    trainer = Trainer(network, train, train, config)
    events = list(trainer.run())
    with trainer.kept_weights():
        after = exact_likelihood(network, train).nats_per_position
    assert before > 1.2
    assert after < 0.25
    last = [event for event in events if isinstance(event, Validated)][-1]
    assert last.nats_per_unit == pytest.approx(trainer.measure() / trainer.valid_units_per_row)
    assert trainer.state.best == pytest.approx(after, rel=0.05)


def test_losses_are_reported_per_natural_unit(make_network: Maker, make_dataset: Datasets, looks_often: None) -> None:
    pieces = [[1, 2, 3]] * 20  # 80 rows of half a unit
    one = make_dataset(pieces, units=[2.0] * 20)
    trainer = Trainer(make_network(), one, one, config_for(steps=4.0))
    assert trainer.units_per_row == pytest.approx(0.5)
    events = list(trainer.run())
    looked = next(event for event in events if isinstance(event, Validated))
    assert looked.nats_per_unit == pytest.approx(2 * trainer.measure())
    shown = [event for event in events if isinstance(event, Progress)][-1]
    assert (shown.t, shown.last) == (4, 4)
    assert 1.0 < shown.nats_per_unit / 2 < 4.0


def test_the_first_loss_is_that_of_the_untrained_network(make_network: Maker, make_dataset: Datasets) -> None:
    train = some_pieces(make_dataset)
    network = make_network(labels=(2,))
    trainer = Trainer(network, train, None, config_for())
    with torch.no_grad():
        expected = network.loss(trainer.batches[0], network.zero_state(len(trainer.batches.mine)))[0].sum().item()
    nats, rows = trainer.step()
    assert nats == pytest.approx(expected, rel=1e-5)
    assert rows == trainer.batches[0].weights.sum().item()


def test_the_state_is_carried_from_window_to_window_and_emptied_at_an_epoch(
    make_network: Maker, make_dataset: Datasets
) -> None:
    train = some_pieces(make_dataset)
    network = make_network(labels=(2,))
    trainer = Trainer(network, train, None, config_for(learning_rate=1e-30, weight_decay=0.0, average=0))
    state = network.zero_state(len(trainer.batches.mine))
    for t in range(14):
        if trainer.batches.place(t)[1] == 0:
            state = network.zero_state(len(trainer.batches.mine))
        with torch.no_grad():
            losses, state = network.loss(trainer.batches[t], state)
        assert trainer.step()[0] == pytest.approx(losses.sum().item(), rel=1e-5)
        assert all(not part.requires_grad for layer in trainer.hidden_state for part in layer)


def test_the_weights_come_back_after_a_look_at_those_kept(make_network: Maker, make_dataset: Datasets) -> None:
    network = make_network(labels=(2,))
    trainer = Trainer(network, some_pieces(make_dataset), None, config_for())
    trainer.step()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    with pytest.raises(KeyboardInterrupt), trainer.kept_weights():
        kept = {name: p.detach().clone() for name, p in network.named_parameters()}
        raise KeyboardInterrupt
    after = {name: p.detach() for name, p in network.named_parameters()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert any(not torch.equal(kept[name], value) for name, value in before.items())


def test_a_fresh_run_stands_at_the_beginning(make_network: Maker, make_dataset: Datasets) -> None:
    trainer = Trainer(make_network(labels=(2,)), some_pieces(make_dataset), None, config_for())
    assert trainer.state == TrainerState(decay=Decay(8, 20))
