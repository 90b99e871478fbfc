"""The network: embedding, conditioning, recurrent layers with attention on a source, and the head."""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.places import AlignedHistory
from seqforge.core.spaces import Categorical, Space
from seqforge.errors import OptionsError
from seqforge.network.attention import GaussianAttention
from seqforge.network.batch import Batch, SoftTargets
from seqforge.network.conditioning import Conditioning
from seqforge.network.config import NetworkConfig
from seqforge.network.dropout import Masks
from seqforge.network.encoder import Encoder, encode_sources
from seqforge.network.encoder_decoder import ContentAttention, ReversedEncoder
from seqforge.network.heads import head_for
from seqforge.network.initial_state import InitialState, at_starts, run_from_initial_state
from seqforge.network.pieces import PieceColumns
from seqforge.network.recurrent import CELLS, GRU, RecurrentLayer, State
from seqforge.network.references import CopyLogits, ReferenceEmbedding, references_of

NetworkState = list[State]
"""The state of each layer, first layer first; the last entry is the state of the attention, if there is one."""


class Network(nn.Module):
    """An autoregressive model of sequences over one space.

    At the start of a piece the hidden state is empty. There the output of the last layer is replaced by an affine map
    of labels and features (`start_weight`; its first column is the bias). With an encoder, the map also reads the
    context vector.

    With `config.features_at` "state" or "both", each layer starts a piece from a state that the features decide
    (`initial_state`); with "steps" or "both", the first layer reads the features at every step.

    With `config.residual`, every layer but the first has a residual connection (Y. Wu et al., "Google's Neural Machine
    Translation System", arXiv 1609.08144, section 3.1).

    With monotonic attention on a source, the output of the first layer moves the attention, and every layer reads the
    context vector: the first layer that of the previous step, the other layers that of the same step (`attention`).

    With attention by content or without attention (`config.attention`), an encoder of the source sets the state in
    which a piece starts, and the start of a piece is read as any step is (`encoder_decoder`).

    With `config.lookback`, the first layer reads the earlier steps at corresponding places, and with
    `config.copy_logits` their logits have copy scores (`references`).

    >>> from seqforge.core.spaces import Categorical
    >>> network = Network(Categorical(5), NetworkConfig(layers=1, hidden=8, embedding=4))
    >>> flags, nothing = torch.zeros(7, 2, dtype=torch.bool), torch.zeros(7, 2, 0)
    >>> steps = torch.zeros(7, 2, dtype=torch.long)  # 7 positions of 2 rows
    >>> batch = Batch(steps, steps, flags, flags, torch.ones(7, 2), nothing.long(), nothing)
    >>> logits, state = network(batch, network.zero_state(2))
    >>> logits.shape  # five symbols and the boundary
    torch.Size([7, 2, 6])

    Args:
        space: The type of a step.
        config: The architecture.
        seed: Seed of the fresh weights; None leaves the weights undefined, for a state dict to fill.
        symbols_per_step: Mean number of source symbols per step, used for the fresh weights of the attention; None for
            a default.

    Attributes:
        member_count: The number of networks, 1; `Members` has several.
        history: Computes the references of a batch. The code that creates or loads the network sets it, since it
            depends on the codec; None for a network that does not look back.

    Raises:
        OptionsError: If the network looks back and its steps are not symbols.
    """

    member_count = 1

    def __init__(
        self, space: Space, config: NetworkConfig, *, seed: int | None = 0, symbols_per_step: float | None = None
    ) -> None:
        super().__init__()
        self.space, self.config = space, config
        self.history: AlignedHistory | None = None
        self.head = head_for(space, config)
        self.conditioning = Conditioning(config.labels, config.features)
        self.encoder: Encoder | None = None
        if config.source_symbols and config.encoder_units:
            self.encoder = Encoder(config.source_symbols, config.encoder_units)
        self.references: ReferenceEmbedding | None = None
        if config.lookback:
            if not isinstance(space, Categorical):
                raise OptionsError.invalid("lookback", config.lookback, f"0 where steps are not symbols but {space}")
            self.references = ReferenceEmbedding(space.size, config.lookback, len(config.distances))
        self.copy_logits = CopyLogits(config.hidden, len(config.distances)) if config.copy_logits else None
        if not config.is_encoder_decoder:
            start_context = config.attention_width if self.encoder is not None else 0
            self.start_weight = nn.Parameter(torch.empty(config.hidden, self.conditioning.width + 1 + start_context))
        cell = CELLS[config.cell]
        self._step_width = self.conditioning.width - config.features + config.step_features
        first_width = config.embedding + config.lookback_width + self._step_width
        self.layers = nn.ModuleList(
            cell((config.hidden if number else first_width) + config.context_width(number), config.hidden)
            for number in range(config.layers)
        )
        self.initial_state: InitialState | None = None
        if config.state_features:
            self.initial_state = InitialState(config.features, config.layers, cell.state_size, config.hidden)
        self.attention: GaussianAttention | None = None
        self.source: ContentAttention | ReversedEncoder | None = None
        if config.is_encoder_decoder:
            self.source = ContentAttention(config) if config.attention == "content" else ReversedEncoder(config)
        elif config.source_symbols:
            self.attention = GaussianAttention(config.hidden, config.attention_width, config.gaussians)
            if symbols_per_step is not None:
                self.attention.symbols_per_step = symbols_per_step
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Draw fresh weights."""
        generator = torch.Generator().manual_seed(seed)
        self.head.initialise(generator)
        self.conditioning.initialise(generator)
        if self.source is not None:
            self.source.initialise(generator)
        else:
            nn.init.zeros_(self.start_weight)
        for layer in self.layers:
            layer.initialise(generator)  # type: ignore[operator]
        if self.attention is not None:
            self.attention.initialise(generator)
        if self.encoder is not None:
            self.encoder.initialise(generator)
            if self.source is None:
                context_columns = self.start_weight[:, -self.config.attention_width :].detach()
                nn.init.xavier_uniform_(context_columns, generator=generator)
        if self.references is not None:
            self.references.initialise(generator)
        if self.copy_logits is not None:
            self.copy_logits.initialise()
        if self.initial_state is not None:
            self.initial_state.initialise(generator)

    def zero_state(self, rows: int) -> NetworkState:
        """Return the state before the first step, for a number of rows."""
        state: NetworkState = [layer.zero_state(rows) for layer in self.layers]  # type: ignore[operator]
        return state if self.attention is None else [*state, self.attention.zero_state(rows)]

    def forward(
        self, batch: Batch, state: NetworkState, masks: Masks | None = None
    ) -> tuple[Float[Tensor, "time row outputs"], NetworkState]:
        """Return the outputs of the head at every position, and the state after the last one.

        Args:
            batch: The input.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
        """
        hidden, new_state = self.forward_layers(batch, state, masks)
        outputs = self.head.predict(hidden)
        return self.copy_logits(outputs, hidden, references_of(batch)) if self.copy_logits else outputs, new_state

    def forward_layers(
        self,
        batch: Batch,
        state: NetworkState,
        masks: Masks | None = None,
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Float[Tensor, "time row hidden"], NetworkState]:
        """Return the output of the last layer at every position, and the state after the last position.

        Args:
            batch: The input.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
            attention_weights: If given, the weight of each source position is appended to it, one tensor of shape
                (row, length) per position.
        """
        # 1. Embed the steps and concatenate the embeddings of earlier steps, labels and features.
        labels = batch.labels
        if masks is not None:
            labels = labels * ~masks.hide_labels.unsqueeze(-1)
        conditions = self.conditioning(labels, batch.features)
        hidden = self.head.embed(batch.inputs, batch.starts)
        if masks is not None:
            hidden = hidden * masks.input
        earlier = [] if self.references is None else [self.references(references_of(batch))]
        hidden = torch.cat([hidden, *earlier, conditions[..., : self._step_width]], -1)
        if self.source is not None:
            return self._decode(hidden, batch, state, masks, attention_weights)
        starts = batch.starts if bool(batch.starts.any()) else None
        initial = None
        if self.initial_state is not None and starts is not None:
            initial = self.initial_state(batch.features)
        new_state: NetworkState = []
        context: Tensor | None = None
        for number, layer in enumerate(self.layers):
            # 2. Apply dropout between layers.
            if masks is not None and number:
                hidden = hidden * masks.between[number - 1].to(hidden.dtype)
            mask = masks.recurrent[number] if masks is not None and masks.recurrent else None
            # 3. Run the layer; the first layer of a network with a source moves the attention.
            if self.attention is not None and not number:
                outputs, layer_state, context, attention_state = self._attend(
                    hidden, batch, state, mask, attention_weights, None if initial is None else initial[0]
                )
            else:
                inputs = hidden if context is None else torch.cat([hidden, context.to(hidden.dtype)], -1)
                if initial is None or starts is None:
                    outputs, layer_state = layer(inputs, state[number], starts, mask)
                else:
                    outputs, layer_state = run_from_initial_state(
                        cast(RecurrentLayer, layer), inputs, state[number], starts, initial[number], mask
                    )
            hidden = outputs + hidden if number and self.config.residual else outputs
            new_state.append(layer_state)
        if self.attention is not None:
            new_state.append(attention_state)
        # 4. Replace the output at the starts of pieces.
        if starts is not None:
            known = conditions if self.encoder is None or context is None else torch.cat([conditions, context], -1)
            at_start = functional.linear(known, self.start_weight[:, 1:], self.start_weight[:, 0]).tanh()
            hidden = torch.where(starts.unsqueeze(-1), at_start.to(hidden.dtype), hidden)
        if masks is not None:
            hidden = hidden * masks.output.to(hidden.dtype)
        return hidden, new_state

    def _decode(
        self,
        inputs: Tensor,
        batch: Batch,
        state: NetworkState,
        masks: Masks | None,
        attention_weights: list[Tensor] | None,
    ) -> tuple[Tensor, NetworkState]:
        """Return what `forward_layers` does, for a network whose pieces start in a state that an encoder sets.

        Args:
            inputs: The input of the first layer at every position.
            batch: The input of the network.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
            attention_weights: As in `forward_layers`.
        """
        # 1. Put the pieces side by side, and encode the source of each.
        columns = PieceColumns.of_batch(batch.starts)
        symbols = batch.labels.new_zeros(len(columns.first), 0)
        if batch.sources is not None:
            symbols = batch.sources[columns.first, columns.row]
        content = self.source if isinstance(self.source, ContentAttention) else None
        if content is not None:
            assert self.encoder is not None
            sources = content.encode(symbols, self.encoder)
        else:
            assert isinstance(self.source, ReversedEncoder)
            sources = self.source.encode(symbols)
        starts, last = columns.starts.unsqueeze(1), columns.current[-1]
        hidden, context, new_state = columns.gather(inputs), None, []
        for number, layer in enumerate(self.layers):
            if masks is not None and number:
                hidden = hidden * masks.between[number - 1][columns.row].to(hidden.dtype)
            mask = masks.recurrent[number] if masks is not None and masks.recurrent else None
            # 2. Run the layer from the state of the encoder, or from the carried state of a piece that continues.
            before = tuple(
                torch.where(starts, fresh.to(carried.dtype), carried[columns.row])
                for fresh, carried in zip(sources.states[number], state[number], strict=True)
            )
            read = hidden if context is None else torch.cat([hidden, context.to(hidden.dtype)], -1)
            outputs, after = layer.forward_padded(read, before, columns.lengths, mask)  # type: ignore[operator]
            hidden = outputs + hidden if number and self.config.residual else outputs
            new_state.append(tuple(part[last] for part in after))
            # 3. Read the source with the outputs of the first layer.
            if content is not None and not number:
                context, weights = content(outputs, sources)
                if attention_weights is not None:
                    attention_weights.extend(columns.scatter(weights).unbind())
        if content is not None and context is not None:
            hidden = content.output(hidden, context)
        hidden = columns.scatter(hidden)
        return hidden if masks is None else hidden * masks.output.to(hidden.dtype), new_state

    def _attend(
        self,
        inputs: Tensor,
        batch: Batch,
        state: NetworkState,
        mask: Tensor | None,
        attention_weights: list[Tensor] | None,
        initial: State | None,
    ) -> tuple[Tensor, State, Tensor, State]:
        """Run the first layer and the attention step by step, because each reads the output of the other.

        Args:
            inputs: The input of the first layer, without the context vector.
            batch: The input of the network.
            state: The state before the first position.
            mask: Factors of the recurrent matrix; None for no dropout.
            attention_weights: As in `forward_layers`.
            initial: The state of the layer before a piece that starts at each position; None for an empty state.

        Returns:
            The outputs of the layer, its state, the context vector at every position, and the state of the attention.
        """
        layer: RecurrentLayer = self.layers[0]  # type: ignore[assignment]
        assert self.attention is not None
        sources = batch.sources
        if sources is None:
            sources = batch.labels.new_zeros(*batch.starts.shape, 0)
        # 1. Compute everything that does not depend on the state for all positions at once.
        width = inputs.shape[2]
        from_inputs = functional.linear(inputs, layer.input_weight[:, :width], layer.bias)
        context_weight = layer.input_weight[:, width:]
        recurrent = layer.recurrent_weight if mask is None else layer.recurrent_weight * mask
        joint_weight = torch.cat([recurrent, context_weight], 1).to(from_inputs.dtype)
        separate = isinstance(layer, GRU)  # its reset gate applies to the contribution of the state alone
        memory = None if self.encoder is None else encode_sources(self.encoder, sources, batch.starts)
        keep_state = (~batch.starts).unsqueeze(-1).float()
        layer_state, (kappa, context, steps_at_end) = state[0], state[-1]
        outputs, contexts = [], []
        for t, (from_input, keep, source) in enumerate(
            zip(from_inputs.unbind(), keep_state.unbind(), sources.unbind(), strict=True)
        ):
            # 2. Reset the attention in rows whose piece starts here; the layer resets its own state.
            kappa, context, steps_at_end = kappa * keep, context * keep, steps_at_end * keep
            if initial is not None:
                layer_state = at_starts(batch.starts[t], tuple(part[t] for part in initial), layer_state)
                keep = torch.ones_like(keep)
            # 3. Step the layer with the context vector of the previous step.
            if separate:
                from_input = from_input + functional.linear(context, context_weight)
                from_state = functional.linear(layer_state[0], recurrent)
            else:
                from_state = functional.linear(torch.cat([layer_state[0], context], 1), joint_weight)
            layer_state = layer.step(from_input, from_state, layer_state, keep)
            # 4. Move the attention with the output of the layer, and read the new context vector.
            symbols = source if memory is None else memory.symbols_at(t)
            kappa, context, phi = self.attention(layer_state[0], kappa, symbols, memory)
            # 5. Count for how long the attention has been at the end of the source.
            steps_at_end = self.attention.steps_at_end(phi, symbols, steps_at_end)
            # 6. Collect the results.
            if attention_weights is not None:
                attention_weights.append(phi)
            outputs.append(layer_state[0])
            contexts.append(context)
        return torch.stack(outputs), layer_state, torch.stack(contexts), (kappa, context, steps_at_end)

    def loss(
        self, batch: Batch, state: NetworkState, masks: Masks | None = None, soft: SoftTargets | None = None
    ) -> tuple[Float[Tensor, "time row"], NetworkState]:
        """Return the loss of every position in nats, multiplied by its weight, and the state after the last one.

        Args:
            batch: The input and the targets.
            state: The state before the first position.
            masks: The dropout masks; None for no dropout.
            soft: The predictions of another network, which are targets as well; None for the data alone.
        """
        outputs, new_state = self(batch, state, masks)
        losses = self.head.loss(outputs, batch.targets, batch.ends)
        if soft is not None:
            cross_entropy = -(soft.logs.exp() * self.head.log_probabilities(outputs)).sum(-1)
            losses = torch.lerp(losses, cross_entropy, soft.weight)
        return losses * batch.weights, new_state

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name as arrays, float32, for `NetworkWeights` and `write_model`."""
        return weight_arrays(dict(self.named_parameters()))

    @classmethod
    def from_arrays(cls, space: Space, config: NetworkConfig, arrays: Mapping[str, np.ndarray]) -> "Network":
        """Return a network with these parameters, in evaluation mode.

        Args:
            space: The type of a step.
            config: The architecture.
            arrays: The parameters by name, float32; they are copied.
        """
        with torch.device("meta"):
            network = cls(space, config, seed=None)
        network.load_state_dict(
            {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}, assign=True
        )
        return network.eval()

    def parameter_count(self) -> int:
        """Return the number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


def weight_arrays(parameters: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return parameters by name as arrays, float32.

    >>> weight_arrays({"bias": torch.zeros(2)})
    {'bias': array([0., 0.], dtype=float32)}
    """
    return {name: parameter.detach().cpu().float().numpy() for name, parameter in parameters.items()}
