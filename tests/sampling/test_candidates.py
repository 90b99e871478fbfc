"""Pieces drawn under a constraint that demands something later: as probable as the network has them, given that."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.network import Network
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sampler, prompt_batch
from seqforge.sampling.candidates import resampled

Maker = Callable[..., Network]
SIZE = 5
NOTHING = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


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


def sampler_of(network: Network) -> Sampler:
    prompt = Prompt(Example(np.zeros(0, np.uint8)), ThenOne())
    return Sampler(
        Engine(network), prompt, NOTHING, controls=Controls(), limits=Limits(steps=50), units=lambda s: np.ones(len(s))
    )


def probabilities_of(network: Network, steps: list[int]) -> np.ndarray:
    window = prompt_batch(network, Prompt(Example(np.array(steps, np.uint8))), NOTHING)
    with torch.no_grad():
        outputs = network(window, network.zero_state(1))[0][:, 0]
    found: np.ndarray = outputs.double().softmax(-1).numpy()
    return found


def shares(network: Network, candidates: int, n: int) -> np.ndarray:
    found = list(resampled(sampler_of(network), range(n), candidates=candidates, seed=0))
    assert sorted(sample.k for sample in found) == list(range(n))
    assert all(sample.steps[1] == 1 and len(sample.steps) == 2 for sample in found)
    return np.bincount([sample.steps[0] for sample in found], minlength=SIZE) / n


def test_many_candidates_come_near_to_the_network_given_the_constraint(make_network: Maker) -> None:
    network = make_network(seed=3, weight_scale=6.0)
    with torch.no_grad():
        network.start_weight.zero_()
        network.head.bias.zero_()  # type: ignore[operator, union-attr]
    free = probabilities_of(network, [])[0, :SIZE]
    after = [probabilities_of(network, [first, 1]) for first in range(SIZE)]
    given = free * np.array([rows[1, 1] * rows[2, SIZE] for rows in after])
    given /= given.sum()
    masked = free / free.sum()
    assert np.abs(given - masked).sum() / 2 > 0.15, "the constraint must matter for this test"
    assert np.abs(shares(network, 1, 2000) - masked).sum() / 2 < 0.05
    assert np.abs(shares(network, 40, 1000) - given).sum() / 2 < 0.07


def test_piece_k_does_not_depend_on_how_many_are_asked_for(make_network: Maker) -> None:
    network = make_network(seed=3, weight_scale=6.0)
    few = {s.k: s.steps.tolist() for s in resampled(sampler_of(network), range(3), candidates=4, seed=7)}
    many = {s.k: s.steps.tolist() for s in resampled(sampler_of(network), range(40), candidates=4, seed=7)}
    assert few == {k: many[k] for k in range(3)}
