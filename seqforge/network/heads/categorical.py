"""The head for symbols: a table of embeddings at the input, a softmax at the output."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Categorical
from seqforge.network.config import NetworkConfig
from seqforge.network.heads._base import Head
from seqforge.network.padding import padded, padded_matrix


class SpaceHead(Head):
    """Embeddings and a softmax over the symbols and the boundary, which is number `size`.

    With `tie`, both share one table (O. Press and L. Wolf, "Using the Output Embedding to Improve
    Language Models", EACL 2017; H. Inan, K. Khosravi and R. Socher, "Tying Word Vectors and Word
    Classifiers", ICLR 2017). Its rows have unit length at first; the input is scaled up by the root of the
    width, so that the layers read numbers of size one and the logits start small.

    Args:
        space: the symbols.
        config: `hidden`, `embedding` and `tie` are used.
    """

    def __init__(self, space: Categorical, config: NetworkConfig) -> None:
        super().__init__()
        self.size, self.hidden = space.size, config.hidden
        width = config.embedding
        self.table = nn.Parameter(torch.empty(space.size + 1, width))
        self.untied = None if config.tie_embeddings else nn.Parameter(torch.empty(space.size + 1, width))
        narrower = config.hidden != width
        self.projection = nn.Parameter(torch.empty(width, config.hidden)) if narrower else None
        self.bias = nn.Parameter(torch.empty(space.size + 1))
        self.scale = float(width**0.5)

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.table, std=1 / self.scale, generator=generator)
        if self.untied is not None:
            nn.init.normal_(self.untied, std=1 / self.scale, generator=generator)
        if self.projection is not None:
            nn.init.xavier_uniform_(self.projection, generator=generator)
        nn.init.zeros_(self.bias)

    def read(self, inputs: Int[Tensor, "*shape"], starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        return _looked_up(self.table, inputs.masked_fill(starts, self.size)) * self.scale

    def reading(
        self, weight: Float[Tensor, "gates embedding"], bias: Float[Tensor, " gates"]
    ) -> Callable[[Tensor], Tensor]:
        gates = functional.linear(self.table * self.scale, weight, bias)
        return partial(_looked_up, gates)

    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        if self.projection is not None:
            hidden = functional.linear(hidden, self.projection)
        return functional.linear(hidden, self.table if self.untied is None else self.untied, self.bias)

    def predicting(self, product: Callable[..., Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
        output = self.table if self.untied is None else self.untied
        score = product(padded_matrix(output), padded(self.bias))
        project = None if self.projection is None else product(padded_matrix(self.projection))
        return partial(_predicted, project, score, self.size + 1)

    def loss(
        self,
        outputs: Float[Tensor, "*shape outputs"],
        targets: Int[Tensor, "*shape"],
        ends: Bool[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        target = targets.masked_fill(ends, self.size)
        flat = functional.cross_entropy(outputs.float().flatten(0, -2), target.flatten(), reduction="none")
        return flat.view(target.shape)


def _looked_up(table: Tensor, steps: Tensor) -> Tensor:
    found: Tensor = functional.embedding(steps, table)
    return found


def _predicted(
    project: Callable[[Tensor], Tensor] | None, score: Callable[[Tensor], Tensor], outputs: int, hidden: Tensor
) -> Tensor:
    return score(hidden if project is None else project(hidden))[:, :outputs]
