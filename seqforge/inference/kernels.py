"""The inner loops of inference: the compiled library, or numpy where it has not been built.

`kernels.c` has the loops. The library is built when seqforge is installed, if there is a C compiler. Without it,
products in float32 and bfloat16 use the matrix product of numpy, and products of 8-bit integers give the same numbers
more slowly.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.compiled import load_library

__all__ = ["address", "instruction_set", "library"]

SOURCES = ("kernels.c", "kernels.inc.h", "kernels_amx.inc.h", "draw.inc.h")
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "product_float32": (_POINTER,),
    "product_bfloat16": (_POINTER,),
    "product_int8": (_POINTER,),
    "cell_lstm": (_POINTER, _NUMBER, _NUMBER, _POINTER, _POINTER),
    "cell_gru": (_POINTER, _POINTER, _POINTER, _NUMBER, _NUMBER, _POINTER),
    "cell_rnn": (_POINTER, _NUMBER, _POINTER),
    "draw_rows": (_POINTER,),
    "sum_tables": (_POINTER, _NUMBER, _POINTER, _NUMBER, _NUMBER, _POINTER, _POINTER),
    "add_copy_scores": (
        _POINTER,
        _NUMBER,
        _NUMBER,
        _POINTER,
        _POINTER,
        _NUMBER,
        _POINTER,
        _POINTER,
        _NUMBER,
    ),
}


@cache
def library() -> Any:
    """Return the compiled library; None if it has not been built or cannot be loaded.

    >>> compiled = library()
    >>> compiled is None or hasattr(compiled, "cell_lstm")
    True
    """
    compiled = load_library(Path(__file__).parent, "_kernels", SOURCES)
    if compiled is None:
        return None
    compiled.kernels_init.restype, compiled.kernels_init.argtypes = ctypes.c_char_p, (ctypes.c_char_p,)
    compiled.kernels_name.restype = ctypes.c_char_p
    for function, arguments in _ARGUMENTS.items():
        getattr(compiled, function).argtypes, getattr(compiled, function).restype = arguments, None
    compiled.draw_rows.restype = _NUMBER
    compiled.kernels_init(None)
    return compiled


def instruction_set() -> str:
    """Return the instruction set that the products use: amx, avx512, avx2 or generic; numpy without the library.

    >>> instruction_set() in ("amx", "avx512", "avx2", "generic", "numpy")
    True
    """
    compiled = library()
    name: str = "numpy" if compiled is None else compiled.kernels_name().decode()
    return name


def address(array: np.ndarray) -> int:
    """Return the address of the first number of an array, which must be contiguous."""
    buffer: Any = array
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(buffer))  # a third of the time of the array interface
    except (TypeError, ValueError):  # read-only or empty
        data: int = array.__array_interface__["data"][0]
        return data
