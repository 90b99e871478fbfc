"""Averages of several networks: with a source, and of mixtures of Gaussians."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.inference import Conditions, Engine, Ensemble, NetworkWeights, log_softmax, prompt_batch
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Controls, distribution_for

NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
SHAPES: list[dict[str, Any]] = [
    {"layers": 1, "attention": "content", "encoder_units": 4},
    {"layers": 2, "gaussians": 3},
    {"layers": 2, "attention": "none", "cell": "gru"},
]


def engines_of(space: Space) -> list[Engine]:
    engines = []
    for seed, shape in enumerate(SHAPES):
        network = Network(
            space, NetworkConfig(**{"hidden": 9, "embedding": 6, "source_symbols": 4, **shape}), seed=seed
        )
        for parameter in network.parameters():
            parameter.data.mul_(2)
        engines.append(Engine(NetworkWeights.from_network(network)))
    return engines


def outputs_after(engine: Engine | Ensemble, steps: np.ndarray, source: list[int]) -> list[np.ndarray]:
    """Return the outputs before each step and after the last one, for the second of two rows."""
    example = Example(steps[:0], source=np.array(source, np.uint8))
    outputs, prompt_state, gates = engine.begin(prompt_batch(engine.network, Prompt(example), NO_CONDITIONS))
    state, gates, results = engine.state(prompt_state, 2), np.tile(gates, (2, 1)), [outputs]
    return results + [engine.step(np.stack([step] * 2), gates, state)[1] for step in steps]


def test_networks_with_a_source_are_averaged() -> None:
    engines, steps = engines_of(Categorical(5)), np.array([1, 4, 0, 2])
    averaged = outputs_after(Ensemble(engines), steps, [0, 2, 1])
    members = [outputs_after(engine, steps, [0, 2, 1]) for engine in engines]
    for position, outputs in enumerate(averaged):
        expected = np.mean([np.exp(log_softmax(member[position])) for member in members], 0)
        np.testing.assert_allclose(np.exp(outputs), expected, rtol=1e-9)


def test_the_end_of_the_source_is_that_of_at_least_half_of_the_networks() -> None:
    ensemble = Ensemble(engines_of(Categorical(5)))
    example = Example(np.zeros(0, np.uint8), source=np.array([0, 1], np.uint8))
    _, prompt_state, _ = ensemble.begin(prompt_batch(ensemble.network, Prompt(example), NO_CONDITIONS))
    state = ensemble.state(prompt_state, 2)
    monotonic = ensemble.engines[1]
    expected = monotonic.steps_at_source_end(state[2:5])  # after two entries of the first network
    actual = ensemble.steps_at_source_end(state)
    assert expected is not None and actual is not None and actual.tolist() == expected.tolist()
    weights = ensemble.coverage(state)
    assert weights is not None and weights.shape == (2, 3) and np.isnan(weights[:, -1]).all()


@pytest.mark.parametrize("space", [Mixture(2, 1, 3), Mixture(1, 2, 2)], ids=str)
@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_mixtures_are_averaged_as_mixtures_of_mixtures(space: Mixture, seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = 1 + space.bits + space.components * (1 + 2 * space.reals + (space.reals == 2))
    members = [rng.normal(0, 2, (2, width)).astype(np.float32) for _ in range(3)]
    step = np.concatenate([rng.normal(size=space.reals), rng.integers(0, 2, space.bits)])[None]
    distribution = distribution_for(space, Controls())
    # the probability of one step and the end is a product, so members are compared with an end that is certain after it
    for outputs in members:
        outputs[1] = 0
        outputs[1, 0] = 40
    expected = np.mean([np.exp(distribution.log_probability(outputs, step)) for outputs in members])
    assert np.exp(distribution.log_probability(np.concatenate(members, 1), step)) == pytest.approx(expected, rel=1e-6)


def test_real_numbers_are_drawn_from_the_mixture_of_mixtures() -> None:
    space, rows = Mixture(2, 1, 3), 40_000
    members = [np.random.default_rng(seed).normal(size=20).astype(np.float32) for seed in (0, 1)]
    distribution = distribution_for(space, Controls())
    uniforms = np.random.default_rng(2).random((rows, distribution.uniforms))
    alone = [distribution.choose(np.tile(member, (rows, 1)), None, uniforms) for member in members]
    both = distribution.choose(np.tile(np.concatenate(members), (rows, 1)), None, uniforms)
    assert both.ends.mean() == pytest.approx(np.mean([choice.ends.mean() for choice in alone]), abs=0.01)
    shares = [1 - choice.ends.mean() for choice in alone]
    mean = np.average([choice.steps.mean(0) for choice in alone], axis=0, weights=shares)
    np.testing.assert_allclose(both.steps.mean(0), mean, atol=0.05)


@pytest.mark.parametrize("space", [Categorical(5), Mixture(2, 1, 3)], ids=str)
def test_an_ensemble_of_equal_networks_is_that_network(space: Space) -> None:
    engine = engines_of(space)[0]
    steps = np.array([1, 4]) if isinstance(space, Categorical) else np.array([[0.5, -1, 1], [0, 0.2, 0]], np.float32)
    distribution = distribution_for(space, Controls())
    one = distribution.log_probability(np.stack(outputs_after(engine, steps, [2, 1])), steps)
    two = distribution.log_probability(np.stack(outputs_after(Ensemble([engine, engine]), steps, [2, 1])), steps)
    assert two == pytest.approx(one, rel=1e-9)
