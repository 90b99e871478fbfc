"""Linear layers: weights are packed once, at one precision, and every row is computed in the same way."""

import ctypes
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from seqforge.inference import kernels
from seqforge.inference.kernels import address
from seqforge.network.precision import Precision, bfloat16_to_float, float_to_bfloat16

__all__ = ["Bfloat16Linear", "Float32Linear", "Int8Linear", "Linear", "make_linear"]

PANEL = 32
"""The number of outputs whose weights are packed side by side."""
BFLOAT16_INPUTS, INT8_INPUTS = 32, 64
"""The packed inputs are a multiple of these numbers, which fill a row of a tile of AMX."""
MAX_LEVEL = 127
"""The largest 8-bit number that is used; the smallest is its negative."""
CACHE_LINE = 64
"""The number of bytes of a cache line, which is also that of the widest vector."""
EXACT_COLUMNS = 1024
"""The number of columns whose products of two 8-bit numbers add up exactly in float32: 1024 x 127 x 127 < 2^24."""


class _Product(ctypes.Structure):
    """The arguments of a matrix product, as `kernels.c` declares them."""

    _fields_ = (
        ("x", ctypes.c_void_p), ("rows", ctypes.c_int64), ("inputs", ctypes.c_int64), ("packed", ctypes.c_void_p),
        ("scale", ctypes.c_void_p), ("sum", ctypes.c_void_p), ("bias", ctypes.c_void_p), ("y", ctypes.c_void_p),
        ("outputs", ctypes.c_int64), ("first", ctypes.c_int64), ("last", ctypes.c_int64), ("add", ctypes.c_int64),
    )  # fmt: skip


class Linear(ABC):
    """A linear layer: the product of rows with a weight matrix, plus a bias: `x @ weight.T + bias`.

    The result of a row depends on that row alone, bit by bit: not on the number of rows, and not on its position.

    >>> layer = make_linear(np.eye(2, dtype=np.float32), np.array([0, 1], np.float32))
    >>> layer(np.array([[1, 2]], np.float32))
    array([[1., 3.]], dtype=float32)

    Args:
        weight: The weight matrix, shape (outputs, inputs), float32.
        bias: The bias, shape (outputs,), float32; None for none.

    Attributes:
        outputs: The number of outputs.
        inputs: The number of inputs.
    """

    kernel: str
    """The name of the function of the compiled library; empty if the products are not those of the library."""
    block_rows = 8
    """The number of rows of every product without the library, so that no row depends on how many there are."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray | None = None) -> None:
        self.outputs, self.inputs = weight.shape
        self._bias = None if bias is None else np.ascontiguousarray(bias, np.float32)
        self._library = kernels.library() if self.kernel else None
        self._scale: np.ndarray | None = None
        self._level_sums: np.ndarray | None = None
        self._packed = self._pack(np.ascontiguousarray(weight, np.float32))
        if self._library is not None:
            self._packed = aligned_copy(self._packed)
            self._kernel = getattr(self._library, self.kernel)
            arrays = (self._packed, self._scale, self._level_sums, self._bias)  # they stay where they are
            self._addresses = tuple(None if array is None else address(array) for array in arrays)

    def __call__(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the products, shape (rows, outputs), float32.

        Args:
            rows: The rows, shape (rows, inputs), float32.
            out: The array to which the products are added, which is returned; None for a new array.
        """
        if self._library is None:
            products = np.empty((len(rows), self.outputs), np.float32)
            for first in range(0, len(rows), self.block_rows):
                part = rows[first : first + self.block_rows]
                padded = np.zeros((self.block_rows, self.inputs), np.float32)
                padded[: len(part)] = part
                products[first : first + len(part)] = self._multiply(padded)[: len(part)]
            if self._bias is not None:
                products += self._bias
            if out is None:
                return products
            out += products
            return out
        rows = np.ascontiguousarray(rows, np.float32)
        result = np.empty((len(rows), self.outputs), np.float32) if out is None else out
        product = _Product(
            address(rows), len(rows), self.inputs, *self._addresses, address(result), self.outputs, 0,
            -(-self.outputs // PANEL), out is not None,
        )  # fmt: skip
        self._kernel(ctypes.byref(product))
        return result

    @abstractmethod
    def _pack(self, weight: np.ndarray) -> Any:
        """Return the weights as the compiled library reads them, or as `_multiply` does without it."""

    @abstractmethod
    def _multiply(self, rows: np.ndarray) -> np.ndarray:
        """Return the products of `block_rows` rows without the bias and the library."""


class Float32Linear(Linear):
    """A linear layer in float32.

    >>> Float32Linear(np.eye(2, dtype=np.float32))(np.array([[1, 2]], np.float32))
    array([[1., 2.]], dtype=float32)
    """

    kernel = "product_float32"

    def _pack(self, weight: np.ndarray) -> np.ndarray:
        return weight if self._library is None else _panels(weight)

    def _multiply(self, rows: np.ndarray) -> np.ndarray:
        products: np.ndarray = rows @ self._packed.T
        return products


class Bfloat16Linear(Linear):
    """A linear layer whose weights are rounded to bfloat16; rows and sums are float32.

    It reads half of the bytes of float32, which is what limits the speed of few rows.

    >>> Bfloat16Linear(np.eye(2, dtype=np.float32))(np.array([[1, 2]], np.float32))
    array([[1., 2.]], dtype=float32)
    """

    kernel = "product_bfloat16"

    def _pack(self, weight: np.ndarray) -> np.ndarray:
        bits = float_to_bfloat16(weight)
        if self._library is None:
            return bfloat16_to_float(bits)
        padded = np.pad(bits, ((0, -self.outputs % PANEL), (0, -self.inputs % BFLOAT16_INPUTS)))
        pairs = padded.reshape(len(padded) // PANEL, PANEL, -1, 2)
        return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3))

    def _multiply(self, rows: np.ndarray) -> np.ndarray:
        products: np.ndarray = rows @ self._packed.T
        return products


