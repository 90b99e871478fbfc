import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqforge.dataset import Dataset
from seqforge.network import Network
from seqforge.training import Budget, ProcessGroup, Trainer, TrainingConfig


class Table:
    """Where threads that stand for processes meet: each brings a tensor and takes away the sum."""

    def __init__(self, world: int) -> None:
        self.barrier = threading.Barrier(world, timeout=20)
        self.brought: dict[int, Tensor] = {}

    def add(self, rank: int, value: Tensor) -> Tensor:
        self.brought[rank] = value
        self.barrier.wait()
        if len({part.shape for part in self.brought.values()}) > 1:
            raise AssertionError("the processes brought tensors of different sizes")
        total = torch.stack([self.brought[r] for r in sorted(self.brought)]).sum(0)
        self.barrier.wait()
        return total


@dataclasses.dataclass(frozen=True)
class Threads(ProcessGroup):
    """A group of threads in one process."""

    table: Any = None

    def wait(self) -> None:
        self.table.barrier.wait()

    def add(self, tensors: list[Tensor]) -> None:
        flat = self.table.add(self.rank, torch.cat([tensor.flatten() for tensor in tensors]))
        for tensor, summed in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(summed.view_as(tensor))

    def agree(self, value: float, device: torch.device) -> float:
        mine = torch.tensor(value if self.rank == 0 else 0.0, dtype=torch.float64)
        return float(self.table.add(self.rank, mine))

    def gather(self, mine: Tensor, lanes: int) -> Tensor:
        every = mine.new_zeros(lanes, *mine.shape[1:])
        every[self.lanes] = mine
        return self.table.add(self.rank, every)  # type: ignore[no-any-return]


@pytest.mark.parametrize("pieces", [[9] * 40, [400]], ids=["many short ones", "one that begins in one lane"])
def test_two_take_the_steps_of_one(
    make_network: Callable[..., Network], make_dataset: Callable[..., Dataset], pieces: list[int]
) -> None:
    rng = np.random.default_rng(0)
    train = make_dataset([rng.integers(0, 5, n).tolist() for n in pieces])
    config = TrainingConfig(Budget(11.0, "steps"), batch_size=4, window=6, warmup=2, average=4, precision="float32")
    alone = Trainer(make_network(layers=2), train, None, config)
    assert alone.batches.lanes == 4
    list(alone.run())
    table, found, wrong = Table(2), {}, []

    networks = [make_network(layers=2) for _ in range(2)]  # here: threads share torch's global generator

    def process(rank: int) -> None:
        try:
            trainer = Trainer(networks[rank], train, None, config, group=Threads(rank, 2, table))
            list(trainer.run())
            found[rank] = trainer.tensors()
        except BaseException as error:
            wrong.append(error)
            table.barrier.abort()

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [error for error in wrong if not isinstance(error, threading.BrokenBarrierError)]
    expected = alone.tensors()
    for rank in range(2):
        assert found[rank].keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[rank][name], value, atol=2e-4, rtol=1e-3, msg=name)
