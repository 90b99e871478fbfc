"""The first steps of a piece, drawn jointly: they follow the network's distribution given what is fixed among them."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.errors import ContractError
from seqforge.inference import NetworkWeights
from seqforge.network import Network, example_batch
from seqforge.sampling import Conditions, Controls, Engine, Ensemble, Limits, Sampler, joint

NetworkFactory = Callable[..., Network]
SIZE, DEPTH = 5, 3
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


class ThirdIsOne(Constraint):
    """Two symbols, the second above 0, then symbol 1, then any symbols up to 6 in all."""

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Any) -> np.ndarray:
        steps = np.arange(SIZE)
        return (state < 6) & (steps > 0 if state == 1 else steps == 1 if state == 2 else steps >= 0)

    def may_end(self, state: Any) -> bool:
        return bool(state >= DEPTH)

    def to_end(self, state: Any) -> int:
        return max(0, DEPTH - int(state))

    def advance(self, state: Any, step: Any) -> Hashable:
        return int(state) + 1


def make_sampler(network: Network, *, joint_steps: int = DEPTH, **controls: Any) -> Sampler:
    prompt = Prompt(Example(np.zeros(0, np.uint8)), ThirdIsOne(), joint_steps=joint_steps)
    return Sampler(
        Engine(NetworkWeights.from_network(network)), prompt, NO_CONDITIONS, controls=Controls(**controls),
        limits=Limits(), units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip


def log_probabilities(network: Network, steps: np.ndarray) -> np.ndarray:
    """Return the log-probabilities of sequence mode: row r is after r steps."""
    batch = example_batch(Example(steps), NO_CONDITIONS.labels, NO_CONDITIONS.features, 0)
    with torch.no_grad():
        rows: np.ndarray = network(batch, network.zero_state(1))[0][:, 0].double().log_softmax(-1).numpy()
    return rows


def conditional(network: Network) -> dict[tuple[int, ...], float]:
    """Return the probability of each first three steps given the constraint, computed in sequence mode."""
    probabilities = {}
    for first in range(SIZE):
        for second in range(1, SIZE):
            steps = [first, second, 1]
            rows = np.exp(log_probabilities(network, np.array(steps, np.uint8)))
            probabilities[tuple(steps)] = float(np.prod([rows[position, step] for position, step in enumerate(steps)]))
    total = sum(probabilities.values())
    return {steps: probability / total for steps, probability in probabilities.items()}


@pytest.fixture
def network(make_network: NetworkFactory) -> Network:
    return make_network(seed=3, weight_scale=6.0)


def test_the_distribution_is_the_networks_distribution_given_the_constraint(network: Network) -> None:
    expected = conditional(network)
    joint_steps = make_sampler(network).joint
    assert joint_steps is not None
    sequences = [tuple(row) for row in joint_steps.sequences.tolist()]
    probabilities = np.exp(joint_steps.log_probabilities - joint_steps.log_total)
    for steps, probability in zip(sequences, probabilities, strict=True):
        assert probability == pytest.approx(expected[steps], abs=2 * joint.MAX_MISSING)
    assert sum(expected[steps] for steps in sequences) >= 1 - 2 * joint.MAX_MISSING


def test_samples_follow_the_distribution(network: Network) -> None:
    n = 3000
    samples = list(make_sampler(network).samples(range(n), seed=0))
    expected = conditional(network)
    frequencies = dict.fromkeys(expected, 0.0)
    for sample in samples:
        frequencies[tuple(sample.steps[:DEPTH].tolist())] += 1 / n
    assert sum(abs(frequencies[steps] - expected[steps]) for steps in expected) / 2 < 0.05


def test_an_improbable_demand_is_met_exactly(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "MIN_LOG_PROBABILITIES", (0.0, -float("inf")))  # nothing is above the first number
    joint_steps = make_sampler(network).joint
    assert joint_steps is not None and len(joint_steps.sequences) == SIZE * (SIZE - 1)


def test_sample_k_does_not_depend_on_the_number_of_samples_or_rows(network: Network) -> None:
    few = {s.k: s.steps.tolist() for s in make_sampler(network).samples(range(3), seed=7)}
    many = {s.k: s.steps.tolist() for s in make_sampler(network).samples(range(80), seed=7, rows=5)}
    assert few == {k: many[k] for k in few}
    assert len({tuple(steps) for steps in many.values()}) > 10


def test_the_scores_are_those_of_the_network_and_the_weight_is_constant(network: Network) -> None:
    sampler = make_sampler(network, joint_steps=DEPTH)
    assert sampler.joint is not None
    for sample in sampler.samples(range(5), seed=1):
        rows = log_probabilities(network, sample.steps)
        expected = [rows[position, step] for position, step in enumerate([*sample.steps.tolist(), SIZE])]
        assert np.allclose(sample.scores, expected, atol=1e-4)
        if len(sample.steps) == DEPTH:  # what follows may be any symbol or the end
            assert sample.log_allowed == pytest.approx(sampler.joint.log_total)


def test_the_controls_apply_to_the_whole_sequence(network: Network) -> None:
    expected = conditional(network)
    best = max(expected, key=lambda steps: expected[steps])
    for controls in ({"greedy": True}, {"temperature": 0.0}, {"top_k": 1}):
        [sample] = make_sampler(network, **controls).samples(range(1), seed=0)
        assert tuple(sample.steps[:DEPTH].tolist()) == best
    banned = best[1]
    for sample in make_sampler(network, ban=(banned,)).samples(range(20), seed=0):
        assert banned == 1 or banned not in sample.steps[:DEPTH]
    [forced] = make_sampler(network, force=(4, 4)).samples(range(1), seed=0)
    assert forced.steps[:3].tolist() == [4, 4, 1]


def test_an_ensemble_draws_jointly(network: Network, make_network: NetworkFactory) -> None:
    networks = (network, make_network(seed=4, weight_scale=6.0))
    ensemble = Ensemble([Engine(NetworkWeights.from_network(member)) for member in networks])
    prompt = Prompt(Example(np.zeros(0, np.uint8)), ThirdIsOne(), joint_steps=DEPTH)
    sampler = Sampler(
        ensemble, prompt, NO_CONDITIONS, controls=Controls(), limits=Limits(), units=lambda s: np.ones(len(s))
    )
    assert all(sample.steps[2] == 1 for sample in sampler.samples(range(4), seed=0))


def test_too_many_sequences_are_an_error(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "MAX_SEQUENCES", 3)
    monkeypatch.setattr(joint, "MIN_LOG_PROBABILITIES", (-float("inf"),))
    with pytest.raises(ContractError, match="`joint_steps` of the prompt is 3"):
        list(make_sampler(network).samples(range(1), seed=0))
