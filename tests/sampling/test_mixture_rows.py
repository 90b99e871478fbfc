"""The parameters and the density of a mixture equal torch's in float64, and a row depends on itself alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Mixture
from seqforge.network.heads import mixture as torch_mixture
from seqforge.network.shapes import mixture_sizes
from seqforge.sampling import Controls, distribution_for
from seqforge.sampling.distributions.mixture import log_density, mixture_parameters

SPACES = [Mixture(2, 1, 5), Mixture(1, 0, 3), Mixture(2, 3, 1), Mixture(1, 2, 20, ((7.0, 0.1),)), Mixture(2, 1, 20)]


def random_outputs(space: Mixture, rows: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    outputs: np.ndarray = np.random.default_rng(seed).normal(0, scale, (rows, sum(mixture_sizes(space))))
    return outputs.astype(np.float32)


@pytest.mark.parametrize("space", SPACES, ids=str)
@given(seed=st.integers(0, 99), scale=st.sampled_from([0.1, 1.0, 30.0, 1000.0]))
def test_parameters_and_density_equal_those_of_torch(space: Mixture, seed: int, scale: float) -> None:
    outputs = random_outputs(space, 7, seed, scale)
    points = np.random.default_rng(seed).normal(0, 3, (7, space.reals))
    expected = torch_mixture.mixture_parameters(space, torch.from_numpy(outputs).double())
    actual = mixture_parameters(space, outputs)
    for name, value in vars(actual).items():
        assert value.dtype == np.float64
        np.testing.assert_allclose(value, getattr(expected, name).numpy(), rtol=1e-12, atol=1e-12, err_msg=name)
    densities = torch_mixture.log_density(expected, torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(log_density(actual, points), densities, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("controls", [Controls(), Controls(greedy=True), Controls(temperature=0.7, bias=0.5)], ids=str)
def test_row_depends_on_itself_alone(space: Mixture, controls: Controls) -> None:
    outputs, distribution = random_outputs(space, 64), distribution_for(space, controls)
    uniforms = np.random.default_rng(1).random((64, distribution.uniforms))
    whole = distribution.choose(outputs, None, uniforms)
    for count in (1, 2, 3, 5, 8, 17, 63):
        order = (np.arange(count) + 7 * count) % 64
        part = distribution.choose(outputs[order], None, uniforms[order])
        for name, value in vars(part).items():
            assert value.tobytes() == getattr(whole, name)[order].tobytes(), name
