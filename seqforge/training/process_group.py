"""Several processes that train together: each reads every world-th lane, gradients are summed, rank 0 decides.

They are started by torchrun, `torchrun --nproc-per-node 2 -m -- seqforge train ... --run FOLDER`. One process
alone is a group too, in which nothing is exchanged. The state file holds the lanes of all, so a run can go
on with another number of processes.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of one run.

    Attributes:
        rank: the number of this one.
        world: how many there are.
    """

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_environment(cls) -> "ProcessGroup":
        """Return the group that torchrun announces in the environment, after joining it."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), world)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and speaks."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """Which of a batch's lanes this process reads."""
        return slice(self.rank, None, self.world_size)

    def barrier(self) -> None:
        """Wait until all are here."""
        if self.world_size > 1:
            dist.barrier()

    def all_reduce(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one exchange."""
        if self.world_size > 1:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, summed in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
                tensor.copy_(summed.view_as(tensor))

    def broadcast(self, value: float, device: torch.device) -> float:
        """Return the leader's value."""
        if self.world_size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        dist.broadcast(told, 0)
        return float(told)

    def gather(self, mine: Tensor, lanes: int) -> Tensor:
        """Return the rows of all lanes, of which this process has its own."""
        if self.world_size == 1:
            return mine
        every = mine.new_zeros(lanes, *mine.shape[1:])
        every[self.rows] = mine
        dist.all_reduce(every)
        return every
