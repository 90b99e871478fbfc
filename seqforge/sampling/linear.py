"""Linear layers for single steps: weights are packed once, at one precision, and not again at every step."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from seqforge.sampling.controls import Precision

MAX_ROWS = 64
"""The largest number of rows that step together."""
MAX_LEVEL = 127
"""The largest 8-bit number that is used; the smallest is its negative."""
EXACT_COLUMNS = 1024
"""The number of columns whose products of two 8-bit numbers add up exactly in float32: 1024 x 127 x 127 < 2^24."""


class Linear(ABC):
    """A linear layer: the product of rows with a weight matrix, plus a bias: `x @ weight.T + bias`.

    Example:
        layer: Linear = FloatLinear(weight, bias, torch.bfloat16)
        outputs = layer(rows)  # float32, shape (rows, outputs)

    Args:
        weight: The weight matrix, shape (outputs, inputs), float32.
        bias: The bias, shape (outputs,), float32; None for none.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.shape = tuple(weight.shape)

    @abstractmethod
    def __call__(self, rows: Float[Tensor, "row inputs"]) -> Float[Tensor, "row outputs"]:
        """Return the product, in float32."""


class FloatLinear(Linear):
    """A linear layer in float32 or bfloat16, by oneDNN with packed weights; every row is computed in the same way.

    `torch.nn.functional.linear` packs the weights at every call and chooses other kernels for few rows than for many.
    It is used if torch was built without oneDNN.

    >>> layer = FloatLinear(torch.eye(2), torch.tensor([0.0, 1.0]))
    >>> layer(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 3.]])

    Args:
        weight: The weight matrix, shape (outputs, inputs).
        bias: The bias, shape (outputs,); None for none.
        dtype: The type of weights and rows. Results are float32; with bfloat16 they are rounded to bfloat16 first.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(weight, bias)
        self.dtype = dtype
        self.weight = weight.detach().to(dtype).contiguous()
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.packed: Tensor | None = None
        if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            try:
                self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, MAX_ROWS)
                self(torch.zeros(1, weight.shape[1]))
            except RuntimeError:  # oneDNN has no kernel for this type on this processor
                self.packed = None

    def __call__(self, rows: Tensor) -> Tensor:
        if self.packed is None:
            return functional.linear(rows.to(self.dtype), self.weight, self.bias).float()
        inputs = rows if self.dtype is torch.float32 else rows.to(self.dtype)
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self.packed, self.bias, "none", [], "")
        return outputs if self.dtype is torch.float32 else outputs.float()


class Int8Linear(Linear):
    r"""A linear layer in 8-bit integers, with one scale per output of the weights and one scale per row.

    .. math::
        y_o = s_o \, t \, \sum_i Q_{oi} q_i + b_o, \qquad s_o = \max_i |W_{oi}| / 127, \quad t = \max_i |x_i| / 127

    The sums are sums of integers and therefore exact in any order: results depend neither on the number of rows nor
    on the number of threads. The constructor tests the kernel with the largest integers. If it is not exact (without
    VNNI some kernels saturate), the same integers are added up in float32, which is exact but slower.

    >>> layer = Int8Linear(torch.eye(2))
    >>> layer(torch.tensor([[127.0, 64.0]])).round()
    tensor([[127.,  64.]])

    Source: T. Dettmers et al., "LLM.int8()", NeurIPS 2022, section 2.1 (vector-wise quantisation).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__(weight, bias)
        peak = weight.detach().abs().amax(1).clamp_min(1e-30)
        levels = (weight.detach() * (MAX_LEVEL / peak[:, None])).round().to(torch.int8)
        self.scale = peak / MAX_LEVEL**2
        self.bias = torch.zeros_like(peak) if bias is None else bias.detach()
        self.weight_one_row = levels.contiguous().t()
        """The weights for one row: the columns of each output are contiguous."""
        self.weight_many_rows = levels.t().contiguous()
        """The weights for several rows."""
        self.float_weight = None if _kernel_is_exact(levels) else levels.float()
        """The weights for float32 sums; None if the 8-bit kernel is exact."""

    def __call__(self, rows: Tensor) -> Tensor:
        peak = torch.linalg.vector_norm(rows, torch.inf, 1, keepdim=True).add_(1e-30)
        levels = torch.mul(rows, MAX_LEVEL / peak).round_()
        if self.float_weight is not None:
            parts = zip(
                torch.split(levels, EXACT_COLUMNS, 1), torch.split(self.float_weight, EXACT_COLUMNS, 1), strict=True
            )
            sums = sum(functional.linear(part, weight).double() for part, weight in parts)
            return torch.addcmul(self.bias, torch.mul(sums, self.scale).float(), peak)
        sums = torch._int_mm(levels.to(torch.int8), self.weight_one_row if len(rows) == 1 else self.weight_many_rows)
        return torch.addcmul(self.bias, torch.mul(sums, self.scale), peak)


def make_linear(weight: Tensor, bias: Tensor | None = None, *, precision: Precision = "float32") -> Linear:
    """Return a linear layer with this precision.

    >>> type(make_linear(torch.eye(2), precision="int8")).__name__
    'Int8Linear'
    """
    if precision == "int8":
        return Int8Linear(weight, bias)
    return FloatLinear(weight, bias, torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _kernel_is_exact(levels: Tensor) -> bool:
    """Return whether the 8-bit kernels of this machine add up the largest integers exactly, for one row and for many.

    Args:
        levels: The weights as 8-bit integers, shape (outputs, inputs).
    """
    largest = torch.where(levels < 0, -MAX_LEVEL, MAX_LEVEL).to(torch.int8)
    expected = largest.double().sum(1) * MAX_LEVEL
    try:
        for weight, count in ((largest.contiguous().t(), 1), (largest.t().contiguous(), MAX_ROWS)):
            rows = torch.full((count, levels.shape[1]), MAX_LEVEL, dtype=torch.int8)
            if not torch.equal(torch._int_mm(rows, weight).double(), expected.expand(count, -1)):
                return False
    except RuntimeError:
        return False
    return True
