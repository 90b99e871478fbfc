"""The head for real numbers and bits: a mixture of Gaussians, Bernoulli bits, and a Bernoulli bit for the end."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Mixture
from seqforge.network.config import NetworkConfig
from seqforge.network.heads._base import Head
from seqforge.network.shapes import MAX_CORRELATION, MAX_LOG_STD, mixture_sizes


@dataclass(frozen=True)
class MixtureParameters:
    """The parameters of the distribution of a step; the leading axes are those of the outputs of the head.

    >>> space = Mixture(reals=2, bits=1, components=4)
    >>> parameters = mixture_parameters(space, torch.zeros(3, 1 + 1 + 4 * 6))  # for three rows
    >>> parameters.means.shape, parameters.bit_logits.shape
    (torch.Size([3, 4, 2]), torch.Size([3, 1]))

    Attributes:
        end_logit: Logit of the end of the piece, shape (...).
        bit_logits: Logits of the bits, shape (..., bits).
        component_logits: Logits of the mixture components, shape (..., components).
        means: Means, shape (..., components, reals).
        log_stds: Logarithms of the standard deviations, shape (..., components, reals).
        correlations: Correlations of the two real numbers, shape (..., components); zero if there is one real number.
    """

    end_logit: Tensor
    bit_logits: Tensor
    component_logits: Tensor
    means: Tensor
    log_stds: Tensor
    correlations: Tensor


class SpaceHead(Head):
    r"""A linear map at the input; at the output a linear map to the parameters of the distribution of the next step.

    .. math::
        p(x) = \sum_j \pi_j \, \mathcal N(x \mid \mu_j, \sigma_j, \rho_j) \prod_b e_b^{x_b} (1 - e_b)^{1 - x_b}

    >>> head = SpaceHead(Mixture(reals=2, bits=1, components=4), NetworkConfig(hidden=8, embedding=8))
    >>> head.initialise(torch.Generator().manual_seed(0))
    >>> head.predict(torch.zeros(5, 3, 8)).shape  # 5 positions of 3 rows
    torch.Size([5, 3, 26])

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 4.1,
    equations 15 to 25. Here standard deviations and correlations are bounded, and the end is a Bernoulli bit of its
    own.

    Args:
        space: The real numbers and bits.
        config: The architecture; `hidden` and `embedding` are used.
    """

    def __init__(self, space: Mixture, config: NetworkConfig) -> None:
        super().__init__()
        self.space, self.hidden = space, config.hidden
        self.input_weight = nn.Parameter(torch.empty(config.embedding, space.reals + space.bits))
        sizes = mixture_sizes(space)
        self.output_weight = nn.Parameter(torch.empty(sum(sizes), config.hidden))
        self.bias = nn.Parameter(torch.empty(sum(sizes)))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.input_weight, generator=generator)
        nn.init.normal_(self.output_weight, std=0.5 / self.hidden**0.5, generator=generator)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[0] = -4.0
            sizes = mixture_sizes(self.space)
            first = sum(sizes[:3])
            self.bias[first : first + sizes[3]].normal_(0, 0.7, generator=generator)

    def embed(self, inputs: Tensor, starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        steps = inputs.float()
        if self.space.standardisation:
            centres, scales = zip(*self.space.standardisation, strict=True)
            reals, bits = torch.split(steps, [self.space.reals, self.space.bits], -1)
            steps = torch.cat([(reals - steps.new_tensor(centres)) / steps.new_tensor(scales), bits], -1)
        return functional.linear(steps.masked_fill(starts.unsqueeze(-1), 0.0), self.input_weight)

    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        with torch.autocast(hidden.device.type, enabled=False):  # means and standard deviations need float32
            return functional.linear(hidden.float(), self.output_weight, self.bias)

    def loss(
        self,
        outputs: Float[Tensor, "*shape outputs"],
        targets: Float[Tensor, "*shape width"],
        ends: Bool[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        parameters = mixture_parameters(self.space, outputs)
        reals, bits = torch.split(targets.float(), [self.space.reals, self.space.bits], -1)
        continuing = functional.softplus(parameters.end_logit) - log_density(parameters, reals)
        continuing = continuing + functional.binary_cross_entropy_with_logits(
            parameters.bit_logits, bits, reduction="none"
        ).sum(-1)
        return torch.where(ends, functional.softplus(-parameters.end_logit), continuing)


def mixture_parameters(space: Mixture, outputs: Float[Tensor, "*shape outputs"]) -> MixtureParameters:
    """Return the parameters of the distribution, in float64 if the outputs are float64, else in float32.

    >>> space = Mixture(reals=2, bits=1, components=3)
    >>> mixture_parameters(space, torch.zeros(5, 20)).means.shape
    torch.Size([5, 3, 2])

    Args:
        space: The real numbers and bits.
        outputs: The result of `predict`.
    """
    outputs = outputs if outputs.dtype is torch.float64 else outputs.float()
    end, bits, components, means, log_stds, correlations = torch.split(outputs, mixture_sizes(space), -1)
    shape = (*components.shape, space.reals)
    means, log_stds = means.reshape(shape), MAX_LOG_STD * (log_stds.reshape(shape) / MAX_LOG_STD).tanh()
    if space.standardisation:  # the density is that of the steps in the unit of the codec
        centres, scales = (means.new_tensor(values) for values in zip(*space.standardisation, strict=True))
        means, log_stds = centres + scales * means, log_stds + scales.log()
    return MixtureParameters(
        end_logit=end[..., 0],
        bit_logits=bits,
        component_logits=components,
        means=means,
        log_stds=log_stds,
        correlations=MAX_CORRELATION * correlations.tanh() if space.reals == 2 else torch.zeros_like(components),
    )


def log_density(parameters: MixtureParameters, reals: Float[Tensor, "*shape reals"]) -> Float[Tensor, "*shape"]:
    """Return the logarithm of the density of the mixture of Gaussians at a point, in nats.

    Args:
        parameters: The parameters of the distribution.
        reals: The real numbers of the point.
    """
    z = (reals.unsqueeze(-2) - parameters.means) * torch.exp(-parameters.log_stds)
    logs = -parameters.log_stds.sum(-1) - 0.5 * reals.shape[-1] * math.log(2 * math.pi)
    if reals.shape[-1] == 2:
        rho = parameters.correlations
        free = 1 - rho * rho
        x, y = z.unbind(-1)
        logs = logs - 0.5 * torch.log(free) - (x * x + y * y - 2 * rho * x * y) / (2 * free)
    else:
        logs = logs - 0.5 * (z * z).sum(-1)
    return torch.logsumexp(functional.log_softmax(parameters.component_logits, -1) + logs, -1)
