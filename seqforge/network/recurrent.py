"""The recurrent layers: LSTM, GRU and tanh RNN over many positions, with exact resets of the hidden state in between.

A reset at position t means that the output there does not depend on the state before it. The fused kernels have no
resets, so they are done in the arithmetic: one additional input column is one at a reset and zero elsewhere, and has a
fixed weight of -10,000 on the gates that let the past through. The logistic function of -10,000 is exactly 0 in
float32, so the reset is exact, and so are the gradients. A plain RNN has no gate: it calls the kernel once per section
between resets.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqforge.network import lstm_kernel
from seqforge.network.config import Cell

State = tuple[Tensor, ...]
"""The state of one layer: (h, c) of an LSTM, (h,) of the others; each of shape (row, hidden)."""

CLOSED = -1.0e4
"""Pre-activation that closes a gate exactly; its negative opens one exactly."""


class RecurrentLayer(nn.Module):
    """The base class of the recurrent layers; weights are laid out as in torch, gate by gate.

    >>> layer = LSTM(width=3, hidden=5)
    >>> layer.initialise(torch.Generator().manual_seed(0))
    >>> outputs, (h, c) = layer(torch.zeros(7, 2, 3), layer.zero_state(2), None)  # 7 positions of 2 rows
    >>> outputs.shape, h.shape
    (torch.Size([7, 2, 5]), torch.Size([2, 5]))

    Args:
        width: Width of the input.
        hidden: Number of units.

    Attributes:
        gates: Number of gates.
        reset_gates: The gates that a reset closes.
        padding_gates: The pre-activations with which the gates keep the state exactly, by gate.
        state_size: Number of tensors of the state.
    """

    gates: int
    reset_gates: tuple[int, ...]
    padding_gates: ClassVar[Mapping[int, float]] = {}
    state_size: int = 1

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.width, self.hidden = width, hidden
        self.input_weight = nn.Parameter(torch.empty(self.gates * hidden, width))
        self.recurrent_weight = nn.Parameter(torch.empty(self.gates * hidden, hidden))
        self.bias = nn.Parameter(torch.empty(self.gates * hidden))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: orthogonal recurrent matrices, Xavier-uniform input matrices, biases zero."""
        nn.init.zeros_(self.bias)
        for gate in range(self.gates):
            units = slice(gate * self.hidden, (gate + 1) * self.hidden)
            nn.init.orthogonal_(self.recurrent_weight[units].detach(), generator=generator)
            nn.init.xavier_uniform_(self.input_weight[units].detach(), generator=generator)

    def zero_state(self, rows: int) -> State:
        """Return the state before the first step."""
        zeros = self.bias.new_zeros(rows, self.hidden)
        return (zeros,) * self.state_size

    def forward(
        self,
        inputs: Float[Tensor, "time row width"],
        state: State,
        starts: Bool[Tensor, "time row"] | None,
        mask: Float[Tensor, "gates hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time row hidden"], State]:
        """Return the output at every position and the state after the last one.

        Args:
            inputs: The input at every position.
            state: The state before the first position.
            starts: True where the state is reset; None for no reset, which is faster.
            mask: Factors of the recurrent matrix (DropConnect); None for no dropout.
        """
        weight: Tensor = self.input_weight
        if starts is not None:
            column = weight.new_zeros(self.gates, self.hidden)
            column[list(self.reset_gates)] = CLOSED
            weight = torch.cat([weight, column.view(-1, 1)], 1)
            inputs = torch.cat([inputs, starts.unsqueeze(-1).to(inputs.dtype)], 2)
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        return self.run_kernel(inputs, state, weight, recurrent)

    def forward_padded(
        self,
        inputs: Float[Tensor, "time piece width"],
        state: State,
        lengths: Int[Tensor, " piece"],
        mask: Float[Tensor, "gates hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time piece hidden"], State]:
        """Return the output at every position and the state after the last position of each piece.

        Args:
            inputs: The input at every position; padding follows the last position of a piece.
            state: The state before the first position.
            lengths: Number of positions of each piece; the state of a piece of 0 positions is that before it.
            mask: Factors of the recurrent matrix (DropConnect); None for no dropout.
        """
        weight: Tensor = self.input_weight
        if self.padding_gates and bool((lengths < len(inputs)).any()):
            column = weight.new_zeros(self.gates, self.hidden)
            for gate, value in self.padding_gates.items():
                column[gate] = value
            padding = torch.arange(len(inputs), device=lengths.device).unsqueeze(1) >= lengths
            weight = torch.cat([weight, column.view(-1, 1)], 1)
            inputs = torch.cat([inputs, padding.unsqueeze(-1).to(inputs.dtype)], 2)
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        outputs, (_, *others) = self.run_kernel(inputs, state, weight, recurrent)
        last = outputs[(lengths - 1).clamp(min=0), torch.arange(len(lengths), device=lengths.device)]
        return outputs, (torch.where(lengths.unsqueeze(1) > 0, last, state[0]), *others)

    def run_kernel(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        """Run the fused kernel over all positions.

        Args:
            inputs: The input at every position, the reset column included.
            state: The state before the first position.
            weight: The input matrix, the reset column included.
            recurrent: The recurrent matrix.
        """
        raise NotImplementedError

    def step(
        self,
        from_input: Float[Tensor, "row gates"],
        from_state: Float[Tensor, "row gates"],
        state: State,
        keep: Float[Tensor, "row one"],
    ) -> State:
        """Return the state after one step, for networks whose positions depend on each other (attention).

        Args:
            from_input: Contribution of the input to the gates, bias included.
            from_state: Contribution of the state to the gates.
            state: The state before the step.
            keep: 0 for rows that are reset at this step, else 1.
        """
        raise NotImplementedError


class LSTM(RecurrentLayer):
    r"""Long short-term memory with forget gates.

    .. math::
        i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) \qquad f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)

        g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g) \qquad o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)

        c_t = f_t \odot c_{t-1} + i_t \odot g_t \qquad h_t = o_t \odot \tanh(c_t)

    The order of the gates is i, f, g, o. At a reset i, f and o are closed, so c = h = 0 exactly.
    The forget bias is initialised to one.

    >>> layer = LSTM(4, 8)
    >>> outputs, state = layer(torch.zeros(7, 2, 4), layer.zero_state(2), None)  # 7 positions of 2 rows
    >>> outputs.shape
    torch.Size([7, 2, 8])

    Source: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997,
    section 4; forget gates: F. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget", Neural
    Computation 12(10), 2000, section 3; the forget bias: R. Jozefowicz, W. Zaremba and I. Sutskever,
    "An Empirical Exploration of Recurrent Network Architectures", ICML 2015, section 2.2.
    """

    gates = 4
    reset_gates = (0, 1, 3)
    padding_gates: ClassVar[Mapping[int, float]] = {0: CLOSED, 1: -CLOSED}
    state_size = 2

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        nn.init.ones_(self.bias[self.hidden : 2 * self.hidden].detach())

    def forward(
        self, inputs: Tensor, state: State, starts: Tensor | None, mask: Tensor | None = None
    ) -> tuple[Tensor, State]:
        if starts is None or not lstm_kernel.is_used(inputs.device, self.hidden):
            return super().forward(inputs, state, starts, mask)
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        return lstm_kernel.run_lstm(inputs, (state[0], state[1]), self.input_weight, recurrent, self.bias, starts)

    def run_kernel(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        if lstm_kernel.is_used(inputs.device, self.hidden):
            return lstm_kernel.run_lstm(inputs, (state[0], state[1]), weight, recurrent, self.bias)
        h, c = (tensor.unsqueeze(0) for tensor in state)
        weights = [weight, recurrent, self.bias, torch.zeros_like(self.bias)]
        outputs, h, c = torch.lstm(inputs, (h, c), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0], c[0])

    def step(self, from_input: Tensor, from_state: Tensor, state: State, keep: Tensor) -> State:
        i, f, g, o = (from_input + from_state).float().chunk(4, 1)
        c = keep * (f.sigmoid() * state[1] + i.sigmoid() * g.tanh())
        return keep * o.sigmoid() * c.tanh(), c


class GRU(RecurrentLayer):
    r"""Gated recurrent unit with the reset gate applied after the matrix product, as in torch.

    .. math::
        r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r) \qquad z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z)

        n_t = \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + d)) \qquad
        h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    The order of the gates is r, z, n. At a reset r and z are closed, so h = tanh(W_n x + b_n).

    >>> layer = GRU(4, 8)
    >>> outputs, state = layer(torch.zeros(7, 2, 4), layer.zero_state(2), None)  # 7 positions of 2 rows
    >>> outputs.shape
    torch.Size([7, 2, 8])

    Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014,
    section 2.3 and equations 5 to 8; the variant with d: torch.nn.GRU.
    """

    gates = 3
    reset_gates = (0, 1)
    padding_gates: ClassVar[Mapping[int, float]] = {1: -CLOSED}

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        self.candidate_bias = nn.Parameter(torch.empty(hidden))

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        nn.init.zeros_(self.candidate_bias)

    def run_kernel(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        recurrent_bias = torch.cat([self.bias.new_zeros(2 * self.hidden), self.candidate_bias])
        weights = [weight, recurrent, self.bias, recurrent_bias]
        outputs, h = torch.gru(inputs, state[0].unsqueeze(0), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0],)

    def step(self, from_input: Tensor, from_state: Tensor, state: State, keep: Tensor) -> State:
        size = self.hidden
        from_input, from_state = from_input.float(), from_state.float()
        r, z = (keep * (from_input[:, : 2 * size] + from_state[:, : 2 * size]).sigmoid()).chunk(2, 1)
        n = (from_input[:, 2 * size :] + r * (from_state[:, 2 * size :] + self.candidate_bias)).tanh()
        return (n + z * (state[0] - n),)


class RNN(RecurrentLayer):
    r"""The plain recurrent layer, :math:`h_t = \tanh(W x_t + U h_{t-1} + b)`.

    At a reset the state before the position is replaced by zero.

    >>> layer = RNN(4, 8)
    >>> outputs, state = layer(torch.zeros(7, 2, 4), layer.zero_state(2), None)  # 7 positions of 2 rows
    >>> outputs.shape
    torch.Size([7, 2, 8])

    Source: J. Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
    """

    gates = 1
    reset_gates = ()

    def forward(
        self,
        inputs: Float[Tensor, "time row width"],
        state: State,
        starts: Bool[Tensor, "time row"] | None,
        mask: Float[Tensor, "gates hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time row hidden"], State]:
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        if starts is None:
            return self.run_kernel(inputs, state, self.input_weight, recurrent)
        edges = [0, *torch.nonzero(starts.any(1)).flatten().tolist(), len(inputs)]
        outputs = []
        for first, end in pairwise(edges):
            if end > first:
                keep = (~starts[first]).unsqueeze(-1).to(state[0].dtype)
                part, state = self.run_kernel(inputs[first:end], (state[0] * keep,), self.input_weight, recurrent)
                outputs.append(part)
        return torch.cat(outputs), state

    def run_kernel(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        weights = [weight, recurrent, self.bias, torch.zeros_like(self.bias)]
        outputs, h = torch.rnn_tanh(inputs, state[0].unsqueeze(0), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0],)

    def step(self, from_input: Tensor, from_state: Tensor, state: State, keep: Tensor) -> State:
        return ((from_input.float() + keep * from_state.float()).tanh(),)


CELLS: dict[Cell, type[RecurrentLayer]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
