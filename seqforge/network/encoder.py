"""A bidirectional encoder of the source: the "p" of "photo" gets another vector than the "p" of "pot"."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.recurrent import LSTM


class Encoder(nn.Module):
    r"""A bidirectional LSTM over the source; the encoded symbol is the concatenation of both outputs.

    .. math:: c_u = \overrightarrow{h}_u \oplus \overleftarrow{h}_u

    Source: M. Schuster and K. Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions on Signal
    Processing 45(11), 1997. As the memory of attention: D. Bahdanau, K. Cho and Y. Bengio, "Neural Machine Translation
    by Jointly Learning to Align and Translate", arXiv 1409.0473, section 3.2.

    >>> encoder = Encoder(symbols=5, units=8)
    >>> encoder.initialise(torch.Generator().manual_seed(0))
    >>> encoder(torch.tensor([[1, 4, 5], [2, 5, 0]])).shape
    torch.Size([2, 3, 16])

    Args:
        symbols: Number of different source symbols, the extra symbol after the last one included.
        units: Number of units per direction.
    """

    def __init__(self, symbols: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(symbols + 1, units))
        self.forward_lstm, self.backward_lstm = LSTM(units, units), LSTM(units, units)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""
        nn.init.normal_(self.embedding, generator=generator)
        self.forward_lstm.initialise(generator)
        self.backward_lstm.initialise(generator)

    def forward(self, source: Int[Tensor, "piece length"]) -> Float[Tensor, "piece length width"]:
        """Return the encoded symbols.

        Args:
            source: Number of each symbol from 1; 0 is padding. The result is meaningless at padding.
        """
        pieces, length = source.shape
        if not length or not pieces:
            return self.embedding.new_zeros(pieces, length, 2 * self.embedding.shape[1])
        # The backward LSTM reads each source reversed; reversing its symbols, but not the padding, is its own inverse.
        positions = torch.arange(length, device=source.device).expand(pieces, length)
        reverse = (((source > 0).sum(1, keepdim=True) - 1 - positions) % length).unsqueeze(2)
        embedded = functional.embedding(source, self.embedding)
        ahead, _ = self.forward_lstm(embedded.transpose(0, 1), self.forward_lstm.zero_state(pieces), None)
        reversed_ = embedded.gather(1, reverse.expand_as(embedded)).transpose(0, 1)
        back, _ = self.backward_lstm(reversed_, self.backward_lstm.zero_state(pieces), None)
        back = back.transpose(0, 1)
        back = back.gather(1, reverse.expand_as(back))
        return torch.cat([ahead.transpose(0, 1), back], 2).float()


@dataclass(frozen=True)
class SourceMemory:
    """The encoded sources of a batch; the sources of a row stand side by side.

    A position attends only to the source of its own piece, selected by a mask. So nothing is gathered at each step, and
    the gradients of all steps accumulate in one tensor.

    Attributes:
        encoded: The encoded symbols.
        symbols: Number of each symbol; 0 is padding.
        positions: Position of each symbol in its own source.
        pieces: Number of the piece that each symbol belongs to; -1 is padding.
        current: Number of the piece at each position of the batch.
    """

    encoded: Float[Tensor, "row length width"]
    symbols: Int[Tensor, "row length"]
    positions: Float[Tensor, "row length"]
    pieces: Int[Tensor, "row length"]
    current: Int[Tensor, "time row"]

    def symbols_at(self, t: int) -> Int[Tensor, "row length"]:
        """Return the symbols of the sources that time t attends to, 0 for the symbols of all other sources."""
        return self.symbols * (self.pieces == self.current[t].unsqueeze(1))


def encode_sources(
    encoder: Encoder, sources: Int[Tensor, "time row length"], starts: Bool[Tensor, "time row"]
) -> SourceMemory:
    """Return the encoded sources of a batch; each source is encoded once.

    Args:
        encoder: The encoder.
        sources: The source at each position, as in `Batch.sources`.
        starts: True where a piece starts.
    """
    # 1. Encode the source of each piece.
    current, first_positions = number_pieces(starts)
    time, row = first_positions.unbind(1)
    symbols = sources[time, row]
    encoded = encoder(symbols)
    # 2. Find the column at which each source begins in its row.
    lengths = (symbols > 0).sum(1)
    before = lengths.cumsum(0) - lengths
    offset = before - before[current[0]][row]
    width = int((offset + lengths).max())
    # 3. Scatter all symbols, padding left out, into one tensor per row.
    rows = starts.shape[1]
    piece, position = (symbols > 0).nonzero().unbind(1)
    index = row[piece] * width + offset[piece] + position

    def scatter(values: Tensor, fill: int = 0) -> Tensor:
        empty = values.new_full((rows * width, *values.shape[1:]), fill)
        return empty.index_copy(0, index, values).view(rows, width, *values.shape[1:])

    return SourceMemory(
        encoded=scatter(encoded[piece, position]),
        symbols=scatter(symbols[piece, position]),
        positions=scatter(position.to(encoded.dtype)),
        pieces=scatter(piece, fill=-1),
        current=current,
    )


def number_pieces(starts: Bool[Tensor, "time row"]) -> tuple[Int[Tensor, "time row"], Int[Tensor, " piece two"]]:
    """Return the number of the piece at each position, and the time and row of the first position of each piece.

    A piece that started before the batch counts as a piece of its own.

    >>> numbers, first_positions = number_pieces(torch.tensor([[False], [False], [True]]))
    >>> numbers.tolist(), first_positions.tolist()
    ([[0], [0], [1]], [[0, 0], [2, 0]])
    """
    first = starts.clone()
    first[0] = True
    numbers = first.t().flatten().cumsum(0).view(first.shape[1], first.shape[0]).t() - 1
    return numbers, first.t().nonzero().flip(1)
