"""Matrix products on a device of torch, such as a graphics card; all other operations stay on the processor."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from seqforge.errors import OptionsError
from seqforge.inference.linear import Linear
from seqforge.inference.stepping import MAX_ROWS
from seqforge.network.precision import Precision, bfloat16_to_float, float_to_bfloat16

if TYPE_CHECKING:
    import torch

__all__ = ["CPU", "DeviceLinear", "device_products"]

CPU = "cpu"
"""The device that needs no torch."""
TORCH_CPU = "torch-cpu"
"""The processor as a device of torch, to compare with."""


class DeviceLinear(Linear):
    """A linear layer whose weights are stored on a device of torch.

    Every product has the same number of rows, so that no row depends on how many there are.

    >>> import torch
    >>> DeviceLinear(np.eye(2, dtype=np.float32), device=torch.device("cpu"))(np.array([[1, 2]], np.float32))
    array([[1., 2.]], dtype=float32)

    Args:
        weight: The weight matrix, shape (outputs, inputs), float32.
        bias: The bias, shape (outputs,), float32; None for none.
        device: The device.
        precision: "float32", or "bfloat16" to round the weights; rows and sums are float32.
    """

    kernel = ""
    block_rows = MAX_ROWS

    def __init__(
        self,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        device: "torch.device",
        precision: Precision = "float32",
    ) -> None:
        self._device, self._precision = device, precision
        super().__init__(weight, bias)

    def _pack(self, weight: np.ndarray) -> Any:
        import torch

        if self._precision == "bfloat16":
            weight = bfloat16_to_float(float_to_bfloat16(weight))
        return torch.from_numpy(np.ascontiguousarray(weight.T)).to(self._device)

    def _multiply(self, rows: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            products: np.ndarray = (torch.from_numpy(rows).to(self._device) @ self._packed).cpu().numpy()
        return products


def device_products(name: str, precision: Precision) -> Callable[..., Linear]:
    """Return a function from a weight and a bias to a linear layer on a device.

    >>> build = device_products("torch-cpu", "float32")
    >>> build(np.eye(2, dtype=np.float32))(np.array([[1, 2]], np.float32))
    array([[1., 2.]], dtype=float32)

    Args:
        name: The name of the device in torch, such as "cuda", "cuda:1" or "mps"; "torch-cpu" for the processor.
        precision: The precision of the products.

    Raises:
        OptionsError: If the device does not exist here, or it has no products of this precision.
    """
    if precision == "int8":
        raise OptionsError(
            f"`precision` is 'int8', which the device {name!r} does not compute; use 'float32' or 'bfloat16' there, or"
            f" the device {CPU!r}",
            field="precision", value=precision, allowed="float32 or bfloat16",
        )  # fmt: skip
    try:
        import torch

        device = torch.device("cpu" if name == TORCH_CPU else name)
        torch.zeros(1, device=device)
    except (ImportError, RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise OptionsError(
            f"`device` is {name!r}, which cannot be used here: {reason}; use {CPU!r}, or a device that torch finds",
            field="device", value=name, allowed="cpu, cuda, cuda:NUMBER, mps or torch-cpu",
        ) from error  # fmt: skip
    return lambda weight, bias=None: DeviceLinear(weight, bias, device=device, precision=precision)
