"""The precision of the matrix products."""

import contextlib
import time

import torch

from seqforge.network import Network


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


def fastest_precision(network: Network, device: torch.device, *, rows: int = 16, length: int = 32) -> str:
    """Return the precision at which the last layer of the network trains faster on this machine, by measuring both.

    The result is stored in the config of the run, so that a resumed run does not measure again.

    Args:
        network: The network.
        device: Its device.
        rows: Number of rows of the measured batch.
        length: Number of positions of the measured batch.
    """
    layer = network.layers[-1]
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(length, rows, int(layer.width), generator=generator).to(device)  # type: ignore[arg-type]
    fastest = {}
    for precision in ("float32", "bfloat16"):
        seconds = []
        for _ in range(4):
            began = time.perf_counter()
            with autocast(device, precision):
                outputs, _ = layer(inputs, layer.zero_state(rows), None)  # type: ignore[operator]
            torch.autograd.grad(outputs.float().sum(), list(layer.parameters()))
            if device.type != "cpu":
                getattr(torch, device.type).synchronize()
            seconds.append(time.perf_counter() - began)
        fastest[precision] = min(seconds[1:])
    return "bfloat16" if fastest["bfloat16"] < 0.9 * fastest["float32"] else "float32"
