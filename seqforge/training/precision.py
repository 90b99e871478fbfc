"""What the matrix products are computed in, chosen by measuring."""

import contextlib
import time

import torch

from seqforge.network import Network


def casting(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Return the context in which a network runs at this precision; weights and losses stay in float32."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def fastest(network: Network, device: torch.device, *, lanes: int = 16, time_steps: int = 32) -> str:
    """Return the precision in which this network's last layer trains faster here, by trying both.

    It is written into the run's config, so that a resumed run does not choose again.
    """
    layer = network.layers[-1]
    took = {}
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(time_steps, lanes, int(layer.width), generator=generator).to(device)  # type: ignore[arg-type]
    for precision in ("float32", "bfloat16"):
        times = []
        for _ in range(4):
            began = time.perf_counter()
            with casting(device, precision):
                outputs, _ = layer(inputs, layer.zero_state(lanes), None)  # type: ignore[operator]
            torch.autograd.grad(outputs.float().sum(), list(layer.parameters()))
            if device.type != "cpu":
                getattr(torch, device.type).synchronize()
            times.append(time.perf_counter() - began)
        took[precision] = min(times[1:])
    return "bfloat16" if took["bfloat16"] < 0.9 * took["float32"] else "float32"
