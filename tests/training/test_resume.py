"""Resuming a training is exact: the same steps with and without interruption give the same bits."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.errors import DamagedFileError
from seqforge.network import Network
from seqforge.training import Ended, Event, Trainer, TrainingConfig, Validated, read_state, write_state

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]
ALL_DROPOUT = {
    "input_dropout": 0.1, "dropout": 0.2, "output_dropout": 0.3, "recurrent_dropout": 0.2, "label_dropout": 0.4,
}  # fmt: skip


def transpose(example: Example, rng: np.random.Generator) -> Example:
    shift = int(rng.integers(0, 5))
    return dataclasses.replace(example, steps=((example.steps.astype(int) + shift) % 5).astype(np.uint8))


def copy_tensors(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.tensors().items()}


def numbers_of(trainer: Trainer) -> dict[str, Any]:
    return {**dataclasses.asdict(trainer.state), "seconds": None}


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dropout", [{}, ALL_DROPOUT], ids=["", "dropout"])
@pytest.mark.parametrize("ema", [0, 5])
def test_twelve_steps_and_eight_resumed_steps_equal_twenty(
    tmp_path: Path,
    make_network: Maker,
    random_dataset: Datasets,
    make_config: Configs,
    validate_often: None,
    kind: str,
    dropout: dict[str, float],
    ema: int,
) -> None:
    train, valid = random_dataset(), random_dataset(seed=1, count=4)
    config = make_config(**dropout, ema=ema)

    def new_trainer(seed: int) -> Trainer:
        return Trainer(make_network(cell=kind, layers=2, labels=(2,), seed=seed), train, valid, config)

    uninterrupted = new_trainer(0)
    before = copy_tensors(uninterrupted)
    events = list(uninterrupted.run())
    assert uninterrupted.state.finished
    assert uninterrupted.batches.locate(19)[0] >= 2, "the run must take several epochs"

    interrupted = new_trainer(0)
    interrupted.stop_at = 12
    first_events = list(interrupted.run())
    assert interrupted.state.t == 12
    write_state(tmp_path / "s", interrupted.state, interrupted.tensors(), {})
    resumed = new_trainer(7)
    state, tensors, _ = read_state(tmp_path / "s")
    resumed.restore(state, tensors)
    second_events = list(resumed.run())

    assert numbers_of(resumed) == numbers_of(uninterrupted)
    expected, result = copy_tensors(uninterrupted), copy_tensors(resumed)
    assert result.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(result[name], value), name
    assert any(not torch.equal(expected[name], before[name]) for name in before)
    assert resumed.validation_loss() == uninterrupted.validation_loss()
    validations = [
        [(event.t, event.nats_per_unit, event.best) for event in stream if isinstance(event, Validated)]
        for stream in (events, [*first_events, *second_events])
    ]
    assert validations[0] == validations[1]
    assert [t for t, *_ in validations[0]] == [4, 8, 12, 16, 20]


def test_resume_is_exact_with_augmentation_and_bfloat16(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    train = random_dataset()
    config = make_config(**ALL_DROPOUT, precision="bfloat16")

    def new_trainer(seed: int) -> Trainer:
        return Trainer(make_network(layers=2, labels=(2,), seed=seed), train, None, config, augment=transpose)

    uninterrupted, interrupted, resumed = new_trainer(0), new_trainer(0), new_trainer(1)
    list(uninterrupted.run())
    for _ in range(7):
        interrupted.step()
    resumed.restore(dataclasses.replace(interrupted.state), copy_tensors(interrupted))
    list(resumed.run())
    expected, result = copy_tensors(uninterrupted), copy_tensors(resumed)
    assert all(torch.equal(result[name], value) for name, value in expected.items())
    assert {value.dtype for value in expected.values()} == {torch.float32}


def test_resume_is_exact_for_a_network_that_looks_back(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, period_of_four: Places
) -> None:
    train, valid = random_dataset(), random_dataset(seed=1, count=4)

    def new_trainer(seed: int) -> Trainer:
        network = make_network(labels=(2,), seed=seed, lookback=4, distances=(1, 2))
        network.history = AlignedHistory(period_of_four, (1, 2))
        return Trainer(network, train, valid, make_config(**ALL_DROPOUT), augment=transpose)

    uninterrupted, interrupted, resumed = new_trainer(0), new_trainer(0), new_trainer(1)
    before = copy_tensors(uninterrupted)
    list(uninterrupted.run())
    for _ in range(12):
        interrupted.step()
    resumed.restore(dataclasses.replace(interrupted.state), copy_tensors(interrupted))
    list(resumed.run())
    expected, result = copy_tensors(uninterrupted), copy_tensors(resumed)
    assert all(torch.equal(result[name], value) for name, value in expected.items())
    learnt = [name for name in before if "references" in name and not torch.equal(expected[name], before[name])]
    assert {name.rpartition(".")[2] for name in learnt} == {"steps", "agreements"}


def test_state_before_first_step_can_be_resumed(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    train = random_dataset()
    one = Trainer(make_network(labels=(2,)), train, None, make_config())
    two = Trainer(make_network(labels=(2,), seed=3), train, None, make_config())
    two.restore(dataclasses.replace(one.state), copy_tensors(one))
    list(one.run())
    list(two.run())
    assert all(torch.equal(copy_tensors(two)[name], value) for name, value in copy_tensors(one).items())


def test_requested_stop_ends_after_the_step_and_can_be_continued(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, validate_often: None
) -> None:
    train = random_dataset()
    uninterrupted = Trainer(make_network(labels=(2,)), train, None, make_config())
    list(uninterrupted.run())
    trainer = Trainer(make_network(labels=(2,)), train, None, make_config())
    events: list[Event] = []
    for event in trainer.run():
        events.append(event)
        trainer.stop_requested = isinstance(event, Validated)
    assert events[-1] == Ended(4, False, events[-1].minutes)  # type: ignore[union-attr]
    trainer.stop_requested = False
    *_, last = trainer.run()
    assert last == Ended(20, True, last.minutes)  # type: ignore[union-attr]
    expected, result = copy_tensors(uninterrupted), copy_tensors(trainer)
    assert all(torch.equal(result[name], value) for name, value in expected.items())


@pytest.mark.parametrize(
    "name",
    [
        "weights.head.embedding", "ema.head.bias", "adam.step.head.embedding", "adam.exp_avg.head.embedding",
        "adam.exp_avg_sq.start_weight", "hidden.0.1", "hidden.1.0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", [None, torch.zeros(3, 3, 3), torch.zeros(0)], ids=["missing", "3x3x3", "empty"])
def test_state_with_missing_or_wrong_tensor_is_rejected(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, name: str, other: Tensor | None
) -> None:
    def new_trainer() -> Trainer:
        return Trainer(make_network(layers=2, labels=(2,)), random_dataset(), None, make_config())

    trainer = new_trainer()
    for _ in range(3):
        trainer.step()
    tensors = copy_tensors(trainer)
    assert name in tensors
    if other is None:
        del tensors[name]
    else:
        tensors[name] = other
    with pytest.raises(DamagedFileError, match="does not fit this run"):
        new_trainer().restore(dataclasses.replace(trainer.state), tensors)


@pytest.mark.parametrize("shape", [{"hidden": 9}, {"layers": 2}, {"cell": "gru"}, {"tie_embeddings": False}], ids=str)
def test_state_of_other_network_is_rejected(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, shape: dict[str, Any]
) -> None:
    train = random_dataset()
    trainer = Trainer(make_network(labels=(2,)), train, None, make_config())
    trainer.step()
    other = Trainer(make_network(labels=(2,), **shape), train, None, make_config())
    with pytest.raises(DamagedFileError, match="does not fit this run"):
        other.restore(trainer.state, copy_tensors(trainer))
