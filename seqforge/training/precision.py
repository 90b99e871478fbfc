"""The precision of the matrix products."""

import contextlib
from typing import Any

import torch

MIN_BFLOAT16_WIDTH = 256
CUDA_WITH_BFLOAT16 = (8, 0)
"""The first compute capability of CUDA devices with matrix units for bfloat16."""


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Return the context in which a network runs at a precision; weights and losses stay in float32.

    >>> with autocast(torch.device("cpu"), "bfloat16"):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.bfloat16

    Args:
        device: The device of the network.
        precision: "float32" or "bfloat16".
    """
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def supported_precision(device: torch.device, width: int) -> str:
    """Return the precision that "auto" stands for: "bfloat16" where the hardware multiplies such matrices faster.

    It depends on the hardware and on the network only, so that equal commands give equal weights. No time is measured.

    Args:
        device: The device of the network.
        width: Size of the hidden state. Below MIN_BFLOAT16_WIDTH, converting to bfloat16 takes longer than it saves.
    """
    if width < MIN_BFLOAT16_WIDTH:
        return "float32"
    if device.type == "cpu":
        # PyTorch before 2.10 has no such function; float32 is right everywhere.
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return "bfloat16" if capabilities.get("amx_bf16") else "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= CUDA_WITH_BFLOAT16 else "float32"
    return "float32"
