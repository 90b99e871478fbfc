"""References, which are earlier steps at corresponding places (`core.places`), at the input and at the output."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.places import MAX_AGREEMENT
from seqforge.network.batch import Batch

__all__ = ["CopyLogits", "ReferenceEmbedding", "references_of"]


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


class CopyLogits(nn.Module):
    """Adds a copy score to the logit of the earlier step at each distance.

    The score of a distance is a linear function of the output of the last layer plus a number that depends on the
    agreement. Several distances may refer to one symbol, whose logit then receives the sum of their scores.

    Source: J. Gu, Z. Lu, H. Li and V. Li, "Incorporating Copying Mechanism in Sequence-to-Sequence Learning", ACL
    2016, section 3.2: scores of copying and of generating share one softmax. There, every symbol of a source can be
    copied, and the probabilities of both are added; here, the candidates are the references, and the logits are added.

    >>> copy_logits = CopyLogits(hidden=4, distances=1)
    >>> copy_logits.initialise()
    >>> _ = copy_logits.agreements.data.fill_(1.5)
    >>> references = torch.tensor([[3, 1]])  # the earlier step is symbol 2, number 3 with 0 for none
    >>> copy_logits(torch.zeros(1, 5), torch.zeros(1, 4), references).tolist()
    [[0.0, 0.0, 1.5, 0.0, 0.0]]

    Args:
        hidden: Number of units of the last layer.
        distances: Number of distances.
    """

    def __init__(self, hidden: int, distances: int) -> None:
        super().__init__()
        self.distances = distances
        self.weight = nn.Parameter(torch.empty(distances, hidden))
        self.agreements = nn.Parameter(torch.empty(MAX_AGREEMENT + 1, distances))

    def initialise(self) -> None:
        """Set all scores to zero."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.agreements)

    def forward(
        self,
        logits: Float[Tensor, "*shape outputs"],
        hidden: Float[Tensor, "*shape hidden"],
        references: Int[Tensor, "*shape numbers"],
    ) -> Float[Tensor, "*shape outputs"]:
        """Return the logits with the scores added, float32.

        Args:
            logits: The logits of the symbols and of the boundary.
            hidden: The output of the last layer.
            references: The numbers of `AlignedHistory.references`.
        """
        steps, agreements = torch.split(references, self.distances, -1)
        scores = functional.linear(hidden, self.weight).float() + self.agreements.gather(
            0, agreements.flatten(0, -2)
        ).view(agreements.shape)
        return logits.float().scatter_add(-1, (steps - 1).clamp_min(0), scores * (steps > 0))


def references_of(batch: Batch) -> Int[Tensor, "time row numbers"]:
    """Return the references of a batch.

    Raises:
        ValueError: If the batch has none.
    """
    if batch.references is None:
        raise ValueError("the network looks back, and the batch has no references; set `Network.history`")
    return batch.references


def _after_zeros(table: Tensor) -> Tensor:
    """Return a table with a row of zeros in front, for number 0."""
    return torch.cat([table.new_zeros(1, table.shape[1]), table])
