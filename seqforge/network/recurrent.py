"""The recurrent layers: LSTM, GRU and tanh RNN over a stretch of time, with exact resets inside it.

A reset at step t means that the step sees no state from before it, whatever the state is. The fused
kernels know no resets, so they are done inside the arithmetic: one more input column, which is one
at a reset and zero elsewhere, with a fixed weight of -10,000 on the gates that let the past through.
The logistic function of it is exactly 0 in float32, so the cut is exact, and so are the gradients.
A plain RNN has no gate: its stretch is cut into calls at the resets.
"""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqforge.network.config import Cell

State = tuple[Tensor, ...]
"""The state of one layer: (h, c) of an LSTM, (h,) of the others; each of shape (lane, hidden)."""

SHUT = -1.0e4


class RecurrentLayer(nn.Module):
    """One recurrent layer; weights are laid out as in torch, gate by gate.

    Args:
        width: width of the input.
        hidden: units.
    """

    gates: int
    closed: tuple[int, ...]
    parts: int = 1

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
            rows = slice(gate * self.hidden, (gate + 1) * self.hidden)
            nn.init.orthogonal_(self.recurrent_weight[rows].detach(), generator=generator)
            nn.init.xavier_uniform_(self.input_weight[rows].detach(), generator=generator)

    def zero_state(self, lanes: int) -> State:
        """Return the state before anything was seen."""
        zeros = self.bias.new_zeros(lanes, self.hidden)
        return (zeros,) * self.parts

    def forward(
        self,
        inputs: Float[Tensor, "time lane width"],
        state: State,
        starts: Bool[Tensor, "time lane"] | None,
        mask: Float[Tensor, "gates hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time lane hidden"], State]:
        """Return the layer's output at every step and the state after the last.

        Args:
            inputs: what the layer reads.
            state: the state before the first step.
            starts: where the state is reset; None where nowhere, which is faster.
            mask: factors for the recurrent matrix (dropped connections).
        """
        weight: Tensor = self.input_weight
        if starts is not None:
            column = weight.new_zeros(self.gates, self.hidden)
            column[list(self.closed)] = SHUT
            weight = torch.cat([weight, column.view(-1, 1)], 1)
            inputs = torch.cat([inputs, starts.unsqueeze(-1).to(inputs.dtype)], 2)
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        return self.run(inputs, state, weight, recurrent)

    def run(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        """Run the fused kernel over a stretch."""
        raise NotImplementedError

    def step(
        self,
        given: Float[Tensor, "lane gates"],
        past: Float[Tensor, "lane gates"],
        state: State,
        keep: Float[Tensor, "lane one"],
    ) -> State:
        """Return the state after one step, for what cannot be run over a stretch.

        Args:
            given: the input's part of the gates, bias included.
            past: the state's part.
            state: before the step.
            keep: 0 in lanes that are reset at this step, else 1.
        """
        raise NotImplementedError


class LSTM(RecurrentLayer):
    r"""Long short-term memory with forget gates.

    .. math::
        i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) \qquad f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)

        g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g) \qquad o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)

        c_t = f_t \odot c_{t-1} + i_t \odot g_t \qquad h_t = o_t \odot \tanh(c_t)

    Gates stand in the order i, f, g, o. At a reset i, f and o are shut, so c = h = 0 exactly.
    The forget bias starts at one.

    Source: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997,
    section 4; forget gates: F. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget", Neural
    Computation 12(10), 2000, section 3; the forget bias: R. Jozefowicz, W. Zaremba and I. Sutskever,
    "An Empirical Exploration of Recurrent Network Architectures", ICML 2015, section 2.2.
    """

    gates = 4
    closed = (0, 1, 3)
    parts = 2

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        nn.init.ones_(self.bias[self.hidden : 2 * self.hidden].detach())

    def run(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        h, c = (part.unsqueeze(0) for part in state)
        weights = [weight, recurrent, self.bias, torch.zeros_like(self.bias)]
        outputs, h, c = torch.lstm(inputs, (h, c), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0], c[0])

    def step(self, given: Tensor, past: Tensor, state: State, keep: Tensor) -> State:
        i, f, g, o = (given + past).float().chunk(4, 1)
        c = keep * (f.sigmoid() * state[1] + i.sigmoid() * g.tanh())
        return keep * o.sigmoid() * c.tanh(), c


class GRU(RecurrentLayer):
    r"""Gated recurrent unit, with the reset gate applied after the product, as torch has it.

    .. math::
        r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r) \qquad z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z)

        n_t = \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + d)) \qquad
        h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    Gates stand in the order r, z, n. At a reset r and z are shut, so h = tanh(W_n x + b_n).

    Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014,
    section 2.3 and equations 5 to 8; the variant with d: torch.nn.GRU.
    """

    gates = 3
    closed = (0, 1)

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        self.candidate_bias = nn.Parameter(torch.empty(hidden))

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        nn.init.zeros_(self.candidate_bias)

    def run(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        second = torch.cat([self.bias.new_zeros(2 * self.hidden), self.candidate_bias])
        weights = [weight, recurrent, self.bias, second]
        outputs, h = torch.gru(inputs, state[0].unsqueeze(0), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0],)

    def step(self, given: Tensor, past: Tensor, state: State, keep: Tensor) -> State:
        size = self.hidden
        given, past = given.float(), past.float()
        r, z = (keep * (given[:, : 2 * size] + past[:, : 2 * size]).sigmoid()).chunk(2, 1)
        n = (given[:, 2 * size :] + r * (past[:, 2 * size :] + self.candidate_bias)).tanh()
        return (n + z * (state[0] - n),)


class RNN(RecurrentLayer):
    r"""The plain recurrent layer, :math:`h_t = \tanh(W x_t + U h_{t-1} + b)`.

    At a reset the state before it is zero.

    Source: J. Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
    """

    gates = 1
    closed = ()

    def forward(
        self,
        inputs: Float[Tensor, "time lane width"],
        state: State,
        starts: Bool[Tensor, "time lane"] | None,
        mask: Float[Tensor, "gates hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time lane hidden"], State]:
        recurrent = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        if starts is None:
            return self.run(inputs, state, self.input_weight, recurrent)
        cuts = [0, *torch.nonzero(starts.any(1)).flatten().tolist(), len(inputs)]
        outputs = []
        for first, end in pairwise(cuts):
            if end > first:
                keep = (~starts[first]).unsqueeze(-1).to(state[0].dtype)
                part, state = self.run(inputs[first:end], (state[0] * keep,), self.input_weight, recurrent)
                outputs.append(part)
        return torch.cat(outputs), state

    def run(self, inputs: Tensor, state: State, weight: Tensor, recurrent: Tensor) -> tuple[Tensor, State]:
        weights = [weight, recurrent, self.bias, torch.zeros_like(self.bias)]
        outputs, h = torch.rnn_tanh(inputs, state[0].unsqueeze(0), weights, True, 1, 0.0, self.training, False, False)
        return outputs, (h[0],)

    def step(self, given: Tensor, past: Tensor, state: State, keep: Tensor) -> State:
        return ((given.float() + keep * past.float()).tanh(),)


CELLS: dict[Cell, type[RecurrentLayer]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