class Int8Linear(Linear):
    r"""A linear layer in 8-bit integers, with one scale per output of the weights and one scale per row.

    .. math::
        y_o = s_o \, t \, \sum_i Q_{oi} q_i + b_o, \qquad s_o = \max_i |W_{oi}| / 127, \quad t = \max_i |x_i| / 127

    The sums are sums of integers, which are exact in any order.

    >>> Int8Linear(np.eye(2, dtype=np.float32))(np.array([[127, 64]], np.float32)).round()
    array([[127.,  64.]], dtype=float32)

    Source: T. Dettmers et al., "LLM.int8()", NeurIPS 2022, section 2.1 (vector-wise quantisation).
    """

    kernel = "product_int8"

    def _pack(self, weight: np.ndarray) -> np.ndarray:
        peak = np.maximum(np.abs(weight).max(1, initial=0), np.float32(1e-30))
        levels = np.rint(weight * (MAX_LEVEL / peak[:, None])).astype(np.int8)
        missing = -self.outputs % PANEL
        self._scale = np.pad((peak / MAX_LEVEL**2).astype(np.float32), (0, missing))
        if self._library is None:
            levels_as_float: np.ndarray = levels.astype(np.float32)
            return levels_as_float
        # the instructions multiply unsigned by signed numbers: 128 is added to the levels of a row, and this subtracted
        self._level_sums = np.pad(128 * levels.sum(1, dtype=np.int32), (0, missing)).astype(np.int32)
        padded = np.pad(levels, ((0, missing), (0, -self.inputs % INT8_INPUTS)))
        blocks = padded.reshape(len(padded) // PANEL, PANEL, -1, 4)
        return np.ascontiguousarray(blocks.transpose(0, 2, 1, 3))

    def _multiply(self, rows: np.ndarray) -> np.ndarray:
        assert self._scale is not None
        peak = np.abs(rows).max(1, keepdims=True, initial=0) + np.float32(1e-30)
        levels = np.rint(rows * (MAX_LEVEL / peak)).astype(np.float32)
        sums = np.zeros((len(rows), self.outputs))
        for first in range(0, self.inputs, EXACT_COLUMNS):
            columns = slice(first, first + EXACT_COLUMNS)
            sums += levels[:, columns] @ self._packed[:, columns].T
        products: np.ndarray = sums.astype(np.float32) * self._scale[: self.outputs] * peak
        return products


def make_linear(weight: np.ndarray, bias: np.ndarray | None = None, *, precision: Precision = "float32") -> Linear:
    """Return a linear layer with this precision.

    Weights that a model file stores in bfloat16 stay 16 bits wide in float32 too: the products are the same bit by
    bit, and half of the bytes are read.

    >>> type(make_linear(np.eye(2, dtype=np.float32), precision="int8")).__name__
    'Int8Linear'
    """
    if precision == "float32" and weight.dtype == np.float32 and not (weight.view(np.uint32) & 0xFFFF).any():
        return Bfloat16Linear(weight, bias)
    kinds: dict[Precision, type[Linear]] = {"float32": Float32Linear, "bfloat16": Bfloat16Linear, "int8": Int8Linear}
    return kinds[precision](weight, bias)


def aligned_copy(array: np.ndarray) -> np.ndarray:
    """Return a copy of an array that starts at a cache line, so that no vector of it lies in two lines.

    >>> aligned_copy(np.arange(3)).ctypes.data % CACHE_LINE
    0
    """
    buffer = np.empty(array.nbytes + CACHE_LINE, np.uint8)
    first = -buffer.ctypes.data % CACHE_LINE
    copy: np.ndarray = buffer[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _panels(weight: np.ndarray) -> np.ndarray:
    """Return weights packed in panels: shape (panels, inputs, PANEL), missing outputs filled with zeros."""
    padded = np.pad(weight, ((0, -len(weight) % PANEL), (0, 0)))
    return np.ascontiguousarray(padded.reshape(len(padded) // PANEL, PANEL, -1).transpose(0, 2, 1))
