"""Step mode: the network computes one step for several rows, with weights that are rearranged once."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from seqforge.network import Batch, Network, NetworkState
from seqforge.network.padding import pad_columns, pad_matrix, pad_units
from seqforge.network.recurrent import GRU, LSTM, RecurrentLayer, State
from seqforge.sampling.beginnings import Beginning, groups_of_equal_length, join_rows
from seqforge.sampling.controls import Precision
from seqforge.sampling.linear import MAX_ROWS, Linear, make_linear
from seqforge.sampling.prompts import read_prompt

ROW_COUNTS = (1, 2, 4, 8, 16, 32, 64)
"""The numbers of rows that the engine computes."""
MIN_SPEEDUP = 0.8
"""Several threads are used if they need at most this fraction of the time of one thread."""


class Engine:
    """A network in step mode: it reads one step per row and returns the outputs for the next step.

    The first layer looks up its response to a symbol in a table, and its response to each earlier step at a
    corresponding place in another one; the part of the labels and features is computed once and added. Each further
    layer is one product of its input and its hidden state side by side (`linear`).

    The result of a row must not depend on how many rows there are, because sample k must not depend on n. Matrix
    libraries may choose other kernels for few rows. The constructor therefore finds the smallest number of rows from
    which all numbers of rows agree bit for bit, and the engine never computes fewer. Vector instructions compute the
    last elements of an array in another way than the others, so hidden states are padded with zeros to whole vectors.

    Example:
        engine = Engine(network, "int8")
        outputs, prompt_state, condition_gates = engine.begin(prompt_batch(network, prompt, conditions))
        rows = engine.rows_for(1)
        state = engine.state(prompt_state, rows)
        outputs = engine.step(torch.full((rows,), 3), condition_gates.repeat(rows, 1), state)

    Args:
        network: The network, in evaluation mode and on the CPU; it must not change afterwards.
        precision: The precision of the matrix products; tables, states and all other operations use float32.

    Attributes:
        min_rows: The smallest number of rows that the engine computes.
    """

    def __init__(self, network: Network, precision: Precision = "float32") -> None:
        self.network, self.precision = network.eval(), precision
        self._residual = network.config.residual
        layers: list[RecurrentLayer] = list(network.layers)  # type: ignore[arg-type]
        width = network.config.embedding
        with torch.no_grad():
            first, attention_width = layers[0], network.config.attention_width
            weight = _step_layout(first, first.input_weight)
            self._read = network.head.input_function(weight[:, :width], _step_layout(first, first.bias))
            self._read_references: Callable[[Tensor], Tensor] | None = None
            if network.references is not None:
                columns = weight[:, width : width + network.config.lookback_width]
                self._read_references = network.references.input_function(columns)
            width += network.config.lookback_width
            self._condition_weight = weight[:, width : weight.shape[1] - attention_width].contiguous()
            self._linears: list[Linear] = []
            self._predict = network.head.output_function(self._build_linear)
            self._layers = [
                _StepLayer(layer, self._build_linear, upper=number > 0, attention_width=attention_width)
                for number, layer in enumerate(layers)
            ]
            self._context_linear: Linear | None = None
            if network.attention is not None:
                self._context_linear = self._build_linear(pad_matrix(weight[:, weight.shape[1] - attention_width :]))
                attention = pad_units(network.attention.weight.detach()), pad_units(network.attention.bias.detach())
                self._attention_linear = self._build_linear(pad_columns(attention[0]), attention[1])
            self.min_rows = self._find_min_rows()
            self._threads = {rows: self._fastest_threads(rows) for rows in {self.min_rows, MAX_ROWS}}

    def rows_for(self, count: int) -> int:
        """Return the number of rows to compute if `count` rows are needed; at most `MAX_ROWS`."""
        return next((rows for rows in ROW_COUNTS if rows >= max(count, self.min_rows)), MAX_ROWS)

    def begin(self, batch: Batch) -> Beginning:
        """Read a prompt in sequence mode: its start row and one row per step.

        Args:
            batch: The batch of `prompt_batch`.

        Returns:
            The outputs of the head after the last row, the state, and the part of the labels and features in the gates
            of the first layer; all without a row axis, to be copied into rows.
        """
        (beginning,) = self.begin_all([batch], [None])
        return beginning

    @torch.no_grad()
    def begin_all(self, batches: Sequence[Batch], source_starts: Sequence[int | None]) -> list[Beginning]:
        """Read several prompts; those of equal length are read side by side.

        Args:
            batches: The batch of each prompt, as `prompt_batch` returns it.
            source_starts: `Prompt.source_start` of each prompt.
        """
        beginnings: dict[int, Beginning] = {}
        for group in groups_of_equal_length(batches, MAX_ROWS):
            batch = join_rows([batches[number] for number in group])
            hidden, state = read_prompt(self.network, batch, [source_starts[number] for number in group])
            outputs = self.network.head.predict(hidden[-1:])
            for row, number in enumerate(group):
                row_state = [tuple(part[row : row + 1] for part in layer) for layer in state]
                beginnings[number] = outputs[-1, row], *self._beginning(batches[number], row_state)
        return [beginnings[number] for number in range(len(batches))]

    def _beginning(self, batch: Batch, state: NetworkState) -> tuple[NetworkState, Tensor]:
        """Return the state after a prompt without a row axis, and the part of its conditions in the gates."""
        if self._context_linear is not None and batch.sources is not None:
            source, encoder = pad_columns(batch.sources[-1]), self.network.encoder
            state[-1] = (*state[-1], source, *([] if encoder is None else [encoder(source).flatten(1)]))
        conditions = self.network.conditioning(batch.labels[-1, 0], batch.features[-1, 0])
        condition_gates = functional.linear(conditions, self._condition_weight)
        return [tuple(part[0] for part in layer) for layer in state], condition_gates

    def state(self, like: NetworkState, rows: int) -> NetworkState:
        """Return the state of several rows, each a copy of a state without a row axis.

        Args:
            like: The state to copy, as `begin` returns it.
            rows: The number of rows.
        """
        layers = like if self._context_linear is None else like[:-1]
        layer_states = [tuple(pad_units(part).repeat(rows, 1) for part in layer) for layer in layers]
        return layer_states + [tuple(part.repeat(rows, 1) for part in attention) for attention in like[len(layers) :]]

    @torch.no_grad()
    def step(
        self,
        steps: Tensor,
        condition_gates: Float[Tensor, "row gates"],
        state: NetworkState,
        references: Int[Tensor, "row numbers"] | None = None,
    ) -> Float[Tensor, "row outputs"]:
        """Read one step per row and return the outputs of the head. The state is changed in place.

        Args:
            steps: The steps, shape (rows,) or (rows, width).
            condition_gates: The part of the labels and features in the gates of the first layer.
            state: The state of all rows.
            references: What the network reads of earlier steps, as in `Batch.references`; None if it does not look
                back.

        Raises:
            ValueError: If the network looks back and `references` is None.
        """
        gates = self._read(steps).add_(condition_gates)
        if self._read_references is not None:
            if references is None:
                raise ValueError("the network looks back, and the step has no references")
            gates.add_(self._read_references(references))
        hidden, context = gates, None
        for layer, layer_state in zip(self._layers, state[: len(self._layers)], strict=True):
            # 1. The first layer also reads the attention context of the previous step.
            if self._context_linear is not None and not layer.upper:
                gates.add_(self._context_linear(pad_columns(state[-1][1])))
            # 2. Upper layers read the hidden state below and the attention context of this step.
            output = layer.step(hidden if context is None else torch.cat([hidden, context], 1), layer_state)
            hidden = output + hidden if layer.upper and self._residual else output
            # 3. The first layer moves the attention.
            if self._context_linear is not None and not layer.upper:
                context = self._attend(hidden, state[-1])
        return self._predict(hidden)

    def steps_at_source_end(self, state: NetworkState) -> "np.ndarray | None":
        """Return for how many steps the attention of each row has been at the end of its source; None without one."""
        if self._context_linear is None or len(state[-1]) < 4 or not state[-1][3].shape[1]:
            return None
        counts: np.ndarray = state[-1][2][:, 0].numpy()
        return counts

    def _attend(self, hidden: Tensor, state: State) -> Tensor:
        """Move the attention by one step, in place; return the new context, padded to whole vectors."""
        window, (kappa, context, end_steps, source, *memory) = self.network.attention, state
        assert window is not None
        encoded = memory[0].view(*source.shape, -1) if memory and source.shape[1] else None
        positions, new_context, phi = window.advance(self._attention_linear(hidden), kappa, source, encoded)
        end_steps.copy_(window.steps_at_end(phi, source, end_steps))
        kappa.copy_(positions)
        return pad_columns(context.copy_(new_context))

    def use_threads(self, rows: int) -> None:
        """Set torch to the number of threads that is fastest for about this number of rows."""
        nearest = min(self._threads, key=lambda size: abs(size - rows))
        torch.set_num_threads(self._threads[nearest])

    # -- measured when the engine is built --------------------------------------------------------

    def _build_linear(self, weight: Tensor, bias: Tensor | None = None) -> Linear:
        """Return a linear layer at the precision of the engine, and keep it for the measurements."""
        self._linears.append(make_linear(weight, bias, precision=self.precision))
        return self._linears[-1]

    def _find_min_rows(self) -> int:
        """Return the smallest number of rows from which on the result of a row is the same bit for bit."""
        generator = torch.Generator().manual_seed(0)
        min_rows = 1
        for linear in self._linears:
            inputs = torch.randn(MAX_ROWS, linear.shape[1], generator=generator)
            outputs = linear(inputs)
            for rows in ROW_COUNTS:
                if not torch.equal(linear(inputs[:rows]), outputs[:rows]):
                    min_rows = max(min_rows, next((larger for larger in ROW_COUNTS if larger > rows), MAX_ROWS))
        return min_rows

    def _fastest_threads(self, rows: int) -> int:
        """Return 1, or the number of available threads if that is clearly faster and gives the same result."""
        available = torch.get_num_threads()
        if available == 1:
            return 1
        largest = max(self._linears, key=lambda linear: linear.shape[0] * linear.shape[1])
        inputs = torch.randn(rows, largest.shape[1], generator=torch.Generator().manual_seed(0))
        seconds, outputs = {}, {}
        for threads in (1, available):
            torch.set_num_threads(threads)
            durations = []
            for _ in range(8):
                start = time.perf_counter()
                outputs[threads] = largest(inputs)
                durations.append(time.perf_counter() - start)
            seconds[threads] = min(durations)
        torch.set_num_threads(available)
        same = torch.equal(outputs[1], outputs[available])
        return available if same and seconds[available] < MIN_SPEEDUP * seconds[1] else 1


class _StepLayer:
    """One recurrent layer for single steps; `network.recurrent` has the equations.

    Args:
        layer: The trained layer.
        build_linear: A function that returns a linear layer for a weight and a bias.
        upper: Whether the layer is above the first: its input is the hidden state below. The input of the first layer
            is its part of the gates.
        attention_width: The width of the attention context, which upper layers read too.
    """

    def __init__(
        self, layer: RecurrentLayer, build_linear: Callable[..., Linear], *, upper: bool, attention_width: int = 0
    ) -> None:
        self.upper = upper
        self.step = {LSTM: self._lstm, GRU: self._gru}.get(type(layer), self._rnn)
        bias, recurrent = _step_layout(layer, layer.bias), pad_matrix(_step_layout(layer, layer.recurrent_weight))
        self.hidden = recurrent.shape[1]
        input_weight: Tensor | None = None
        if upper:
            widths = [layer.width - attention_width, attention_width]
            parts = torch.split(_step_layout(layer, layer.input_weight), widths, 1)
            input_weight = torch.cat([pad_matrix(part) for part in parts if part.shape[1]], 1)
        if isinstance(layer, GRU):
            self.candidate_bias = pad_units(layer.candidate_bias)
            self.input_linear = None if input_weight is None else build_linear(input_weight, bias)
            self.recurrent_linear = build_linear(recurrent)
        else:
            self.recurrent_linear = (
                build_linear(recurrent)
                if input_weight is None
                else build_linear(torch.cat([input_weight, recurrent], 1), bias)
            )

    def _gates(self, inputs: Tensor, h: Tensor) -> Tensor:
        """Return the gates before their nonlinearities."""
        if self.upper:
            return self.recurrent_linear(torch.cat([inputs, h], 1))
        return self.recurrent_linear(h).add_(inputs)

    def _lstm(self, inputs: Tensor, state: State) -> Tensor:
        h, c = state
        gates = self._gates(inputs, h)
        gates[:, : 3 * self.hidden].sigmoid_()
        i, f, o, g = gates.chunk(4, 1)
        c.mul_(f).addcmul_(i, g.tanh_())
        torch.tanh(c, out=h)
        return h.mul_(o)

    def _gru(self, inputs: Tensor, state: State) -> Tensor:
        (h,) = state
        if self.input_linear is not None:
            inputs = self.input_linear(inputs)
        past = self.recurrent_linear(h)
        size = self.hidden
        r, z = (inputs[:, : 2 * size] + past[:, : 2 * size]).sigmoid_().chunk(2, 1)
        n = (inputs[:, 2 * size :] + r * (past[:, 2 * size :] + self.candidate_bias)).tanh_()
        return h.copy_(n + z * (h - n))

    def _rnn(self, inputs: Tensor, state: State) -> Tensor:
        (h,) = state
        return h.copy_(self._gates(inputs, h).tanh_())


def _step_layout(layer: RecurrentLayer, value: Tensor) -> Tensor:
    """Return a weight or bias that is padded to whole vectors; the gates of an LSTM are reordered to i, f, o, g."""
    value = value.detach()
    if isinstance(layer, LSTM):
        i, f, g, o = value.chunk(4)
        value = torch.cat([i, f, o, g])
    return pad_units(value, layer.gates)
