"""The gradients of one step: over parts of the rows, and over all processes."""

import torch
import torch.distributed as dist
from torch import Tensor

from seqforge.network import AnyNetwork, Batch, Masks, MemberMasks, NetworkState, SoftTargets, summed_losses
from seqforge.training.precision import autocast
from seqforge.training.process_group import ProcessGroup

__all__ = ["GradientExchange", "compute_gradients"]


def compute_gradients(
    network: AnyNetwork,
    batch: Batch,
    state: NetworkState,
    masks: Masks | MemberMasks,
    *,
    group: ProcessGroup,
    precision: str,
    parts: int = 1,
    soft: SoftTargets | None = None,
) -> tuple[Tensor, Tensor, NetworkState]:
    """Compute the gradients of the mean loss over the positions of all processes (truncated BPTT).

    With several parts, the rows are read in groups one after the other, and their gradients are added up (gradient
    accumulation). The result is the same but for rounding, and the memory is that of one part.

    Example:
        nats, positions, state = compute_gradients(network, batch, state, masks, group=group, precision="float32")

    Args:
        network: The network; the gradients of its parameters are set.
        batch: The rows that this process reads.
        state: The state before the first position.
        masks: The dropout masks of these rows.
        group: The processes that train together.
        precision: Precision of the matrix products, "float32" or "bfloat16".
        parts: Number of groups of rows.
        soft: The predictions of another network for these rows, which are targets as well; None for the data alone.

    Returns:
        The sum of the losses in nats (of several members, the mean of their sums) and the number of positions, over all
        processes, and the state of these rows after the last position, without gradients.
    """
    device = batch.weights.device
    positions = batch.weights.sum()
    group.all_reduce([positions])
    scale = positions.clamp(min=1)
    rows = batch.weights.shape[1]
    numbers = [part for part in torch.arange(rows, device=device).chunk(min(parts, max(1, rows))) if len(part)]
    nats = torch.zeros((), device=device)
    states: list[NetworkState] = []
    exchange = GradientExchange(network, group)
    for number, part in enumerate(numbers or [torch.arange(0, device=device)]):
        whole = len(numbers) <= 1
        part_batch = batch if whole else batch.select_rows(part)
        part_masks = masks if whole else masks.select_rows(part)
        part_soft = soft if soft is None or whole else soft.select_rows(part)
        part_state = state if whole else [tuple(value[part] for value in layer) for layer in state]
        with autocast(device, precision):
            losses, new_state = summed_losses(network, part_batch, part_state, part_masks, part_soft)
        total = losses.sum()
        if number >= len(numbers) - 1:
            exchange.start()
        torch.autograd.backward(total / scale)
        nats = nats + total.detach() / network.member_count
        states.append([tuple(value.detach().float() for value in layer) for layer in new_state])
    exchange.finish(nats)
    joined = [tuple(torch.cat(values) for values in zip(*layers, strict=True)) for layers in zip(*states, strict=True)]
    return nats, positions, states[0] if len(states) == 1 else joined


class GradientExchange:
    """Sums the gradients over all processes, each as soon as the backward pass has computed it.

    Collective operations must start in the same order in all processes. So they start in a fixed order, the last
    parameter first; a gradient that is ready early waits for its turn. The backward pass of the earlier layers then
    runs while the gradients of the later layers are exchanged.

    Source: S. Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020, section
    3.2.3: overlap of computation and communication.

    Example:
        exchange = GradientExchange(network, group)
        exchange.start()
        loss.backward()
        exchange.finish(nats)

    Args:
        network: The network.
        group: The processes that train together.
    """

    def __init__(self, network: AnyNetwork, group: ProcessGroup) -> None:
        self.group = group
        self.parameters = list(reversed(list(network.parameters())))
        self._overlaps = group.world_size > 1 and dist.is_available() and dist.is_initialized()
        self._ready: set[int] = set()
        self._pending: list[dist.Work] = []
        self._next = 0
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def start(self) -> None:
        """Exchange the gradients that the next backward pass completes."""
        if self._overlaps:
            self._hooks = [
                parameter.register_post_accumulate_grad_hook(self._on_gradient)  # type: ignore[no-untyped-call]
                for parameter in self.parameters
            ]

    def finish(self, nats: Tensor) -> None:
        """Wait until all gradients are summed; sum the loss as well.

        A parameter without a gradient counts as zero: `start_weight`, if no piece starts in the batch.

        Args:
            nats: The sum of the losses, replaced by the sum over all processes.
        """
        for hook in self._hooks:
            hook.remove()
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if not self._overlaps:
            self.group.all_reduce([nats, *gradients])
            return
        self._ready = {id(parameter) for parameter in self.parameters}
        self._start_ready()
        for work in self._pending:
            work.wait()
        self.group.all_reduce([nats])

    def _on_gradient(self, parameter: Tensor) -> None:
        self._ready.add(id(parameter))
        self._start_ready()

    def _start_ready(self) -> None:
        """Start the exchange of the gradients whose turn it is."""
        while self._next < len(self.parameters) and id(self.parameters[self._next]) in self._ready:
            gradient = self.parameters[self._next].grad
            assert gradient is not None
            work = dist.all_reduce(gradient, async_op=True)
            if work is not None:
                self._pending.append(work)
            self._next += 1
