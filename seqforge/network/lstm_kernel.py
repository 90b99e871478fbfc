"""The training of an LSTM layer in bfloat16 with AMX: forward and backward pass, several times as fast as torch.

Products of the inputs are those of torch; `lstm_amx.c` has the loops over the positions, and the gradients of matrices.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from seqforge.core.compiled import load_library

__all__ = ["is_used", "run_lstm"]

SOURCES = ("lstm_amx.c", "amx.inc.h", "matrix_gradient_amx.inc.h")
UNITS = 32
"""The number of units must be a multiple of this number, which is the depth of a product of two tiles."""
ALIGNMENT = 64
"""Bytes of a line of the cache, at which tiles begin."""
_OPENMP = {"parallel": "GOMP_parallel", "thread_number": "omp_get_thread_num", "team_size": "omp_get_num_threads"}


class _Team(ctypes.Structure):
    """The threads that share the work, the structure `Team` of amx.inc.h."""

    _fields_ = (
        ("threads", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in _OPENMP),
        ("arrived", ctypes.c_int64),
    )


class _Layer(ctypes.Structure):
    """The arguments of lstm_forward and lstm_backward, the structure `Layer` of lstm_amx.c."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("steps", "rows", "hidden")),
        *((name, ctypes.c_void_p) for name in ("recurrent", "packed", "bias", "starts", "gates", "cells", "outputs")),
        *((name, ctypes.c_void_p) for name in ("from_above", "gradients", "bias_gradient", "h_gradient", "c_gradient")),
        ("team", _Team),
    )


class _Gradient(ctypes.Structure):
    """The arguments of lstm_matrix_gradient, the structure `Gradient` of matrix_gradient_amx.inc.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("positions", "rows", "columns")),
        *((name, ctypes.c_void_p) for name in ("left", "right", "packed", "out")),
        ("team", _Team),
    )


@cache
def library() -> Any:
    """Return the compiled library; None if it has not been built, or the processor has no AMX.

    >>> compiled = library()
    >>> compiled is None or hasattr(compiled, "lstm_forward")
    True
    """
    compiled = load_library(Path(__file__).parent, "_lstm", SOURCES)
    if compiled is None or not compiled.lstm_is_available():
        return None
    for function in (compiled.lstm_forward, compiled.lstm_backward, compiled.lstm_matrix_gradient):
        function.argtypes, function.restype = (ctypes.c_void_p,), None
    return compiled


@cache
def _openmp() -> dict[str, int]:
    """Return the addresses of the functions of the OpenMP library of torch; empty without it, for one thread."""
    process = ctypes.CDLL(None)
    try:
        return {field: ctypes.cast(process[name], ctypes.c_void_p).value or 0 for field, name in _OPENMP.items()}
    except AttributeError:
        return {}


def is_used(device: torch.device, hidden: int) -> bool:
    """Return whether `run_lstm` can run a layer: in bfloat16 (autocast) on a CPU with AMX.

    >>> is_used(torch.device("cpu"), hidden=64)  # in float32
    False

    Args:
        device: The device of the layer.
        hidden: Its number of units.
    """
    return (
        device.type == "cpu"
        and hidden % UNITS == 0
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and library() is not None
    )


def run_lstm(
    inputs: Tensor,
    state: tuple[Tensor, Tensor],
    weight: Tensor,
    recurrent: Tensor,
    bias: Tensor,
    starts: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the outputs of a layer in bfloat16, and its state after the last position in float32.

    The products take bfloat16 and add up float32. The cell c is float32. A result does not depend on the number of
    threads. Source of the equations: the class `seqforge.network.recurrent.LSTM`.

    Example:
        outputs, (h, c) = run_lstm(inputs, (h, c), layer.input_weight, layer.recurrent_weight, layer.bias)

    Args:
        inputs: The inputs, shape (time, row, width).
        state: h and c before the first position, shape (row, hidden) each.
        weight: The input matrix, shape (4 hidden, width).
        recurrent: The recurrent matrix, shape (4 hidden, hidden).
        bias: The bias, shape (4 hidden).
        starts: True where h and c are reset to zero, shape (time, row); None for no reset.
    """
    outputs, h, c = _LSTM.apply(inputs, *state, weight, recurrent, bias, starts)  # type: ignore[no-untyped-call]
    return outputs, (h, c)


