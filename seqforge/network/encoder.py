"""What a symbol of the source means among its neighbours: the p of "photo" is another than that of "pot"."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.recurrent import LSTM


class Encoder(nn.Module):
    r"""Two LSTM layers that read the source, one forwards and one backwards; a place is what both give there.

    .. math:: c_u = \overrightarrow{h}_u \oplus \overleftarrow{h}_u

    Source: M. Schuster and K. Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions on Signal
    Processing 45(11), 1997; for what is attended to, D. Bahdanau, K. Cho and Y. Bengio, "Neural Machine Translation by
    Jointly Learning to Align and Translate", arXiv 1409.0473, section 3.2.

    Args:
        symbols: of the source, the one behind its last included.
        units: of each layer.
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
        """Return what stands for each place.

        Args:
            source: number of each symbol from 1; 0 behind the end, where what is given means nothing.
        """
        pieces, length = source.shape
        if not length or not pieces:
            return self.embedding.new_zeros(pieces, length, 2 * self.embedding.shape[1])
        places = torch.arange(length, device=source.device).expand(pieces, length)
        turned = ((source > 0).sum(1, keepdim=True) - 1 - places) % length  # its own inverse, up to the end
        read = functional.embedding(source, self.embedding)
        ahead, _ = self.forward_lstm(read.transpose(0, 1), self.forward_lstm.zero_state(pieces), None)
        around = read.gather(1, turned.unsqueeze(2).expand_as(read)).transpose(0, 1)
        back, _ = self.backward_lstm(around, self.backward_lstm.zero_state(pieces), None)
        back = back.transpose(0, 1)
        back = back.gather(1, turned.unsqueeze(2).expand_as(back))
        return torch.cat([ahead.transpose(0, 1), back], 2).float()


@dataclass(frozen=True)
class SourceMemory:
    """What an encoder says of all sources of a stretch of time, those of a lane side by side.

    A step sees the places of its own piece alone. So nothing is gathered again at every step, and the gradients of
    all steps meet in one tensor.

    Attributes:
        encoded: of each place.
        symbols: their numbers, 0 where there is nothing.
        places: of each in its own source.
        owner: the number of the piece that each belongs to.
        number: that of the piece that each row is in.
    """

    encoded: Float[Tensor, "lane length width"]
    symbols: Int[Tensor, "lane length"]
    places: Float[Tensor, "lane length"]
    owner: Int[Tensor, "lane length"]
    number: Int[Tensor, "time lane"]

    def at(self, t: int) -> Int[Tensor, "lane length"]:
        """Return the symbols of the sources that row t attends to, 0 at all others."""
        return self.symbols * (self.owner == self.number[t].unsqueeze(1))


def read_sources(
    encoder: Encoder, sources: Int[Tensor, "time lane length"], starts: Bool[Tensor, "time lane"]
) -> SourceMemory:
    """Return what stands for the sources of a stretch, each read once."""
    number, firsts = pieces_of(starts)
    at, lane = firsts.unbind(1)
    read = sources[at, lane]
    lengths = (read > 0).sum(1)
    before = lengths.cumsum(0) - lengths
    offset = before - before[number[0]][lane]
    length = int((offset + lengths).max())
    piece, place = (read > 0).nonzero().unbind(1)
    spot = lane[piece] * length + offset[piece] + place
    lanes = starts.shape[1]

    def laid(values: Tensor, empty: Tensor) -> Tensor:
        return empty.index_copy(0, spot, values).view(lanes, length, *values.shape[1:])

    encoded = encoder(read)[piece, place]
    return SourceMemory(
        laid(encoded, encoded.new_zeros(lanes * length, encoded.shape[1])),
        laid(read[piece, place], read.new_zeros(lanes * length)),
        laid(place.to(encoded.dtype), encoded.new_zeros(lanes * length)),
        laid(piece, read.new_full((lanes * length,), -1)),
        number,
    )


def pieces_of(starts: Bool[Tensor, "time lane"]) -> tuple[Int[Tensor, "time lane"], Int[Tensor, " piece two"]]:
    """Return the number of the piece that each row belongs to, and the time and lane of each piece's first row.

    A piece that began before the first row is a piece of these rows too.
    """
    firsts = starts.clone()
    firsts[0] = True
    number = firsts.t().flatten().cumsum(0).view(firsts.shape[1], firsts.shape[0]).t() - 1
    return number, firsts.t().nonzero().flip(1)
