"""The pieces of a batch side by side, one per column, each from its first position on."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from seqforge.network.encoder import number_pieces


@dataclass(frozen=True)
class PieceColumns:
    """Where the positions of a batch stand if every piece has a column of its own.

    A row of a batch holds several pieces one after the other. Networks whose pieces start in a state of their own read
    each piece from position 0 of a column; shorter pieces are padded at their ends.

    >>> columns = PieceColumns.of_batch(torch.tensor([[True], [False], [True]]))
    >>> columns.lengths.tolist(), columns.gather(torch.tensor([[7], [8], [9]])).tolist()
    ([2, 1], [[7, 9], [8, 9]])

    Attributes:
        current: Number of the piece at each position of the batch.
        offsets: Position in its piece of each position of the batch.
        first: Time at which each piece begins.
        row: Row of each piece.
        lengths: Number of positions of each piece.
        starts: Whether a piece starts in the batch; otherwise it continues from the batch before.
    """

    current: Int[Tensor, "time row"]
    offsets: Int[Tensor, "time row"]
    first: Int[Tensor, " piece"]
    row: Int[Tensor, " piece"]
    lengths: Int[Tensor, " piece"]
    starts: Bool[Tensor, " piece"]

    @classmethod
    def of_batch(cls, starts: Bool[Tensor, "time row"]) -> "PieceColumns":
        """Return the columns of a batch.

        Args:
            starts: True where a piece starts.
        """
        current, first_positions = number_pieces(starts)
        first, row = first_positions.unbind(1)
        times = torch.arange(len(starts), device=starts.device).unsqueeze(1)
        lengths = torch.bincount(current.flatten(), minlength=len(first))
        return cls(current, times - first[current], first, row, lengths, starts[first, row])

    def gather(self, values: Tensor) -> Tensor:
        """Return values of shape (time, row, ...) by position in the piece and piece, with some value at padding."""
        positions = torch.arange(int(self.lengths.max()), device=self.first.device).unsqueeze(1)
        times = torch.minimum(self.first + positions, self.first + self.lengths - 1)
        return values[times, self.row.expand_as(times)]

    def scatter(self, values: Tensor) -> Tensor:
        """Return values by position in the piece and piece in the shape of the batch, (time, row, ...)."""
        return values[self.offsets, self.current]
