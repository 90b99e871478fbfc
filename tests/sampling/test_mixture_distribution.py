"""Drawing points: the distribution asked for, bias and temperature, ends, and pieces that follow their source."""

from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.network import Network, NetworkConfig
from seqforge.network.heads.mixture import mixture_parameters
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sample, Sampler, distribution_for
from seqforge.sampling.guide import LINGER

SPACE = Mixture(2, 1, 3)
NOTHING = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
MANY = 40_000


def outputs_of(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 20, generator=torch.Generator().manual_seed(seed)).repeat(rows, 1)


def drawn(space: Mixture = SPACE, seed: int = 0, masks: np.ndarray | None = None, **controls: Any) -> Any:
    draw = distribution_for(space, Controls(**controls))
    return draw.choose(outputs_of(MANY, seed), masks, np.random.default_rng(1).random((MANY, draw.uniforms)))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_points_have_the_moments_of_the_mixture(seed: int, bias: float) -> None:
    choice = drawn(seed=seed, bias=bias)
    given = mixture_parameters(SPACE, outputs_of(1, seed))
    weights = (given.component_logits[0] * (1 + bias)).softmax(0)
    spreads = torch.exp(given.log_stds[0] - bias)
    mean = (weights[:, None] * given.means[0]).sum(0)
    cover = torch.diag_embed(spreads**2)
    cover[:, 0, 1] = cover[:, 1, 0] = given.correlations[0] * spreads.prod(1)
    apart = given.means[0] - mean
    expected = (weights[:, None, None] * (cover + apart[:, :, None] * apart[:, None, :])).sum(0)
    points = choice.steps[:, :2]
    size = expected.diagonal().max().item()
    np.testing.assert_allclose(points.mean(0), mean, atol=0.03 * size**0.5)
    np.testing.assert_allclose(np.cov(points.T), expected, atol=0.05 * size)
    assert choice.steps[:, 2].mean() == pytest.approx(torch.sigmoid(given.bit_logits[0, 0]).item(), abs=0.01)
    assert choice.ends.mean() == pytest.approx(torch.sigmoid(given.end_logit[0]).item(), abs=0.01)


def test_the_scores_are_those_of_the_loss() -> None:
    choice = drawn(bias=0.5, temperature=1.3)
    network = Network(SPACE, NetworkConfig(layers=1, hidden=8, embedding=4))
    steps, ends = torch.from_numpy(choice.steps), torch.from_numpy(choice.ends)
    nats = network.head.loss(outputs_of(MANY), steps, ends)  # type: ignore[operator]
    np.testing.assert_allclose(choice.scores, -nats.numpy(), atol=2e-3, rtol=1e-4)


def test_greedy_takes_the_mean_of_the_most_probable_component() -> None:
    choice = drawn(greedy=True)
    given = mixture_parameters(SPACE, outputs_of(1))
    best = int(given.component_logits[0].argmax())
    np.testing.assert_allclose(choice.steps[:, :2], given.means[0, best].expand(MANY, 2).numpy(), rtol=1e-5)
    assert len(np.unique(choice.ends)) == 1


def test_temperature_spreads_and_bias_gathers() -> None:
    spread = [float(drawn(**asked).steps[:, :2].var()) for asked in ({"bias": 3.0}, {}, {"temperature": 2.0})]
    assert spread[0] < spread[1] < spread[2]


def test_masks_say_when_the_end_may_and_must_come() -> None:
    may_not = np.tile([True, False], (MANY, 1))
    assert not drawn(masks=may_not).ends.any()
    choice = drawn(masks=~may_not)
    assert choice.ends.all()
    end = torch.sigmoid(mixture_parameters(SPACE, outputs_of(1)).end_logit[0]).item()
    assert choice.masked[0] == pytest.approx(1 - end, abs=1e-6)


@pytest.mark.parametrize(
    "asked", [{"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.1}, {"typical": 0.5}, {"ban": (1,)}, {"dry": 1.0}], ids=str
)
def test_controls_without_a_meaning_are_refused(asked: dict[str, Any]) -> None:
    flag = "--" + next(iter(asked)).replace("_", "-")
    with pytest.raises(RequestError, match=f"^{flag} has no meaning for real numbers"):
        distribution_for(SPACE, Controls(**asked))


def pieces(source: list[int] | None, numbers: range, *, rows: int | None = None) -> dict[int, Sample]:
    network = Network(
        SPACE, NetworkConfig(layers=2, hidden=16, embedding=8, source_symbols=5, gaussians=3), seed=2
    ).eval()
    with torch.no_grad():
        network.head.bias[0] = 2.0  # type: ignore[index, operator] # it would end soon
    given = None if source is None else np.array(source, np.uint8)
    sampler = Sampler(
        Engine(network), Prompt(Example(np.zeros((0, 3), np.float32), source=given)), NOTHING,
        controls=Controls(), limits=Limits(steps=900), units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    return {sample.k: sample for sample in sampler.samples(numbers, seed=3, rows=rows)}


def test_a_piece_ends_once_its_source_is_attended_to_and_not_before() -> None:
    short, long = pieces([1, 2], range(6)), pieces([1, 2] * 12, range(6))
    for k in range(6):
        assert short[k].ended and long[k].ended
        assert 3 < len(short[k].steps) < len(long[k].steps) < 900
        assert short[k].steps.shape[1] == 3 and np.isfinite(long[k].steps).all()
    free = pieces(None, range(6))
    assert min(len(sample.steps) for sample in free.values()) <= 2


def test_a_piece_that_would_never_end_must() -> None:
    network = Network(SPACE, NetworkConfig(layers=1, hidden=16, embedding=8, source_symbols=5), seed=2).eval()
    with torch.no_grad():
        network.head.bias[0] = -50.0  # type: ignore[index, operator]
    prompt = Prompt(Example(np.zeros((0, 3), np.float32), source=np.array([0, 1], np.uint8)))
    sampler = Sampler(
        Engine(network), prompt, NOTHING, controls=Controls(), limits=Limits(steps=5000),
        units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    (sample,) = sampler.samples(range(1), seed=0)
    assert sample.ended and LINGER < len(sample.steps) < 1000


def test_piece_k_is_the_same_however_many_are_asked_for() -> None:
    few, many = pieces([1, 2, 0], range(2)), pieces([1, 2, 0], range(20))
    for k in range(2):
        assert np.array_equal(few[k].steps, many[k].steps)
