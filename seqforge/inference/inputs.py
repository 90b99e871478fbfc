"""What the first layer and the start of a piece read: steps, earlier steps, labels and features."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from seqforge.core.spaces import Categorical, Mixture
from seqforge.inference import kernels
from seqforge.inference.kernels import address
from seqforge.inference.layers import LayerState
from seqforge.inference.linear import Float32Linear
from seqforge.inference.weights import NetworkWeights
from seqforge.network.shapes import STATE_PARTS

__all__ = ["Conditioning", "StepInput"]

MAX_TABLE_NUMBERS = 1 << 25
"""The largest size of a table of steps, in numbers of four bytes."""


class Conditioning:
    """The labels and features of a piece: their part of the gates, and the output at the start of the piece.

    Example:
        conditioning = Conditioning(network)
        values = conditioning(labels, features)
        gates, start = conditioning.gates(values), conditioning.start(values, contexts=None)

    Args:
        network: The network.
        columns: The columns of the input matrix of the first layer that read labels and features.
    """

    def __init__(self, network: NetworkWeights, columns: np.ndarray) -> None:
        embeddings = network.part("conditioning.embeddings")
        self._embeddings = [embeddings[str(number)] for number in range(len(embeddings))]
        self._linear, self._columns = Float32Linear(columns), columns.shape[1]
        self._initial: Float32Linear | None = None
        self._state_shape = (network.config.layers, STATE_PARTS[network.config.cell])
        if network.config.state_features:
            self._initial = Float32Linear(network.arrays["initial_state.weight"], network.arrays["initial_state.bias"])
        self._start: Float32Linear | None = None
        if not network.config.is_encoder_decoder:
            start = network.arrays["start_weight"]
            self._start = Float32Linear(start[:, 1:], start[:, 0])

    def __call__(self, labels: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return the embeddings of the labels and the features, side by side; shape (rows, width)."""
        parts = [table[labels[:, number]] for number, table in enumerate(self._embeddings)]
        return np.concatenate([*parts, features], 1).astype(np.float32)

    def gates(self, values: np.ndarray) -> np.ndarray:
        """Return their part of the gates of the first layer, shape (rows, gates)."""
        return self._linear(np.ascontiguousarray(values[:, : self._columns]))

    def initial_state(self, features: np.ndarray) -> list[LayerState] | None:
        """Return the state of each layer before a piece; None if it is empty.

        Args:
            features: The features, shape (rows, features).
        """
        if self._initial is None:
            return None
        layers, parts = self._state_shape
        values = np.tanh(self._initial(features)).reshape(len(features), layers, parts, -1)
        return [tuple(np.ascontiguousarray(values[:, layer, part]) for part in range(parts)) for layer in range(layers)]

    def start(self, values: np.ndarray, contexts: np.ndarray | None) -> np.ndarray:
        """Return the output of the last layer at the start of a piece, shape (rows, hidden).

        An encoder-decoder has no such output: it reads the start as it reads any step.

        Args:
            values: What `__call__` returned.
            contexts: The context vectors of the attention, if the network has an encoder.
        """
        assert self._start is not None
        known = values if contexts is None else np.concatenate([values, contexts], 1)
        output: np.ndarray = np.tanh(self._start(known))
        return output


