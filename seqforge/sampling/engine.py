"""Step mode: the network, one step for a number of rows, weights laid out once."""

import time
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from seqforge.network import Batch, Network, NetworkState
from seqforge.network.padding import pad_columns, pad_matrix, pad_units
from seqforge.network.recurrent import GRU, LSTM, RecurrentLayer, State
from seqforge.sampling.controls import Precision
from seqforge.sampling.linear import MOST_ROWS, Linear, make_linear

SIZES = (1, 2, 4, 8, 16, 32, 64)
STRETCH = 1024


class Engine:
    """A network made ready for stepping.

    What the first layer does with a symbol is looked up in a table; what the conditions add is added
    once; each further layer is one matrix product of its input and state side by side (`products`).

    A row's result must not depend on how many rows there are, or sample k would depend on n. Matrix
    libraries may choose other kernels for few rows, so the fewest rows from which on all sizes agree to the
    bit are found by trying, and never fewer are computed. Vector units compute the last few numbers of an
    array in another way than the others, so layers are padded with units that stay zero to whole vectors.

    Args:
        network: in evaluation mode, on the CPU; it must not change afterwards.
        precision: of the matrix products; tables, states and what is between the products stay float32.
    """

    def __init__(self, network: Network, precision: Precision = "float32") -> None:
        self.network, self.precision = network.eval(), precision
        self._residual = network.config.residual
        layers: list[RecurrentLayer] = list(network.layers)  # type: ignore[arg-type]
        width = network.config.embedding
        with torch.no_grad():
            first, seen = layers[0], network.config.attention_width
            weight = _laid(first, first.input_weight)
            self._read = network.head.input_function(weight[:, :width], _laid(first, first.bias))
            self._condition_weight = weight[:, width : weight.shape[1] - seen].contiguous()
            self._products: list[Linear] = []
            self._predict = network.head.output_function(self._product)
            self._layers = [
                _Layer(layer, self._product, inside=number > 0, seen=seen) for number, layer in enumerate(layers)
            ]
            self._look: Linear | None = None
            if network.attention is not None:
                self._look = self._product(pad_matrix(weight[:, weight.shape[1] - seen :]))
                moving = pad_units(network.attention.weight.detach()), pad_units(network.attention.bias.detach())
                self._move = self._product(pad_columns(moving[0]), moving[1])
            self.fewest_rows = self._steady_rows()
            self._threads = {rows: self._best_threads(rows) for rows in {self.fewest_rows, MOST_ROWS}}

    def rows_for(self, wanted: int) -> int:
        """Return how many rows to compute where `wanted` are asked for."""
        return next((size for size in SIZES if size >= max(wanted, self.fewest_rows)), MOST_ROWS)

    @torch.no_grad()
    def begin(self, window: Batch) -> tuple[Float[Tensor, " outputs"], NetworkState, Float[Tensor, " gates"]]:
        """Read the beginning of a piece in sequence mode: its start row, and a row for each prompt step.

        Returns:
            The head's outputs after the last row, the state, and what the conditions add to the first
            layer's gates; all without a row axis, to be copied into rows.
        """
        state = self.network.zero_state(1)
        for first in range(0, len(window.starts), STRETCH):
            hidden, state = self.network.forward_layers(window.slice_time(first, first + STRETCH), state)
        outputs = self.network.head.predict(hidden[-1:])
        if self._look is not None and window.sources is not None:
            source = pad_columns(window.sources[-1])
            encoder = self.network.encoder
            state[-1] = (*state[-1], source, *([] if encoder is None else [encoder(source).flatten(1)]))
        conditions = self.network.conditioning(window.labels[-1, 0], window.features[-1, 0])
        added = functional.linear(conditions, self._condition_weight)
        return outputs[-1, 0], [tuple(part[0] for part in layer) for layer in state], added

    def state(self, like: NetworkState, rows: int) -> NetworkState:
        """Return a state of so many rows, each a copy of one without a row axis."""
        layers = like if self._look is None else like[:-1]
        held = [tuple(pad_units(part).repeat(rows, 1) for part in layer) for layer in layers]
        return held + [tuple(part.repeat(rows, 1) for part in window) for window in like[len(layers) :]]

    @torch.no_grad()
    def step(
        self, steps: Tensor, added: Float[Tensor, "row gates"], state: NetworkState
    ) -> Float[Tensor, "row outputs"]:
        """Read one step in each row and return the head's outputs. The state is changed in place.

        Args:
            steps: one for each row.
            added: what the conditions add to the gates of the first layer.
            state: of all rows.
        """
        gates = self._read(steps).add_(added)
        hidden, seen = gates, None
        for layer, layer_state in zip(self._layers, state[: len(self._layers)], strict=True):
            if self._look is not None and not layer.inside:
                gates.add_(self._look(pad_columns(state[-1][1])))
            given = layer.step(hidden if seen is None else torch.cat([hidden, seen], 1), layer_state)
            hidden = given + hidden if layer.inside and self._residual else given
            if self._look is not None and not layer.inside:
                seen = self._attend(hidden, state[-1])
        return self._predict(hidden)

    def rested(self, state: NetworkState) -> "np.ndarray | None":
        """Return for how many steps each row has rested behind the end of its source; None where it has none."""
        if self._look is None or len(state[-1]) < 4 or not state[-1][3].shape[1]:
            return None
        found: np.ndarray = state[-1][2][:, 0].numpy()
        return found

    def _attend(self, hidden: Tensor, state: State) -> Tensor:
        """Move the window on, in place; return what is seen through it, padded."""
        window, (kappa, seen, rested, source, *memory) = self.network.attention, state
        assert window is not None
        encoded = memory[0].view(*source.shape, -1) if memory and source.shape[1] else None
        places, views, phi = window.advance(self._move(hidden), kappa, source, encoded)
        rested.copy_(window.steps_at_end(phi, source, rested))
        kappa.copy_(places)
        return pad_columns(seen.copy_(views))

    def use_threads(self, rows: int) -> None:
        """Set torch to the number of threads that was fastest for about so many rows."""
        near = min(self._threads, key=lambda size: abs(size - rows))
        torch.set_num_threads(self._threads[near])

    # -- what is found out by trying ----------------------------------------------------------

    def _product(self, weight: Tensor, bias: Tensor | None = None) -> Linear:
        self._products.append(make_linear(weight, bias, precision=self.precision))
        return self._products[-1]

    def _steady_rows(self) -> int:
        generator = torch.Generator().manual_seed(0)
        steady = 1
        for multiply in self._products:
            rows = torch.randn(MOST_ROWS, multiply.shape[1], generator=generator)
            full = multiply(rows)
            for size in SIZES:
                if not torch.equal(multiply(rows[:size]), full[:size]):
                    steady = max(steady, next((s for s in SIZES if s > size), MOST_ROWS))
        return steady

    def _best_threads(self, rows: int) -> int:
        available = torch.get_num_threads()
        if available == 1:
            return 1
        multiply = max(self._products, key=lambda each: each.shape[0] * each.shape[1])
        inputs = torch.randn(rows, multiply.shape[1], generator=torch.Generator().manual_seed(0))
        took, found = {}, {}
        for threads in (1, available):
            torch.set_num_threads(threads)
            times = []
            for _ in range(8):
                began = time.perf_counter()
                found[threads] = multiply(inputs)
                times.append(time.perf_counter() - began)
            took[threads] = min(times)
        torch.set_num_threads(available)
        same = torch.equal(found[1], found[available])
        return available if same and took[available] < 0.8 * took[1] else 1


