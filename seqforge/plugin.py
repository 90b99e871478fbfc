"""The contract between the core and a plugin. Everything a plugin author meets is in this file.

A plugin is a class, announced through the entry-point group `seqforge.plugins`:

    [project.entry-points."seqforge.plugins"]
    chess = "seqforge_chess:Chess"

It reads files into pieces, fits a codec on them, and writes pieces to files. The codec turns a piece
into steps and steps into a piece. Most plugins take `seqforge.TokenCodec` as their codec and write
only `tokenise` and `detokenise`. What is optional is a capability: a class of its own at the end of
this file, which the core looks for with `isinstance`.

The round-trip law: `decode(encode(p)) == canonical(p)`, and `canonical(canonical(p)) == canonical(p)`.
"""

import dataclasses
import importlib.metadata
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from seqforge.errors import ReadError
from seqforge.sequences import Example, Prompt
from seqforge.spaces import Categorical, Space

__all__ = [
    "API",
    "RESERVED",
    "Augments",
    "Codec",
    "Describes",
    "Divides",
    "Fingerprints",
    "Illustrates",
    "Judges",
    "NoOptions",
    "NoRequest",
    "Origin",
    "Piece",
    "Plugin",
    "Streams",
    "flag",
]

API = 1
GROUP = "seqforge.plugins"
"""The entry-point group under which plugins are announced."""

RESERVED = frozenset(
    """average ban batch_size beams bias candidates cell clip corpus debug device dropout dropout_input
    dropout_output dropout_recurrent dry dry_base dry_length embedding encoder epochs file force frequency_penalty
    greedy help hidden init json label_dropout layers learning_rate length length_penalty look_back min_p minutes
    mirostat mirostat_rate model n no_repeat_ngram output patience plugin precision presence_penalty quiet
    repetition_penalty replay residual resume run samples seed show_attention size steps stop_at temperature threads
    tie time top_k top_p typical version warmup weight_decay where window workers""".split()  # noqa: SIM905 - as prose
)
"""The core's own flags: no field of a plugin's Options or Request may bear one of these names."""


def flag(default: Any, *, help: str, unit: str = "") -> Any:  # noqa: A002 - the word users know
    """Return a dataclass field that becomes a flag with this help and unit (`--tempo BPM`)."""
    return field(default=default, metadata={"help": help, "unit": unit})


@dataclass(frozen=True)
class Origin:
    """Where a piece came from: the file, and the place in it ("line 12", "tune 3")."""

    file: str
    place: str = ""


@dataclass(frozen=True)
class Piece:
    """One tune, song, line of handwriting or document: what a plugin reads and writes.

    Attributes:
        content: the plugin's own type; `==` on it must mean "the same piece".
        labels: label name to value (language: Irish); the core adds those of `labels.csv` and corpus.toml.
        origin: where it was read; of a generated piece, the model that made it, and seed and number.
    """

    content: Any
    labels: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True)
class NoOptions:
    """The options of a plugin that has none."""


@dataclass(frozen=True)
class NoRequest:
    """The request of a plugin that generates from nothing but the core's own flags."""


