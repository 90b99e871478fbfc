"""What the engine knows after a prompt, and prompts of equal length as one batch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqforge.network import Batch, NetworkState

__all__ = ["Beginning", "groups_of_equal_length", "join_rows"]

Beginning = tuple[Tensor, NetworkState, Tensor]
"""What the engine knows after a prompt: the outputs, the state, and the part of the conditions in the gates."""


def groups_of_equal_length(batches: Sequence[Batch], largest: int) -> list[list[int]]:
    """Return the numbers of the batches in groups whose batches have the same number of positions.

    Example:
        groups_of_equal_length([prompt_batch(network, prompt, conditions) for prompt in prompts], largest=64)

    Args:
        batches: The batches.
        largest: The largest number of batches in a group.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, batch in enumerate(batches):
        by_length[len(batch.starts)].append(number)
    return [group[first : first + largest] for group in by_length.values() for first in range(0, len(group), largest)]


def join_rows(batches: Sequence[Batch]) -> Batch:
    """Return the rows of batches with the same number of positions as one batch; shorter sources are padded.

    Example:
        batch = join_rows([prompt_batch(network, prompt, conditions) for prompt in prompts])
    """
    if len(batches) == 1:
        return batches[0]
    values: dict[str, Any] = {}
    for field in fields(Batch):
        parts = [part for batch in batches if (part := getattr(batch, field.name)) is not None]
        if field.name == "sources":
            widest = max((part.shape[2] for part in parts), default=0)
            parts = [functional.pad(part, (0, widest - part.shape[2])) for part in parts]
        values[field.name] = torch.cat(parts, 1) if parts else None
    return Batch(**values)