class _LSTM(Function):
    """The layer as an operation of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        h: Tensor,
        c: Tensor,
        weight: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        starts: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, rows, width = inputs.shape
        hidden = recurrent.shape[1]
        inputs = inputs.to(torch.bfloat16).reshape(steps * rows, width)
        weight, recurrent = weight.to(torch.bfloat16), recurrent.to(torch.bfloat16).contiguous()
        gates = torch.mm(inputs, weight.t())  # the contribution of the inputs, until the library writes the gates
        cells = torch.empty(steps + 1, rows, hidden)
        outputs = torch.empty(steps + 1, rows, hidden, dtype=torch.bfloat16)
        cells[0], outputs[0] = c, h
        _call(
            library().lstm_forward,
            (steps, rows, hidden),
            recurrent=recurrent,
            packed=torch.empty_like(recurrent),
            bias=bias.float(),
            starts=None if starts is None else starts.contiguous(),
            gates=gates,
            cells=cells,
            outputs=outputs,
        )
        ctx.save_for_backward(inputs, weight, recurrent, gates, cells, outputs)
        return outputs[1:], outputs[-1].float(), cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, from_above: Tensor, h_gradient: Tensor, c_gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight, recurrent, gates, cells, outputs = ctx.saved_tensors
        steps, rows, hidden = len(cells) - 1, cells.shape[1], cells.shape[2]
        gradients, bias_gradient = torch.empty_like(gates), cells.new_zeros(4 * hidden)
        h_gradient, c_gradient = (gradient.float().clone() for gradient in (h_gradient, c_gradient))
        _call(
            library().lstm_backward,
            (steps, rows, hidden),
            recurrent=recurrent,
            packed=torch.empty_like(recurrent),
            gates=gates,
            cells=cells,
            outputs=outputs,
            from_above=from_above.to(torch.bfloat16).contiguous(),
            gradients=gradients,
            bias_gradient=bias_gradient,
            h_gradient=h_gradient,
            c_gradient=c_gradient,
        )
        return (
            torch.mm(gradients, weight).view(steps, rows, -1) if ctx.needs_input_grad[0] else None,
            h_gradient,
            c_gradient,
            _matrix_gradient(gradients, inputs),
            _matrix_gradient(gradients, outputs[:-1].view(steps * rows, hidden)),
            bias_gradient,
            None,
        )


def _call(function: Any, shape: tuple[int, int, int], **tensors: Tensor | None) -> None:
    """Call a function of the library. The tensors must be contiguous and stay alive until it returns."""
    steps, rows, hidden = shape
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items() if tensor is not None}
    function(ctypes.byref(_Layer(steps=steps, rows=rows, hidden=hidden, team=_team(hidden // UNITS), **addresses)))


def _matrix_gradient(gradients: Tensor, inputs: Tensor) -> Tensor:
    """Return the gradient of a matrix, in float32: the product of the first tensor, transposed, and the second.

    Args:
        gradients: The gradients of the gates in bfloat16, shape (position, gates).
        inputs: What the matrix multiplies, in bfloat16, shape (position, width).
    """
    (positions, rows), columns = gradients.shape, inputs.shape[1]
    padded = -(-columns // UNITS) * UNITS
    out = torch.empty(rows, padded)
    packed = torch.empty(-(-positions // UNITS) * UNITS * padded * 2 + ALIGNMENT, dtype=torch.uint8)
    start = -(-packed.data_ptr() // ALIGNMENT) * ALIGNMENT
    arguments = _Gradient(
        positions=positions, rows=rows, columns=columns, left=gradients.data_ptr(), right=inputs.data_ptr(),
        packed=start, out=out.data_ptr(), team=_team(rows // UNITS),
    )  # fmt: skip
    library().lstm_matrix_gradient(ctypes.byref(arguments))
    return out[:, :columns].contiguous()


def _team(most: int) -> _Team:
    """Return the threads of torch, and how to run in them; at most a number of threads."""
    threads = min(torch.get_num_threads(), most)
    return _Team(threads=threads, **(_openmp() if threads > 1 else {}))
