"""The network: a head's input, conditioning, a stack of recurrent layers, the head's output."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.spaces import Space
from seqforge.network.attention import GaussianAttention
from seqforge.network.batch import Batch
from seqforge.network.conditioning import Conditioning
from seqforge.network.config import NetworkConfig
from seqforge.network.dropout import Masks
from seqforge.network.encoder import Encoder, read_sources
from seqforge.network.heads import head_for
from seqforge.network.recurrent import CELLS, GRU, RecurrentLayer, State

NetworkState = list[State]
"""The state of every layer, first layer first; last that of the window on the source, where there is one."""


class Network(nn.Module):
    """A generator of sequences over one space.

    At the start of a piece the state is empty, so what stands for the last layer's output there is a vector
    of its own: `start`, a bias and a map from labels and features.

    Above the first, what a layer reads is added to what it gives, where the config says so (Y. Wu et al.,
    "Google's Neural Machine Translation System", arXiv 1609.08144, section 3.1): gradients reach the lower
    layers undamped.

    With a source, the first layer moves a window along it (`attention`), and every layer reads what is seen
    through that: the first layer of the step before, the others of the same step. Where an encoder reads the source
    (`encoder`), what is seen at the start has a part in `start` too.

    Args:
        space: what a step is.
        config: the shape.
        seed: of the fresh weights; None leaves them undefined, for a state dict to fill.
        symbols_per_step: symbols of the source a step, for fresh weights; None: a few steps a symbol.
    """

    def __init__(
        self, space: Space, config: NetworkConfig, *, seed: int | None = 0, symbols_per_step: float | None = None
    ) -> None:
        super().__init__()
        self.space, self.config = space, config
        self.head = head_for(space, config)
        self.conditioning = Conditioning(config.labels, config.features)
        self.encoder = (
            Encoder(config.source_symbols, config.encoder_units)
            if config.source_symbols and config.encoder_units
            else None
        )
        seen = config.attention_width if self.encoder is not None else 0
        self.start_weight = nn.Parameter(torch.empty(config.hidden, self.conditioning.width + 1 + seen))
        cell = CELLS[config.cell]
        first = config.embedding + self.conditioning.width
        self.layers = nn.ModuleList(
            cell((config.hidden if number else first) + config.attention_width, config.hidden)
            for number in range(config.layers)
        )
        self.attention = (
            GaussianAttention(config.hidden, config.attention_width, config.gaussians)
            if config.source_symbols
            else None
        )
        if self.attention is not None and symbols_per_step is not None:
            self.attention.symbols_per_step = symbols_per_step
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Draw fresh weights."""
        generator = torch.Generator().manual_seed(seed)
        self.head.initialise(generator)
        self.conditioning.initialise(generator)
        nn.init.zeros_(self.start_weight)
        for layer in self.layers:
            layer.initialise(generator)  # type: ignore[operator]
        if self.attention is not None:
            self.attention.initialise(generator)
        if self.encoder is not None:
            self.encoder.initialise(generator)
            nn.init.xavier_uniform_(self.start_weight[:, -self.config.attention_width :].detach(), generator=generator)

    def zero_state(self, lanes: int) -> NetworkState:
        """Return the state before anything was seen."""
        state: NetworkState = [layer.zero_state(lanes) for layer in self.layers]  # type: ignore[operator]
        return state if self.attention is None else [*state, self.attention.zero_state(lanes)]

    def forward(
        self, window: Batch, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time lane outputs"], NetworkState]:
        """Return the head's outputs at every row, and the state after the last; arguments as of `forward_layers`."""
        hidden, after = self.forward_layers(window, state, masks)
        return self.head.predict(hidden), after

    def forward_layers(
        self,
        window: Batch,
        state: NetworkState,
        masks: Masks | None = None,
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Float[Tensor, "time lane hidden"], NetworkState]:
        """Return what the head predicts from at every row, and the state after the last.

        Args:
            window: what to read.
            state: the state before the first row.
            masks: the dropout masks of training; None drops nothing.
            weights: where given, what each row attends to is appended, row by row: shape (lane, length of the source).
        """
        labels = window.labels
        if masks is not None:
            labels = labels * ~masks.hide_labels.unsqueeze(-1)
        conditions = self.conditioning(labels, window.features)
        hidden = self.head.embed(window.inputs, window.starts)
        if masks is not None:
            hidden = hidden * masks.input
        hidden = torch.cat([hidden, conditions], -1)
        starts = window.starts if bool(window.starts.any()) else None
        after: NetworkState = []
        seen: Tensor | None = None
        for number, layer in enumerate(self.layers):
            if masks is not None and number:
                hidden = hidden * masks.between[number - 1].to(hidden.dtype)
            dropped = masks.recurrent[number] if masks is not None and masks.recurrent else None
            if self.attention is not None and not number:
                given, layer_state, seen, window_state = self._attend(hidden, window, state, dropped, attention_weights)
            else:
                inputs = hidden if seen is None else torch.cat([hidden, seen.to(hidden.dtype)], -1)
                given, layer_state = layer(inputs, state[number], starts, dropped)
            hidden = given + hidden if number and self.config.residual else given
            after.append(layer_state)
        if self.attention is not None:
            after.append(window_state)
        if starts is not None:
            known = conditions if self.encoder is None or seen is None else torch.cat([conditions, seen], -1)
            first = functional.linear(known, self.start_weight[:, 1:], self.start_weight[:, 0]).tanh().to(hidden.dtype)
            hidden = torch.where(starts.unsqueeze(-1), first, hidden)
        if masks is not None:
            hidden = hidden * masks.output.to(hidden.dtype)
        return hidden, after

    def _attend(
        self,
        inputs: Tensor,
        window: Batch,
        state: NetworkState,
        dropped: Tensor | None,
        attention_weights: list[Tensor] | None,
    ) -> tuple[Tensor, State, Tensor, State]:
        """Run the first layer and the window on the source, step by step: each reads what the other gave.

        Returns:
            The layer's outputs, its state, what was seen through the window at every row, and the window's state.
        """
        layer: RecurrentLayer = self.layers[0]  # type: ignore[assignment]
        assert self.attention is not None
        sources = window.sources
        if sources is None:
            sources = window.labels.new_zeros(*window.starts.shape, 0)
        width = inputs.shape[2]
        given = functional.linear(inputs, layer.input_weight[:, :width], layer.bias)
        recurrent = layer.recurrent_weight if dropped is None else layer.recurrent_weight * dropped
        past = torch.cat([recurrent, layer.input_weight[:, width:]], 1).to(given.dtype)
        split = isinstance(layer, GRU)  # its candidate takes the state's part alone through the reset gate
        own, (kappa, seen, rested) = state[0], state[-1]
        outputs, views = [], []
        shelf = None if self.encoder is None else read_sources(self.encoder, sources, window.starts)
        keeps = (~window.starts).unsqueeze(-1).float()
        rows = zip(given.unbind(), keeps.unbind(), sources.unbind(), strict=True)
        for t, (now, keep, source) in enumerate(rows):
            kappa, seen, rested = kappa * keep, seen * keep, rested * keep
            if split:
                read = now + functional.linear(seen, layer.input_weight[:, width:])
                own = layer.step(read, functional.linear(own[0], recurrent), own, keep)
            else:
                own = layer.step(now, functional.linear(torch.cat([own[0], seen], 1), past), own, keep)
            here = source if shelf is None else shelf.at(t)
            kappa, seen, phi = self.attention(own[0], kappa, here, shelf)
            rested = self.attention.steps_at_end(phi, here, rested)
            if attention_weights is not None:
                attention_weights.append(phi)
            outputs.append(own[0])
            views.append(seen)
        return torch.stack(outputs), own, torch.stack(views), (kappa, seen, rested)

    def loss(
        self, window: Batch, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time lane"], NetworkState]:
        """Return the nats of every row, zero where it does not count, and the state after the last."""
        outputs, after = self(window, state, masks)
        return self.head.loss(outputs, window.targets, window.ends) * window.weights, after

    def parameter_count(self) -> int:
        """Return the number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())
