"""The most probable choices that are recorded at each step."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.inference import Conditions, Engine, NetworkWeights
from seqforge.network import Network, example_batch
from seqforge.sampling import Controls, Limits, Sampler

NONE = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


@pytest.mark.parametrize("count", [1, 3, 100])
def test_alternatives_are_the_most_probable_choices_of_the_network(
    make_network: Callable[..., Network], count: int
) -> None:
    network = make_network(weight_scale=3.0)
    sampler = Sampler(
        Engine(NetworkWeights.from_network(network)), Prompt(Example(np.array([2], np.uint8))), NONE,
        controls=Controls(temperature=2.0, top_k=3), limits=Limits(steps=12), units=lambda steps: np.ones(len(steps)),
        alternatives=count,
    )  # fmt: skip
    for sample in sampler.samples(range(4), seed=0):
        assert len(sample.alternatives) == len(sample.scores)
        batch = example_batch(Example(sample.steps), NONE.labels, NONE.features, 0)
        with torch.no_grad():
            logs = network(batch, network.zero_state(1))[0][1:, 0].double().log_softmax(-1).numpy()
        for row, alternatives in zip(logs, sample.alternatives, strict=False):
            choices, values = zip(*alternatives, strict=True)
            assert len(choices) == min(count, len(row)) and list(values) == sorted(values, reverse=True)
            np.testing.assert_allclose(values, np.sort(row)[::-1][:count], atol=1e-5)
            np.testing.assert_allclose(values, row[list(choices)], atol=1e-5)


def test_none_are_recorded_by_default(make_network: Callable[..., Network]) -> None:
    sampler = Sampler(
        Engine(NetworkWeights.from_network(make_network())), Prompt(Example(np.zeros(0, np.uint8))), NONE,
        controls=Controls(), limits=Limits(steps=5), units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    assert next(iter(sampler.samples(range(1), seed=0))).alternatives == ()
