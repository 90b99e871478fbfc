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
from seqforge.training import ProcessGroup, Trainer, TrainingConfig


class Exchange:
    """The sum over threads that stand for processes: each thread passes a tensor and receives the sum."""

    def __init__(self, world_size: int) -> None:
        self.barrier = threading.Barrier(world_size, timeout=20)
        self.tensors: dict[int, Tensor] = {}

    def sum(self, rank: int, value: Tensor) -> Tensor:
        self.tensors[rank] = value
        self.barrier.wait()
        if len({tensor.shape for tensor in self.tensors.values()}) > 1:
            raise AssertionError("the processes passed tensors of different sizes")
        total = torch.stack([self.tensors[rank] for rank in sorted(self.tensors)]).sum(0)
        self.barrier.wait()
        return total


@dataclasses.dataclass(frozen=True)
class ThreadGroup(ProcessGroup):
    """A process group whose processes are threads."""

    exchange: Any = None

    def barrier(self) -> None:
        self.exchange.barrier.wait()

    def all_reduce(self, tensors: list[Tensor]) -> None:
        flat = self.exchange.sum(self.rank, torch.cat([tensor.flatten() for tensor in tensors]))
        for tensor, total in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def broadcast(self, value: float, device: torch.device) -> float:
        tensor = torch.tensor(value if self.rank == 0 else 0.0, dtype=torch.float64)
        return float(self.exchange.sum(self.rank, tensor))

    def gather(self, local: Tensor, rows: int) -> Tensor:
        gathered = local.new_zeros(rows, *local.shape[1:])
        gathered[self.rows] = local
        return self.exchange.sum(self.rank, gathered)  # type: ignore[no-any-return]


@pytest.mark.parametrize("lengths", [[9] * 40, [400]], ids=["short pieces", "one piece"])
def test_two_processes_equal_one(
    make_network: Callable[..., Network], make_dataset: Callable[..., Dataset], lengths: list[int]
) -> None:
    rng = np.random.default_rng(0)
    train = make_dataset([rng.integers(0, 5, n).tolist() for n in lengths])
    config = TrainingConfig(
        steps=11, batch_size=4, bptt=6, warmup=2, ema=4, precision="float32", dropout=0.0, label_dropout=0.0
    )
    single = Trainer(make_network(layers=2), train, None, config)
    assert single.batches.rows == 4
    list(single.run())
    exchange, tensors, errors = Exchange(2), {}, []
    networks = [make_network(layers=2) for _ in range(2)]  # here: threads share torch's global generator

    def process(rank: int) -> None:
        try:
            trainer = Trainer(networks[rank], train, None, config, group=ThreadGroup(rank, 2, exchange))
            list(trainer.run())
            tensors[rank] = trainer.tensors()
        except BaseException as error:
            errors.append(error)
            exchange.barrier.abort()

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
    expected = single.tensors()
    for rank in range(2):
        assert tensors[rank].keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(tensors[rank][name], value, atol=2e-4, rtol=1e-3, msg=name)
