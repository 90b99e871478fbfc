"""The head for real numbers and bits, against torch.distributions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributions

from seqforge.core.spaces import Mixture
from seqforge.network import Batch, Network, NetworkConfig
from seqforge.network.heads.mixture import (
    MAX_CORRELATION,
    MAX_LOG_STD,
    MixtureParameters,
    log_density,
    mixture_parameters,
)

SPACES = [Mixture(2, 1, 5), Mixture(1, 0, 3), Mixture(2, 3, 1), Mixture(1, 2, 4)]


def random_outputs(space: Mixture, rows: int = 7, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    width = 1 + space.bits + space.components * (1 + 2 * space.reals + (space.reals == 2))
    return scale * torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def distribution(parameters: MixtureParameters) -> distributions.Distribution:
    stds = parameters.log_stds.double().exp()
    covariance = torch.diag_embed(stds**2)
    if stds.shape[-1] == 2:
        covariance[..., 0, 1] = covariance[..., 1, 0] = parameters.correlations.double() * stds.prod(-1)
    return distributions.MixtureSameFamily(
        distributions.Categorical(logits=parameters.component_logits.double()),
        distributions.MultivariateNormal(parameters.means.double(), covariance_matrix=covariance),
    )


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_loss_equals_torch_distributions(space: Mixture) -> None:
    network = Network(space, NetworkConfig(layers=1, hidden=8, embedding=4))
    outputs = random_outputs(space)
    generator = torch.Generator().manual_seed(1)
    reals = torch.randn(7, space.reals, generator=generator)
    bits = torch.randint(0, 2, (7, space.bits), generator=generator).float()
    ends = torch.tensor([False] * 5 + [True] * 2)
    parameters = mixture_parameters(space, outputs)
    expected = distribution(parameters).log_prob(reals.double())
    expected = expected + distributions.Bernoulli(logits=parameters.bit_logits.double()).log_prob(bits.double()).sum(-1)
    end = distributions.Bernoulli(logits=parameters.end_logit.double())
    expected = torch.where(ends, end.log_prob(torch.ones(7).double()), expected + end.log_prob(torch.zeros(7).double()))
    result = network.head.loss(outputs, torch.cat([reals, bits], -1), ends)  # type: ignore[operator]
    torch.testing.assert_close(result.double(), -expected, atol=1e-4, rtol=1e-5)


def test_gradients_equal_finite_differences() -> None:
    space = Mixture(2, 1, 3)
    outputs = random_outputs(space, rows=2).double().requires_grad_()
    point = torch.randn(2, 2, generator=torch.Generator().manual_seed(3)).double().requires_grad_()
    torch.autograd.gradcheck(lambda a, b: log_density(mixture_parameters(space, a), b), (outputs, point))


@given(scale=st.sampled_from([1.0, 30.0, 1000.0]), far=st.sampled_from([0.0, 1.0, 100.0]), seed=st.integers(0, 50))
def test_parameters_and_loss_are_finite(scale: float, far: float, seed: int) -> None:
    space = Mixture(2, 1, 4)
    outputs = random_outputs(space, seed=seed, scale=scale).requires_grad_()
    parameters = mixture_parameters(space, outputs)
    assert parameters.log_stds.abs().max() <= MAX_LOG_STD and parameters.correlations.abs().max() <= MAX_CORRELATION
    nats = -log_density(parameters, torch.full((7, 2), far))
    assert torch.isfinite(nats).all()
    nats.sum().backward()
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()


def test_network_learns_a_circle() -> None:
    torch.manual_seed(0)
    space = Mixture(2, 1, 4)
    network = Network(space, NetworkConfig(layers=1, hidden=24, embedding=8))
    angle = torch.arange(41) * 0.3
    steps = torch.stack([angle.cos(), angle.sin(), (torch.arange(41) % 5 == 4).float()], 1).unsqueeze(1)
    flags = torch.zeros(40, 1, dtype=torch.bool)
    starts = flags.clone()
    starts[0] = True
    nothing = torch.zeros(40, 1, 0)
    batch = Batch(steps[:-1], steps[1:], starts, flags, torch.ones(40, 1), nothing.long(), nothing)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(120):
        loss = network.loss(batch, network.zero_state(1))[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1.5


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (np.zeros((3, 2), np.float32), "shape"),
        (np.zeros((3, 3), np.int64), "float"),
        (np.array([[0, math.nan, 0]], np.float32), "step 0"),
        (np.array([[0, 0, 0], [0, math.inf, 0]], np.float32), "step 1"),
        (np.array([[0, 0, 0.5]], np.float32), "bits 0 or 1"),
    ],
)
def test_steps_outside_the_space_are_named(steps: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(2, 1).check(steps)


@pytest.mark.parametrize(
    "values", [{"reals": 0}, {"reals": 3}, {"reals": 2, "bits": -1}, {"reals": 1, "components": 0}]
)
def test_invalid_spaces_are_rejected(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"^{list(values)[-1]} is "):
        Mixture(**values)
