"""The soft window: which part of a source sequence each step is about."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.encoder import SourceMemory

WIDEST = 3.0
"""Logarithms of what the window's parameters are the exponentials of are at most this."""


class GaussianAttention(nn.Module):
    r"""A sum of Gaussians that move along the source and never go back.

    .. math::
        (\hat\alpha, \hat\beta, \hat\kappa) = W h_t + b \qquad \kappa_t = \kappa_{t-1} + e^{\hat\kappa} \qquad
        \phi(t, u) = \sum_k e^{\hat\alpha_k} \exp(-e^{\hat\beta_k} (\kappa_{t,k} - u)^2) \qquad
        w_t = \sum_u \phi(t, u) c_u

    A place :math:`c_u` of the source is a symbol, and the window then a vector of the symbols' weights; or what an
    encoder says of the symbol among its neighbours (`encoder`). A symbol of its own is put behind the source's last;
    once the window has come to it, the piece may end.

    Its state is :math:`\kappa`, the window, and for how many steps in a row it has rested on that last symbol.

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 5.1,
    equations 46 to 51.

    Args:
        hidden: units of the layer that moves it.
        width: of what is seen through it: symbols of the source, the one behind its last included; or the encoder's.
        components: how many Gaussians.
        symbols_per_step: symbols a step that it moves at first, roughly.
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

    def zero_state(self, lanes: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the state before anything was seen."""
        return (
            self.bias.new_zeros(lanes, self.components),
            self.bias.new_zeros(lanes, self.width),
            self.bias.new_zeros(lanes, 1),
        )

    def forward(
        self,
        hidden: Float[Tensor, "lane hidden"],
        kappa: Float[Tensor, "lane components"],
        source: Int[Tensor, "lane length"],
        shelf: SourceMemory | None = None,
    ) -> tuple[Float[Tensor, "lane components"], Float[Tensor, "lane width"], Float[Tensor, "lane length"]]:
        """Return where the Gaussians are after a step, the window there, and the weight of each place.

        Args:
            hidden: of the layer that moves it.
            kappa: where the Gaussians were.
            source: number of each symbol from 1; 0 behind the end.
            shelf: what an encoder says of each place; None where the bare symbols are seen.
        """
        given = functional.linear(hidden, self.weight, self.bias).float()
        return (
            self.advance(given, kappa, source)
            if shelf is None
            else self.advance(given, kappa, source, shelf.encoded, shelf.places)
        )

    def advance(
        self,
        given: Float[Tensor, "lane numbers"],
        kappa: Float[Tensor, "lane components"],
        source: Int[Tensor, "lane length"],
        encoded: Float[Tensor, "lane length width"] | None = None,
        places: Float[Tensor, "*lane length"] | None = None,
    ) -> tuple[Float[Tensor, "lane components"], Float[Tensor, "lane width"], Float[Tensor, "lane length"]]:
        """Return what `forward` does, from alpha, beta and kappa with their hats (and perhaps more behind them)."""
        alpha, beta, moved = given.clamp(max=WIDEST).exp()[:, : 3 * self.components].chunk(3, 1)
        kappa = kappa + moved
        if places is None:
            places = torch.arange(source.shape[1], device=source.device, dtype=kappa.dtype)
        apart = kappa.unsqueeze(2) - (places if places.ndim == 1 else places.unsqueeze(1))
        phi = (alpha.unsqueeze(2) * torch.exp(-beta.unsqueeze(2) * apart * apart)).sum(1) * (source > 0)
        if encoded is not None and encoded.shape[1]:
            return kappa, torch.bmm(phi.unsqueeze(1), encoded).squeeze(1), phi
        return kappa, phi.new_zeros(len(source), self.width + 1).scatter_add(1, source, phi)[:, 1:], phi

    def steps_at_end(
        self, phi: Float[Tensor, "lane length"], source: Int[Tensor, "lane length"], before: Float[Tensor, "lane one"]
    ) -> Float[Tensor, "lane one"]:
        """Return for how many steps in a row the window has rested on the symbol behind the source's last."""
        if not source.shape[1]:
            return before
        counted = torch.arange(1, source.shape[1] + 1, device=source.device)
        last = ((source > 0) * counted).amax(1, keepdim=True) - 1
        there = (phi.detach().argmax(1, keepdim=True) == last) & (last >= 0)
        return (before + 1) * there