class _Layer:
    """One recurrent layer laid out for stepping; equations in `network.recurrent`.

    Args:
        layer: the trained layer.
        product: makes a matrix product of a weight and a bias.
        inside: its input is the hidden state below; else its input's part of the gates comes ready made.
        seen: width of what is seen of the source, which it reads too where it is inside.
    """

    def __init__(self, layer: RecurrentLayer, product: Callable[..., Linear], *, inside: bool, seen: int = 0) -> None:
        self.inside = inside
        self.step = {LSTM: self._lstm, GRU: self._gru}.get(type(layer), self._rnn)
        bias, recurrent = _laid(layer, layer.bias), pad_matrix(_laid(layer, layer.recurrent_weight))
        self.hidden = recurrent.shape[1]
        given: Tensor | None = None
        if inside:
            parts = torch.split(_laid(layer, layer.input_weight), [layer.width - seen, seen], 1)
            given = torch.cat([pad_matrix(part) for part in parts if part.shape[1]], 1)
        if isinstance(layer, GRU):
            self.candidate_bias = pad_units(layer.candidate_bias)
            self.reads = None if given is None else make_linear(given, bias)
            self.recalls = make_linear(recurrent)
        else:
            self.recalls = (
                make_linear(recurrent) if given is None else make_linear(torch.cat([given, recurrent], 1), bias)
            )

    def _gates(self, inputs: Tensor, h: Tensor) -> Tensor:
        if self.inside:
            return self.recalls(torch.cat([inputs, h], 1))
        return self.recalls(h).add_(inputs)

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
        if self.reads is not None:
            inputs = self.reads(inputs)
        past = self.recalls(h)
        size = self.hidden
        r, z = (inputs[:, : 2 * size] + past[:, : 2 * size]).sigmoid_().chunk(2, 1)
        n = (inputs[:, 2 * size :] + r * (past[:, 2 * size :] + self.candidate_bias)).tanh_()
        return h.copy_(n + z * (h - n))

    def _rnn(self, inputs: Tensor, state: State) -> Tensor:
        (h,) = state
        return h.copy_(self._gates(inputs, h).tanh_())


def _laid(layer: RecurrentLayer, value: Tensor) -> Tensor:
    """Return a weight or bias padded, its gates in the order in which a step uses them: of an LSTM i, f, o, g."""
    value = value.detach()
    if isinstance(layer, LSTM):
        i, f, g, o = value.chunk(4)
        value = torch.cat([i, f, o, g])
    return pad_units(value, layer.gates)
