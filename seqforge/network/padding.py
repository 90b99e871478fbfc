"""Padding to whole vectors, for stepping: see `sampling.engine`."""

import torch
from torch import Tensor

VECTOR = 64


def pad_units(value: Tensor, gates: int = 1) -> Tensor:
    """Return a tensor whose first axis, gate by gate, is padded with zeros to a multiple of VECTOR."""
    per_gate = value.reshape(gates, value.shape[0] // gates, *value.shape[1:])
    missing = -per_gate.shape[1] % VECTOR
    if not missing:
        return value
    after = per_gate.new_zeros(gates, missing, *value.shape[1:])
    return torch.cat([per_gate, after], 1).flatten(0, 1)


def pad_matrix(value: Tensor, gates: int = 1) -> Tensor:
    """Return a matrix padded on both axes: outputs gate by gate, inputs as one."""
    return pad_units(pad_units(value, gates).t()).t().contiguous()


def pad_columns(value: Tensor) -> Tensor:
    """Return rows padded with zeros on the right."""
    missing = -value.shape[1] % VECTOR
    return torch.nn.functional.pad(value, (0, missing)) if missing else value
