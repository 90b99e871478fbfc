"""Encoder-decoders: an encoder of the source sets the state in which a piece starts, with and without attention."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.config import NetworkConfig
from seqforge.network.encoder import Encoder
from seqforge.network.recurrent import CELLS, State
from seqforge.network.shapes import STATE_PARTS


@dataclass(frozen=True)
class EncodedSources:
    """What a network reads of the sources of a batch.

    Attributes:
        states: The state of each layer in which a piece starts.
        values: The encoded symbols; None without attention.
        keys: What the outputs of the first layer are compared with; None without attention.
        mask: True at symbols, False at padding.
    """

    states: list[State]
    values: Float[Tensor, "piece length width"] | None
    keys: Float[Tensor, "piece length hidden"] | None
    mask: Bool[Tensor, "piece length"]


class ContentAttention(nn.Module):
    r"""Attention whose weights depend on the content of the source, so that it can be read in any order.

    .. math::
        \alpha_{t,u} = \frac{\exp(h_t^\top W_a c_u)}{\sum_v \exp(h_t^\top W_a c_v)} \qquad
        w_t = \sum_u \alpha_{t,u} c_u \qquad \tilde h_t = \tanh(W_c [h'_t; w_t])

    Here :math:`c_u` is the encoded symbol at position u of the source, :math:`h_t` the output of the first layer and
    :math:`h'_t` that of the last layer. The layers between read the context vector :math:`w_t`. The first layer does
    not, so all positions of a piece are computed at once.

    A piece starts in the state :math:`\tanh(W_s [\overrightarrow{h}; \overleftarrow{h}] + b)` of the last outputs of
    both directions of the encoder.

    Source: M.-T. Luong, H. Pham and C. Manning, "Effective Approaches to Attention-based Neural Machine Translation",
    EMNLP 2015, section 3.1 (score "general") and equation 5; the encoder and the first state: D. Bahdanau, K. Cho and
    Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR 2015, section 3.2 and
    appendix A.2.2; attention from the first layer that the upper layers read: Y. Wu et al., "Google's Neural Machine
    Translation System", arXiv 1609.08144, section 3.

    >>> config = NetworkConfig(layers=1, hidden=8, source_symbols=5, encoder_units=3, attention="content")
    >>> attention, encoder = ContentAttention(config), Encoder(5, 3)
    >>> generator = torch.Generator().manual_seed(0)
    >>> attention.initialise(generator), encoder.initialise(generator)
    (None, None)
    >>> sources = attention.encode(torch.tensor([[1, 4, 5], [2, 5, 0]]), encoder)
    >>> context, weights = attention(torch.zeros(7, 2, 8), sources)  # 7 positions of 2 pieces
    >>> context.shape, weights[0, 1].tolist()
    (torch.Size([7, 2, 6]), [0.5, 0.5, 0.0])

    Args:
        config: The architecture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden, width = config.hidden, config.attention_width
        self.hidden, self.parts = hidden, STATE_PARTS[config.cell]
        self.initial_weight = nn.Parameter(torch.empty(config.layers * self.parts * hidden, width))
        self.initial_bias = nn.Parameter(torch.empty(config.layers * self.parts * hidden))
        self.key_weight = nn.Parameter(torch.empty(hidden, width))
        self.output_weight = nn.Parameter(torch.empty(hidden, hidden + width))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""
        nn.init.zeros_(self.initial_bias)
        for block in torch.split(self.initial_weight.detach(), self.hidden):
            nn.init.xavier_uniform_(block, generator=generator)
        nn.init.xavier_uniform_(self.key_weight.detach(), generator=generator)
        nn.init.xavier_uniform_(self.output_weight.detach(), generator=generator)

    def encode(self, source: Int[Tensor, "piece length"], encoder: Encoder) -> EncodedSources:
        """Return the encoded sources.

        Args:
            source: Number of each symbol from 1; 0 is padding.
            encoder: The bidirectional encoder.
        """
        mask, values = source > 0, encoder(source)
        lengths, pieces = mask.sum(1), len(source)
        last = values.new_zeros(pieces, values.shape[2])
        if source.shape[1]:
            ahead, back = values.chunk(2, 2)
            end = ahead[torch.arange(pieces, device=source.device), (lengths - 1).clamp(min=0)]
            last = torch.cat([end, back[:, 0]], 1) * (lengths > 0).unsqueeze(1)
        initial = functional.linear(last, self.initial_weight, self.initial_bias).float().tanh()
        vectors = torch.split(initial, self.hidden, 1)
        states = [vectors[first : first + self.parts] for first in range(0, len(vectors), self.parts)]
        return EncodedSources(states, values, functional.linear(values, self.key_weight), mask)

    def forward(
        self, queries: Float[Tensor, "time piece hidden"], sources: EncodedSources
    ) -> tuple[Float[Tensor, "time piece width"], Float[Tensor, "time piece length"]]:
        """Return the context vectors, and the weight of each source position; zeros for a piece without a source.

        Args:
            queries: The outputs of the first layer.
            sources: The encoded sources.
        """
        assert sources.keys is not None
        assert sources.values is not None
        scores = torch.bmm(queries.transpose(0, 1), sources.keys.transpose(1, 2).to(queries.dtype)).float()
        mask = sources.mask.unsqueeze(1)
        weights = scores.masked_fill(~mask, -1e30).softmax(2) * mask
        return torch.bmm(weights, sources.values).transpose(0, 1), weights.transpose(0, 1)

    def output(
        self, hidden: Float[Tensor, "time piece hidden"], context: Float[Tensor, "time piece width"]
    ) -> Float[Tensor, "time piece hidden"]:
        """Return what the head reads: a map of the outputs of the last layer and the context vectors."""
        return functional.linear(torch.cat([hidden, context.to(hidden.dtype)], 2), self.output_weight).tanh()


class ReversedEncoder(nn.Module):
    """An encoder that reads the source in reverse; a piece starts in its last state, and nothing else is read.

    It has as many layers and units as the network, and its cell.

    Source: I. Sutskever, O. Vinyals and Q. Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014,
    sections 2 and 3.3.

    >>> encoder = ReversedEncoder(NetworkConfig(layers=2, hidden=8, source_symbols=5, attention="none"))
    >>> encoder.initialise(torch.Generator().manual_seed(0))
    >>> len(encoder.encode(torch.tensor([[1, 4, 5], [2, 5, 0]])).states)
    2

    Args:
        config: The architecture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(config.source_symbols + 1, config.embedding))
        cell, hidden = CELLS[config.cell], config.hidden
        self.layers = nn.ModuleList(
            cell(hidden if number else config.embedding, hidden) for number in range(config.layers)
        )

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""
        nn.init.normal_(self.embedding, generator=generator)
        for layer in self.layers:
            layer.initialise(generator)  # type: ignore[operator]

    def encode(self, source: Int[Tensor, "piece length"]) -> EncodedSources:
        """Return the last states of the encoder.

        Args:
            source: Number of each symbol from 1; 0 is padding.
        """
        mask = source > 0
        lengths, (pieces, length) = mask.sum(1), source.shape
        positions = torch.arange(length, device=source.device).expand(pieces, length)
        reverse = (lengths.unsqueeze(1) - 1 - positions) % max(length, 1)
        hidden = functional.embedding(source.gather(1, reverse), self.embedding).transpose(0, 1)
        states: list[State] = []
        for layer in self.layers:
            state: State = layer.zero_state(pieces)  # type: ignore[operator]
            if length:
                hidden, state = layer.forward_padded(hidden, state, lengths)  # type: ignore[operator]
            states.append(state)
        return EncodedSources(states, None, None, mask)
