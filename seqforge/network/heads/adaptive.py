"""The head for many symbols: an adaptive softmax, which computes rare symbols only where they are predicted."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Categorical
from seqforge.network.config import NetworkConfig
from seqforge.network.heads.categorical import SpaceHead

__all__ = ["AdaptiveHead"]


class AdaptiveHead(SpaceHead):
    r"""A softmax of two levels over the symbols and the boundary; symbols with low numbers should be frequent.

    The first level predicts the symbols below the first cutoff, the boundary, and the clusters of the other symbols,
    which lie between two cutoffs. The second level predicts a symbol within its cluster:

    .. math::
        \log p(x) = \log p(\mathrm{cluster}(x)) + \log p(x \mid \mathrm{cluster}(x))

    In training, a cluster is computed at those positions alone whose target is in it. The likelihood is exact: the
    probabilities of all symbols and of the boundary sum to 1, whatever the order of the symbols.

    Source: E. Grave, A. Joulin, M. Cissé, D. Grangier and H. Jégou, "Efficient softmax approximation for GPUs", ICML
    2017, section 4. Here all symbols share the width of the embedding, so that input and output share one matrix.

    >>> head = AdaptiveHead(Categorical(50), NetworkConfig(hidden=8, embedding=8, cutoffs=(10, 30)))
    >>> head.initialise(torch.Generator().manual_seed(0))
    >>> head.log_probabilities(head.predict(torch.ones(3, 8))).exp().sum(-1).round(decimals=3).tolist()
    [1.0, 1.0, 1.0]

    Args:
        space: The symbols.
        config: The architecture; its `cutoffs` divide the symbols.
    """

    def __init__(self, space: Categorical, config: NetworkConfig) -> None:
        super().__init__(space, config)
        clusters = len(config.cutoffs)
        self.sizes = [last - first for first, last in pairwise((0, *config.cutoffs, space.size))]
        self.cluster_weight = nn.Parameter(torch.empty(clusters, config.embedding))
        self.cluster_bias = nn.Parameter(torch.empty(clusters))

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        nn.init.normal_(self.cluster_weight, std=1 / self.scale, generator=generator)
        nn.init.zeros_(self.cluster_bias)

    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        """Return what both levels read; `loss` and `log_probabilities` compute the probabilities."""
        return hidden if self.projection is None else functional.linear(hidden, self.projection)

    def loss(
        self,
        outputs: Float[Tensor, "*shape outputs"],
        targets: Int[Tensor, "*shape"],
        ends: Bool[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        flat, target = outputs.flatten(0, -2), targets.masked_fill(ends, self.size).flatten()
        weights, biases = self._parts()
        # 1. The first level, at every position: frequent symbols, then the boundary, then the clusters.
        frequent, first = self.sizes[0], 0
        level_target = torch.where(target == self.size, frequent, target)
        inside: list[tuple[Tensor, Tensor]] = []
        for cluster, size in enumerate(self.sizes):
            if cluster:
                positions = torch.nonzero((target >= first) & (target < first + size)).flatten()
                inside.append((positions, target[positions] - first))
                level_target = level_target.index_fill(0, positions, frequent + cluster)
            first += size
        losses = functional.cross_entropy(self._first_level(flat, weights, biases), level_target, reduction="none")
        # 2. The second level, where the target is in the cluster.
        for cluster, (positions, numbers) in enumerate(inside, 1):
            if len(positions):
                logits = functional.linear(flat[positions], weights[cluster], biases[cluster]).float()
                losses = losses.index_add(0, positions, functional.cross_entropy(logits, numbers, reduction="none"))
        return losses.view(targets.shape)

    def log_probabilities(self, outputs: Float[Tensor, "*shape outputs"]) -> Float[Tensor, "*shape symbols"]:
        weights, biases = self._parts()
        level = self._first_level(outputs, weights, biases).log_softmax(-1)
        frequent, boundary, clusters = torch.split(level, [self.sizes[0], 1, len(self.sizes) - 1], -1)
        inside = [
            functional.linear(outputs, weight, bias).float().log_softmax(-1) + clusters[..., number : number + 1]
            for number, (weight, bias) in enumerate(zip(weights[1:-1], biases[1:-1], strict=True))
        ]
        return torch.cat([frequent, *inside, boundary], -1)

    def _parts(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the rows of the output matrix, and of the bias, of each cluster and of the boundary."""
        table = self.embedding if self.output_embedding is None else self.output_embedding
        return torch.split(table, [*self.sizes, 1]), torch.split(self.bias, [*self.sizes, 1])

    def _first_level(self, outputs: Tensor, weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> Tensor:
        """Return the logits of the frequent symbols, of the boundary and of the clusters, float32."""
        weight = torch.cat([weights[0], weights[-1], self.cluster_weight])
        return functional.linear(outputs, weight, torch.cat([biases[0], biases[-1], self.cluster_bias])).float()
