"""The speed of training steps on this machine."""

import time

import torch

from seqforge.core.allocator import reuse_freed_memory
from seqforge.core.spaces import Categorical
from seqforge.network import Batch, Network, draw_masks
from seqforge.training.config import TrainingConfig
from seqforge.training.gradients import compute_gradients
from seqforge.training.optimiser import Optimiser
from seqforge.training.process_group import ProcessGroup

__all__ = ["measure_operations"]

SYMBOLS, DROPOUT, STEPS = 64, 0.1, 4
"""The measured network has the size "medium"; this is the number of its symbols, its dropout, and of the steps."""


def measure_operations(precision: str) -> float:
    """Return the operations per second of training steps on this CPU: 6 per weight of the layers and position.

    A step has all its parts: masks, forward and backward pass, optimiser and EMA. The shortest of several steps counts,
    which other work on the machine has delayed least. It takes about a second.

    Example:
        measure_operations("float32")  # 1.9e11

    Args:
        precision: "float32" or "bfloat16".
    """
    reuse_freed_memory()
    config = TrainingConfig(dropout=DROPOUT, recurrent_dropout=DROPOUT).resolved()
    network = Network(Categorical(SYMBOLS), config.network(Categorical(SYMBOLS)))
    optimiser = Optimiser(network, weight_decay=config.weight_decay, grad_clip=config.grad_clip, ema=config.ema)
    rows, group = config.batch_size, ProcessGroup()
    steps, flags = torch.zeros(config.bptt, rows, dtype=torch.long), torch.zeros(config.bptt, rows, dtype=torch.bool)
    nothing = torch.zeros(config.bptt, rows, 0)
    batch = Batch(steps, steps, flags, flags, torch.ones(config.bptt, rows), nothing.long(), nothing)
    state, seconds = network.zero_state(rows), []
    for t in range(STEPS):
        start = time.perf_counter()
        masks = draw_masks(config.dropouts, network.config, seed=0, step=t, rows=range(rows))
        state = compute_gradients(network, batch, state, masks, group=group, precision=precision)[2]
        optimiser.step(t, rate=config.learning_rate, peak_share=1.0)
        seconds.append(time.perf_counter() - start)
    weights = sum(p.numel() for name, p in network.named_parameters() if name.startswith("layers.") and p.ndim == 2)
    return 6 * weights * config.bptt * rows / min(seconds)
