"""A network that looks back: training, scoring, sampling and beam search compute the same probabilities."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example, Free, Prompt
from seqforge.errors import RequestError
from seqforge.evaluation import score_examples
from seqforge.inference import NetworkWeights
from seqforge.network import Network, example_batch
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Ensemble, Limits, Precision, Sampler
from seqforge.training import Batches, evaluate_batches

Maker, Datasets = Callable[..., Network], Callable[..., Any]
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


@pytest.fixture
def network(make_network: Maker, period_of_four: Places) -> Network:
    """Return a network whose outputs depend much on its references."""
    return looking_back(make_network, period_of_four, seed=0)


def looking_back(
    make_network: Maker, places: Places, *, distances: tuple[int, ...] = (1, 2, 4), **shape: Any
) -> Network:
    network = make_network(layers=2, lookback=8, distances=distances, copy_logits=True, weight_scale=2.0, **shape)
    network.history = AlignedHistory(places, distances)
    with torch.no_grad():
        network.head.bias[5] = -3.0  # type: ignore[index, operator]  # pieces of about twenty steps
    return network


def engine_of(network: Network, precision: Precision = "float32") -> Engine:
    return Engine(NetworkWeights.from_network(network), precision)


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def sampler_for(engine: Engine | Ensemble, prompt: list[int], length: int = 40, **controls: Any) -> Sampler:
    start, limits = Prompt(Example(np.array(prompt, np.uint8))), Limits(steps=length)
    return Sampler(engine, start, NO_CONDITIONS, controls=Controls(**controls), limits=limits, units=units)


def nats_of(network: Network, steps: list[int]) -> list[float]:
    """Return the negative log-probability of each step and of the end, by the sequence mode of the network."""
    example, (labels, features) = Example(np.array(steps, np.uint8)), (NO_CONDITIONS.labels, NO_CONDITIONS.features)
    batch = example_batch(example, labels, features, 0, network.history)
    with torch.no_grad():
        values: list[float] = network.loss(batch, network.zero_state(1))[0][:, 0].tolist()
    return values


@settings(max_examples=15)
@given(pieces=st.lists(st.lists(st.integers(0, 4), max_size=30), min_size=1, max_size=6), length=st.integers(1, 20))
def test_batches_of_training_give_the_scores(
    make_network: Maker, make_dataset: Datasets, period_of_four: Places, pieces: list[list[int]], length: int
) -> None:
    network = looking_back(make_network, period_of_four)
    batches = Batches(make_dataset(pieces), rows=3, length=length, seed=None, divide=False, history=network.history)
    examples = [Example(np.array(steps, np.uint8)) for steps in pieces]
    scores = score_examples(network, examples, [np.zeros(0, np.int64)] * len(pieces), rows=2, bptt=7)
    assert evaluate_batches(network, batches).nats == pytest.approx(sum(nats for nats, _ in scores), rel=1e-5, abs=1e-4)
    for steps, (nats, _) in zip(pieces, scores, strict=True):
        assert nats == pytest.approx(sum(nats_of(network, steps)), rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("prompt", [[], [1, 3, 0, 2, 2, 4]])
def test_samples_have_the_probabilities_of_the_scores(network: Network, prompt: list[int]) -> None:
    for sample in sampler_for(engine_of(network), prompt).samples(range(9), seed=1):
        steps = sample.steps.tolist()
        expected = nats_of(network, steps)[len(prompt) :]
        expected = expected if sample.ended else expected[:-1]
        np.testing.assert_allclose([-score for score in sample.scores], expected, atol=2e-5)


def test_joint_steps_have_the_probabilities_of_the_scores(network: Network) -> None:
    prompt = Prompt(Example(np.array([1, 3, 0, 1, 2], np.uint8)), Free(np.ones(5, np.bool_)), joint_steps=3)
    sampler = Sampler(
        engine_of(network), prompt, NO_CONDITIONS, controls=Controls(), limits=Limits(steps=30), units=units
    )
    joint = sampler.joint
    assert joint is not None and len(joint.sequences) > 50
    for steps, log_probability in list(zip(joint.sequences, joint.log_probabilities, strict=True))[::7]:
        nats = nats_of(network, [1, 3, 0, 1, 2, *steps.tolist()])[5:8]
        assert log_probability == pytest.approx(-sum(nats), abs=3e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_sample_k_does_not_depend_on_the_number_of_samples(network: Network, precision: Precision) -> None:
    sampler = sampler_for(engine_of(network, precision), [1, 2])
    many = {sample.k: sample for sample in sampler.samples(range(64), seed=5)}
    assert len({tuple(sample.steps.tolist()) for sample in many.values()}) > 30
    for numbers, rows in ((range(1), None), (range(7, 9), None), (range(40, 64, 5), None), (range(20), 3)):
        for sample in sampler.samples(numbers, seed=5, rows=rows):
            assert sample.steps.tolist() == many[sample.k].steps.tolist()
            assert sample.log_probability == many[sample.k].log_probability


def test_beams_have_the_probabilities_of_the_scores(network: Network) -> None:
    prompt = Prompt(Example(np.array([1, 3, 0, 2], np.uint8)))
    search = BeamSearch(
        engine_of(network), prompt, NO_CONDITIONS, beams=5, length_penalty=0.0, controls=Controls(),
        limits=Limits(steps=24), units=units,
    )  # fmt: skip
    best = search.best(5)
    assert len(best) >= 3
    for sample in best:
        expected = nats_of(network, sample.steps.tolist())[4:]
        expected = expected if sample.ended else expected[:-1]
        np.testing.assert_allclose([-score for score in sample.scores], expected, atol=2e-5)
    greedy = next(iter(sampler_for(engine_of(network), [1, 3, 0, 2], length=24, greedy=True).samples(range(1), seed=0)))
    assert best[0].log_probability >= greedy.log_probability - 1e-5


def test_ensemble_averages_networks_that_look_back_and_others(
    network: Network, make_network: Maker, period_of_four: Places
) -> None:
    others = [make_network(seed=4), looking_back(make_network, period_of_four, seed=5)]
    networks = [others[0], network, others[1]]
    ensemble = Ensemble([engine_of(member) for member in networks])
    for sample in sampler_for(ensemble, [3, 1]).samples(range(4), seed=2):
        steps = sample.steps.tolist()
        members = np.array([nats_of(member, steps)[2:] for member in networks])
        expected = np.log(np.exp(-members).mean(0))
        np.testing.assert_allclose(sample.scores, expected[: len(sample.scores)], atol=2e-5)


def test_ensemble_refuses_different_distances(network: Network, make_network: Maker, period_of_four: Places) -> None:
    other = looking_back(make_network, period_of_four, distances=(1, 3))
    with pytest.raises(RequestError) as caught:
        Ensemble([engine_of(network), engine_of(other)])
    assert caught.value.field == "model"
