"""Attention on a source with Gaussian components, over single steps; `network.attention` has the equations."""

from collections.abc import Callable, Mapping

import numpy as np

from seqforge.inference.layers import LSTMLayer
from seqforge.inference.linear import Linear, make_linear

__all__ = ["Attention", "Encoder"]

MAX_LOG = np.float32(3.0)
"""Upper bound of the logarithms of alpha, beta and the move of kappa."""
START_DISTANCE = np.float32(0.85)
"""Typical distance of the heaviest Gaussian from the symbol of the next steps, in symbols. The median over 200 pairs of
lines of handwriting that were trained on is 0.82, over 103 held-out pairs 0.86; 88 and 90 % lie within 0.4 of this."""
START_TOLERANCE = 0.4
"""Largest deviation from this distance that is left as it is."""

AttentionState = tuple[np.ndarray, ...]
"""The centres kappa, the context vector, the number of steps at the end of the source, and the source itself; with an
encoder also the encoded source. Each part has shape (rows, width), the encoded source (rows, length * width)."""


class Attention:
    """Attention whose weights are a sum of Gaussians that move along the source and never go back.

    Example:
        attention = Attention(weights, make_linear, width=30)
        state = attention.zero_state(sources)
        attention.move(hidden, state)
        context = state[1]

    Args:
        weights: `weight` and `bias` of the map from the hidden state to the parameters of the Gaussians.
        build_linear: A function that returns a linear layer for a weight and a bias.
        width: The width of the context vector.
        encoder: The encoder of the source; None if the attention reads the symbols themselves.
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        build_linear: Callable[..., Linear],
        *,
        width: int,
        encoder: "Encoder | None" = None,
    ) -> None:
        self.width, self.components = width, len(weights["bias"]) // 3
        self._encoder = encoder
        self._parameters = build_linear(weights["weight"], weights["bias"])

    def zero_state(self, sources: np.ndarray) -> AttentionState:
        """Return the state before the first step.

        Args:
            sources: The number of each symbol from 1, the extra symbol last; 0 is padding; shape (rows, length).
        """
        rows = len(sources)
        state = tuple(np.zeros((rows, width), np.float32) for width in (self.components, self.width, 1))
        encoded = [] if self._encoder is None else [self._encoder(sources).reshape(rows, -1)]
        return (*state, sources, *encoded)

    def move(self, hidden: np.ndarray, state: AttentionState) -> np.ndarray:
        """Move the attention by one step, and return the weight of each source position, shape (rows, length).

        Kappa, the context vector and the count are changed in place.

        Args:
            hidden: The output of the layer that moves the attention, shape (rows, hidden).
            state: The state of all rows.
        """
        kappa, context, end_steps, source, *memory = state
        logs = np.minimum(self._parameters(hidden), MAX_LOG)
        # the Gaussians are computed in contiguous arrays, so that no result depends on the shape of a slice
        alpha, beta, distance = (np.exp(np.ascontiguousarray(part)) for part in np.split(logs, 3, 1))
        kappa += distance
        length = source.shape[1]
        offsets = kappa[:, :, None] - np.arange(length, dtype=np.float32)
        phi: np.ndarray = (alpha[:, :, None] * np.exp(-beta[:, :, None] * offsets * offsets)).sum(1) * (source > 0)
        if memory and length:
            context[:] = (phi[:, :, None] * memory[0].reshape(*source.shape, -1)).sum(1)
        else:
            weights = np.zeros((len(source), self.width + 1), np.float32)
            np.add.at(weights, (np.arange(len(source))[:, None], source), phi)
            context[:] = weights[:, 1:]
        if length:
            last = ((source > 0) * np.arange(1, length + 1)).max(1) - 1
            at_end = (phi.argmax(1) == last) & (last >= 0)
            end_steps[:, 0] = (end_steps[:, 0] + 1) * at_end
        return phi

    def distance_to(self, starts: np.ndarray, hidden: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        """Return how far kappa must move so that the next steps start with a source position; 0 where it stands there.

        In reading along, the Gaussian with the largest weight stands just before the symbol of the next steps. Up to
        `START_TOLERANCE` from there, the distance is 0.

        Args:
            starts: The source position of each row; NaN for a row that stays where it is; shape (rows,).
            hidden: The output of the first layer after the last step, shape (rows, hidden).
            kappa: The centres of the Gaussians after the last step, shape (rows, components).
        """
        heaviest = self._parameters(hidden)[:, : self.components].argmax(1)
        distance = starts - START_DISTANCE - kappa[np.arange(len(kappa)), heaviest]
        moves = np.abs(distance) > START_TOLERANCE  # NaN does not move
        result: np.ndarray = np.where(moves, distance, 0).astype(np.float32)[:, None]
        return result


class Encoder:
    """A bidirectional LSTM over the source; the encoded symbol is the concatenation of both outputs.

    It is computed in float32 at every precision of the engine, because it reads a source once.

    Example:
        encoded = Encoder(weights)(np.array([[1, 4, 5], [2, 5, 0]]))  # shape (2, 3, 2 * units)

    Args:
        weights: `embedding`, and the weights of `forward_lstm` and `backward_lstm`.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._embedding = weights["embedding"]
        self._layers = []
        for direction in ("forward_lstm", "backward_lstm"):
            parts = {name: weights[f"{direction}.{name}"] for name in ("input_weight", "recurrent_weight", "bias")}
            self._layers.append(LSTMLayer(parts, make_linear, upper=True))

    def __call__(self, sources: np.ndarray) -> np.ndarray:
        """Return the encoded symbols, shape (rows, length, width); they are meaningless at padding.

        Args:
            sources: The number of each symbol from 1; 0 is padding; shape (rows, length).
        """
        length = sources.shape[1]
        # the backward LSTM reads each source reversed; reversing its symbols, but not the padding, is its own inverse
        reverse = ((sources > 0).sum(1, keepdims=True) - 1 - np.arange(length)) % max(length, 1)
        ahead = self._run(self._layers[0], sources)
        back = self._run(self._layers[1], np.take_along_axis(sources, reverse, 1))
        back = np.take_along_axis(back, np.broadcast_to(reverse[:, :, None], back.shape), 1)
        return np.concatenate([ahead, back], 2)

    def _run(self, layer: LSTMLayer, sources: np.ndarray) -> np.ndarray:
        rows, length = sources.shape
        state, outputs = layer.zero_state(rows), np.zeros((rows, length, layer.hidden), np.float32)
        for position in range(length):
            layer.step(layer.read(self._embedding[sources[:, position]]), state)
            outputs[:, position] = state[0]
        return outputs
