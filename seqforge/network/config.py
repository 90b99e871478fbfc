"""The shape of a network, as plain values that stand in the model file."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from seqforge.errors import DamagedFileError, OptionsError

Cell = Literal["lstm", "gru", "rnn"]

BOUNDS = {
    "layers": (1, 64), "hidden": (1, 65_536), "embedding": (1, 65_536), "features": (0, 65_536),
    "source_symbols": (0, 1_000_000), "gaussians": (1, 1000), "encoder_units": (0, 65_536),
}  # fmt: skip
MOST_LABELS, MOST_VALUES = 64, 1_000_000


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a network.

    Attributes:
        cell: the recurrent layer: lstm, gru, or rnn (tanh).
        layers: how many of them are stacked.
        hidden: units of each layer.
        embedding: width of a step's representation at the input, and at the output where tied.
        tie_embeddings: input and output share one table of embeddings.
        residual: what a layer above the first reads is added to what it gives.
        labels: for each label the number of its values, "unknown" not counted.
        features: how many real features condition a piece.
        source_symbols: symbols of the source that is attended to, the one behind its last included; 0: no source.
        gaussians: of the window on it.
        encoder_units: Units per direction of the bidirectional encoder of the source; 0: attention on the symbols.
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

    @property
    def attention_width(self) -> int:
        """Width of what is seen through the window on the source."""
        return 2 * self.encoder_units if self.source_symbols and self.encoder_units else self.source_symbols

    def __post_init__(self) -> None:
        if self.cell not in get_args(Cell):
            raise OptionsError(f"cell is {self.cell!r}; allowed are {', '.join(get_args(Cell))}")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise OptionsError(f"{name} is {value!r}; it must be a whole number from {least} to {most}")
        for name in ("tie_embeddings", "residual"):
            if type(getattr(self, name)) is not bool:
                raise OptionsError(f"{name} is {getattr(self, name)!r}; it must be true or false")
        if len(self.labels) > MOST_LABELS or not all(type(n) is int and 0 <= n <= MOST_VALUES for n in self.labels):
            raise OptionsError(f"labels is {self.labels!r}; at most {MOST_LABELS}, {MOST_VALUES:,} values each")

    def to_json(self) -> dict[str, Any]:
        """Return the values as plain JSON."""
        return {**dataclasses.asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, data: Any) -> "NetworkConfig":
        """Return the config that `to_json` described.

        Raises:
            DamagedFileError: a value is missing, unknown or out of range.
        """
        try:
            missing = {field.name for field in dataclasses.fields(cls)} - set(data)
            if missing:
                raise OptionsError(f"{sorted(missing)} missing")
            return cls(**{**data, "labels": tuple(data["labels"])})
        except (TypeError, KeyError, OptionsError) as error:
            raise DamagedFileError(f"it describes no network of ours ({error})") from error


@dataclass(frozen=True)
class Dropout:
    """The share of units dropped, by place.

    One mask for each lane and window, the same at all its steps (Y. Gal and Z. Ghahramani, "A
    Theoretically Grounded Application of Dropout in Recurrent Neural Networks", NIPS 2016, section 4;
    only the connections between layers are dropped, as in W. Zaremba, I. Sutskever and O. Vinyals,
    "Recurrent Neural Network Regularization", arXiv 1409.2329, section 3.1).

    Attributes:
        input: of the embedding of a step.
        between: of what a layer hands to the next.
        output: of what the last layer hands to the head.
        recurrent: of the entries of the recurrent matrices, the same for all lanes (S. Merity, N. Keskar and
            R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018, section 2).
        labels: the chance that a lane's labels are hidden for a window, so that they may be left out
            when generating.
    """

    input: float = 0.0
    between: float = 0.0
    output: float = 0.0
    recurrent: float = 0.0
    labels: float = 0.0
