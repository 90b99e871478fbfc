"""The embedding of references: earlier steps that stand at corresponding places (`core.places`)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.places import MAX_AGREEMENT


class ReferenceEmbedding(nn.Module):
    """One embedding per distance, concatenated: the sum of the embeddings of the step and of the agreement.

    All distances share the tables: the input matrix of the first layer has separate columns for each distance, so
    separate tables would add parameters without effect. The embedding of no step, and of agreement 0, is zero.

    >>> embedding = ReferenceEmbedding(size=5, width=8, distances=2)
    >>> embedding.initialise(torch.Generator().manual_seed(0))
    >>> embedding(torch.tensor([[0, 3, 0, 1]])).shape
    torch.Size([1, 16])

    Args:
        size: Number of symbols.
        width: Width of the embedding of one distance.
        distances: Number of distances.
    """

    def __init__(self, size: int, width: int, distances: int) -> None:
        super().__init__()
        self.width, self.distances = width, distances
        self.steps = nn.Parameter(torch.empty(size, width))
        self.agreements = nn.Parameter(torch.empty(MAX_AGREEMENT, width))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh embeddings."""
        nn.init.normal_(self.steps, generator=generator)
        nn.init.normal_(self.agreements, generator=generator)

    def forward(self, references: Int[Tensor, "*shape numbers"]) -> Float[Tensor, "*shape widths"]:
        """Return the vector that the first layer reads beside the embedding of each step.

        Args:
            references: The numbers of `AlignedHistory.references`.
        """
        steps, agreements = torch.split(references, self.distances, -1)
        embedded = functional.embedding(steps, _after_zeros(self.steps))
        return (embedded + functional.embedding(agreements, _after_zeros(self.agreements))).flatten(-2)


def _after_zeros(table: Tensor) -> Tensor:
    """Return a table with a row of zeros in front, for number 0."""
    return torch.cat([table.new_zeros(1, table.shape[1]), table])
