"""The distribution of real-valued steps: moments, bias, temperature, ends, and pieces with a source."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.inference import NetworkWeights
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sample, Sampler, distribution_for
from seqforge.sampling.distributions.mixture import mixture_parameters
from seqforge.sampling.filters import softmax
from seqforge.sampling.guide import MAX_STEPS_AFTER_SOURCE

SPACE = Mixture(2, 1, 3)
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
ROWS = 40_000


def outputs_of(rows: int, seed: int = 0) -> np.ndarray:
    return np.tile(np.random.default_rng(seed).normal(size=20).astype(np.float32), (rows, 1))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def draw_many(space: Mixture = SPACE, seed: int = 0, masks: np.ndarray | None = None, **controls: Any) -> Any:
    distribution = distribution_for(space, Controls(**controls))
    return distribution.choose(
        outputs_of(ROWS, seed), masks, np.random.default_rng(1).random((ROWS, distribution.uniforms))
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_points_have_the_moments_of_the_mixture(seed: int, bias: float) -> None:
    choice = draw_many(seed=seed, bias=bias)
    parameters = mixture_parameters(SPACE, outputs_of(1, seed))
    weights = softmax(parameters.component_logits * (1 + bias))[0]
    spreads = np.exp(parameters.log_stds[0] - bias)
    mean = (weights[:, None] * parameters.means[0]).sum(0)
    covariance = spreads[:, :, None] ** 2 * np.eye(2)
    covariance[:, 0, 1] = covariance[:, 1, 0] = parameters.correlations[0] * spreads.prod(1)
    offset = parameters.means[0] - mean
    expected = (weights[:, None, None] * (covariance + offset[:, :, None] * offset[:, None, :])).sum(0)
    points = choice.steps[:, :2]
    size = expected.diagonal().max()
    np.testing.assert_allclose(points.mean(0), mean, atol=0.03 * size**0.5)
    np.testing.assert_allclose(np.cov(points.T), expected, atol=0.05 * size)
    assert choice.steps[:, 2].mean() == pytest.approx(sigmoid(parameters.bit_logits[0, 0]), abs=0.01)
    assert choice.ends.mean() == pytest.approx(sigmoid(parameters.end_logit[0]), abs=0.01)


def test_scores_are_the_negative_losses() -> None:
    choice = draw_many(bias=0.5, temperature=1.3)
    network = Network(SPACE, NetworkConfig(layers=1, hidden=8, embedding=4))
    steps, ends = torch.from_numpy(choice.steps), torch.from_numpy(choice.ends)
    nats = network.head.loss(torch.from_numpy(outputs_of(ROWS)), steps, ends)  # type: ignore[operator]
    np.testing.assert_allclose(choice.scores, -nats.numpy(), atol=2e-3, rtol=1e-4)


def test_greedy_chooses_the_mean_of_the_most_probable_component() -> None:
    choice = draw_many(greedy=True)
    parameters = mixture_parameters(SPACE, outputs_of(1))
    best = int(parameters.component_logits[0].argmax())
    np.testing.assert_allclose(choice.steps[:, :2], np.tile(parameters.means[0, best], (ROWS, 1)), rtol=1e-6)
    assert len(np.unique(choice.ends)) == 1


def test_temperature_raises_and_bias_lowers_the_variance() -> None:
    variances = [
        float(draw_many(**controls).steps[:, :2].var()) for controls in ({"bias": 3.0}, {}, {"temperature": 2.0})
    ]
    assert variances[0] < variances[1] < variances[2]


def test_masks_forbid_or_demand_the_end() -> None:
    without_end = np.tile([True, False], (ROWS, 1))
    assert not draw_many(masks=without_end).ends.any()
    choice = draw_many(masks=~without_end)
    assert choice.ends.all()
    end = sigmoid(mixture_parameters(SPACE, outputs_of(1)).end_logit[0])
    assert choice.masked[0] == pytest.approx(1 - end, abs=1e-6)


@pytest.mark.parametrize(
    "controls", [{"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.1}, {"typical": 0.5}, {"ban": (1,)}, {"dry": 1.0}], ids=str
)
def test_controls_for_symbols_are_refused(controls: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as raised:
        distribution_for(SPACE, Controls(**controls))
    assert (raised.value.field, raised.value.value) == next(iter(controls.items()))


def sample_pieces(source: list[int] | None, numbers: range, *, rows: int | None = None) -> dict[int, Sample]:
    network = Network(
        SPACE, NetworkConfig(layers=2, hidden=16, embedding=8, source_symbols=5, gaussians=3), seed=2
    ).eval()
    with torch.no_grad():
        network.head.bias[0] = 2.0  # type: ignore[index, operator] # the network alone ends early
    source_steps = None if source is None else np.array(source, np.uint8)
    sampler = Sampler(
        Engine(NetworkWeights.from_network(network)),
        Prompt(Example(np.zeros((0, 3), np.float32), source=source_steps)), NO_CONDITIONS,
        controls=Controls(), limits=Limits(steps=900), units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    return {sample.k: sample for sample in sampler.samples(numbers, seed=3, rows=rows)}


def test_piece_ends_after_its_source_and_not_before() -> None:
    short, long = sample_pieces([1, 2], range(6)), sample_pieces([1, 2] * 12, range(6))
    for k in range(6):
        assert short[k].ended and long[k].ended
        assert 3 < len(short[k].steps) < len(long[k].steps) < 900
        assert short[k].steps.shape[1] == 3 and np.isfinite(long[k].steps).all()
    free = sample_pieces(None, range(6))
    assert min(len(sample.steps) for sample in free.values()) <= 2


def test_piece_must_end_some_steps_after_its_source() -> None:
    network = Network(SPACE, NetworkConfig(layers=1, hidden=16, embedding=8, source_symbols=5), seed=2).eval()
    with torch.no_grad():
        network.head.bias[0] = -50.0  # type: ignore[index, operator]
    prompt = Prompt(Example(np.zeros((0, 3), np.float32), source=np.array([0, 1], np.uint8)))
    sampler = Sampler(
        Engine(NetworkWeights.from_network(network)), prompt, NO_CONDITIONS, controls=Controls(),
        limits=Limits(steps=5000), units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    (sample,) = sampler.samples(range(1), seed=0)
    assert sample.ended and MAX_STEPS_AFTER_SOURCE < len(sample.steps) < 1000


def test_sample_k_does_not_depend_on_the_number_of_samples() -> None:
    few, many = sample_pieces([1, 2, 0], range(2)), sample_pieces([1, 2, 0], range(20))
    for k in range(2):
        assert np.array_equal(few[k].steps, many[k].steps)