class Codec(ABC):
    """What one plugin has fitted on one corpus: turns a piece into steps and steps into a piece.

    It is stored in the model file as plain JSON and named arrays, never as code.

    Attributes:
        version: goes up when the meaning of the JSON changes; `upgraded` or `from_json` reads every version ever
            written, or names the release that can.
        space: what a step is.
        source: what a step of the source is: one of some symbols; None without a source.
        labels: label name to its values, in the order the network numbers them.
        features: how many real features a piece has.
    """

    version: ClassVar[int] = 1
    space: Space
    source: Categorical | None = None
    labels: Mapping[str, tuple[str, ...]] = {}
    features: int = 0

    @abstractmethod
    def encode(self, piece: Piece) -> Example:
        """Return the piece as steps. Total: what was never seen is replaced and counted in `unseen`."""

    @abstractmethod
    def decode(self, example: Example) -> Piece:
        """Return the piece that the steps stand for.

        Raises:
            DecodeError: they stand for none.
        """

    @abstractmethod
    def canonical(self, piece: Piece) -> Piece:
        """Return what the encoding promises to keep of a piece; never written as decode(encode(piece))."""

    @abstractmethod
    def units(self, steps: np.ndarray) -> np.ndarray:
        """Return how many units each step stands for, shape (steps,); they sum to the units of the piece.

        A step's count depends on that step alone, so that the core can count while it generates.
        """

    @abstractmethod
    def prompts(self, request: Any) -> Sequence[Prompt]:
        """Return where to start from, one prompt for each part of the result (usually one).

        Raises:
            RequestError: what is asked for is impossible.
        """

    def finish(self, pieces: Sequence[Piece], request: Any) -> Piece:
        """Join the generated parts into one piece, and set what was asked and not generated (a title)."""
        return pieces[0]

    def widened(self, pieces: Iterable[Piece]) -> "Codec":
        """Return the codec for training this one's model further on other pieces: space, source and labels the same.

        For what a codec knows of its corpus and only generation asks for (which instruments play). It is itself
        by default.
        """
        return self

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        """Return what `encode` replaces or leaves out in this piece, with counts: the person is told."""
        return {}

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        """Return what each symbol of a source is called where attention is drawn; their numbers by default."""
        return [str(symbol) for symbol in source.tolist()]

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain JSON from which `from_json` makes an equal codec."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> "Codec":
        """Return the codec that `to_json` and `arrays` described.

        Raises:
            ValueError, KeyError, TypeError: the data describe no codec. The core names the file.
        """

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """Return the JSON that an earlier version wrote as `from_json` reads it; by default as it is.

        Raises:
            ValueError: this release cannot read that version; the message names one that can.
        """
        return data

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Return the named arrays to store beside the JSON (a style sample); none by default."""
        return {}


class Plugin(ABC):
    """One domain: its files, its options, its codec. A subclass takes no arguments to construct.

    Attributes:
        api: the version of this contract that the plugin was written for.
        name: as in `--plugin name`; the entry point's name.
        summary: one line for `seqforge plugins show`.
        unit: the natural unit of the domain, singular ("character"); losses are reported per unit.
        reads: suffixes of the files it reads (".txt"); empty: any file.
        writes: suffixes of the files it writes, the default first.
        books: those of `writes` that hold several pieces in one file.
        Options: frozen dataclass: how to read and encode. Its fields become flags of `train`.
        Request: frozen dataclass: what to ask for. Its fields become flags of `generate`.
        codec: the class of its codec.
        default_model: which of the models that ship is taken where none is named.
        settings: values of the core's own training flags that suit the domain, by name ("minutes": 5), where
            the person gives none.
        controls: likewise of how `generate` chooses a step (`seqforge.sampling.Controls`): "temperature": 0.9.
    """

    api: ClassVar[int] = API
    name: ClassVar[str]
    summary: ClassVar[str] = ""
    unit: ClassVar[str] = "step"
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]]
    books: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type] = NoOptions
    Request: ClassVar[type] = NoRequest
    codec: ClassVar[type[Codec]]
    default_model: ClassVar[str] = "default"
    settings: ClassVar[Mapping[str, Any]] = {}
    controls: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the pieces of one file; for what cannot be read, yield a ReadError and go on."""

    @abstractmethod
    def fit(self, pieces: Iterable[Piece], options: Any) -> Codec:
        """Learn a codec from the training pieces, in one pass (they may not fit into memory)."""

    @abstractmethod
    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        """Write pieces to a file in the format of its suffix. The core renames it into place."""

    @classmethod
    def distribution(cls) -> str:
        """Return the name of the distribution that announces the plugin; where none does, that of its package."""
        package = cls.__module__.partition(".")[0]
        for point in importlib.metadata.entry_points(group=GROUP):
            if point.dist is not None and point.value.partition(":")[0].partition(".")[0] == package:
                return point.dist.name
        return package


