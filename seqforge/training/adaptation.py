"""Adaptation of trained weights to the pieces that are read: dynamic evaluation."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqforge.core.places import AlignedHistory
from seqforge.dataset import Dataset
from seqforge.errors import OptionsError
from seqforge.network import AnyNetwork, Batch, NetworkState
from seqforge.training.batches import Batches
from seqforge.training.likelihood import Likelihood, evaluation_mode
from seqforge.training.rows import Row

__all__ = ["Adaptation", "DynamicUpdate", "OrderedBatches", "choose_update", "dynamic_likelihood", "gradient_scales"]

STATISTIC_BATCHES = 20
"""Number of batches of the train split from which the scales of the gradients are computed."""
STATISTIC_ROWS = 32
"""Number of rows of such a batch."""
RATES = (3e-5, 1e-4, 3e-4, 1e-3)
DECAYS = (0.0, 0.001, 0.003, 0.01)
"""The rates and decays among which `choose_update` chooses."""
CHOICE_POSITIONS = 8000
"""Largest number of positions on which the rate and the decay are chosen."""


@dataclass(frozen=True)
class DynamicUpdate:
    """The hyper-parameters of dynamic evaluation.

    >>> DynamicUpdate(rate=1e-4, decay=0.002).length
    64

    Attributes:
        rate: The learning rate, at least 0.
        decay: The share of the way back to the trained weights per update, from 0 to 1, for a weight whose gradients
            have the mean scale.
        length: Number of positions per update.
        damping: Added to the scale of the gradients of a weight, as a share of the mean scale, above 0.

    Raises:
        OptionsError: If a value is not allowed.
    """

    rate: float = 1e-4
    decay: float = 0.001
    length: int = 64
    damping: float = 0.1

    def __post_init__(self) -> None:
        for name, low, high, allowed in (
            ("rate", 0, math.inf, "at least 0 and finite"),
            ("decay", 0, 1, "from 0 to 1"),
            ("length", 1, math.inf, "at least 1"),
        ):
            value = getattr(self, name)
            if not low <= value <= high or value == math.inf:
                raise OptionsError.invalid(name, value, allowed)
        if not 0 < self.damping < math.inf:
            raise OptionsError.invalid("damping", self.damping, "above 0 and finite")


class OrderedBatches(Batches):
    """Batches of one row that holds the pieces of a dataset one after the other, in their order and undivided.

    Example:
        batches = OrderedBatches(dataset, length=64)
        first = batches[0]  # a Batch of shape (64, 1)

    Args:
        dataset: The pieces to read.
        length: Number of positions per batch.
        history: As in `Batches`.
    """

    def __init__(self, dataset: Dataset, *, length: int, history: AlignedHistory | None = None) -> None:
        super().__init__(dataset, rows=1, length=length, seed=None, divide=False, history=history)

    def epoch(self, number: int) -> list[Row]:
        ends = self.dataset.lengths.astype(np.int64) + 1
        zeros = np.zeros_like(ends)
        return [Row(np.arange(len(ends)), zeros, ends, zeros, np.concatenate([[0], np.cumsum(ends)]))]


class Adaptation:
    r"""A copy of a network whose weights follow the positions that it has read.

    After each update of `length` positions, every weight :math:`\theta` moves against its gradient :math:`g` and back
    towards its trained value :math:`\theta_0`; :math:`r` is the scale of its gradients on the train split:

    .. math::
        \theta \leftarrow \theta - \eta \frac{g}{r + \epsilon}
            + \min\left(1, \lambda \frac{r}{\bar r}\right) (\theta_0 - \theta)

    Source: B. Krause, E. Kahembwe, I. Murray and S. Renals, "Dynamic Evaluation of Neural Sequence Models", ICML 2018,
    section 5 (RMS-scaled learning rule with a decay towards the trained parameters). Here the damping is relative to
    the mean scale.

    Example:
        adaptation = Adaptation(network, DynamicUpdate(), gradient_scales(network, train))
        losses = adaptation.read(batch)  # predicted with the weights before the update

    Args:
        network: The trained network, which is not changed.
        update: The hyper-parameters.
        scales: The result of `gradient_scales`.

    Attributes:
        network: The copy, in evaluation mode.
    """

    def __init__(self, network: AnyNetwork, update: DynamicUpdate, scales: Sequence[Tensor]) -> None:
        self.network = copy.deepcopy(network).eval()
        self._weights = [parameter.data for parameter in self.network.parameters()]
        self._trained = [weight.clone() for weight in self._weights]
        mean = float(torch.stack([scale.mean() for scale in scales]).mean()) or 1.0
        self._rates = [update.rate / (scale + update.damping * mean) for scale in scales]
        self._decays = [(update.decay / mean * scale).clamp(max=1.0) for scale in scales]
        self._state = self.network.zero_state(1)

    def read(self, batch: Batch) -> Tensor:
        """Return the loss of each position of a batch of one row, then update the weights.

        Args:
            batch: The positions that follow those of the batch before.
        """
        losses, gradients, self._state = _gradients(self.network, batch, self._state)
        torch._foreach_mul_(gradients, self._rates)
        back = torch._foreach_sub(self._trained, self._weights)
        torch._foreach_mul_(back, self._decays)
        torch._foreach_sub_(back, gradients)
        torch._foreach_add_(self._weights, back)
        return losses


def gradient_scales(network: AnyNetwork, dataset: Dataset, *, length: int = 64) -> list[Tensor]:
    """Return the root mean square of the gradient of each weight over batches of a dataset.

    Example:
        scales = gradient_scales(network, datasets["train"])

    Args:
        network: The network; it is not changed.
        dataset: The pieces that it was trained on.
        length: Number of positions per batch.
    """
    batches = Batches(dataset, rows=STATISTIC_ROWS, length=length, seed=0, history=network.history)
    sums = [torch.zeros_like(parameter) for parameter in network.parameters()]
    state, count = network.zero_state(len(batches.local_rows)), min(STATISTIC_BATCHES, batches.batches_in(0))
    with evaluation_mode(network):
        for t in range(count):
            _, gradients, state = _gradients(network, batches[t], state)
            torch._foreach_addcmul_(sums, gradients, gradients)
    return [(total / max(1, count)).sqrt() for total in sums]


def dynamic_likelihood(
    network: AnyNetwork,
    dataset: Dataset,
    update: DynamicUpdate,
    scales: Sequence[Tensor],
    *,
    max_positions: int | None = None,
) -> Likelihood:
    """Return the likelihood of a dataset by dynamic evaluation: each position is predicted, then learnt from.

    The pieces are read one after the other in their order. What is learnt from a piece stays for the next ones; the
    hidden state does not.

    Example:
        scales = gradient_scales(network, datasets["train"])
        dynamic_likelihood(network, datasets["test"], DynamicUpdate(), scales).nats_per_position

    Args:
        network: The network, which is not changed.
        dataset: The pieces; there must be one at least.
        update: The hyper-parameters.
        scales: The result of `gradient_scales`.
        max_positions: Stop after the batch that reaches this number of positions; None reads all.
    """
    adaptation = Adaptation(network, update, scales)
    batches = OrderedBatches(dataset, length=update.length, history=network.history)
    nats, positions = 0.0, 0
    for t in range(batches.batches_in(0)):
        batch = batches[t]
        nats += float(adaptation.read(batch).double().sum())
        positions += int(batch.weights.sum())
        if max_positions is not None and positions >= max_positions:
            break
    return Likelihood(nats, positions)


def choose_update(
    network: AnyNetwork,
    dataset: Dataset,
    scales: Sequence[Tensor],
    *,
    rate: float | None = None,
    decay: float | None = None,
) -> DynamicUpdate:
    """Return the update with the rate, and then the decay, that give a dataset the highest likelihood.

    Choose on the valid split and evaluate on the test split.

    Example:
        update = choose_update(network, datasets["valid"], scales)

    Args:
        network: The network, which is not changed.
        dataset: The pieces; at most `CHOICE_POSITIONS` positions are read, once per value that is tried.
        scales: The result of `gradient_scales`.
        rate: The rate if it is not to be chosen.
        decay: The decay if it is not to be chosen.
    """

    def loss(update: DynamicUpdate) -> float:
        nats = dynamic_likelihood(network, dataset, update, scales, max_positions=CHOICE_POSITIONS).nats
        return nats if math.isfinite(nats) else math.inf

    if rate is None:
        first_decay = DynamicUpdate.decay if decay is None else decay
        rate = min(RATES, key=lambda value: loss(DynamicUpdate(rate=value, decay=first_decay)))
    decays = DECAYS if decay is None else (decay,)
    return min((DynamicUpdate(rate=rate, decay=value) for value in decays), key=loss)


def _gradients(network: AnyNetwork, batch: Batch, state: NetworkState) -> tuple[Tensor, list[Tensor], NetworkState]:
    """Return the losses of a batch, the gradients of their mean by parameter, and the state after the batch."""
    parameters = list(network.parameters())
    losses, after = network.loss(batch, state)
    mean = losses.sum() / batch.weights.sum().clamp(min=1)
    gradients = torch.autograd.grad(mean, parameters, allow_unused=True)
    zeros = (torch.zeros_like(parameter) for parameter in parameters)
    filled = [zero if gradient is None else gradient for zero, gradient in zip(zeros, gradients, strict=True)]
    return losses.detach(), filled, [tuple(part.detach() for part in layer) for layer in after]
