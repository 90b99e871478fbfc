"""When the decay of the learning rate is scheduled and when a run ends: budgets and patience."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqforge.dataset import Dataset
from seqforge.network import Network
from seqforge.training import (
    Decay,
    DecayScheduled,
    Ended,
    Progress,
    Trainer,
    TrainingConfig,
    Validated,
    stopwatch,
    write_state,
)
from seqforge.training.schedule import DECAY_SHARE

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 1000])
def test_budget_of_steps_schedules_decay_in_advance(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, steps: int
) -> None:
    trainer = Trainer(make_network(labels=(2,)), random_dataset(), None, make_config(steps=steps))
    assert trainer.state.decay == Decay(steps - round(DECAY_SHARE * steps), steps)


@pytest.mark.parametrize("epochs", [0.5, 1.0, 2.0, 2.5])
def test_budget_of_epochs_is_counted_in_batches(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, epochs: float
) -> None:
    trainer = Trainer(make_network(labels=(2,)), random_dataset(), None, make_config(epochs=epochs))
    events = list(trainer.run())
    assert isinstance(events[-1], Ended)
    assert events[-1].finished
    epoch, number = trainer.batches.locate(trainer.state.t)
    batches = trainer.batches.batches_in(int(epochs))
    assert epoch == int(epochs)
    assert number / batches == pytest.approx(epochs % 1, abs=0.5 / batches + 1e-9)


def test_budget_of_minutes_schedules_decay_once_its_first_part_is_spent(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: now[0]))
    config = make_config(minutes=1.0)
    trainer = Trainer(make_network(labels=(2,)), random_dataset(), None, config)
    assert trainer.state.decay is None
    step = trainer.step

    def step_of_one_second() -> tuple[float, float]:
        now[0] += 1.0
        return step()

    monkeypatch.setattr(trainer, "step", step_of_one_second)
    events = list(trainer.run())
    (scheduled,) = [event for event in events if isinstance(event, DecayScheduled)]
    assert scheduled.first == scheduled.t == round(60 * (1 - DECAY_SHARE))
    assert scheduled.last == trainer.state.t == 60
    rates = [event.rate for event in events if isinstance(event, Progress)]
    assert rates[5 : scheduled.t] == [config.learning_rate] * (scheduled.t - 5)
    assert rates[scheduled.t :] == sorted(rates[scheduled.t :], reverse=True)
    assert rates[-1] < 0.1 * config.learning_rate
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.finished
    assert ended.minutes == pytest.approx(1.0, abs=0.05)


@pytest.fixture
def make_trainer(
    make_network: Maker,
    random_dataset: Datasets,
    make_config: Configs,
    validate_often: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Trainer]:
    """Return a function that makes a trainer whose validations, every four steps, have these losses.

    The last loss is repeated. Other arguments are those of the config.
    """

    def make(losses: Sequence[float], **values: Any) -> Trainer:
        repeated = itertools.chain(losses, itertools.repeat(losses[-1]))
        monkeypatch.setattr(Trainer, "validation_loss", lambda _, **options: next(repeated))
        return Trainer(make_network(labels=(2,)), random_dataset(), random_dataset(seed=1), make_config(**values))

    return make


@pytest.mark.parametrize(("patience", "scheduled_at", "last"), [(1, 12, 18), (3, 20, 30)])
def test_exhausted_patience_schedules_decay(
    make_trainer: Callable[..., Trainer], patience: int, scheduled_at: int, last: int
) -> None:
    trainer = make_trainer([3.0, 2.0], steps=100_000, patience=patience)  # the best is that after 8 steps
    events = list(trainer.run())
    (scheduled,) = [event for event in events if isinstance(event, DecayScheduled)]
    assert (scheduled.t, scheduled.first, scheduled.last) == (scheduled_at, scheduled_at, last)
    assert trainer.state.decay == Decay(scheduled_at, last)
    assert (trainer.state.t, trainer.state.finished) == (last, True)
    assert [event.best for event in events if isinstance(event, Validated)][:3] == [True, True, False]


def test_patience_exhausted_twice_during_decay_ends_the_run(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer([2.0, 2.5], steps=200, patience=2)
    trainer.state.decay = Decay(0, 200)
    *_, last = trainer.run()
    assert isinstance(last, Ended)
    assert (last.t, last.finished) == (20, True)  # the best at step 4, then four validations without improvement


def test_patience_zero_never_ends_the_run(make_trainer: Callable[..., Trainer]) -> None:
    *_, last = make_trainer([2.0], steps=60, patience=0).run()
    assert isinstance(last, Ended)
    assert last.t == 60


def test_loss_that_is_not_finite_is_never_the_best(tmp_path: Path, make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer([float("nan"), 2.0, float("nan"), 1.0, 3.0])
    bests = []
    for event in trainer.run():
        if isinstance(event, Validated):
            bests.append(event.best)
            write_state(tmp_path / "s", trainer.state, trainer.tensors(), {})
    assert bests == [False, True, False, True, False]
    assert trainer.state.best_loss == 1.0


def test_without_valid_split_the_last_weights_are_the_best(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    trainer = Trainer(make_network(labels=(2,)), random_dataset(), None, make_config())
    validations = [event for event in trainer.run() if isinstance(event, Validated)]
    assert [(event.t, event.best) for event in validations] == [(20, True)]
