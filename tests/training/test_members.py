import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqforge.dataset import Dataset
from seqforge.network import Members, Network, log_probabilities
from seqforge.training import Batches, Trainer, TrainingConfig, evaluate_batches

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]


def steps(trainer: Trainer, count: int) -> Trainer:
    for _ in range(count):
        trainer.step()
    return trainer


@pytest.mark.parametrize("accumulate", [1, 2])
def test_first_member_is_trained_as_if_alone(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, accumulate: int
) -> None:
    config = make_config(dropout=0.2, recurrent_dropout=0.1, grad_clip=0.05, accumulate=accumulate)
    dataset = random_dataset()
    networks = [make_network(labels=(2,), layers=2, seed=seed) for seed in (0, 7, 8)]
    together = steps(Trainer(Members(networks), dataset, None, config), 6)
    alone = steps(Trainer(make_network(labels=(2,), layers=2, seed=0), dataset, None, config), 6)
    tensors = together.tensors()
    for name, value in alone.optimiser.tensors().items():
        kind, rest = name.split(".", 1) if not name.startswith("adam.") else (name.rsplit(".", 1)[0], "")
        if kind in ("weights", "ema"):
            assert torch.equal(value, tensors[f"{kind}.members.0.{rest}"]), name
    assert not torch.equal(networks[1].head.bias, networks[2].head.bias)  # type: ignore[arg-type]


def test_members_are_averaged_as_probabilities(make_network: Maker, random_dataset: Datasets) -> None:
    dataset = random_dataset()
    networks = [make_network(labels=(2,), seed=seed) for seed in (0, 1, 2)]
    batch = Batches(dataset, rows=3, length=8, seed=None)[0]
    losses, state = Members(networks).loss(batch, Members(networks).zero_state(3))
    member_losses = torch.stack([network.loss(batch, network.zero_state(3))[0] for network in networks])
    expected = torch.where(batch.weights > 0, -torch.logsumexp(-member_losses, 0) + math.log(3), torch.zeros(()))
    torch.testing.assert_close(losses, expected)
    logs, after = log_probabilities(Members(networks), batch, Members(networks).zero_state(3))
    torch.testing.assert_close(torch.logsumexp(logs, -1), torch.zeros(logs.shape[:2]), atol=1e-5, rtol=0)
    targets = batch.targets.masked_fill(batch.ends, 5)
    picked = -logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1) * batch.weights
    torch.testing.assert_close(picked, losses)
    assert len(state) == len(after) == 3


def test_average_of_equal_members_is_the_member(make_network: Maker, random_dataset: Datasets) -> None:
    batches = Batches(random_dataset(), rows=3, length=8, seed=None)
    network = make_network(labels=(2,))
    alone = evaluate_batches(network, batches)
    assert evaluate_batches(Members([network, network]), batches).nats == pytest.approx(alone.nats, rel=1e-6)


def test_resumed_members_and_teacher_are_exact(
    make_network: Maker, random_dataset: Datasets, make_config: Configs
) -> None:
    def trainer() -> Trainer:
        networks = [make_network(labels=(2,), seed=seed) for seed in (0, 1)]
        teacher = Members([make_network(labels=(2,), seed=seed, hidden=12) for seed in (3, 4)])
        config = make_config(dropout=0.2, distil_weight=0.7)
        return Trainer(Members(networks), random_dataset(), None, config, teacher=teacher)

    whole, first, second = steps(trainer(), 9), steps(trainer(), 5), trainer()
    second.restore(first.state, first.tensors())
    steps(second, 4)
    tensors: dict[str, Any] = second.tensors()
    assert tensors.keys() == whole.tensors().keys()
    for name, value in whole.tensors().items():
        assert torch.equal(value, tensors[name]), name


def test_student_approaches_its_teacher(make_network: Maker, random_dataset: Datasets, make_config: Configs) -> None:
    dataset = random_dataset()
    teacher = make_network(labels=(2,), seed=5, hidden=12, weight_scale=2.0)
    batches = Batches(dataset, rows=3, length=8, seed=None)

    def divergence(network: Network) -> float:
        batch = batches[0]
        with torch.no_grad():
            expected, _ = log_probabilities(teacher, batch, teacher.zero_state(3))
            logs, _ = log_probabilities(network, batch, network.zero_state(3))
        return float((expected.exp() * (expected - logs)).sum(-1).mean())

    results = {}
    for weight in (0.0, 1.0):
        network = make_network(labels=(2,))
        config = make_config(steps=80, learning_rate=0.02, distil_weight=weight)
        steps(Trainer(network, dataset, None, config, teacher=teacher), 80)
        results[weight] = divergence(network.eval())
    assert results[1.0] < 0.5 * divergence(make_network(labels=(2,))) and results[1.0] < 0.5 * results[0.0]
