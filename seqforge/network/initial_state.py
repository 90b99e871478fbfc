"""The state of the layers before a piece, decided by the features of the piece."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.recurrent import RecurrentLayer, State


class InitialState(nn.Module):
    r"""The state of every layer before the start of a piece, an affine map of the features.

    .. math:: h_0 = \tanh(W_h x + b_h) \qquad c_0 = \tanh(W_c x + b_c)

    Source: O. Vinyals, A. Toshev, S. Bengio and D. Erhan, "Show and Tell: A Neural Image Caption Generator", CVPR 2015,
    section 3.1, where the picture is read once, before the first word; an affine map to h and c: K. Xu et al., "Show,
    Attend and Tell", ICML 2015, section 3.1.2.

    >>> initial = InitialState(features=3, layers=2, parts=2, hidden=4)
    >>> initial.initialise(torch.Generator().manual_seed(0))
    >>> [tuple(part.shape) for part in initial(torch.ones(7, 5, 3))[0]]  # 7 positions of 5 rows: h and c of layer 0
    [(7, 5, 4), (7, 5, 4)]

    Args:
        features: Number of features.
        layers: Number of layers.
        parts: Number of tensors of the state of a layer.
        hidden: Number of units of each layer.
    """

    def __init__(self, features: int, layers: int, parts: int, hidden: int) -> None:
        super().__init__()
        self.layers, self.parts = layers, parts
        self.weight = nn.Parameter(torch.empty(layers * parts * hidden, features))
        self.bias = nn.Parameter(torch.empty(layers * parts * hidden))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights."""
        nn.init.xavier_uniform_(self.weight, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, features: Float[Tensor, "*shape features"]) -> list[State]:
        """Return the initial state of each layer, each part of shape (*shape, hidden)."""
        values = functional.linear(features, self.weight, self.bias).float().tanh().chunk(self.layers * self.parts, -1)
        return [tuple(values[first : first + self.parts]) for first in range(0, len(values), self.parts)]


def at_starts(starts: Bool[Tensor, " row"], initial: State, state: State) -> State:
    """Return a state with the initial state in the rows whose piece starts.

    Args:
        starts: True for the rows whose piece starts.
        initial: The initial state of each row, each part of shape (row, hidden).
        state: The state of each row, each part of shape (row, hidden).
    """
    column = starts.unsqueeze(-1)
    return tuple(torch.where(column, first.to(part.dtype), part) for first, part in zip(initial, state, strict=True))


def run_from_initial_state(
    layer: RecurrentLayer,
    inputs: Float[Tensor, "time row width"],
    state: State,
    starts: Bool[Tensor, "time row"],
    initial: State,
    mask: Float[Tensor, "gates hidden"] | None = None,
) -> tuple[Float[Tensor, "time row hidden"], State]:
    """Return the outputs of a layer and its last state; pieces start from their initial states.

    The kernel runs once per section between positions at which a piece starts, since it cannot replace the state.

    Args:
        layer: The layer.
        inputs: The input at every position.
        state: The state before the first position.
        starts: True where a piece starts.
        initial: The initial state of a piece that starts at each position, each part of shape (time, row, hidden).
        mask: Factors of the recurrent matrix (DropConnect); None for no dropout.
    """
    edges = sorted({0, *torch.nonzero(starts.any(1)).flatten().tolist(), len(inputs)})
    outputs = []
    for first, end in pairwise(edges):
        state = at_starts(starts[first], tuple(part[first] for part in initial), state)
        part, state = layer(inputs[first:end], state, None, mask)
        outputs.append(part)
    return torch.cat(outputs), state
