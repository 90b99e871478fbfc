"""Step mode: the network, one step for a number of rows, weights laid out once."""

import time

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from seqforge.network import Network, NetworkState, Window
from seqforge.network.padding import padded, padded_matrix
from seqforge.network.recurrent import GRU, LSTM, RecurrentLayer, State

MOST_ROWS = 64
SIZES = (1, 2, 4, 8, 16, 32, 64)
STRETCH = 1024


class Engine:
    """A network made ready for stepping, in float32.

    What the first layer does with a symbol is looked up in a table; what the conditions add is added
    once; each further layer is one matrix product of its input and state side by side.

    A row's result must not depend on how many rows there are, or sample k would depend on n. Matrix
    libraries choose other kernels for few rows, so the fewest rows from which on all sizes agree to the
    bit are found by trying, and never fewer are computed. Vector units compute the last few numbers of an
    array in another way than the others, so layers are padded with units that stay zero to whole vectors.

    Args:
        network: in evaluation mode, on the CPU; it must not change afterwards.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self._residual = network.config.residual
        layers: list[RecurrentLayer] = list(network.layers)  # type: ignore[arg-type]
        width = network.config.embedding
        with torch.no_grad():
            first = layers[0]
            weight = padded(first.input_weight, first.gates)
            self._read = network.head.reading(weight[:, :width], padded(first.bias, first.gates))
            self._condition_weight = weight[:, width:].contiguous()
            self._predict = network.head.predicting()
            self._layers = [_Layer(layer, inside=number > 0) for number, layer in enumerate(layers)]
            self.fewest_rows = self._steady_rows()
            self._threads = {rows: self._best_threads(rows) for rows in {self.fewest_rows, MOST_ROWS}}

    def rows_for(self, wanted: int) -> int:
        """Return how many rows to compute where `wanted` are asked for."""
        return next((size for size in SIZES if size >= max(wanted, self.fewest_rows)), MOST_ROWS)

    @torch.no_grad()
    def begin(self, window: Window) -> tuple[Float[Tensor, " outputs"], NetworkState, Float[Tensor, " gates"]]:
        """Read the beginning of a piece in sequence mode: its start row, and a row for each prompt step.

        Returns:
            The head's outputs after the last row, the state, and what the conditions add to the first
            layer's gates; all without a row axis, to be copied into rows.
        """
        state = self.network.zero_state(1)
        for first in range(0, len(window.starts), STRETCH):
            hidden, state = self.network.read(window.rows(first, first + STRETCH), state)
        outputs = self.network.head.predict(hidden[-1:])
        conditions = self.network.conditioning(window.labels[-1, 0], window.features[-1, 0])
        added = functional.linear(conditions, self._condition_weight)
        return outputs[-1, 0], [tuple(part[0] for part in layer) for layer in state], added

    def state(self, like: NetworkState, rows: int) -> NetworkState:
        """Return a state of so many rows, each a copy of one without a row axis."""
        return [tuple(padded(part).repeat(rows, 1) for part in layer) for layer in like]

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
        hidden = gates
        for layer, layer_state in zip(self._layers, state, strict=True):
            given = layer.step(hidden, layer_state)
            hidden = given + hidden if layer.inside and self._residual else given
        return self._predict(hidden)

    def use_threads(self, rows: int) -> None:
        """Set torch to the number of threads that was fastest for about so many rows."""
        near = min(self._threads, key=lambda size: abs(size - rows))
        torch.set_num_threads(self._threads[near])

    # -- what is found out by trying ----------------------------------------------------------

    def _products(self) -> list[Tensor]:
        head = [p for p in self.network.head.parameters() if p.ndim == 2]
        inputs = [layer.input_weight for layer in self._layers if layer.input_weight is not None]
        return [layer.weight for layer in self._layers] + inputs + head

    def _steady_rows(self) -> int:
        generator = torch.Generator().manual_seed(0)
        steady = 1
        for weight in self._products():
            rows = torch.randn(MOST_ROWS, weight.shape[1], generator=generator)
            full = functional.linear(rows, weight)
            for size in SIZES:
                if not torch.equal(functional.linear(rows[:size], weight), full[:size]):
                    steady = max(steady, next((s for s in SIZES if s > size), MOST_ROWS))
        return steady

    def _best_threads(self, rows: int) -> int:
        available = torch.get_num_threads()
        if available == 1:
            return 1
        weight = max(self._products(), key=Tensor.numel)
        inputs = torch.randn(rows, weight.shape[1], generator=torch.Generator().manual_seed(0))
        took, found = {}, {}
        for threads in (1, available):
            torch.set_num_threads(threads)
            times = []
            for _ in range(8):
                began = time.perf_counter()
                found[threads] = functional.linear(inputs, weight)
                times.append(time.perf_counter() - began)
            took[threads] = min(times)
        torch.set_num_threads(available)
        same = torch.equal(found[1], found[available])
        return available if same and took[available] < 0.8 * took[1] else 1


class _Layer:
    """One recurrent layer laid out for stepping; equations in `network.recurrent`.

    Args:
        layer: the trained layer.
        inside: its input is the hidden state below; else its input's part of the gates comes ready made.
    """

    def __init__(self, layer: RecurrentLayer, *, inside: bool) -> None:
        self.inside = inside
        self.step = {LSTM: self._lstm, GRU: self._gru}.get(type(layer), self._rnn)
        self.bias = padded(layer.bias, layer.gates)
        recurrent = padded_matrix(layer.recurrent_weight, layer.gates)
        self.hidden = recurrent.shape[1]
        self.input_weight: Tensor | None = None
        if inside:
            self.input_weight = padded_matrix(layer.input_weight, layer.gates)
        together = inside and type(layer) is not GRU
        parts = [self.input_weight, recurrent] if together and self.input_weight is not None else [recurrent]
        self.weight = torch.cat(parts, 1).contiguous()
        self.candidate_bias = padded(layer.candidate_bias) if isinstance(layer, GRU) else None

    def _gates(self, inputs: Tensor, h: Tensor) -> Tensor:
        if self.inside:
            return functional.linear(torch.cat([inputs, h], 1), self.weight, self.bias)
        return functional.linear(h, self.weight).add_(inputs)

    def _lstm(self, inputs: Tensor, state: State) -> Tensor:
        h, c = state
        gates = self._gates(inputs, h)
        size = self.hidden
        g = gates[:, 2 * size : 3 * size].tanh()
        gates.sigmoid_()
        c.mul_(gates[:, size : 2 * size]).addcmul_(gates[:, :size], g)
        torch.tanh(c, out=h)
        return h.mul_(gates[:, 3 * size :])

    def _gru(self, inputs: Tensor, state: State) -> Tensor:
        (h,) = state
        if self.input_weight is not None:
            inputs = functional.linear(inputs, self.input_weight, self.bias)
        past = functional.linear(h, self.weight)
        size = self.hidden
        r, z = (inputs[:, : 2 * size] + past[:, : 2 * size]).sigmoid_().chunk(2, 1)
        assert self.candidate_bias is not None
        n = (inputs[:, 2 * size :] + r * (past[:, 2 * size :] + self.candidate_bias)).tanh_()
        return h.copy_(n + z * (h - n))

    def _rnn(self, inputs: Tensor, state: State) -> Tensor:
        (h,) = state
        return h.copy_(self._gates(inputs, h).tanh_())
