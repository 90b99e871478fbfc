"""The recurrent layers of the engine over single steps; `network.recurrent` has the equations."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np

from seqforge.inference import kernels
from seqforge.inference.kernels import address
from seqforge.inference.linear import Linear
from seqforge.network.config import Cell

__all__ = ["GRULayer", "LSTMLayer", "Layer", "LayerState", "RNNLayer", "layer_for"]

LayerState = tuple[np.ndarray, ...]
"""The state of one layer, each part of shape (rows, width), float32: (h, c) of an LSTM, (h,) of the others."""


class Layer(ABC):
    """A recurrent layer that computes one step for several rows and changes their state in place.

    Example:
        layer = layer_for("lstm", weights, make_linear, upper=True)
        state = layer.zero_state(rows=4)
        layer.step(layer.read(inputs), state)
        hidden = state[0]

    Args:
        weights: `input_weight`, `recurrent_weight` and `bias`, laid out as in torch; a GRU also has `candidate_bias`.
        build_linear: A function that returns a linear layer for a weight and a bias.
        upper: Whether the layer reads its inputs with `read`; the first layer looks its part of the gates up in tables.
    """

    gates: int
    """The number of blocks of the weights."""
    parts = 1
    """The number of parts of the state."""

    def __init__(self, weights: Mapping[str, np.ndarray], build_linear: Callable[..., Linear], *, upper: bool) -> None:
        self.hidden = weights["recurrent_weight"].shape[1]
        self._recurrent = build_linear(weights["recurrent_weight"])
        self._input = build_linear(weights["input_weight"], weights["bias"]) if upper else None

    def zero_state(self, rows: int) -> LayerState:
        """Return the state before the first step."""
        return tuple(np.zeros((rows, self.hidden), np.float32) for _ in range(self.parts))

    def read(self, inputs: np.ndarray) -> np.ndarray:
        """Return the part of the inputs in the gates, the bias included, shape (rows, gates * hidden)."""
        assert self._input is not None
        return self._input(inputs)

    @abstractmethod
    def step(self, gates: np.ndarray, state: LayerState) -> None:
        """Compute one step; the state is changed in place.

        Args:
            gates: The part of the inputs in the gates, shape (rows, gates * hidden); it is overwritten.
            state: The state of all rows; its parts are contiguous.
        """

    @abstractmethod
    def start(self, gates: np.ndarray, state: LayerState) -> None:
        """Compute the step at the start of a piece, which depends on no earlier state; arguments as of `step`."""


class LSTMLayer(Layer):
    """A long short-term memory with forget gates; the order of the gates is i, f, g, o."""

    gates, parts = 4, 2

    def step(self, gates: np.ndarray, state: LayerState) -> None:
        h, c = state
        self._recurrent(h, gates)
        compiled = kernels.library()
        if compiled is not None:
            compiled.cell_lstm(address(gates), len(h), self.hidden, address(h), address(c))
            return
        i, f, g, o = np.split(gates, 4, 1)
        c *= _sigmoid(f)
        c += _sigmoid(i) * np.tanh(g)
        np.multiply(_sigmoid(o), np.tanh(c), out=h)

    def start(self, gates: np.ndarray, state: LayerState) -> None:
        for part in state:
            part[:] = 0  # i, f and o are closed


class GRULayer(Layer):
    """A gated recurrent unit; the order of the gates is r, z, n."""

    gates = 3

    def __init__(self, weights: Mapping[str, np.ndarray], build_linear: Callable[..., Linear], *, upper: bool) -> None:
        super().__init__(weights, build_linear, upper=upper)
        self._candidate_bias = np.ascontiguousarray(weights["candidate_bias"], np.float32)

    def step(self, gates: np.ndarray, state: LayerState) -> None:
        (h,) = state
        past, bias = self._recurrent(h), self._candidate_bias
        compiled = kernels.library()
        if compiled is not None:
            compiled.cell_gru(address(gates), address(past), address(bias), len(h), self.hidden, address(h))
            return
        size = self.hidden
        r, z = np.split(_sigmoid(gates[:, : 2 * size] + past[:, : 2 * size]), 2, 1)
        n = np.tanh(gates[:, 2 * size :] + r * (past[:, 2 * size :] + bias))
        h[:] = n + z * (h - n)

    def start(self, gates: np.ndarray, state: LayerState) -> None:
        np.tanh(gates[:, 2 * self.hidden :], out=state[0])  # r and z are closed


class RNNLayer(Layer):
    """The plain recurrent layer with the hyperbolic tangent."""

    gates = 1

    def step(self, gates: np.ndarray, state: LayerState) -> None:
        (h,) = state
        self._recurrent(h, gates)
        self.start(gates, state)

    def start(self, gates: np.ndarray, state: LayerState) -> None:
        (h,) = state
        compiled = kernels.library()
        if compiled is not None:
            compiled.cell_rnn(address(gates), h.size, address(h))
        else:
            np.tanh(gates, out=h)


def layer_for(
    cell: Cell, weights: Mapping[str, np.ndarray], build_linear: Callable[..., Linear], *, upper: bool
) -> Layer:
    """Return the layer of a cell; arguments as of `Layer`.

    Example:
        layer_for("gru", weights, make_linear, upper=False)
    """
    kinds: dict[str, type[Layer]] = {"lstm": LSTMLayer, "gru": GRULayer, "rnn": RNNLayer}
    return kinds[cell](weights, build_linear, upper=upper)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function of float32 numbers, computed without overflow."""
    result: np.ndarray = np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)
    return result
