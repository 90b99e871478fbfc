"""Several processes that train together: each reads its share of the rows, and gradients are summed.

The processes are started by torchrun (see the documentation of training). A single process is a group of size one, in
which nothing is exchanged. The state file holds the rows of all processes, so a run can be resumed with another number
of processes.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of one run.

    >>> group = ProcessGroup(rank=1, world_size=2)
    >>> list(range(6))[group.rows], group.is_main
    ([1, 3, 5], False)

    Attributes:
        rank: The number of this process, from 0.
        world_size: The number of processes.
    """

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_environment(cls) -> "ProcessGroup":
        """Join the group that torchrun describes in the environment variables, and return it."""
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if world_size == 1:
            return cls()
        if not dist.is_initialized():
            local = int(os.environ.get("LOCAL_RANK", "0"))
            if local < torch.cuda.device_count():
                torch.cuda.set_device(local)  # without it, every process also takes memory of the first GPU
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), world_size)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and the messages."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """The rows of a batch that this process reads."""
        return slice(self.rank, None, self.world_size)

    def barrier(self) -> None:
        """Wait until all processes have called this method."""
        if self.world_size > 1:
            dist.barrier()

    def all_reduce(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one exchange."""
        if self.world_size > 1:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, total in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
                tensor.copy_(total.view_as(tensor))

    def broadcast(self, value: float, device: torch.device) -> float:
        """Return the value of process 0."""
        if self.world_size == 1:
            return value
        dtype = torch.float64 if device.type != "mps" else torch.float32
        tensor = torch.tensor([value], dtype=dtype, device=device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def gather(self, local: Tensor, rows: int) -> Tensor:
        """Return a tensor of all rows.

        Args:
            local: The rows of this process, shape (local rows, ...).
            rows: The number of rows of all processes.
        """
        if self.world_size == 1:
            return local
        gathered = local.new_zeros(rows, *local.shape[1:])
        gathered[self.rows] = local
        dist.all_reduce(gathered)
        return gathered
