"""Several networks of one architecture that are trained together and averaged."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqforge.core.places import AlignedHistory
from seqforge.core.spaces import Space
from seqforge.network.batch import Batch, SoftTargets
from seqforge.network.config import Dropout, NetworkConfig
from seqforge.network.dropout import Masks, draw_masks
from seqforge.network.model import Network, NetworkState, weight_arrays

__all__ = ["AnyNetwork", "MemberMasks", "Members", "log_probabilities", "masks_of", "networks_of", "summed_losses"]


@dataclass(frozen=True)
class MemberMasks:
    """The dropout masks of each member for one batch.

    Attributes:
        members: The masks of each member.
    """

    members: Sequence[Masks]

    def to(self, device: torch.device) -> "MemberMasks":
        """Return the masks on a device."""
        return MemberMasks([masks.to(device) for masks in self.members])

    def select_rows(self, rows: Tensor) -> "MemberMasks":
        """Return the masks of the rows with these numbers."""
        return MemberMasks([masks.select_rows(rows) for masks in self.members])


class Members(nn.Module):
    """Networks of one architecture, whose predictions are averaged as probabilities.

    They read the same batches and share nothing else: each has its weights, its state and its dropout masks, and its
    gradient depends on its loss alone.

    Source: B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and Scalable Predictive Uncertainty Estimation
    using Deep Ensembles", NIPS 2017, section 2.4 (fresh weights per member, a uniform mixture).

    >>> from seqforge.core.spaces import Categorical
    >>> config = NetworkConfig(layers=1, hidden=8, embedding=4)
    >>> members = Members([Network(Categorical(5), config, seed=seed) for seed in (0, 1)])
    >>> len(members.zero_state(2)), members.member_count
    (2, 2)

    Args:
        networks: Two or more networks of one architecture.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(networks)
        self.member_count = len(networks)

    @property
    def networks(self) -> list[Network]:
        """The members."""
        return [member for member in self.members if isinstance(member, Network)]

    @property
    def space(self) -> Space:
        """The type of a step."""
        return self.networks[0].space

    @property
    def config(self) -> NetworkConfig:
        """The architecture of each member."""
        return self.networks[0].config

    @property
    def history(self) -> AlignedHistory | None:
        """Computes the references of a batch, as in `Network`."""
        return self.networks[0].history

    @history.setter
    def history(self, history: AlignedHistory | None) -> None:
        for network in self.networks:
            network.history = history

    def zero_state(self, rows: int) -> NetworkState:
        """Return the states of all members before the first step, one after the other."""
        return [part for network in self.networks for part in network.zero_state(rows)]

    def states_of(self, state: NetworkState) -> Iterator[NetworkState]:
        """Yield the part of each member in a state."""
        size = len(state) // self.member_count
        for first in range(0, len(state), size):
            yield state[first : first + size]

    def loss(
        self, batch: Batch, state: NetworkState, masks: MemberMasks | None = None
    ) -> tuple[Float[Tensor, "time row"], NetworkState]:
        """Return the loss of the average at every position in nats, multiplied by its weight, and the state.

        Args:
            batch: The input and the targets.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
        """
        losses, after = self.losses(batch, state, masks)
        average = math.log(self.member_count) - torch.logsumexp(-torch.stack(losses), 0)
        return torch.where(batch.weights > 0, average, torch.zeros_like(average)), after

    def losses(
        self, batch: Batch, state: NetworkState, masks: MemberMasks | None, soft: SoftTargets | None = None
    ) -> tuple[list[Tensor], NetworkState]:
        """Return the loss of each member at every position, and the states of all.

        Args:
            batch: The input and the targets.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
            soft: The predictions of another network, which are targets as well; None for the data alone.
        """
        parts: Sequence[Masks | None] = [None] * self.member_count if masks is None else masks.members
        losses: list[Tensor] = []
        after: NetworkState = []
        for network, before, mask in zip(self.networks, self.states_of(state), parts, strict=True):
            loss, new = network.loss(batch, before, mask, soft)
            losses.append(loss)
            after += new
        return losses, after

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters of all members by name as arrays; the names are those of a model file."""
        return weight_arrays(dict(self.named_parameters()))

    @classmethod
    def from_arrays(cls, space: Space, config: NetworkConfig, parts: Sequence[Mapping[str, np.ndarray]]) -> "Members":
        """Return members with these parameters, in evaluation mode.

        Args:
            space: The type of a step.
            config: The architecture.
            parts: The parameters of each member by name; they are copied.
        """
        return cls([Network.from_arrays(space, config, arrays) for arrays in parts]).eval()

    def parameter_count(self) -> int:
        """Return the number of trainable parameters of all members."""
        return sum(parameter.numel() for parameter in self.parameters())


AnyNetwork = Network | Members
"""A network, or several that are averaged."""


def masks_of(network: AnyNetwork, dropout: Dropout, *, seed: int, step: int, rows: range) -> Masks | MemberMasks:
    """Draw the dropout masks of one training step; member k draws with the seed plus k.

    Args:
        network: The network.
        dropout: The dropout probabilities.
        seed: The seed of the run.
        step: The number of the training step.
        rows: The numbers of the rows of the batch that this process reads.
    """
    masks = [
        draw_masks(dropout, network.config, seed=seed + number, step=step, rows=rows)
        for number in range(network.member_count)
    ]
    return MemberMasks(masks) if isinstance(network, Members) else masks[0]


def summed_losses(
    network: AnyNetwork,
    batch: Batch,
    state: NetworkState,
    masks: Masks | MemberMasks | None,
    soft: SoftTargets | None = None,
) -> tuple[Float[Tensor, "time row"], NetworkState]:
    """Return the sum over all members of the loss at every position, which training minimises, and the state.

    Args:
        network: The network.
        batch: The input and the targets.
        state: The state before the first position.
        masks: The result of `masks_of`; None for no dropout.
        soft: The predictions of another network, which are targets as well; None for the data alone.
    """
    if isinstance(network, Members):
        assert not isinstance(masks, Masks)
        losses, after = network.losses(batch, state, masks, soft)
        return torch.stack(losses).sum(0), after
    assert not isinstance(masks, MemberMasks)
    return network.loss(batch, state, masks, soft)


def log_probabilities(
    network: AnyNetwork, batch: Batch, state: NetworkState
) -> tuple[Float[Tensor, "time row symbols"], NetworkState]:
    """Return the logarithm of the probability of every symbol and of the boundary at every position, and the state.

    Args:
        network: The network; its steps are symbols.
        batch: The input.
        state: The state before the first position.
    """
    if not isinstance(network, Members):
        outputs, after = network(batch, state)
        return network.head.log_probabilities(outputs), after
    parts = [
        log_probabilities(member, batch, before)
        for member, before in zip(network.networks, network.states_of(state), strict=True)
    ]
    logs = torch.logsumexp(torch.stack([logs for logs, _ in parts]), 0) - math.log(network.member_count)
    return logs, [part for _, after in parts for part in after]


def networks_of(network: AnyNetwork) -> list[Network]:
    """Return the members of a network, or the network itself.

    >>> from seqforge.core.spaces import Categorical
    >>> len(networks_of(Network(Categorical(5), NetworkConfig(layers=1, hidden=8, embedding=4))))
    1
    """
    return network.networks if isinstance(network, Members) else [network]
