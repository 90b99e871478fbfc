"""Encoder-decoders over single steps: the state in which a piece starts, and attention by content.

`network.encoder_decoder` has the equations.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from seqforge.inference.attention import Encoder
from seqforge.inference.layers import LayerState, layer_for
from seqforge.inference.linear import Linear, make_linear
from seqforge.inference.weights import NetworkWeights
from seqforge.network.shapes import STATE_PARTS

__all__ = ["ContentReader", "SourceReader", "StateReader", "source_reader"]

SourceState = tuple[np.ndarray, ...]
"""The source, and with attention also the total weight of each symbol so far, the keys and the encoded symbols; each of
shape (rows, width), the keys and encoded symbols flat: (rows, length * width)."""


class SourceReader(ABC):
    """What an encoder-decoder reads of its sources."""

    @abstractmethod
    def begin(self, sources: np.ndarray) -> list[LayerState]:
        """Return the state in which pieces start: that of each layer, then that of the source.

        Args:
            sources: The number of each symbol from 1, the extra symbol last; 0 is padding; shape (rows, length).
        """

    def context(self, hidden: np.ndarray, state: SourceState) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the context vectors and the weight of each source position; None without attention.

        The total weights are changed in place.

        Args:
            hidden: The output of the first layer, shape (rows, hidden).
            state: The state of the source.
        """
        return None

    def output(self, hidden: np.ndarray, contexts: Sequence[np.ndarray]) -> np.ndarray:
        """Return what the head reads, shape (steps, rows, hidden).

        Args:
            hidden: The outputs of the last layer, shape (steps, rows, hidden).
            contexts: The context vectors of each step.
        """
        return hidden

    def coverage(self, state: SourceState) -> np.ndarray | None:
        """Return the total weight that each symbol of the source has received; NaN at padding and at the extra symbol.

        Args:
            state: The state of the source.

        Returns:
            The weights, shape (rows, length); None without attention.
        """
        return None


class ContentReader(SourceReader):
    """Attention by content.

    The results of a row do not depend on the number of rows or on padding, bit by bit.

    Example:
        reader = ContentReader(network, make_linear)
        *layers, source = reader.begin(np.array([[1, 4, 5], [2, 5, 0]]))
        context, weights = reader.context(layers[0][0], source)

    Args:
        network: The parameters of the network.
        build_linear: A function that returns a linear layer for a weight and a bias.
    """

    def __init__(self, network: NetworkWeights, build_linear: Callable[..., Linear]) -> None:
        part, config = network.part("source"), network.config
        self._encoder = Encoder(network.part("encoder"))
        self._initial = make_linear(part["initial_weight"], part["initial_bias"])
        self._keys = make_linear(part["key_weight"])
        self._output = build_linear(part["output_weight"])
        self._hidden, self._parts, self._width = config.hidden, STATE_PARTS[config.cell], config.attention_width

    def begin(self, sources: np.ndarray) -> list[LayerState]:
        rows, length = sources.shape
        values, lengths = self._encoder(sources), (sources > 0).sum(1)
        last = np.zeros((rows, self._width), np.float32)
        if length:
            ahead, back = np.split(values, 2, 2)
            last = np.concatenate([ahead[np.arange(rows), np.maximum(lengths - 1, 0)], back[:, 0]], 1)
            last *= (lengths > 0)[:, None]
            values = values * (sources > 0)[:, :, None]
        vectors = np.tanh(self._initial(last))
        parts = [np.ascontiguousarray(part) for part in np.split(vectors, vectors.shape[1] // self._hidden, 1)]
        states: list[LayerState] = [
            tuple(parts[first : first + self._parts]) for first in range(0, len(parts), self._parts)
        ]
        keys = self._keys(values.reshape(rows * length, self._width))
        coverage = np.zeros((rows, length), np.float32)
        return [*states, (sources, coverage, keys.reshape(rows, -1), values.reshape(rows, -1))]

    def context(self, hidden: np.ndarray, state: SourceState) -> tuple[np.ndarray, np.ndarray]:
        source, coverage, keys, values = state
        rows, length = source.shape
        if not length:
            return np.zeros((rows, self._width), np.float32), np.zeros((rows, 0), np.float32)
        mask = source > 0
        scores = (keys.reshape(rows, length, self._hidden) * hidden[:, None]).sum(2)
        scores = np.where(mask, scores, np.float32(-1e30))
        powers = np.exp(scores - scores.max(1, keepdims=True)) * mask
        # the sums run over the symbols one by one, so that padding changes no rounding
        totals = np.repeat(powers[:, :, None], 2, 2).sum(1)[:, :1]
        weights = powers / np.where(totals > 0, totals, np.float32(1))
        coverage += weights
        context = (weights[:, :, None] * values.reshape(rows, length, self._width)).sum(1)
        return context, weights

    def output(self, hidden: np.ndarray, contexts: Sequence[np.ndarray]) -> np.ndarray:
        joined = np.concatenate([hidden, np.stack(contexts)], 2)
        result: np.ndarray = np.tanh(self._output(joined.reshape(-1, joined.shape[2]))).reshape(hidden.shape)
        return result

    def coverage(self, state: SourceState) -> np.ndarray:
        source, coverage = state[:2]
        follows = np.pad(source[:, 1:] > 0, ((0, 0), (0, min(1, source.shape[1]))))
        result: np.ndarray = np.where(follows, coverage, np.nan)
        return result


class StateReader(SourceReader):
    """An encoder that reads the source in reverse, without attention.

    Example:
        *layers, source = StateReader(network, make_linear).begin(np.array([[1, 4, 5], [2, 5, 0]]))

    Args:
        network: The parameters of the network.
        build_linear: A function that returns a linear layer for a weight and a bias.
    """

    def __init__(self, network: NetworkWeights, build_linear: Callable[..., Linear]) -> None:
        config = network.config
        self._embedding = network.arrays["source.embedding"]
        self._layers = [
            layer_for(config.cell, network.part(f"source.layers.{number}"), build_linear, upper=True)
            for number in range(config.layers)
        ]

    def begin(self, sources: np.ndarray) -> list[LayerState]:
        rows = len(sources)
        lengths = (sources > 0).sum(1)
        states = [layer.zero_state(rows) for layer in self._layers]
        for position in range(sources.shape[1]):
            reads = lengths > position  # the other rows have read their source
            symbols = sources[np.arange(rows), np.maximum(lengths - 1 - position, 0)]
            hidden = self._embedding[symbols]
            for layer, state in zip(self._layers, states, strict=True):
                after = tuple(part.copy() for part in state)
                layer.step(layer.read(hidden), after)
                for part, value in zip(state, after, strict=True):
                    part[reads] = value[reads]
                hidden = state[0]
        return [*states, (sources,)]


def source_reader(network: NetworkWeights, build_linear: Callable[..., Linear]) -> SourceReader | None:
    """Return the reader of the sources of an encoder-decoder; None for other networks.

    Example:
        reader = source_reader(network, make_linear)

    Args:
        network: The parameters of the network.
        build_linear: A function that returns a linear layer for a weight and a bias.
    """
    if not network.config.is_encoder_decoder:
        return None
    return (ContentReader if network.config.attention == "content" else StateReader)(network, build_linear)
