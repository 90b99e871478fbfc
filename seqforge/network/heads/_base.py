"""The interface of all heads."""

from abc import ABC, abstractmethod
from importlib import import_module

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqforge.core.spaces import Space
from seqforge.errors import OptionsError
from seqforge.network.config import NetworkConfig


class Head(nn.Module, ABC):
    """How the network reads and predicts the steps of one space, the boundary included.

    Example:
        head = head_for(space, config)
        outputs = head.predict(hidden)               # shape (time, row, outputs)
        losses = head.loss(outputs, targets, ends)   # nats, shape (time, row)

    Attributes:
        hidden: Number of units of the last layer, which `predict` reads.
    """

    hidden: int

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""

    @abstractmethod
    def embed(self, inputs: Tensor, starts: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding"]:
        """Return the embedding of each step.

        Args:
            inputs: The steps.
            starts: True where the boundary is read instead of the step.
        """

    @abstractmethod
    def predict(self, hidden: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape outputs"]:
        """Return the parameters of the distribution of the next step, from the output of the last layer."""

    @abstractmethod
    def loss(
        self, outputs: Float[Tensor, "*shape outputs"], targets: Tensor, ends: Bool[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"]:
        """Return the negative log-likelihood of each step in nats, always computed in float32.

        Args:
            outputs: The result of `predict`.
            targets: The steps to predict.
            ends: True where the boundary is to be predicted instead of the step.
        """

    def log_probabilities(self, outputs: Float[Tensor, "*shape outputs"]) -> Float[Tensor, "*shape symbols"]:
        """Return the logarithm of the probability of every symbol and of the boundary.

        Args:
            outputs: The result of `predict`.

        Raises:
            OptionsError: If the steps are not symbols.
        """
        raise OptionsError(
            "`distil` learns the probabilities of symbols, and the steps of this model are real numbers; leave it out",
            field="distil", allowed="None where steps are real numbers",
        )  # fmt: skip


def head_for(space: Space, config: NetworkConfig) -> Head:
    """Return the head for a space: the class `SpaceHead` of the module named after the kind of the space.

    With `config.cutoffs`, it is the adaptive softmax.

    >>> from seqforge.core.spaces import Categorical
    >>> head_for(Categorical(5), NetworkConfig(hidden=8, embedding=4)).hidden
    8
    """
    name, kind = ("adaptive", "AdaptiveHead") if config.cutoffs else (space.kind, "SpaceHead")
    head: Head = getattr(import_module(f"seqforge.network.heads.{name}"), kind)(space, config)
    return head
