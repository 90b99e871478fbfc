"""The network: a head's input, conditioning, a stack of recurrent layers, the head's output."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.network.conditioning import Conditioning
from seqforge.network.config import NetworkConfig
from seqforge.network.dropout import Masks
from seqforge.network.heads import head_for
from seqforge.network.recurrent import CELLS, State
from seqforge.network.window import Window
from seqforge.spaces import Space

NetworkState = list[State]
"""The state of every layer, first layer first."""


class Network(nn.Module):
    """A generator of sequences over one space.

    At the start of a piece the state is empty, so what stands for the last layer's output there is a vector
    of its own: `start`, a bias and a map from labels and features.

    Above the first, what a layer reads is added to what it gives, where the config says so (Y. Wu et al.,
    "Google's Neural Machine Translation System", arXiv 1609.08144, section 3.1): gradients reach the lower
    layers undamped.

    Args:
        space: what a step is.
        config: the shape.
        seed: of the fresh weights; None leaves them undefined, for a state dict to fill.
    """

    def __init__(self, space: Space, config: NetworkConfig, *, seed: int | None = 0) -> None:
        super().__init__()
        self.space, self.config = space, config
        self.head = head_for(space, config)
        self.conditioning = Conditioning(config.labels, config.features)
        self.start = nn.Parameter(torch.empty(config.hidden, self.conditioning.width + 1))
        cell = CELLS[config.cell]
        first = config.embedding + self.conditioning.width
        self.layers = nn.ModuleList(
            cell(config.hidden if number else first, config.hidden) for number in range(config.layers)
        )
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Draw fresh weights."""
        generator = torch.Generator().manual_seed(seed)
        self.head.initialise(generator)
        self.conditioning.initialise(generator)
        nn.init.zeros_(self.start)
        for layer in self.layers:
            layer.initialise(generator)  # type: ignore[operator]

    def zero_state(self, lanes: int) -> NetworkState:
        """Return the state before anything was seen."""
        return [layer.zero_state(lanes) for layer in self.layers]  # type: ignore[operator]

    def forward(
        self, window: Window, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time lane outputs"], NetworkState]:
        """Return the head's outputs at every row, and the state after the last; arguments as of `read`."""
        hidden, after = self.read(window, state, masks)
        return self.head.predict(hidden), after

    def read(
        self, window: Window, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time lane hidden"], NetworkState]:
        """Return what the head predicts from at every row, and the state after the last.

        Args:
            window: what to read.
            state: the state before the first row.
            masks: the dropout masks of training; None drops nothing.
        """
        labels = window.labels
        if masks is not None:
            labels = labels * ~masks.hide_labels.unsqueeze(-1)
        conditions = self.conditioning(labels, window.features)
        hidden = self.head.read(window.inputs, window.starts)
        if masks is not None:
            hidden = hidden * masks.input
        hidden = torch.cat([hidden, conditions], -1)
        starts = window.starts if bool(window.starts.any()) else None
        after: NetworkState = []
        for number, layer in enumerate(self.layers):
            if masks is not None and number:
                hidden = hidden * masks.between[number - 1].to(hidden.dtype)
            dropped = masks.recurrent[number] if masks is not None and masks.recurrent else None
            given, layer_state = layer(hidden, state[number], starts, dropped)
            hidden = given + hidden if number and self.config.residual else given
            after.append(layer_state)
        if starts is not None:
            first = functional.linear(conditions, self.start[:, 1:], self.start[:, 0]).tanh().to(hidden.dtype)
            hidden = torch.where(starts.unsqueeze(-1), first, hidden)
        if masks is not None:
            hidden = hidden * masks.output.to(hidden.dtype)
        return hidden, after

    def loss(
        self, window: Window, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time lane"], NetworkState]:
        """Return the nats of every row, zero where it does not count, and the state after the last."""
        outputs, after = self(window, state, masks)
        return self.head.loss(outputs, window.targets, window.ends) * window.weights, after

    def parameter_count(self) -> int:
        """Return the number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())
