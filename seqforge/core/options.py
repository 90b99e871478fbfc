"""Options as frozen dataclasses: their fields become flags of the command line, forms and plain JSON.

    from dataclasses import dataclass
    from typing import Literal

    from seqforge import flag

    @dataclass(frozen=True)
    class ChessOptions:
        notation: Literal["san", "uci"] = flag("san", help="Notation of a move.")

A field may have the type bool, int, float, str, Path, Literal, or one of them or None.
"""

import dataclasses
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seqforge.errors import OptionsError, did_you_mean, listing

__all__ = [
    "CONVERT_FLAGS",
    "RESERVED",
    "NoOptions",
    "NoRequest",
    "build_options",
    "flag",
    "flag_name",
    "options_from_json",
    "options_to_json",
    "unsupported_fields",
    "without_none",
]

RESERVED = frozenset(
    """accumulate adapt adapt_rate adapt_steps adapt_to alternatives attention ban batch_size beam_diversity
    beam_groups beams best_of bias bptt candidates cell config copy_logits corpus coverage_penalty debug device
    disk_check distil distil_weight dropout dry dry_base dry_length ema embedding encoder_units epochs
    epsilon eta features features_at file force force_token format frequency_penalty grad_clip greedy
    guidance help hidden init input_dropout json label label_columns label_dropout labels layers
    learning_rate length length_penalty log logit_bias lookback max_copy max_seconds max_steps members min_p
    minutes mirostat mirostat_rate model n no_repeat_ngram output output_dropout overwrite patience
    penalty_window plugin precision presence_penalty quiet recurrent_dropout repetition_penalty replace
    replay request residual resume run samples seed show_attention size softmax split steps stop_at
    temperature temperature_exponent temperature_range test text_column threads tie_embeddings top_k
    top_n_sigma top_p typical valid version warmup weight_decay workers xtc_probability xtc_threshold""".split()  # noqa: SIM905 - readable as prose
)
"""Names of the core's own flags; no field of a plugin's Options or Request may have one of these names."""

CONVERT_FLAGS = frozenset(["inputs", "loop", "to"])
"""Flags of `convert` that are not in RESERVED; no field of a plugin's Layout may have one of these names."""

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True)
class NoOptions:
    """The options of a plugin that has none."""


@dataclass(frozen=True)
class NoRequest:
    """The request of a plugin that is controlled by the core's flags only."""


def flag(default: Any, *, help: str, unit: str = "", panel: str = "") -> Any:  # noqa: A002 - the usual word
    """Return a dataclass field that becomes a flag of the command line, `--tempo` for the field `tempo`.

    The type of the field decides what the flag accepts:

    - `bool`: the flag alone means True, and `--no-NAME` means False.
    - `int`, `float` and `str`: a value.
    - `Path`: a path; a relative one starts from the working folder.
    - `Literal["san", "uci"]`: one of these values.
    - One of these types `| None`: the flag may be left out, with the default None.

    Other types are an error of the declaration. Values that depend on others are checked in `__post_init__` by raising
    `OptionsError`, or in `Codec.task` by raising `RequestError`. The name must not be that of a flag of the core
    (`seqforge.RESERVED`).

    A field whose name would be a keyword of Python ends with an underscore, which its flag lacks (`as_`, `--as`).

    >>> @dataclass(frozen=True)
    ... class Request:
    ...     tempo: int = flag(120, help="Tempo of the tune.", unit="BPM")
    >>> Request().tempo
    120

    Args:
        default: The default value.
        help: The help text, a sentence.
        unit: The unit of the value, shown as `--tempo BPM`; "" for none. A text with the unit FILE, or one that begins
            with it, names a file, perhaps with a piece and parts of it (`book.abc#3:5-8`): the file is an input of
            the provenance.
        panel: The heading under which `--help` shows the flag; "" for the default heading.
    """
    return field(default=default, metadata={"help": help, "unit": unit, "panel": panel})


def flag_name(field_name: str) -> str:
    """Return the flag of a field.

    >>> flag_name("top_p"), flag_name("as_")
    ('--top-p', '--as')
    """
    return "--" + field_name.rstrip("_").replace("_", "-")