class StepInput:
    """The part of steps and of earlier steps in the gates of the first layer.

    For symbols it is a sum of rows of tables, one for the step and two per distance of a network that looks back. With
    very many symbols, the table of the step would be too large, and their embeddings are multiplied instead. Real
    numbers and bits are multiplied by their columns.

    Example:
        gates = StepInput(network, columns, bias)(steps, condition_gates, references)

    Args:
        network: The network.
        columns: The columns of the input matrix of the first layer that read the embedding of the step and those of
            the earlier steps.
        bias: The bias of the first layer.
    """

    def __init__(self, network: NetworkWeights, columns: np.ndarray, bias: np.ndarray) -> None:
        head, config = network.part("head"), network.config
        self.boundary = 0
        self._looks_back = bool(config.distances)
        width = config.embedding
        self._columns: np.ndarray | None = None
        self._centres: np.ndarray | None = None
        self._scales: np.ndarray | None = None
        if not isinstance(network.space, Categorical):
            weight = Float32Linear(head["input_weight"].T)(columns[:, :width])
            self._columns, self._bias = np.ascontiguousarray(weight.T), np.ascontiguousarray(bias)
            pairs = network.space.standardisation if isinstance(network.space, Mixture) else ()
            if pairs:
                others = len(self._columns) - len(pairs)
                centres, scales = (np.array(values, np.float32) for values in zip(*pairs, strict=True))
                self._centres = np.append(centres, np.zeros(others, np.float32))
                self._scales = np.append(scales, np.ones(others, np.float32))
            return
        self.boundary = network.space.size
        scaled = head["embedding"] * np.float32(width**0.5)
        from_step = Float32Linear(columns[:, :width], bias)
        self._tables: list[np.ndarray] = []
        self._embedding, self._from_step = scaled, None
        if len(scaled) * len(columns) > MAX_TABLE_NUMBERS:
            self._from_step = from_step
        else:
            self._tables.append(from_step(scaled))
        if config.distances:
            parts = np.split(columns[:, width:], len(config.distances), 1)
            for rows in (network.arrays["references.steps"], network.arrays["references.agreements"]):
                with_zero = np.concatenate([np.zeros((1, config.lookback), np.float32), rows])  # number 0 is none
                self._tables += [Float32Linear(part)(with_zero) for part in parts]
        self._table_count = len(self._tables)
        self._addresses = np.array([address(table) for table in self._tables], np.uint64)

    def __call__(self, steps: np.ndarray, start: np.ndarray, references: np.ndarray | None) -> np.ndarray:
        """Return the gates, shape (rows, gates): the start plus the part of the steps and the earlier steps.

        Args:
            steps: The steps, shape (rows,) or (rows, width); `boundary` reads the start of the piece.
            start: What is added, shape (rows, gates).
            references: What the network reads of earlier steps, shape (rows, numbers); None if it does not look back.

        Raises:
            ValueError: If the network looks back and `references` is None.
        """
        if self._columns is not None:
            gates: np.ndarray = start + self._bias
            if self._centres is not None:
                steps = (steps - self._centres) / self._scales
            for number, column in enumerate(self._columns):  # column by column, so that no row depends on the others
                gates += steps[:, number : number + 1] * column
            return gates
        numbers = steps[:, None]
        if self._looks_back:
            if references is None:
                raise ValueError("the network looks back, and the step has no references")
            numbers = np.concatenate([numbers, references], 1)
        if self._from_step is not None:
            start, numbers = self._from_step(self._embedding[steps], np.array(start)), numbers[:, 1:]
        compiled = kernels.library()
        if compiled is None:
            gates = np.array(start)
            for number, table in enumerate(self._tables):
                gates += table[numbers[:, number]]
            return gates
        numbers, gates = np.ascontiguousarray(numbers, np.int64), np.empty_like(start)
        compiled.sum_tables(
            address(self._addresses), self._table_count, address(numbers), len(numbers), start.shape[1],
            address(start), address(gates),
        )  # fmt: skip
        return gates

    def start(self, rows: int) -> np.ndarray:
        """Return the steps that stand for the start of a piece."""
        if self._columns is not None:
            if self._centres is not None:
                return np.tile(self._centres, (rows, 1))
            return np.zeros((rows, len(self._columns)), np.float32)
        return np.full(rows, self.boundary, np.int64)


class AdaptiveOutput:
    """The logarithms of the probabilities of an adaptive softmax; those of a row depend on that row alone.

    Args:
        network: The network.
        score: The function from what both levels read to the logits of all symbols and of the boundary.
        score_clusters: The function to the logits of the clusters.
    """

    def __init__(
        self,
        network: NetworkWeights,
        score: Callable[[np.ndarray], np.ndarray],
        score_clusters: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        assert isinstance(network.space, Categorical)
        self._score, self._score_clusters = score, score_clusters
        cutoffs = network.config.cutoffs
        self._frequent = cutoffs[0]
        self._clusters = list(pairwise((*cutoffs, network.space.size)))

    def __call__(self, read: np.ndarray) -> np.ndarray:
        logits, clusters = self._score(read), self._score_clusters(read)
        frequent = logits[:, : self._frequent]
        total = _log_sum_exp(np.concatenate([frequent, logits[:, -1:], clusters], 1))
        frequent -= total
        logits[:, -1:] -= total
        for number, (first, last) in enumerate(self._clusters):
            part = logits[:, first:last]
            part += clusters[:, number : number + 1] - total - _log_sum_exp(part)
        return logits


def _log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of the exponentials of each row, shape (rows, 1)."""
    largest = logits.max(1, keepdims=True)
    result: np.ndarray = largest + np.log(np.exp(logits - largest).sum(1, keepdims=True))
    return result


def output_function(
    network: NetworkWeights, build_linear: Callable[..., Callable[[np.ndarray], np.ndarray]]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from the output of the last layer to the outputs of the head.

    Args:
        network: The network.
        build_linear: A function that returns a linear layer for a weight and a bias.
    """
    head = network.part("head")
    if not isinstance(network.space, Categorical):
        return build_linear(head["output_weight"], head["bias"])
    score = build_linear(head.get("output_embedding", head["embedding"]), head["bias"])
    if network.config.cutoffs:
        score = AdaptiveOutput(network, score, build_linear(head["cluster_weight"], head["cluster_bias"]))
    if "projection" not in head:
        return score
    project = build_linear(head["projection"])
    return lambda hidden: score(project(hidden))
