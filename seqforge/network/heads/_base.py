"""What every space's head has in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Space
from seqforge.network.config import NetworkConfig


class Head(nn.Module, ABC):
    """How the network reads and predicts the steps of one space, its boundary included.

    Attributes:
        hidden: the units of the last layer, which `predict` reads.
    """

    hidden: int

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""

    @abstractmethod
    def embed(self, inputs: Tensor, starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        """Return what the first layer reads of each step."""

    @abstractmethod
    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        """Return the parameters of the distribution of the next step."""

    @abstractmethod
    def loss(
        self, outputs: Float[Tensor, "*shape outputs"], targets: Tensor, ends: Bool[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"]:
        """Return the negative log-likelihood of each step, in nats; in float32 whatever the outputs are."""

    def input_function(
        self, weight: Float[Tensor, "gates embedding"], bias: Float[Tensor, " gates"]
    ) -> Callable[[Tensor], Tensor]:
        """Return a function from steps to what they add to the first layer's gates, for stepping."""

        def read(steps: Tensor) -> Tensor:
            starts = torch.zeros(len(steps), dtype=torch.bool, device=steps.device)
            return functional.linear(self.embed(steps, starts), weight, bias)

        return read

    def output_function(self, product: Callable[..., Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
        """Return `predict` for stepping: it takes hidden units that are padded with zeros (`network.padding`).

        Args:
            product: makes of a weight and a bias the function of rows that multiplies them, at some precision.
        """
        width = self.hidden
        return lambda hidden: self.predict(hidden[:, :width])


def head_for(space: Space, config: NetworkConfig) -> Head:
    """Return the head for a space: the class `SpaceHead` of the module named after the space's kind."""
    module = import_module(f"seqforge.network.heads.{space.kind}")
    head: Head = module.SpaceHead(space, config)
    return head
