"""The head for real numbers and bits: a mixture of Gaussians, Bernoullis, and one more for the end."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Mixture
from seqforge.network.config import NetworkConfig
from seqforge.network.heads._base import Head
from seqforge.network.padding import pad_units, pad_matrix

SPREAD = 6.0
"""Logarithms of deviations lie between -6 and 6, so that no density is infinite."""
CLOSEST = 0.999
"""Correlations lie between -0.999 and 0.999."""


@dataclass(frozen=True)
class MixtureParameters:
    """Of the distribution of a step; leading axes are those of the head's outputs.

    Attributes:
        end: logit of the end of the piece.
        bits: logits, shape (..., bits).
        weights: logits of the components, shape (..., components).
        means: shape (..., components, reals).
        spreads: logarithms of the standard deviations, shape (..., components, reals).
        correlations: of the two real numbers, shape (..., components); zero where there is one.
    """

    end_logit: Tensor
    bit_logits: Tensor
    component_logits: Tensor
    means: Tensor
    log_stds: Tensor
    correlations: Tensor


class SpaceHead(Head):
    r"""A linear map in, and out to the parameters of the distribution of the next step.

    .. math::
        p(x) = \sum_j \pi_j \, \mathcal N(x \mid \mu_j, \sigma_j, \rho_j) \prod_b e_b^{x_b} (1 - e_b)^{1 - x_b}

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 4.1,
    equations 15 to 25; deviations and correlations are bounded here, and the end is a Bernoulli of its own.

    Args:
        space: the numbers and bits.
        config: `hidden` and `embedding` are used.
    """

    def __init__(self, space: Mixture, config: NetworkConfig) -> None:
        super().__init__()
        self.space, self.hidden = space, config.hidden
        self.input_weight = nn.Parameter(torch.empty(config.embedding, space.reals + space.bits))
        sizes = _sizes(space)
        self.output_weight = nn.Parameter(torch.empty(sum(sizes), config.hidden))
        self.bias = nn.Parameter(torch.empty(sum(sizes)))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.input_weight, generator=generator)
        nn.init.normal_(self.output_weight, std=0.5 / self.hidden**0.5, generator=generator)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[0] = -4.0
            sizes = _sizes(self.space)
            first = sum(sizes[:3])
            self.bias[first : first + sizes[3]].normal_(0, 0.7, generator=generator)

    def embed(self, inputs: Tensor, starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        given = inputs.float().masked_fill(starts.unsqueeze(-1), 0.0)
        return functional.linear(given, self.input_weight)

    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        with torch.autocast(hidden.device.type, enabled=False):  # means and deviations need float32
            return functional.linear(hidden.float(), self.output_weight, self.bias)

    def input_function(
        self, weight: Float[Tensor, "gates embedding"], bias: Float[Tensor, " gates"]
    ) -> Callable[[Tensor], Tensor]:
        return partial(_read, (weight @ self.input_weight).t().contiguous(), bias)

    def output_function(self, product: Callable[..., Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
        score = product(pad_matrix(self.output_weight), pad_units(self.bias))
        return lambda hidden: score(hidden)[:, : sum(_sizes(self.space))]

    def loss(
        self,
        outputs: Float[Tensor, "*shape outputs"],
        targets: Float[Tensor, "*shape width"],
        ends: Bool[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        given = mixture_parameters(self.space, outputs)
        reals, bits = torch.split(targets.float(), [self.space.reals, self.space.bits], -1)
        going_on = functional.softplus(given.end_logit) - log_density(given, reals)
        going_on = going_on + functional.binary_cross_entropy_with_logits(given.bit_logits, bits, reduction="none").sum(
            -1
        )
        return torch.where(ends, functional.softplus(-given.end_logit), going_on)


def mixture_parameters(space: Mixture, outputs: Float[Tensor, "*shape outputs"]) -> MixtureParameters:
    """Return what the head's outputs stand for, in their precision, but at least float32."""
    outputs = outputs if outputs.dtype is torch.float64 else outputs.float()
    end, bits, weights, means, spreads, correlations = torch.split(outputs, _sizes(space), -1)
    shape = (*weights.shape, space.reals)
    bounded = CLOSEST * correlations.tanh() if space.reals == 2 else torch.zeros_like(weights)
    spreads = SPREAD * (spreads.reshape(shape) / SPREAD).tanh()
    return MixtureParameters(end[..., 0], bits, weights, means.reshape(shape), spreads, bounded)


def _read(columns: Tensor, bias: Tensor, steps: Tensor) -> Tensor:
    """Return what steps add to the gates, number by number, so that no row depends on others."""
    found = bias.expand(len(steps), -1)
    for number, column in enumerate(columns):
        found = torch.addcmul(found, steps[:, number : number + 1].float(), column)
    return found


def _sizes(space: Mixture) -> list[int]:
    numbers = space.components * space.reals
    return [1, space.bits, space.components, numbers, numbers, space.components if space.reals == 2 else 0]


def log_density(given: MixtureParameters, reals: Float[Tensor, "*shape reals"]) -> Float[Tensor, "*shape"]:
    """Return the logarithm of the mixture's density at a point, in nats."""
    apart = (reals.unsqueeze(-2) - given.means) * torch.exp(-given.log_stds)
    logs = -given.log_stds.sum(-1) - 0.5 * reals.shape[-1] * math.log(2 * math.pi)
    if reals.shape[-1] == 2:
        rho = given.correlations
        free = 1 - rho * rho
        x, y = apart.unbind(-1)
        logs = logs - 0.5 * torch.log(free) - (x * x + y * y - 2 * rho * x * y) / (2 * free)
    else:
        logs = logs - 0.5 * (apart * apart).sum(-1)
    return torch.logsumexp(functional.log_softmax(given.component_logits, -1) + logs, -1)
