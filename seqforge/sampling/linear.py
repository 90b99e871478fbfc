"""Matrix products for stepping: weights laid out once, at a precision, and nothing packed again at a step."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from seqforge.sampling.controls import Precision

MOST_ROWS = 64
LEVELS = 127
EXACT = 1024
"""Columns over which products of two 8-bit numbers add up exactly in float32: 1024 x 127 x 127 < 2^24."""


class Linear(ABC):
    """The product of rows with a weight matrix, and a bias: `x @ weight.T + bias`.

    Args:
        weight: shape (outputs, inputs), float32.
        bias: shape (outputs,), float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.shape = tuple(weight.shape)

    @abstractmethod
    def __call__(self, rows: Float[Tensor, "row inputs"]) -> Float[Tensor, "row outputs"]:
        """Return the product, in float32."""


class FloatLinear(Linear):
    """In float32 or bfloat16, by oneDNN with weights packed for its kernels, which treat each row alike.

    `torch.nn.functional.linear` packs at every call, and takes other kernels for few rows than for many. Where torch
    has no oneDNN, it is what is left.

    Args:
        weight: shape (outputs, inputs).
        bias: shape (outputs,).
        dtype: of weights and rows; sums and results are float32, or bfloat16 made float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(weight, bias)
        self.dtype = dtype
        self.weight = weight.detach().to(dtype).contiguous()
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.packed: Tensor | None = None
        if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            try:
                self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, MOST_ROWS)
                self(torch.zeros(1, weight.shape[1]))
            except RuntimeError:  # this processor has no kernel for it
                self.packed = None

    def __call__(self, rows: Tensor) -> Tensor:
        if self.packed is None:
            return functional.linear(rows.to(self.dtype), self.weight, self.bias).float()
        given = rows if self.dtype is torch.float32 else rows.to(self.dtype)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(given, self.packed, self.bias, "none", [], "")
        return found if self.dtype is torch.float32 else found.float()


class Int8Linear(Linear):
    r"""In 8-bit whole numbers: weights with a scale for each output, rows with a scale of their own.

    .. math::
        y_o = s_o \, t \, \sum_i Q_{oi} q_i + b_o, \qquad s_o = \max_i |W_{oi}| / 127, \quad t = \max_i |x_i| / 127

    The sums are of whole numbers, so they are the same in whatever order they are taken: results depend neither on the
    number of rows nor on threads. The kernel is tried on the largest numbers there are; where it is not exact (without
    VNNI some saturate), float32 adds up the same whole numbers, exactly but slower.

    Source: for the scheme, T. Dettmers et al., "LLM.int8()", NeurIPS 2022, section 2.1 (vector-wise quantisation).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__(weight, bias)
        peak = weight.detach().abs().amax(1).clamp_min(1e-30)
        whole = (weight.detach() * (LEVELS / peak[:, None])).round().to(torch.int8)
        self.scale = peak / LEVELS**2
        self.bias = torch.zeros_like(peak) if bias is None else bias.detach()
        self.by_row = whole.contiguous().t()
        """For one row: the columns of each output side by side."""
        self.by_column = whole.t().contiguous()
        """For several rows."""
        self.whole = None if _is_exact(whole) else whole.float()

    def __call__(self, rows: Tensor) -> Tensor:
        peak = torch.linalg.vector_norm(rows, torch.inf, 1, keepdim=True).add_(1e-30)
        levels = torch.mul(rows, LEVELS / peak).round_()
        if self.whole is not None:
            parts = zip(torch.split(levels, EXACT, 1), torch.split(self.whole, EXACT, 1), strict=True)
            sums = sum(functional.linear(some, weight).double() for some, weight in parts)
            return torch.addcmul(self.bias, torch.mul(sums, self.scale).float(), peak)
        sums = torch._int_mm(levels.to(torch.int8), self.by_row if len(rows) == 1 else self.by_column)
        return torch.addcmul(self.bias, torch.mul(sums, self.scale), peak)


def make_linear(weight: Tensor, bias: Tensor | None = None, *, precision: Precision = "float32") -> Linear:
    """Return the product at a precision."""
    if precision == "int8":
        return Int8Linear(weight, bias)
    return FloatLinear(weight, bias, torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _is_exact(whole: Tensor) -> bool:
    """Return whether this machine's kernels add up the largest 8-bit numbers exactly, for one row and for several."""
    largest = torch.where(whole < 0, -LEVELS, LEVELS).to(torch.int8)
    expected = largest.double().sum(1) * LEVELS
    try:
        for weight, count in ((largest.contiguous().t(), 1), (largest.t().contiguous(), MOST_ROWS)):
            rows = torch.full((count, whole.shape[1]), LEVELS, dtype=torch.int8)
            if not torch.equal(torch._int_mm(rows, weight).double(), expected.expand(count, -1)):
                return False
    except RuntimeError:
        return False
    return True