def options_to_json(options: Any) -> dict[str, Any]:
    """Return the values of an options dataclass as plain JSON; paths become strings.

    >>> options_to_json(NoOptions())
    {}
    """
    values = dataclasses.asdict(options)
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def options_from_json(kind: type[OptionsT], values: Mapping[str, Any]) -> OptionsT:
    """Return the options dataclass that `options_to_json` described.

    >>> options_from_json(NoOptions, {})
    NoOptions()

    Raises:
        TypeError, ValueError: If the values do not fit the dataclass.
    """
    hints = get_type_hints(kind)
    paths = {name for name, hint in hints.items() if hint is Path or Path in get_args(hint)}
    return kind(**{n: Path(v) if n in paths and isinstance(v, str) else v for n, v in values.items()})


def build_options(kind: type[OptionsT], values: Mapping[str, Any], *, owner: str) -> OptionsT:
    """Return an options dataclass with these values, converted to the types of its fields.

    >>> @dataclass(frozen=True)
    ... class Request:
    ...     speed: float = 1.0
    >>> build_options(Request, {"speed": 2}, owner="the plugin 'chess'")
    Request(speed=2.0)

    Args:
        kind: The dataclass.
        values: The values by field name; fields that are missing keep their defaults.
        owner: Whose options these are, for error messages: "the plugin 'abc'".

    Raises:
        OptionsError: If a name is unknown or a value is not allowed.
    """
    names = [item.name for item in dataclasses.fields(kind)]  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    converted = {}
    for name, value in values.items():
        if name not in names:
            offer = f"it has {listing(names)}" if names else "it has none"
            raise OptionsError(
                f"{owner} has no option {name!r}; {offer}{did_you_mean(name, names)}", field=name, value=value
            )
        converted[name] = _convert(name, value, hints[name])
    try:
        options = options_from_json(kind, converted)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"the options of {owner} are not accepted: {error}") from error
    for name in names:
        value = getattr(options, name)
        if isinstance(value, float) and not math.isfinite(value):  # JSON and TOML files could not store it
            raise OptionsError.invalid(name, value, "a finite number")
    return options


def _convert(name: str, value: Any, hint: Any) -> Any:
    """Return a value with the type of its field; an int is accepted for a float, a string for a path.

    Raises:
        OptionsError: If the value has another type, or is none of the allowed words.
    """
    plain, optional = without_none(hint)
    if value is None and optional:
        return None
    if get_origin(plain) is Literal:
        if value not in get_args(plain):
            words = [str(word) for word in get_args(plain)]
            suggestion = did_you_mean(str(value), words)
            raise OptionsError(
                f"`{name}` is {value!r}; allowed are {listing(words)}{suggestion}",
                field=name, value=value, allowed=listing(words),
            )  # fmt: skip
        return value
    if plain is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if plain is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise OptionsError.invalid(name, value, f"of type {plain.__name__}")
    return value


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type without "or None", and whether it was optional.

    >>> without_none(int | None)
    (<class 'int'>, True)
    """
    if get_origin(hint) in (Union, types.UnionType):
        rest = [part for part in get_args(hint) if part is not type(None)]
        if len(rest) == 1 and len(get_args(hint)) == 2:
            return rest[0], True
    return hint, False


def unsupported_fields(kind: type) -> list[str]:
    """Return the names of the fields of a dataclass whose type cannot become a flag."""
    plain = {name: without_none(hint)[0] for name, hint in get_type_hints(kind).items()}
    return [n for n, t in plain.items() if t not in (bool, int, float, str, Path) and get_origin(t) is not Literal]


def describe_fields(kind: type) -> list[dict[str, Any]]:
    """Return name, type, default, help and unit of every field of an options dataclass, as plain values."""
    return [
        {
            "name": item.name,
            "type": getattr(item.type, "__name__", str(item.type)),
            "default": None if item.default is dataclasses.MISSING else item.default,
            "help": item.metadata.get("help", ""),
            "unit": item.metadata.get("unit", ""),
        }
        for item in dataclasses.fields(kind)
    ]