class Augments(ABC):
    """Capability of a codec: more training data by a change that keeps the music (a transposition)."""

    @abstractmethod
    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return a variant of the same number of steps. Train only; rng comes from (seed, epoch, piece)."""


class Divides(ABC):
    """Capability of a plugin: a corpus of one long piece (a novel) can be split by fractions of it."""

    @abstractmethod
    def divide(self, piece: Piece, fractions: Sequence[float]) -> list[Piece]:
        """Return consecutive parts of the piece; fractions sum to 1. A part may be empty."""


class Fingerprints(ABC):
    """Capability of a plugin: near duplicates are kept on the same side of a split."""

    @abstractmethod
    def fingerprints(self, piece: Piece) -> Iterable[int]:
        """Return 64-bit keys; two pieces with a key in common belong on the same side."""


class Describes(ABC):
    """Capability of a plugin: what its pieces are like can be counted, of generated ones beside real ones."""

    @abstractmethod
    def describe(self, piece: Piece) -> Mapping[str, np.ndarray]:
        """Return named quantities, each as often as it occurs in the piece: whole numbers, shape (occurrences,)."""

    @abstractmethod
    def trace(self, piece: Piece) -> Sequence[int]:
        """Return the sequence in which a long run in common means that it was copied (intervals of a melody)."""


class Judges(ABC):
    """Capability of a plugin: it knows whether a piece is right by the rules of its domain.

    A constraint must then allow every real piece that is right: the kit asks both.
    """

    @abstractmethod
    def flaws(self, piece: Piece) -> Sequence[str]:
        """Return what is wrong with a piece, a sentence each; nothing where it is right."""


class Streams(ABC):
    """Capability of a codec: what is generated can be shown while it grows."""

    @abstractmethod
    def stream(self) -> Callable[[Any], str]:
        """Return a function that takes one step after the other and gives the text each adds."""


class Illustrates(ABC):
    """Capability of a codec: what a model offers to choose from can be shown (the hands it has)."""

    @abstractmethod
    def illustration(self) -> Piece:
        """Return a piece that shows it, for the plugin to write: `seqforge plugins show NAME -o FILE`."""


def options_to_json(options: Any) -> dict[str, Any]:
    """Return the values of an Options or Request as plain JSON."""
    values = dataclasses.asdict(options)
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def options_from_json(kind: type, values: Mapping[str, Any]) -> Any:
    """Return the Options or Request that `options_to_json` described.

    Raises:
        TypeError, ValueError: the values do not fit.
    """
    hints = get_type_hints(kind)
    paths = {name for name, hint in hints.items() if hint is Path or Path in get_args(hint)}
    return kind(**{n: Path(v) if n in paths and isinstance(v, str) else v for n, v in values.items()})


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type without "or None", and whether it had that."""
    if get_origin(hint) in (Union, types.UnionType):
        left = [part for part in get_args(hint) if part is not type(None)]
        if len(left) == 1 and len(get_args(hint)) == 2:
            return left[0], True
    return hint, False


def unflaggable(kind: type) -> list[str]:
    """Return the fields of a dataclass whose type makes no flag."""
    bare = {name: without_none(hint)[0] for name, hint in get_type_hints(kind).items()}
    return [n for n, t in bare.items() if t not in (bool, int, float, str, Path) and get_origin(t) is not Literal]


def describe_fields(dataclass_type: type) -> list[dict[str, Any]]:
    """Return name, type, default, help and unit of every field, for flags and documentation."""
    hints = {item.name: item for item in dataclasses.fields(dataclass_type)}
    return [
        {
            "name": name,
            "type": getattr(item.type, "__name__", str(item.type)),
            "default": None if item.default is dataclasses.MISSING else item.default,
            "help": item.metadata.get("help", ""),
            "unit": item.metadata.get("unit", ""),
        }
        for name, item in hints.items()
    ]
