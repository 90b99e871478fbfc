"""The precision of the matrix products."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from seqforge.errors import WriteError
from seqforge.training.process_group import ProcessGroup
from seqforge.training.speed import cached_speed_up, measure_speed_up

MIN_BFLOAT16_WIDTH = 256
CUDA_WITH_BFLOAT16 = (8, 0)
"""The first compute capability of CUDA devices with matrix units for bfloat16."""
MIN_SPEED_UP = 1.2
"""The smallest measured speed-up for which bfloat16 is chosen; smaller ones are within the noise of a busy machine."""


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


@dataclass(frozen=True)
class PrecisionChoice:
    """What the precision "auto" stands for on this machine.

    Attributes:
        precision: "float32" or "bfloat16".
        reason: Why it was chosen, for the user: "this GPU has matrix units for it".
    """

    precision: str
    reason: str


def choose_precision(
    device: torch.device, width: int, *, measure: Callable[[], float] = measure_speed_up
) -> PrecisionChoice:
    """Return the precision that "auto" stands for: "bfloat16" where it is known to be faster, else "float32".

    The choice is the same for every run on one machine, so that equal commands give equal weights. The hardware decides
    where it has matrix units for bfloat16 (AMX, or a CUDA device of capability 8.0 or later). On CPUs that have only
    vector instructions for it (AVX512-BF16), bfloat16 is faster on some and slower on others: the speed is measured
    once, and the result is cached per machine. If the cache cannot be written, the precision is "float32".

    >>> choose_precision(torch.device("cpu"), width=128)
    PrecisionChoice(precision='float32', reason='bfloat16 saves no time below 256 hidden units')

    Args:
        device: The device of the network.
        width: Size of the hidden state, in units. Below MIN_BFLOAT16_WIDTH, converting to bfloat16 takes longer than it
            saves.
        measure: Function that returns the speed of bfloat16 divided by the speed of float32.

    Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapters 15 (AVX512-BF16) and 18
    (AMX); NVIDIA CUDA C++ Programming Guide, section "Compute Capability 8.x".
    """
    if width < MIN_BFLOAT16_WIDTH:
        return PrecisionChoice("float32", f"bfloat16 saves no time below {MIN_BFLOAT16_WIDTH} hidden units")
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= CUDA_WITH_BFLOAT16:
            return PrecisionChoice("bfloat16", "this GPU has matrix units for bfloat16")
        return PrecisionChoice("float32", "this GPU has no matrix units for bfloat16")
    if device.type != "cpu":
        return PrecisionChoice("float32", f"bfloat16 is not used on {device.type}")
    # PyTorch before 2.10 has no such function; float32 works everywhere.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if capabilities.get("amx_bf16"):
        return PrecisionChoice("bfloat16", "this CPU has matrix units for bfloat16 (AMX)")
    if not capabilities.get("avx512_bf16"):
        return PrecisionChoice("float32", "this CPU has no instructions for bfloat16")
    return _measured_choice(measure)


def _measured_choice(measure: Callable[[], float]) -> PrecisionChoice:
    """Return the choice that follows from the cached measurement of this machine."""
    try:
        path, speed_up = cached_speed_up(measure)
    except WriteError as error:
        return PrecisionChoice("float32", f"the speed of bfloat16 cannot be cached: {error}")
    precision = "bfloat16" if speed_up >= MIN_SPEED_UP else "float32"
    return PrecisionChoice(
        precision,
        f"bfloat16 measured {speed_up:.2f}x the speed of float32, and {MIN_SPEED_UP:g}x is required; cached in {path}",
    )


def agreed_precision(precision: str, device: torch.device, hidden: int, group: ProcessGroup) -> tuple[str, str]:
    """Return the precision of a run, and the reason for it, which is "" if the config sets it.

    Process 0 decides for all processes what "auto" stands for; only there is a reason.

    Args:
        precision: "auto", "float32" or "bfloat16".
        device: The device of the network.
        hidden: Size of the hidden state.
        group: The processes that train together.
    """
    if precision != "auto":
        return precision, ""
    chosen, reason = "float32", ""
    if group.is_main:
        choice = choose_precision(device, hidden)
        chosen, reason = choice.precision, choice.reason
    is_bfloat16 = group.broadcast(float(chosen == "bfloat16"), device)
    return "bfloat16" if is_bfloat16 else "float32", reason
