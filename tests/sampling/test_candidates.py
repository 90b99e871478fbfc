"""Candidates: pieces follow the network's distribution conditioned on a constraint that demands something later."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.inference import NetworkWeights
from seqforge.network import Network, example_batch
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sampler
from seqforge.sampling.candidates import resample

NetworkFactory = Callable[..., Network]
SIZE = 5
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


class ThenOne(Constraint):
    """Any symbol, then symbol 1, then the end."""

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Any) -> np.ndarray:
        return np.array([state == 0 or (state == 1 and step == 1) for step in range(SIZE)])

    def may_end(self, state: Any) -> bool:
        return bool(state == 2)

    def to_end(self, state: Any) -> int:
        return int(2 - state)

    def advance(self, state: Any, step: Any) -> Hashable:
        return int(state) + 1


def make_sampler(network: Network) -> Sampler:
    prompt = Prompt(Example(np.zeros(0, np.uint8)), ThenOne())
    return Sampler(
        Engine(NetworkWeights.from_network(network)),
        prompt,
        NO_CONDITIONS,
        controls=Controls(),
        limits=Limits(steps=50),
        units=lambda s: np.ones(len(s)),
    )


def next_probabilities(network: Network, steps: list[int]) -> np.ndarray:
    batch = example_batch(Example(np.array(steps, np.uint8)), NO_CONDITIONS.labels, NO_CONDITIONS.features, 0)
    with torch.no_grad():
        outputs = network(batch, network.zero_state(1))[0][:, 0]
    probabilities: np.ndarray = outputs.double().softmax(-1).numpy()
    return probabilities


def first_step_frequencies(network: Network, candidates: int, n: int) -> np.ndarray:
    samples = list(resample(make_sampler(network), range(n), candidates=candidates, seed=0))
    assert sorted(sample.k for sample in samples) == list(range(n))
    assert all(sample.steps[1] == 1 and len(sample.steps) == 2 for sample in samples)
    return np.bincount([sample.steps[0] for sample in samples], minlength=SIZE) / n


def test_many_candidates_approach_the_conditional_distribution(make_network: NetworkFactory) -> None:
    network = make_network(seed=3, weight_scale=6.0)
    with torch.no_grad():
        network.start_weight.zero_()
        network.head.bias.zero_()  # type: ignore[operator, union-attr]
    free = next_probabilities(network, [])[0, :SIZE]
    later = [next_probabilities(network, [first, 1]) for first in range(SIZE)]
    conditional = free * np.array([rows[1, 1] * rows[2, SIZE] for rows in later])
    conditional /= conditional.sum()
    masked = free / free.sum()
    assert np.abs(conditional - masked).sum() / 2 > 0.15, "the test needs a constraint that matters"
    assert np.abs(first_step_frequencies(network, 1, 2000) - masked).sum() / 2 < 0.05
    assert np.abs(first_step_frequencies(network, 40, 1000) - conditional).sum() / 2 < 0.07


def test_sample_k_does_not_depend_on_the_number_of_samples(make_network: NetworkFactory) -> None:
    network = make_network(seed=3, weight_scale=6.0)
    few = {s.k: s.steps.tolist() for s in resample(make_sampler(network), range(3), candidates=4, seed=7)}
    many = {s.k: s.steps.tolist() for s in resample(make_sampler(network), range(40), candidates=4, seed=7)}
    assert few == {k: many[k] for k in range(3)}
