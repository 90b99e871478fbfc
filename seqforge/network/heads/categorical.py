"""The head for symbols: an embedding at the input, a softmax at the output."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Categorical
from seqforge.network.config import NetworkConfig
from seqforge.network.heads._base import Head


class SpaceHead(Head):
    """An embedding and a softmax over the symbols and the boundary, which is number `space.size`.

    With `config.tie_embeddings`, both share one matrix (O. Press and L. Wolf, "Using the Output Embedding to Improve
    Language Models", EACL 2017; H. Inan, K. Khosravi and R. Socher, "Tying Word Vectors and Word
    Classifiers", ICLR 2017). Its rows are initialised to about unit length. The input is multiplied by the square root
    of the width, so that the layers read numbers of size one and the logits start small.

    >>> head = SpaceHead(Categorical(5), NetworkConfig(hidden=8, embedding=8))
    >>> head.initialise(torch.Generator().manual_seed(0))
    >>> head.predict(torch.zeros(7, 2, 8)).shape  # 7 positions of 2 rows: the logits of 5 symbols and the boundary
    torch.Size([7, 2, 6])

    Args:
        space: The symbols.
        config: The architecture; `hidden`, `embedding` and `tie_embeddings` are used.
    """

    def __init__(self, space: Categorical, config: NetworkConfig) -> None:
        super().__init__()
        self.size, self.hidden = space.size, config.hidden
        width = config.embedding
        self.embedding = nn.Parameter(torch.empty(space.size + 1, width))
        self.output_embedding = None if config.tie_embeddings else nn.Parameter(torch.empty(space.size + 1, width))
        narrow = config.hidden != width
        self.projection = nn.Parameter(torch.empty(width, config.hidden)) if narrow else None
        self.bias = nn.Parameter(torch.empty(space.size + 1))
        self.scale = float(width**0.5)

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.embedding, std=1 / self.scale, generator=generator)
        if self.output_embedding is not None:
            nn.init.normal_(self.output_embedding, std=1 / self.scale, generator=generator)
        if self.projection is not None:
            nn.init.xavier_uniform_(self.projection, generator=generator)
        nn.init.zeros_(self.bias)

    def embed(self, inputs: Int[Tensor, "*shape"], starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        return _look_up(self.embedding, inputs.masked_fill(starts, self.size)) * self.scale

    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        if self.projection is not None:
            hidden = functional.linear(hidden, self.projection)
        return functional.linear(
            hidden, self.embedding if self.output_embedding is None else self.output_embedding, self.bias
        )

    def loss(
        self,
        outputs: Float[Tensor, "*shape outputs"],
        targets: Int[Tensor, "*shape"],
        ends: Bool[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        target = targets.masked_fill(ends, self.size)
        flat = functional.cross_entropy(outputs.float().flatten(0, -2), target.flatten(), reduction="none")
        return flat.view(target.shape)

    def log_probabilities(self, outputs: Float[Tensor, "*shape outputs"]) -> Float[Tensor, "*shape symbols"]:
        return outputs.float().log_softmax(-1)


def _look_up(table: Tensor, steps: Tensor) -> Tensor:
    result: Tensor = functional.embedding(steps, table)
    return result
