"""Conditioning on labels and features of the whole piece; they are part of the input of every step."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.shapes import label_width


class Conditioning(nn.Module):
    """One embedding per label, concatenated with the features.

    Value 0 of a label means unknown, so that labels are optional in generation.

    Source: Z. Lipton, S. Vikram and J. McAuley, "Generative Concatenative Nets Jointly Learn to Write
    and Classify Reviews", arXiv 1511.03683, section 3: the auxiliary input is concatenated to the
    input of every step.

    >>> conditioning = Conditioning(labels=(2, 30), features=4)
    >>> conditioning.width
    23

    Args:
        labels: Number of values of each label.
        features: Number of real features.
    """

    def __init__(self, labels: tuple[int, ...], features: int) -> None:
        super().__init__()
        widths = [label_width(values) for values in labels]
        self.embeddings = nn.ParameterList(
            nn.Parameter(torch.empty(values + 1, width)) for values, width in zip(labels, widths, strict=True)
        )
        self.width = sum(widths) + features

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh embeddings."""
        for embedding in self.embeddings:
            nn.init.normal_(embedding, generator=generator)

    def forward(
        self, labels: Int[Tensor, "*shape labels"], features: Float[Tensor, "*shape features"]
    ) -> Float[Tensor, "*shape width"]:
        """Return the vector that the first layer reads beside the embedding of each step."""
        parts = [
            functional.embedding(labels[..., number], embedding) for number, embedding in enumerate(self.embeddings)
        ]
        return torch.cat([*parts, features], -1)
