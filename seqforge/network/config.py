"""The architecture of a network and its dropout probabilities, as plain values. No torch."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from seqforge.core.places import LOWEST_DISTANCE
from seqforge.core.sequences import Attention
from seqforge.errors import DamagedFileError, OptionsError

Cell = Literal["lstm", "gru", "rnn"]
Softmax = Literal["full", "adaptive"]
"""The kind of the softmax over symbols."""
FeaturesAt = Literal["state", "steps", "both"]
"""Where the features of a piece enter the network: in the initial state, at every step, or both."""

BOUNDS = {
    "layers": (1, 64), "hidden": (1, 65_536), "embedding": (1, 65_536), "features": (0, 65_536),
    "source_symbols": (0, 1_000_000), "gaussians": (1, 1000), "encoder_units": (0, 65_536), "lookback": (0, 65_536),
}  # fmt: skip
MAX_LABELS, MAX_LABEL_VALUES = 64, 1_000_000
MAX_DISTANCES, MAX_DISTANCE, MAX_CUTOFFS = 64, 1_000_000, 16
LISTS = ("labels", "distances", "cutoffs")
"""The fields that hold several numbers."""
LATER_FIELDS = {"lookback", "distances", "copy_logits", "attention", "features_at", "cutoffs"}
"""The fields that older models lack; they have the defaults."""


@dataclass(frozen=True)
class NetworkConfig:
    """The architecture of a network; it is stored in the model file.

    >>> config = NetworkConfig(cell="gru", hidden=64, source_symbols=30, encoder_units=16)
    >>> config.attention_width
    32
    >>> NetworkConfig.from_json(config.to_json()) == config
    True

    Attributes:
        cell: Type of the recurrent layers: lstm, gru, or rnn (tanh).
        layers: Number of recurrent layers.
        hidden: Number of units of each layer.
        embedding: Width of the embedding of a step.
        tie_embeddings: Whether input and output share one embedding matrix.
        residual: Whether every layer but the first has a residual connection.
        labels: Number of values of each label, "unknown" not counted.
        features: Number of real features that condition a piece.
        features_at: Where the features enter: in the initial state of every layer (state), in the input of every step
            (steps), or both.
        source_symbols: Number of different source symbols, the extra symbol after the last one included; 0 for no
            source.
        gaussians: Number of Gaussians of the attention.
        encoder_units: Units per direction of the bidirectional encoder of the source; 0 for attention on the symbols.
        attention: How a source is read: monotonic attention, which moves along it; attention by content, which can read
            it in any order; or none, an encoder-decoder whose encoder hands over its last state alone.
        lookback: Width of the embedding of each earlier step that stands at a corresponding place; 0 to read none.
        distances: The numbers of periods by which the network looks back, 0 for the repeat, -1 for the distance that
            the piece names, and from -2 down for the latest marker of each kind; empty if `lookback` is 0.
        copy_logits: Whether the logits of the earlier steps at corresponding places are raised or lowered by copy
            scores; only where the network looks back and has a full softmax.
        cutoffs: The numbers of the symbols at which the clusters of an adaptive softmax begin, in rising order; empty
            for a full softmax.

    Raises:
        OptionsError: If a value is out of range.
    """

    cell: Cell = "lstm"
    layers: int = 2
    hidden: int = 512
    embedding: int = 512
    tie_embeddings: bool = True
    residual: bool = True
    labels: tuple[int, ...] = ()
    features: int = 0
    source_symbols: int = 0
    gaussians: int = 10
    encoder_units: int = 0
    lookback: int = 0
    distances: tuple[int, ...] = ()
    copy_logits: bool = False
    attention: Attention = "monotonic"
    features_at: FeaturesAt = "steps"
    cutoffs: tuple[int, ...] = ()

    @property
    def softmax(self) -> Softmax:
        """The kind of the softmax over the symbols."""
        return "adaptive" if self.cutoffs else "full"

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether an encoder of the source sets the state in which a piece starts."""
        return bool(self.source_symbols) and self.attention != "monotonic"

    @property
    def step_features(self) -> int:
        """Number of features that the first layer reads at every step."""
        return 0 if self.features_at == "state" and not self.is_encoder_decoder else self.features

    @property
    def state_features(self) -> int:
        """Number of features that decide the initial state; 0 if the encoder of a source sets it."""
        return 0 if self.features_at == "steps" or self.is_encoder_decoder else self.features

    @property
    def attention_width(self) -> int:
        """Width of the context vector of the attention; 0 without a source or without attention."""
        if self.attention == "none":
            return 0
        return 2 * self.encoder_units if self.source_symbols and self.encoder_units else self.source_symbols

    def context_width(self, layer: int) -> int:
        """Return the width of the context vector that a layer reads.

        >>> NetworkConfig(source_symbols=9, encoder_units=16, attention="content").context_width(0)
        0

        Args:
            layer: The number of the layer. With attention by content, the first one reads no context vector, so that
                all positions of a piece are computed at once.
        """
        return 0 if self.attention == "content" and not layer else self.attention_width

    @property
    def lookback_width(self) -> int:
        """Width of the embeddings of all earlier steps that the first layer reads at each position."""
        return self.lookback * len(self.distances)

    def __post_init__(self) -> None:
        if self.cell not in get_args(Cell):
            raise OptionsError.invalid("cell", self.cell, f"one of {', '.join(get_args(Cell))}")
        if self.attention not in get_args(Attention):
            raise OptionsError.invalid("attention", self.attention, f"one of {', '.join(get_args(Attention))}")
        if self.features_at not in get_args(FeaturesAt):
            raise OptionsError.invalid("features_at", self.features_at, f"one of {', '.join(get_args(FeaturesAt))}")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise OptionsError.invalid(name, value, f"a whole number from {least} to {most}")
        for name in ("tie_embeddings", "residual", "copy_logits"):
            if type(getattr(self, name)) is not bool:
                raise OptionsError.invalid(name, getattr(self, name), "true or false")
        if self.is_encoder_decoder and bool(self.encoder_units) != (self.attention == "content"):
            allowed = "at least 1 with attention by content, and 0 without attention"
            raise OptionsError.invalid("encoder_units", self.encoder_units, allowed)
        sizes = self.labels
        if len(sizes) > MAX_LABELS or not all(type(size) is int and 0 <= size <= MAX_LABEL_VALUES for size in sizes):
            allowed = f"at most {MAX_LABELS} whole numbers from 0 to {MAX_LABEL_VALUES:,}"
            raise OptionsError.invalid("labels", sizes, allowed)
        distances = self.distances
        if (
            len(distances) > MAX_DISTANCES
            or not all(type(distance) is int and LOWEST_DISTANCE <= distance <= MAX_DISTANCE for distance in distances)
            or bool(distances) != bool(self.lookback)
        ):
            bounds = f"from {LOWEST_DISTANCE} to {MAX_DISTANCE:,}"
            allowed = f"at most {MAX_DISTANCES} whole numbers {bounds}, and none if `lookback` is 0"
            raise OptionsError.invalid("distances", distances, allowed)
        cutoffs = self.cutoffs
        if (
            len(cutoffs) > MAX_CUTOFFS
            or not all(type(cutoff) is int for cutoff in cutoffs)
            or list(cutoffs) != sorted({cutoff for cutoff in cutoffs if cutoff > 0})
        ):
            raise OptionsError.invalid("cutoffs", cutoffs, f"at most {MAX_CUTOFFS} rising whole numbers above 0")
        if self.copy_logits and (cutoffs or not distances):
            allowed = "false for a network that does not look back or has an adaptive softmax"
            raise OptionsError.invalid("copy_logits", self.copy_logits, allowed)

    def to_json(self) -> dict[str, Any]:
        """Return the values as plain JSON."""
        lists = {name: list(getattr(self, name)) for name in LISTS}
        return {**dataclasses.asdict(self), **lists}

    @classmethod
    def from_json(cls, data: Any) -> "NetworkConfig":
        """Return the config from the result of `to_json`.

        Raises:
            DamagedFileError: If a value is missing, unknown or out of range.
        """
        try:
            missing = {field.name for field in dataclasses.fields(cls)} - LATER_FIELDS - set(data)
            if missing:
                raise OptionsError(f"{', '.join(sorted(missing))} missing")
            lists = {name: tuple(data[name]) for name in LISTS if name in data}
            return cls(**{**data, **lists})
        except (TypeError, KeyError, OptionsError) as error:
            raise DamagedFileError(f"the description of the network is damaged ({error})") from error


@dataclass(frozen=True)
class Dropout:
    """The dropout probabilities by place.

    One mask is drawn per row and batch and used at all positions (Y. Gal and Z. Ghahramani, "A
    Theoretically Grounded Application of Dropout in Recurrent Neural Networks", NIPS 2016, section 4).
    Only the connections between layers are dropped, as in W. Zaremba, I. Sutskever and O. Vinyals,
    "Recurrent Neural Network Regularization", arXiv 1409.2329, section 3.1.

    >>> Dropout(between=0.2, labels=0.1)
    Dropout(input=0.0, between=0.2, output=0.0, recurrent=0.0, labels=0.1)

    Attributes:
        input: Dropout probability of the embedding of a step.
        between: Dropout probability of the output of each layer but the last.
        output: Dropout probability of the output of the last layer.
        recurrent: Dropout probability of the entries of the recurrent matrices, with one mask for all rows
            (DropConnect: S. Merity, N. Keskar and R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR
            2018, section 2).
        labels: Probability that the labels of a row are hidden for a batch, so that they are optional in generation.
    """

    input: float = 0.0
    between: float = 0.0
    output: float = 0.0
    recurrent: float = 0.0
    labels: float = 0.0
