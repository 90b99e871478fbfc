import copy
import math

import numpy as np
import pytest
import torch

from seqforge import Example
from seqforge.errors import RunError
from seqforge.evaluation import Evaluation, score_example
from seqforge.network import Network

STEPS = np.random.default_rng(1).integers(0, 7, 137).astype(np.uint8)
LABELS = np.array([2], np.int64)


def score(network: Network, steps: np.ndarray, labels: np.ndarray = LABELS, bptt: int = 512) -> Evaluation:
    return score_example(network, Example(steps), labels, float(len(steps)), "thing", bptt=bptt)


@pytest.mark.parametrize("bptt", [1, 2, 50, 137, 138, 139])
def test_score_does_not_depend_on_bptt(network: Network, bptt: int) -> None:
    assert score(network, STEPS, bptt=bptt).nats == pytest.approx(score(network, STEPS).nats, rel=1e-5)


def test_end_counts_and_start_does_not(network: Network) -> None:
    evaluation = score(network, STEPS)
    assert (evaluation.steps, evaluation.units, evaluation.pieces) == (138, 137.0, 1)
    empty = score(network, STEPS[:0])
    assert empty.steps == 1 and empty.nats > 0


def test_probabilities_of_short_pieces_sum_to_less_than_one(network: Network) -> None:
    def end(steps: list[int]) -> float:
        return math.exp(-score(network, np.array(steps, np.uint8)).nats)

    # p(end) + sum over s of p(s, end) is below 1; the rest is the probability of longer pieces
    short = end([]) + sum(end([step]) for step in range(7))
    longer = short + sum(end([a, b]) for a in range(7) for b in range(7))
    assert 0 < end([]) < short < longer < 1


def test_score_depends_on_labels(network: Network) -> None:
    assert score(network, STEPS).nats != score(network, STEPS, np.array([0], np.int64)).nats


def test_scoring_does_not_change_the_network(network: Network) -> None:
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    score(network, STEPS)
    assert network.training
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_loss_that_is_not_finite_is_an_error(network: Network) -> None:
    broken = copy.deepcopy(network)
    with torch.no_grad():
        next(broken.parameters())[:] = float("nan")
    with pytest.raises(RunError, match="not finite"):
        score(broken, STEPS)


def test_rates() -> None:
    evaluation = Evaluation("note", units=10.0, pieces=2, steps=22, nats=44.0)
    assert evaluation.nats_per_unit == 4.4 and evaluation.nats_per_step == 2.0
    assert evaluation.bits_per_unit == pytest.approx(4.4 / math.log(2))
    assert evaluation.to_json()["unit"] == "note" and evaluation.to_json()["nats"] == 44.0


def test_rates_of_empty_evaluation_are_zero() -> None:
    empty = Evaluation("note", 0.0, 0, 0, 0.0)
    assert empty.nats_per_unit == 0.0 and empty.nats_per_step == 0.0
