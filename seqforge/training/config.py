"""The options of a training: the one place where they and their defaults are defined. No torch.

The fields are the arguments of `seqforge.train`; every other user interface is generated from them.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seqforge.core.options import flag
from seqforge.core.sequences import Attention
from seqforge.core.spaces import Categorical, Space
from seqforge.errors import OptionsError
from seqforge.network.config import Cell, Dropout, FeaturesAt, NetworkConfig, Softmax
from seqforge.training.schedule import Budget

Precision = Literal["auto", "float32", "bfloat16"]

SIZES: Mapping[str, Mapping[str, Any]] = {
    "small": {"layers": 1, "hidden": 256, "embedding": 64, "dropout": 0.1, "recurrent_dropout": 0.0},
    "medium": {"layers": 2, "hidden": 512, "embedding": 128, "dropout": 0.2, "recurrent_dropout": 0.15},
    "large": {"layers": 2, "hidden": 896, "embedding": 128, "dropout": 0.4, "recurrent_dropout": 0.3},
}
DEFAULT_SIZE = "medium"
DEFAULT_MINUTES = 10.0
MIN_ADAPTIVE = 80
"""The smallest number of symbols of an adaptive softmax."""
DEFAULT_ENCODER_UNITS = 128
"""Units per direction of the source encoder where steps are symbols."""
BUDGETS: tuple[Literal["steps", "epochs", "minutes"], ...] = ("steps", "epochs", "minutes")
MAX_THREADS, MAX_MEMBERS = 1024, 64
ADAPTIVE_SYMBOLS = 20_000
"""The number of symbols from which the softmax is adaptive by default."""
DEFAULT_LOOKBACK = 48
"""Width of the embedding of an earlier step at a corresponding place, where the codec names places."""
NETWORK_FIELDS = (
    "cell", "layers", "hidden", "embedding", "tie_embeddings", "residual", "attention", "encoder_units", "lookback",
    "copy_logits", "features_at", "softmax",
)  # fmt: skip
"""The options that decide the shape of the network; a run that starts from a model takes them from it."""
MODEL, OPTIMISATION, REGULARISATION, HARDWARE = "Model", "Optimisation", "Regularisation", "Hardware"


def _option(default: Any, panel: str, text: str, unit: str = "") -> Any:
    return flag(default, help=text, unit=unit, panel=panel)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. A value of None is set by `resolved`, most of them from `size`.

    >>> config = TrainingConfig(size="small", minutes=5.0).resolved()
    >>> config.hidden, config.dropout, config.budget
    (256, 0.1, Budget(amount=5.0, kind='minutes'))
    """

    size: Literal["small", "medium", "large"] = _option(
        DEFAULT_SIZE,
        MODEL,
        "Size of the network: sets layers, hidden, embedding, dropout and recurrent dropout. If it is not set, hidden,"
        " dropout and recurrent dropout follow from a budget of minutes on a CPU.",
    )
    cell: Cell = _option(NetworkConfig.cell, MODEL, "Type of the recurrent layers.")
    layers: int | None = _option(None, MODEL, "Number of recurrent layers.")
    hidden: int | None = _option(None, MODEL, "Size of the hidden state of each layer.", "UNITS")
    embedding: int | None = _option(None, MODEL, "Size of the embedding of a step.", "UNITS")
    tie_embeddings: bool = _option(
        NetworkConfig.tie_embeddings, MODEL, "Share one embedding matrix between input and output."
    )
    residual: bool = _option(NetworkConfig.residual, MODEL, "Residual connections around every layer but the first.")
    attention: Attention | None = _option(
        None,
        MODEL,
        "How a source (such as a text to translate) is read. monotonic: attention that moves forward only; content:"
        " attention that can read it in any order; none: an encoder-decoder without attention, whose encoder reads the"
        " source in reverse. Default: what suits the source.",
    )
    encoder_units: int | None = _option(
        None,
        MODEL,
        "Units per direction of the bidirectional LSTM that encodes a source (such as a text) before attention;"
        f" 0: attention on the symbols themselves. Default: {DEFAULT_ENCODER_UNITS} where steps are symbols, else 0.",
        "UNITS",
    )
    lookback: int | None = _option(
        None,
        MODEL,
        "Size of the embedding of each earlier step that stands at a corresponding place, such as the same place one"
        f" bar before; 0: none are read. Default: {DEFAULT_LOOKBACK} where the encoding names places, else 0.",
        "UNITS",
    )
    copy_logits: bool = _option(
        True,
        MODEL,
        "Add a learnt copy score to the logit of each of these earlier steps, where the network looks back and has a"
        " full softmax.",
    )
    features_at: FeaturesAt = _option(
        NetworkConfig.features_at,
        MODEL,
        "Where the features of a piece (features.npy or features.csv beside the corpus) enter the network: in the"
        " initial state, at every step, or both.",
    )
    softmax: Softmax | None = _option(
        None,
        MODEL,
        "full: one softmax over all symbols; adaptive: rare symbols in clusters, which are computed only where they are"
        f" predicted. Default: adaptive from {ADAPTIVE_SYMBOLS:,} symbols.",
    )
    members: int = _option(
        1,
        MODEL,
        "Number of networks that are trained together and averaged by generate and evaluate; each starts from other"
        " weights.",
        "COUNT",
    )
    steps: int | None = _option(None, OPTIMISATION, "Train for this number of optimiser steps.")
    epochs: float | None = _option(None, OPTIMISATION, "Train for this number of epochs.")
    minutes: float | None = _option(
        None, OPTIMISATION, f"Train for this number of minutes. Default without steps and epochs: {DEFAULT_MINUTES:g}."
    )
    batch_size: int = _option(32, OPTIMISATION, "Batch size: number of sequences that are read in parallel.", "ROWS")
    bptt: int = _option(
        64, OPTIMISATION, "Truncated-BPTT length. The hidden state is carried over to the next batch.", "STEPS"
    )
    accumulate: int = _option(
        1,
        OPTIMISATION,
        "Gradient accumulation: read the rows of a batch in this number of parts, one after the other. The result is"
        " the same but for rounding, and takes less memory.",
        "PARTS",
    )
    learning_rate: float = _option(5e-3, OPTIMISATION, "Peak learning rate of the schedule (AdamW).")
    warmup: int = _option(100, OPTIMISATION, "Length of the linear learning-rate warm-up.", "STEPS")
    grad_clip: float = _option(
        1.0, OPTIMISATION, "Gradient clipping: the largest norm of the whole gradient; 0: no clipping.", "NORM"
    )
    ema: int = _option(
        200, OPTIMISATION, "Horizon of the exponential moving average (EMA) of the weights; 0: no EMA.", "STEPS"
    )
    patience: int = _option(
        8, OPTIMISATION, "Early stopping: validations without improvement before the final decay; 0: never.", "COUNT"
    )
    precision: Precision = _option(
        "auto",
        OPTIMISATION,
        "Precision of the matrix products; auto: bfloat16 where it is faster on this machine, else float32.",
    )
    distil_weight: float = _option(
        0.5, OPTIMISATION, "With a teacher (--distil): weight of its predictions in the loss; the data has the rest."
    )
    weight_decay: float = _option(0.05, REGULARISATION, "Weight decay of AdamW, applied to matrices only.")
    dropout: float | None = _option(None, REGULARISATION, "Dropout probability between layers.")
    input_dropout: float = _option(0.0, REGULARISATION, "Dropout probability of the embedding.")
    output_dropout: float | None = _option(
        None, REGULARISATION, "Dropout probability before the output layer. Default: that of dropout."
    )
    recurrent_dropout: float | None = _option(
        None, REGULARISATION, "Dropout probability of the entries of the recurrent matrices (DropConnect)."
    )
    label_dropout: float = _option(
        0.1, REGULARISATION, "Probability that the labels of a row are hidden, so that they are optional in generation."
    )
    seed: int = _option(0, OPTIMISATION, "Seed of initialisation, shuffling, dropout and augmentation.")
    device: str = _option("cpu", HARDWARE, "Device to train on: cpu, cuda or mps.")
    threads: int | None = _option(None, HARDWARE, "Number of CPU threads; stored with the run. Default: one per core.")

    def __post_init__(self) -> None:
        budgets = [kind for kind in BUDGETS if getattr(self, kind) is not None]
        if len(budgets) > 1:
            raise OptionsError(f"{' and '.join(f'`{kind}`' for kind in budgets)} are both set; set one of them")
        if not 0 <= self.seed < 2**63:
            raise OptionsError.invalid("seed", self.seed, "from 0 to 2^63 - 1")
        for kind in BUDGETS:
            value = getattr(self, kind)
            if value is not None and not 0 < value < math.inf:
                raise OptionsError.invalid(kind, value, "above 0 and finite")
        if self.threads is not None and not 1 <= self.threads <= MAX_THREADS:
            raise OptionsError.invalid("threads", self.threads, f"from 1 to {MAX_THREADS}")
        if not 1 <= self.members <= MAX_MEMBERS:
            raise OptionsError.invalid("members", self.members, f"from 1 to {MAX_MEMBERS}")
        if not 0 <= self.distil_weight <= 1:
            raise OptionsError.invalid("distil_weight", self.distil_weight, "from 0 to 1")
        minima = {"batch_size": 1, "bptt": 2, "accumulate": 1, "warmup": 0, "ema": 0, "patience": 0, "lookback": 0}
        for name, bound in minima.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionsError.invalid(name, value, f"at least {bound}")
        if not 0 < self.learning_rate < math.inf:
            raise OptionsError.invalid("learning_rate", self.learning_rate, "above 0 and finite")
        if not 0 <= self.weight_decay < math.inf:
            raise OptionsError.invalid("weight_decay", self.weight_decay, "at least 0 and finite")
        if not self.grad_clip >= 0:
            raise OptionsError.invalid("grad_clip", self.grad_clip, "above 0, or 0 for no clipping")
        if self.grad_clip == math.inf:  # stored as 0, because JSON has no infinity
            object.__setattr__(self, "grad_clip", 0.0)
        for name in ("dropout", "input_dropout", "output_dropout", "recurrent_dropout", "label_dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise OptionsError.invalid(name, value, "from 0 to below 1")

    def resolved(self) -> "TrainingConfig":
        """Return the config with every value set that depends on `size` or on another option.

        >>> TrainingConfig(size="large", dropout=0.1).resolved().output_dropout
        0.1
        """
        values = {name: value for name, value in SIZES[self.size].items() if getattr(self, name) is None}
        config = dataclasses.replace(self, **values)
        if config.output_dropout is None:
            config = dataclasses.replace(config, output_dropout=config.dropout)
        if all(getattr(config, kind) is None for kind in BUDGETS):
            config = dataclasses.replace(config, minutes=DEFAULT_MINUTES)
        return config

    @property
    def budget(self) -> Budget:
        """How long to train: the steps, epochs or minutes that are set."""
        for kind in BUDGETS:
            amount = getattr(self, kind)
            if amount is not None:
                return Budget(float(amount), kind)
        return Budget(DEFAULT_MINUTES, "minutes")

    @property
    def dropouts(self) -> Dropout:
        """The dropout probabilities, 0 where `size` has not been resolved."""
        return Dropout(
            input=self.input_dropout,
            between=self.dropout or 0.0,
            output=self.output_dropout or 0.0,
            recurrent=self.recurrent_dropout or 0.0,
            labels=self.label_dropout,
        )

    def network(
        self,
        space: Space | None = None,
        *,
        source: Categorical | None = None,
        attention: Attention = "monotonic",
        labels: tuple[int, ...] = (),
        features: int = 0,
        distances: tuple[int, ...] = (),
    ) -> NetworkConfig:
        """Return the architecture of the network for a codec.

        >>> TrainingConfig(size="small").network(source=Categorical(30)).source_symbols
        31

        Args:
            space: The type of a step; None checks the options only.
            source: The type of a step of the source.
            attention: How the source is read if `attention` is not set.
            labels: The number of values of each label.
            features: The number of real features.
            distances: The numbers of periods by which the codec looks back; empty if it names no places.

        Raises:
            OptionsError: If an option is out of range, or `attention` is set and there is no source.
        """
        config, encoder_units = self.resolved(), self.encoder_units
        if space is not None and source is None and self.attention is not None:
            raise OptionsError(
                "`attention` says how a source is read, and the pieces of this corpus have no source; leave it out",
                field="attention", value=self.attention, allowed="None without a source",
            )  # fmt: skip
        attention = self.attention or attention
        if encoder_units is None and attention == "content":
            encoder_units = DEFAULT_ENCODER_UNITS
        elif encoder_units is None and attention == "none":
            encoder_units = 0
        elif encoder_units is None:
            symbolic = source is not None and isinstance(space, Categorical)
            encoder_units = DEFAULT_ENCODER_UNITS if symbolic else 0
        lookback = self.lookback if self.lookback is not None else DEFAULT_LOOKBACK
        resolved_below = ("attention", "encoder_units", "lookback", "copy_logits", "softmax")
        shape = {name: getattr(config, name) for name in NETWORK_FIELDS if name not in resolved_below}
        symbols, cutoffs = source.size + 1 if source is not None else 0, self._cutoffs(space)
        looks_back = bool(lookback and distances)
        return NetworkConfig(
            **shape,
            attention=attention,
            encoder_units=encoder_units,
            labels=labels,
            features=features,
            source_symbols=symbols,
            lookback=lookback if looks_back else 0,
            distances=distances if looks_back else (),
            copy_logits=self.copy_logits and looks_back and not cutoffs,
            cutoffs=cutoffs,
        )

    def _cutoffs(self, space: Space | None) -> tuple[int, ...]:
        """Return the cutoffs of the softmax over the symbols of a space.

        Raises:
            OptionsError: If the softmax is to be adaptive and the space has no or too few symbols.
        """
        if not isinstance(space, Categorical) or (self.softmax == "adaptive" and space.size < MIN_ADAPTIVE):
            if self.softmax == "adaptive" and space is not None:
                raise OptionsError(
                    f"`softmax` is adaptive, which needs at least {MIN_ADAPTIVE} symbols; leave it out",
                    field="softmax", value=self.softmax, allowed="full",
                )  # fmt: skip
            return ()
        adaptive = self.softmax == "adaptive" or (self.softmax is None and space.size >= ADAPTIVE_SYMBOLS)
        return adaptive_cutoffs(space.size) if adaptive else ()


def adaptive_cutoffs(size: int) -> tuple[int, ...]:
    """Return the numbers of symbols at which the two clusters of rare symbols begin.

    For symbols whose frequency falls as 1 / number (Zipf), about a quarter of the positions is in the clusters.

    >>> adaptive_cutoffs(160_000)
    (4000, 40000)

    Args:
        size: The number of symbols.
    """
    return size // 40, size // 4


def with_plugin_defaults(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a user, completed by a plugin's training defaults.

    >>> with_plugin_defaults({"minutes": 5, "hidden": 320}, {"epochs": 2})
    {'hidden': 320, 'epochs': 2}

    Args:
        defaults: The plugin's defaults.
        values: The user's values. A budget of any kind replaces the plugin's budget; a size replaces what it sets.
    """
    ignored: set[str] = set(BUDGETS) if any(values.get(name) is not None for name in BUDGETS) else set()
    if "size" in values:
        ignored |= set(SIZES[DEFAULT_SIZE])
    return {name: value for name, value in defaults.items() if name not in ignored} | dict(values)
