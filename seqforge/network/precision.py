"""The precisions of the engine, and bfloat16 as 16 bits: numpy has no such type."""

from typing import Literal

import numpy as np

__all__ = ["Precision", "bfloat16_to_float", "float_to_bfloat16"]

Precision = Literal["float32", "bfloat16", "int8"]
"""The precision of the engine's matrix products."""


def float_to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Return float32 numbers as the 16 bits of the nearest bfloat16 number, half to even; uint16.

    >>> float_to_bfloat16(np.array([1.0], np.float32))
    array([16256], dtype=uint16)
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    if not (bits & 0xFFFF).any():
        return (bits >> 16).astype(np.uint16)
    rounded = ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def bfloat16_to_float(bits: np.ndarray) -> np.ndarray:
    """Return the float32 numbers of 16 bits of bfloat16.

    >>> bfloat16_to_float(np.array([16256], np.uint16))
    array([1.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)
