"""Attention on a source sequence with Gaussian components that move along it."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.encoder import SourceMemory

MAX_LOG = 3.0
"""Upper bound of the logarithms of alpha, beta and the move of kappa."""


class GaussianAttention(nn.Module):
    r"""Attention whose weights are a sum of Gaussians that move along the source and never go back.

    .. math::
        (\hat\alpha, \hat\beta, \hat\kappa) = W h_t + b \qquad \kappa_t = \kappa_{t-1} + e^{\hat\kappa} \qquad
        \phi(t, u) = \sum_k e^{\hat\alpha_k} \exp(-e^{\hat\beta_k} (\kappa_{t,k} - u)^2) \qquad
        w_t = \sum_u \phi(t, u) c_u

    The context vector is :math:`w_t`. Without an encoder, :math:`c_u` is the one-hot vector of the source symbol at
    position u, so the context holds one weight per symbol; with an encoder (`encoder`), :math:`c_u` is the encoded
    symbol. An extra symbol follows the last symbol of the source: once the attention has reached it, the piece may end.

    The state has three tensors: :math:`\kappa`, the context, and the number of consecutive steps for which the
    attention has been at the extra symbol.

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 5.1,
    equations 46 to 51.

    >>> attention = GaussianAttention(hidden=8, width=4, components=2)
    >>> attention.initialise(torch.Generator().manual_seed(0))
    >>> kappa, context, _ = attention.zero_state(rows=1)
    >>> kappa, context, phi = attention(torch.zeros(1, 8), kappa, torch.tensor([[1, 3, 4]]))
    >>> context.shape, phi.shape
    (torch.Size([1, 4]), torch.Size([1, 3]))

    Args:
        hidden: Units of the layer whose output moves the attention.
        width: Width of the context vector: the number of source symbols, the extra one included, or the encoder's
            width.
        components: Number of Gaussians.
        symbols_per_step: Expected number of source symbols that freshly initialised attention moves per step.
    """

    def __init__(self, hidden: int, width: int, components: int, symbols_per_step: float = 0.15) -> None:
        super().__init__()
        self.width, self.components, self.symbols_per_step = width, components, symbols_per_step
        self.weight = nn.Parameter(torch.empty(3 * components, hidden))
        self.bias = nn.Parameter(torch.empty(3 * components))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""
        nn.init.normal_(self.weight, std=0.3 / self.weight.shape[1] ** 0.5, generator=generator)
        with torch.no_grad():
            alpha, beta, kappa = self.bias.chunk(3)
            nn.init.normal_(alpha, -(self.components**0.5) / 2, 0.3, generator=generator)
            nn.init.normal_(beta, -0.7, 0.5, generator=generator)
            nn.init.normal_(kappa, float(torch.tensor(self.symbols_per_step).log()), 0.2, generator=generator)

    def zero_state(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the state before the first step: kappa, context and steps at the end, each of shape (row, _)."""
        return (
            self.bias.new_zeros(rows, self.components),
            self.bias.new_zeros(rows, self.width),
            self.bias.new_zeros(rows, 1),
        )

    def forward(
        self,
        hidden: Float[Tensor, "row hidden"],
        kappa: Float[Tensor, "row components"],
        source: Int[Tensor, "row length"],
        memory: SourceMemory | None = None,
    ) -> tuple[Float[Tensor, "row components"], Float[Tensor, "row width"], Float[Tensor, "row length"]]:
        """Return kappa after one step, the context vector, and the weight of each source position.

        Args:
            hidden: Output of the layer that moves the attention.
            kappa: Centres of the Gaussians before the step.
            source: Number of each source symbol from 1; 0 is padding.
            memory: The encoded sources; None without an encoder.
        """
        parameters = functional.linear(hidden, self.weight, self.bias).float()
        alpha, beta, distance = parameters.clamp(max=MAX_LOG).exp().chunk(3, 1)
        kappa = kappa + distance
        if memory is None:
            positions = torch.arange(source.shape[1], device=source.device, dtype=kappa.dtype).unsqueeze(0)
        else:
            positions = memory.positions
        offsets = kappa.unsqueeze(2) - positions.unsqueeze(1)
        phi = (alpha.unsqueeze(2) * torch.exp(-beta.unsqueeze(2) * offsets * offsets)).sum(1) * (source > 0)
        if memory is not None and memory.encoded.shape[1]:
            return kappa, torch.bmm(phi.unsqueeze(1), memory.encoded).squeeze(1), phi
        return kappa, phi.new_zeros(len(source), self.width + 1).scatter_add(1, source, phi)[:, 1:], phi

    def steps_at_end(
        self, phi: Float[Tensor, "row length"], source: Int[Tensor, "row length"], before: Float[Tensor, "row one"]
    ) -> Float[Tensor, "row one"]:
        """Return for how many consecutive steps the largest weight has been at the extra symbol after the source.

        Args:
            phi: Weight of each source position.
            source: Number of each source symbol from 1; 0 is padding.
            before: The count before this step.
        """
        if not source.shape[1]:
            return before
        numbers = torch.arange(1, source.shape[1] + 1, device=source.device)
        last = ((source > 0) * numbers).amax(1, keepdim=True) - 1
        at_end = (phi.detach().argmax(1, keepdim=True) == last) & (last >= 0)
        return (before + 1) * at_end
