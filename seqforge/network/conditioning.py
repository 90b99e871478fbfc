"""Conditioning on what holds for a whole piece: labels and features, given to the network at every step."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

LABEL_WIDTH = 16


class Conditioning(nn.Module):
    """One embedding for each label, concatenated with each other and with the features.

    A label's number 0 means unknown, so a model can be asked with some labels or none.

    Source: Z. Lipton, S. Vikram and J. McAuley, "Generative Concatenative Nets Jointly Learn to Write
    and Classify Reviews", arXiv 1511.03683, section 3: the auxiliary input is concatenated to the
    input of every step.

    Args:
        labels: for each label the number of its values.
        features: how many real features.
    """

    def __init__(self, labels: tuple[int, ...], features: int) -> None:
        super().__init__()
        widths = [min(LABEL_WIDTH, values + 1) for values in labels]
        self.embeddings = nn.ParameterList(
            nn.Parameter(torch.empty(values + 1, width)) for values, width in zip(labels, widths, strict=True)
        )
        self.width = sum(widths) + features

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh embeddings."""
        for table in self.embeddings:
            nn.init.normal_(table, generator=generator)

    def forward(
        self, labels: Int[Tensor, "*shape labels"], features: Float[Tensor, "*shape features"]
    ) -> Float[Tensor, "*shape width"]:
        """Return what the first layer reads beside each step."""
        parts = [functional.embedding(labels[..., number], table) for number, table in enumerate(self.embeddings)]
        return torch.cat([*parts, features], -1)
