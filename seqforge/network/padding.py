"""Padding of weights to whole vectors of the processor, used by the step-by-step engine (`sampling.engine`)."""

import torch
from torch import Tensor

MULTIPLE = 64
"""Padded axes have a multiple of this many entries."""


def pad_units(value: Tensor, gates: int = 1) -> Tensor:
    """Return a tensor whose first axis is padded with zeros, separately for each gate.

    >>> pad_units(torch.ones(2 * 3), gates=2).shape
    torch.Size([128])

    Args:
        value: A weight or bias; its first axis has `gates` blocks of equal length.
        gates: Number of blocks.
    """
    blocks = value.reshape(gates, value.shape[0] // gates, *value.shape[1:])
    missing = -blocks.shape[1] % MULTIPLE
    if not missing:
        return value
    zeros = blocks.new_zeros(gates, missing, *value.shape[1:])
    return torch.cat([blocks, zeros], 1).flatten(0, 1)


def pad_matrix(value: Tensor, gates: int = 1) -> Tensor:
    """Return a matrix padded with zeros on both axes: the outputs separately for each gate, the inputs as one block.

    >>> pad_matrix(torch.ones(4 * 3, 5), gates=4).shape
    torch.Size([256, 64])

    Args:
        value: The matrix, shape (gates * units, inputs).
        gates: Number of blocks of the first axis.
    """
    return pad_units(pad_units(value, gates).t()).t().contiguous()


def pad_columns(value: Tensor) -> Tensor:
    """Return a matrix whose second axis is padded with zeros.

    >>> pad_columns(torch.ones(3, 5)).shape
    torch.Size([3, 64])

    Args:
        value: The matrix, shape (rows, columns).
    """
    missing = -value.shape[1] % MULTIPLE
    return torch.nn.functional.pad(value, (0, missing)) if missing else value
