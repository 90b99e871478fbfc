"""The engine: a trained network that reads one step for several rows, and the outputs for the next step. No torch."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from seqforge.inference.attention import Attention, Encoder
from seqforge.inference.copy_logits import CopyLogits
from seqforge.inference.device import CPU, device_products
from seqforge.inference.encoder_decoder import source_reader
from seqforge.inference.inputs import Conditioning, StepInput, output_function
from seqforge.inference.layers import layer_for
from seqforge.inference.linear import Linear, make_linear
from seqforge.inference.prompts import PromptBatch, groups_of_equal_length, join_prompts
from seqforge.inference.stepping import MAX_ROWS, Beginning, EngineState, StepEngine
from seqforge.inference.weights import NetworkWeights
from seqforge.network.precision import Precision

__all__ = ["Engine"]

PROMPT_CHUNK = 256
"""The number of steps of a prompt whose products are computed in one call."""


class Engine(StepEngine):
    """A network in step mode: it reads one step per row and returns the outputs for the next step.

    The first layer looks up its response to a symbol in a table, and its response to each earlier step at a
    corresponding place in another one; the part of the labels and features is computed once and added. Each further
    layer is one product of its input and one of its hidden state (`linear`).

    The result of a row depends on that row alone, bit by bit, because sample k must not depend on how many samples
    there are. Several threads may use one engine at the same time: a step changes nothing but the state.

    Example:
        engine = Engine(NetworkWeights(space, config, arrays), "int8")
        outputs, prompt_state, condition_gates = engine.begin(prompt_batch(engine.network, prompt, conditions))
        state = engine.state(prompt_state, rows=1)
        outputs = engine.step(np.array([3]), condition_gates[None], state)

    Args:
        network: The parameters of the network; they must not change afterwards.
        precision: The precision of the matrix products; tables, states and all other operations use float32.
        device: Where the matrix products are computed: "cpu", or a device of torch, such as "cuda" or "mps".

    Raises:
        OptionsError: If the device cannot be used.
    """

    def __init__(self, network: NetworkWeights, precision: Precision = "float32", device: str = CPU) -> None:
        self.network, self.precision = network, precision
        self._build_linear: Callable[..., Linear] = partial(make_linear, precision=precision)
        if device != CPU:
            self._build_linear = device_products(device, precision)
        config = network.config
        self._residual = config.residual
        layers = [network.part(f"layers.{number}") for number in range(config.layers)]
        first = layers[0]["input_weight"]
        read = config.embedding + config.lookback_width
        conditions = first.shape[1] - config.context_width(0)
        self._read = StepInput(network, first[:, :read], layers[0]["bias"])
        self._conditioning = Conditioning(network, first[:, read:conditions])
        self._layers = [
            layer_for(config.cell, weights, self._build_linear, upper=number > 0)
            for number, weights in enumerate(layers)
        ]
        self._outputs = output_function(network, self._build_linear)
        self._copy_logits = CopyLogits(network) if config.copy_logits else None
        self._source = source_reader(network, self._build_linear)
        self._attention: Attention | None = None
        if config.source_symbols and self._source is None:
            encoder = Encoder(network.part("encoder")) if config.encoder_units else None
            self._context_gates = self._build_linear(first[:, conditions:])
            self._attention = Attention(
                network.part("attention"), self._build_linear, width=config.attention_width, encoder=encoder
            )

    def begin_all(self, batches: Sequence[PromptBatch]) -> list[Beginning]:
        """Read several prompts; those of equal length are read side by side."""
        beginnings: dict[int, Beginning] = {}
        for group in groups_of_equal_length(batches, MAX_ROWS):
            joined = join_prompts([batches[number] for number in group])
            hidden, state, gates = self._read_prompts(joined)
            outputs = self._predict(hidden, None if joined.references is None else joined.references[-1])
            for row, number in enumerate(group):
                row_state = [tuple(part[row] for part in layer) for layer in state]
                beginnings[number] = outputs[row], row_state, gates[row]
        return [beginnings[number] for number in range(len(batches))]

    def step(
        self,
        steps: np.ndarray,
        condition_gates: np.ndarray,
        state: EngineState,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        gates = self._read(steps, condition_gates, references)
        return self._predict(self._run(gates[None], state)[0], references)

    def outputs(self, batch: PromptBatch) -> np.ndarray:
        """Return the outputs of the head at every position of a piece, shape (steps + 1, rows, outputs).

        Args:
            batch: The pieces, all with the same number of steps.
        """
        return np.concatenate(list(self.output_chunks(batch)))

    def output_chunks(self, batch: PromptBatch) -> Iterator[np.ndarray]:
        hidden: list[np.ndarray] = []
        self._read_prompts(_without_starts(batch), hidden=hidden)
        first = 0
        for states in hidden:
            end, references = first + len(states), batch.references
            if references is not None:
                references = references[first:end].reshape(-1, references.shape[-1])
            outputs = self._predict(states.reshape(-1, states.shape[-1]), references)
            yield outputs.reshape(*states.shape[:2], -1)
            first = end

    def attention(self, batch: PromptBatch, length: int | None = None) -> np.ndarray:
        """Return the attention weights while a piece is read, shape (steps + 1, source length).

        Row 0 belongs to the start of the piece, row t to step t. The network must have a source.

        Args:
            batch: A batch of one row with all steps of the piece.
            length: The number of steps of the prompt, after which `source_starts` moves the attention; None if the
                piece is read as it is.
        """
        weights: list[np.ndarray] = []
        prompt = batch if length is None else dataclasses.replace(batch, steps=batch.steps[:length])
        if length is None:
            prompt = _without_starts(batch)
        _, state, condition_gates = self._read_prompts(prompt, weights=weights)
        for number in range(len(prompt.steps), len(batch.steps)):
            references = None if batch.references is None else batch.references[number + 1]
            self._run(self._read(batch.steps[number], condition_gates, references)[None], state, weights=weights)
        return np.concatenate(weights)

    def steps_at_source_end(self, state: EngineState) -> np.ndarray | None:
        if self._attention is None or not state[-1][3].shape[1]:
            return None
        counts: np.ndarray = state[-1][2][:, 0]
        return counts

    def coverage(self, state: EngineState) -> np.ndarray | None:
        return None if self._source is None else self._source.coverage(state[-1])

    def _predict(self, hidden: np.ndarray, references: np.ndarray | None) -> np.ndarray:
        """Return the outputs of the head, shape (rows, outputs).

        Args:
            hidden: The output of the last layer, shape (rows, hidden).
            references: The references of the step to predict, shape (rows, numbers); None if the network has none.
        """
        outputs = self._outputs(hidden)
        if self._copy_logits is not None:
            self._copy_logits(outputs, hidden, references)
        return outputs

    def _read_prompts(
        self,
        batch: PromptBatch,
        *,
        weights: list[np.ndarray] | None = None,
        hidden: list[np.ndarray] | None = None,
    ) -> tuple[np.ndarray, EngineState, np.ndarray]:
        """Return the output of the last layer after prompts of equal length, the state, and the gates of conditions.

        Args:
            batch: The prompts.
            weights: The attention weights of each step are appended to this list, if it is given.
            hidden: The outputs of the last layer, shape (steps, rows, hidden), are appended to this list, if given.
        """
        rows, length = len(batch.labels), len(batch.steps)
        references = [None] * (length + 1) if batch.references is None else list(batch.references)
        # 1. The start of the piece: the state before it is that of an encoder, or there is none, and then its output
        # depends on labels, features and the source alone.
        conditions = self._conditioning(batch.labels, batch.features)
        condition_gates = self._conditioning.gates(conditions)
        start_gates = self._read(self._read.start(rows), condition_gates, references[0])[None]
        if self._source is not None:
            state: EngineState = self._source.begin(batch.sources)
            last = self._run(start_gates, state, weights=weights)[0]
        else:
            initial = self._conditioning.initial_state(batch.features)
            state = initial or [layer.zero_state(rows) for layer in self._layers]
            if self._attention is not None:
                state.append(self._attention.zero_state(batch.sources))
            self._run(start_gates, state, start=initial is None, weights=weights)
            has_encoder = self._attention is not None and self.network.config.encoder_units
            last = self._conditioning.start(conditions, state[-1][1] if has_encoder else None)
        if hidden is not None:
            hidden.append(last[None])
        # 2. The steps, many at once. The attention must stand at `source_starts` after the last one.
        moves = self._attention is not None and length > 0 and not np.isnan(batch.source_starts).all()

        def read(first: int, end: int, weights: list[np.ndarray] | None) -> np.ndarray:
            gates = [
                self._read(steps, condition_gates, reference)
                for steps, reference in zip(batch.steps[first:end], references[first + 1 : end + 1], strict=True)
            ]
            outputs = self._run(np.stack(gates), state, weights=weights)
            if hidden is not None:
                hidden.append(outputs)
            final: np.ndarray = outputs[-1]
            return final

        for first in range(0, length - moves, PROMPT_CHUNK):
            last = read(first, min(first + PROMPT_CHUNK, length - moves), weights)
        # 3. Read the last step twice, the second time with the attention moved by what it missed the position by.
        if moves:
            assert self._attention is not None
            before = [tuple(part.copy() for part in layer) for layer in state]
            read(length - 1, length, None)
            distance = self._attention.distance_to(batch.source_starts, state[0][0], state[-1][0])
            state = before
            state[-1][0][:] += distance
            last = read(length - 1, length, weights)
        return last, state, condition_gates

    def _run(
        self, gates: np.ndarray, state: EngineState, *, start: bool = False, weights: list[np.ndarray] | None = None
    ) -> np.ndarray:
        """Compute several steps; the state is changed in place.

        Args:
            gates: The part of each step in the gates of the first layer, shape (steps, rows, gates); overwritten.
            state: The state of all rows.
            start: Whether this is the start of a piece, which depends on no earlier state.
            weights: The attention weights of each step are appended to this list, if it is given.

        Returns:
            The output of the last layer at every step, shape (steps, rows, hidden).
        """
        steps, rows = gates.shape[:2]
        contexts: list[np.ndarray] = []
        hidden = np.empty((0, rows, 0), np.float32)
        for number, (layer, layer_state) in enumerate(zip(self._layers, state, strict=False)):
            # 1. Upper layers read the output of the layer below, and the context vector of the same step.
            if number:
                inputs = hidden if not contexts else np.concatenate([hidden, np.stack(contexts)], 2)
                gates = layer.read(inputs.reshape(steps * rows, -1)).reshape(steps, rows, -1)
            outputs = np.empty((steps, rows, layer.hidden), np.float32)
            for position, step_gates in enumerate(gates):
                # 2. The first layer also reads the context vector of the previous step.
                attention = None if number else self._attention
                if attention is not None:
                    self._context_gates(state[-1][1], step_gates)
                (layer.start if start else layer.step)(step_gates, layer_state)
                outputs[position] = layer_state[0]
                # 3. The first layer moves the attention, or it compares its output with the source.
                read = None
                if attention is not None:
                    phi = attention.move(layer_state[0], state[-1])
                    read = state[-1][1].copy(), phi
                elif self._source is not None and not number:
                    read = self._source.context(layer_state[0], state[-1])
                if read is not None:
                    contexts.append(read[0])
                    if weights is not None:
                        weights.append(read[1])
            hidden = outputs + hidden if number and self._residual else outputs
        return hidden if self._source is None else self._source.output(hidden, contexts)


def _without_starts(batch: PromptBatch) -> PromptBatch:
    """Return a batch whose attention is not moved."""
    return dataclasses.replace(batch, source_starts=np.full_like(batch.source_starts, np.nan))
