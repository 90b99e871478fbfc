"""The core's own options of training: one dataclass, from which flags, config.toml and the Python API come.

It is light: neither torch nor a plugin is imported for it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.errors import OptionsError, did_you_mean, listing
from seqforge.plugin import flag, options_from_json, without_none

SIZES: Mapping[str, Mapping[str, Any]] = {
    "small": {"layers": 1, "hidden": 256, "embedding": 64, "dropout": 0.1, "recurrent_dropout": 0.0},
    "medium": {"layers": 2, "hidden": 512, "embedding": 128, "dropout": 0.2, "recurrent_dropout": 0.15},
    "large": {"layers": 2, "hidden": 896, "embedding": 128, "dropout": 0.4, "recurrent_dropout": 0.3},
}
DEFAULT_SIZE = "medium"
DEFAULT_MINUTES = 10.0
BUDGETS = ("steps", "epochs", "minutes")


@dataclass(frozen=True)
class Settings:
    """How to train. None means: as `size` has it."""

    size: Literal["small", "medium", "large"] = flag(DEFAULT_SIZE, help="sets layers, hidden, embedding and dropout")
    cell: Literal["lstm", "gru", "rnn"] = flag("lstm", help="the recurrent layer")
    layers: int | None = flag(None, help="how many recurrent layers")
    hidden: int | None = flag(None, help="width of each", unit="UNITS")
    embedding: int | None = flag(None, help="width of a step's representation", unit="UNITS")
    tie: bool = flag(True, help="one table of embeddings for input and output")
    residual: bool = flag(True, help="add what a layer above the first reads to what it gives")
    encoder: int | None = flag(
        None,
        help="width, in each direction, of the layers that read a source before it is attended to; 0: its bare symbols"
        " are; default: 128 where steps are symbols, else 0",
        unit="UNITS",
    )
    dropout: float | None = flag(None, help="share dropped between layers")
    input_dropout: float = flag(0.0, help="share dropped of the embeddings")
    output_dropout: float | None = flag(None, help="share dropped before the output; default: as --dropout")
    recurrent_dropout: float | None = flag(None, help="share dropped of the recurrent matrices")
    label_dropout: float = flag(0.1, help="chance that a window's labels are hidden")
    steps: int | None = flag(None, help="train for so many steps")
    epochs: float | None = flag(None, help="or for so many passes over the corpus")
    minutes: float | None = flag(None, help=f"or for so many minutes (if none is given: {DEFAULT_MINUTES:g})")
    batch_size: int = flag(32, help="lanes that are read side by side")
    window: int = flag(64, help="gradients flow through so many steps; the state is carried on", unit="STEPS")
    learning_rate: float = flag(5e-3, help="the highest learning rate")
    warmup: int = flag(100, help="steps until it is reached", unit="STEPS")
    weight_decay: float = flag(0.05, help="of AdamW")
    clip: float = flag(1.0, help="largest norm of the gradient")
    average: int = flag(200, help="horizon of the average of the weights; 0: none", unit="STEPS")
    patience: int = flag(8, help="validations without a better loss until the run is brought to its end; 0: never")
    seed: int = flag(0, help="of everything random")
    device: str = flag("cpu", help="cpu, cuda, mps")
    precision: Literal["auto", "float32", "bfloat16"] = flag("auto", help="of matrix products; auto: what is faster")
    threads: int | None = flag(None, help="processor threads; default: all cores")

    def __post_init__(self) -> None:
        budgets = [f"--{kind}" for kind in BUDGETS if getattr(self, kind) is not None]
        if len(budgets) > 1:
            raise OptionsError(f"{' and '.join(budgets)} are given; give one of them")
        if not 0 <= self.seed < 2**63:
            raise OptionsError(f"seed is {self.seed}; it must be from 0 to 2^63 - 1")
        if self.threads is not None and self.threads < 1:
            raise OptionsError(f"--threads is {self.threads}; it must be at least 1")
        for kind in BUDGETS:
            value = getattr(self, kind)
            if value is not None and not 0 < value < float("inf"):
                raise OptionsError(f"--{kind} is {value:g}; it must be more than 0")

    def resolved(self) -> "Settings":
        """Return the settings with everything that depends on `size` and on each other filled in."""
        values = {name: value for name, value in SIZES[self.size].items() if getattr(self, name) is None}
        full = dataclasses.replace(self, **values)
        if full.output_dropout is None:
            full = dataclasses.replace(full, output_dropout=full.dropout)
        if full.steps is None and full.epochs is None and full.minutes is None:
            full = dataclasses.replace(full, minutes=DEFAULT_MINUTES)
        return full


def suited(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person gave, and what a plugin suggests where that does not speak of it.

    Args:
        settings: the plugin's.
        given: the person's; a budget of any kind replaces a budget, a size what it sets.
    """
    silent = set(BUDGETS) if any(given.get(name) is not None for name in BUDGETS) else set()
    if "size" in given:
        silent |= set(SIZES[DEFAULT_SIZE])
    return {name: value for name, value in settings.items() if name not in silent} | dict(given)


def build(kind: type, values: Mapping[str, Any], *, what: str) -> Any:
    """Return a dataclass of options with these values.

    Args:
        kind: the dataclass.
        values: by field name.
        what: whose they are, for messages.

    Raises:
        OptionsError: a name is unknown, or a value is not allowed.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            offer = f"it has {listing(known)}" if known else "it has none"
            raise OptionsError(f"{what} has no option {name!r}; {offer}.{did_you_mean(name, known)}")
    fitted = {name: _fitted(name, value, hint) for name, value, hint in _hinted(kind, values)}
    try:
        return options_from_json(kind, fitted)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"the options of {what} are not accepted: {error}") from error


def _hinted(kind: type, values: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    hints = get_type_hints(kind)
    return [(name, value, hints[name]) for name, value in values.items()]


def _fitted(name: str, value: Any, hint: Any) -> Any:
    """Return a value as its field's type has it; Python's callers write 10 where 10.0 is meant.

    Raises:
        OptionsError: it is of another type, or none of the words allowed.
    """
    bare, optional = without_none(hint)
    flag_name = "--" + name.replace("_", "-")
    if value is None and optional:
        return None
    if get_origin(bare) is Literal:
        words = [str(word) for word in get_args(bare)]
        if value not in get_args(bare):
            raise OptionsError(
                f"{flag_name} is {value!r}; allowed are {listing(words)}.{did_you_mean(str(value), words)}"
            )
        return value
    if bare is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if bare is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, bare) or (bare is int and isinstance(value, bool)):
        raise OptionsError(f"{flag_name} is {value!r}; it must be of type {bare.__name__}")
    return value
