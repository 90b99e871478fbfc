"""The names and shapes of the parameters of a network, from its architecture. No torch."""

from seqforge.core.places import MAX_AGREEMENT
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.network.config import NetworkConfig

__all__ = ["GATES", "MAX_CORRELATION", "MAX_LOG_STD", "STATE_PARTS", "label_width", "mixture_sizes", "parameter_shapes"]

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""The number of blocks of the weights of each cell: gates and candidates."""
STATE_PARTS = {"lstm": 2, "gru": 1, "rnn": 1}
"""The number of vectors of the state of each cell."""
MAX_LABEL_WIDTH = 16
"""Largest width of the embedding of a label."""

MAX_LOG_STD = 6.0
"""Logarithms of standard deviations lie between -6 and 6, so that no density is infinite."""
MAX_CORRELATION = 0.999
"""Correlations lie between -0.999 and 0.999."""


def parameter_shapes(space: Space, config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of `Network(space, config)` by its name.

    >>> shapes = parameter_shapes(Categorical(5), NetworkConfig(layers=1, hidden=8, embedding=4))
    >>> shapes["layers.0.input_weight"]
    (32, 4)
    """
    hidden, attention = config.hidden, config.attention_width
    label_widths = [label_width(values) for values in config.labels]
    condition_width = sum(label_widths) + config.features
    step_width = sum(label_widths) + config.step_features
    encoder = bool(config.source_symbols and config.encoder_units)
    shapes: dict[str, tuple[int, ...]] = {}
    if not config.is_encoder_decoder:
        shapes["start_weight"] = (hidden, condition_width + 1 + (attention if encoder else 0))
    shapes |= _head_shapes(space, config)
    for number, (values, width) in enumerate(zip(config.labels, label_widths, strict=True)):
        shapes[f"conditioning.embeddings.{number}"] = (values + 1, width)
    if encoder:
        units = config.encoder_units
        shapes["encoder.embedding"] = (config.source_symbols + 1, units)
        for direction in ("forward_lstm", "backward_lstm"):
            shapes |= _layer_shapes(f"encoder.{direction}", "lstm", units, units)
    if config.lookback and isinstance(space, Categorical):
        shapes["references.steps"] = (space.size, config.lookback)
        shapes["references.agreements"] = (MAX_AGREEMENT, config.lookback)
    if config.copy_logits:
        shapes["copy_logits.weight"] = (len(config.distances), hidden)
        shapes["copy_logits.agreements"] = (MAX_AGREEMENT + 1, len(config.distances))
    first_width = config.embedding + config.lookback_width + step_width
    for number in range(config.layers):
        width = (hidden if number else first_width) + config.context_width(number)
        shapes |= _layer_shapes(f"layers.{number}", config.cell, width, hidden)
    if config.state_features:
        states = config.layers * STATE_PARTS[config.cell] * hidden
        shapes |= {"initial_state.weight": (states, config.features), "initial_state.bias": (states,)}
    if config.is_encoder_decoder:
        shapes |= _encoder_decoder_shapes(config)
    elif config.source_symbols:
        shapes["attention.weight"] = (3 * config.gaussians, hidden)
        shapes["attention.bias"] = (3 * config.gaussians,)
    return shapes


def label_width(values: int) -> int:
    """Return the width of the embedding of a label with this number of values.

    >>> label_width(2), label_width(30)
    (3, 16)
    """
    return min(MAX_LABEL_WIDTH, values + 1)


def mixture_sizes(space: Mixture) -> list[int]:
    """Return the number of outputs per parameter: end, bits, components, means, log_stds, correlations.

    >>> mixture_sizes(Mixture(reals=2, bits=1, components=4))
    [1, 1, 4, 8, 8, 4]
    """
    numbers = space.components * space.reals
    return [1, space.bits, space.components, numbers, numbers, space.components if space.reals == 2 else 0]


def _layer_shapes(name: str, cell: str, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    gates = GATES[cell] * hidden
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.input_weight": (gates, width),
        f"{name}.recurrent_weight": (gates, hidden),
        f"{name}.bias": (gates,),
    }
    return shapes | ({f"{name}.candidate_bias": (hidden,)} if cell == "gru" else {})


def _encoder_decoder_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    hidden, width = config.hidden, config.attention_width
    if config.attention == "content":
        states = config.layers * STATE_PARTS[config.cell] * hidden
        return {
            "source.initial_weight": (states, width),
            "source.initial_bias": (states,),
            "source.key_weight": (hidden, width),
            "source.output_weight": (hidden, hidden + width),
        }
    shapes: dict[str, tuple[int, ...]] = {"source.embedding": (config.source_symbols + 1, config.embedding)}
    for number in range(config.layers):
        shapes |= _layer_shapes(
            f"source.layers.{number}", config.cell, hidden if number else config.embedding, hidden
        )  # fmt: skip
    return shapes


def _head_shapes(space: Space, config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    if isinstance(space, Mixture):
        outputs = sum(mixture_sizes(space))
        return {
            "head.input_weight": (config.embedding, space.reals + space.bits),
            "head.output_weight": (outputs, config.hidden),
            "head.bias": (outputs,),
        }
    assert isinstance(space, Categorical)
    table = (space.size + 1, config.embedding)
    shapes: dict[str, tuple[int, ...]] = {"head.embedding": table, "head.bias": (space.size + 1,)}
    if not config.tie_embeddings:
        shapes["head.output_embedding"] = table
    if config.hidden != config.embedding:
        shapes["head.projection"] = (config.embedding, config.hidden)
    if config.cutoffs:
        shapes["head.cluster_weight"] = (len(config.cutoffs), config.embedding)
        shapes["head.cluster_bias"] = (len(config.cutoffs),)
    return shapes
