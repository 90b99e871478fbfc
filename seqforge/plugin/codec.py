"""The codec: what a plugin fits on a corpus. It maps pieces to examples and back, and requests to tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

import numpy as np

from seqforge.core.sequences import Attention, Example, Prompt
from seqforge.core.spaces import Categorical, Space
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["AnyCodec", "Codec", "OptionsT", "RequestT", "Task"]

OptionsT = TypeVar("OptionsT")
"""The dataclass of a plugin's options."""
RequestT = TypeVar("RequestT")
"""The dataclass of what a plugin can be asked for."""


class Task(Generic[ContentT]):
    """One understood request: the prompts to sample from, and how the generated parts become one piece.

    A subclass overrides `finish` if the result has several parts, or values that are set after sampling (a title).

    >>> task = Task([Prompt(Example(np.zeros(0, np.uint8)))])
    >>> task.finish([Piece("abc")]).content
    'abc'

    Args:
        prompts: A prompt for each part of the result, usually one.
    """

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self.prompts = prompts

    def review(self, log_probability: Callable[[Example], float]) -> None:
        """Look at the prompts with the model before anything is sampled, for instance to log a warning.

        By default nothing is done.

        Args:
            log_probability: A function that returns the log-probability of a whole example under the model, in nats.

        Raises:
            RequestError: If the request is impossible for this model.
        """

    def choose(
        self, number: int, candidates: Sequence[Example], log_probabilities: Sequence[Sequence[float]]
    ) -> int | None:
        """Return the index of the candidate to keep for a part of the result, if several are drawn.

        By default None is returned: one is drawn by the probability that the constraint allowed
        (`Prompt.candidates`, `seqforge.sampling.candidates`).

        Args:
            number: The number of its prompt.
            candidates: The steps of the prompt and those of each candidate.
            log_probabilities: For each candidate the log-probability of each drawn step, the end last, under the
                network alone, in nats.
        """
        return None

    def refine(self, number: int, piece: Piece[ContentT], attention: Callable[[], np.ndarray]) -> Piece[ContentT]:
        """Return a decoded part with changes that depend on the attention, such as an accent over a written letter.

        By default the part is returned unchanged.

        Args:
            number: The number of its prompt.
            piece: The decoded part.
            attention: A function that returns the attention weights of the sampled steps, shape (steps, symbols of the
                source and its end). Only a model whose codec has a source can be asked.
        """
        return piece

    def draft(self, pieces: Sequence[Piece[ContentT]]) -> Piece[ContentT] | None:
        """Return the result as far as its first parts go, so that it can be shown while the other parts are drawn.

        By default None is returned: nothing is shown. Most tasks of several parts return `self.finish(pieces)`, if it
        accepts the first parts alone.

        Args:
            pieces: The decoded first parts, at least one and fewer than there are prompts.
        """
        return None

    def finish(self, pieces: Sequence[Piece[ContentT]]) -> Piece[ContentT]:
        """Return the result.

        Args:
            pieces: The decoded parts, one for each prompt.

        Raises:
            RequestError: If the request turns out to be impossible for these parts.
        """
        return pieces[0]


class Codec(ABC, Generic[ContentT, OptionsT, RequestT]):
    """Maps pieces to examples and back; fitted on one corpus by one plugin.

    A codec is stored in the model file as plain JSON and named arrays, never as code. Most plugins subclass
    `seqforge.TokenCodec`, which leaves only `tokenise` and `detokenise` to write.

    The round-trip law: `decode(encode(p)) == canonical(p)`, and `canonical(canonical(p)) == canonical(p)`.

    Example:
        codec = WordCodec.fit(pieces, options)
        example = codec.encode(pieces[0])
        assert codec.decode(example) == codec.canonical(pieces[0])
        task = codec.task(WordRequest(start="Once"))

    Attributes:
        version: The version of what `state` returns. `upgrade_state` reads earlier versions.
        space: The type of a step.
        source: The type of a step of the source, None without a source.
        attention: How the network reads the source, unless `--attention` is set: "monotonic" attention moves forward
            only, as in spelling and handwriting; attention by "content" reads it in any order, as in translation.
        labels: Label name to its values, in the order in which the network numbers them.
        features: The number of real features that `encode` computes; 0 if it computes none, and then the network
            reads `Piece.features`, if the pieces have them.
        never_generated: Steps of a categorical space that pieces may contain but that are never sampled, such as the
            symbol for everything unknown. The core forbids them, with and without a constraint.
    """

    version: ClassVar[int] = 1
    space: Space
    source: Categorical | None = None
    attention: Attention = "monotonic"
    labels: Mapping[str, tuple[str, ...]] = {}
    features: int = 0
    never_generated: tuple[int, ...] = ()

    @classmethod
    @abstractmethod
    def fit(cls, pieces: Iterable[Piece[ContentT]], options: OptionsT) -> Self:
        """Return a codec fitted on the training pieces, in one pass: they may not fit into memory."""

    @abstractmethod
    def encode(self, piece: Piece[ContentT]) -> Example:
        """Return the piece as steps.

        Every piece can be encoded: what the codec does not know is replaced or left out, and counted in
        `Example.dropped`.
        """

    @abstractmethod
    def decode(self, example: Example) -> Piece[ContentT]:
        """Return the piece that the steps represent.

        Raises:
            DecodeError: If they represent none.
        """

    @abstractmethod
    def canonical(self, piece: Piece[ContentT]) -> Piece[ContentT]:
        """Return what the encoding promises to keep of a piece; never implemented as decode(encode(piece))."""

    @abstractmethod
    def units(self, steps: np.ndarray) -> np.ndarray:
        """Return the number of natural units of each step, shape (steps,); they sum to the units of the piece.

        The number depends on the step alone, so that the core can count while it generates.
        """

    @abstractmethod
    def task(self, request: RequestT) -> Task[ContentT]:
        """Return the task of a request. It is called once per request, so files and pipes are read once.

        Raises:
            RequestError: If the request is impossible.
        """

    def labelled_task(self, request: RequestT, labels: Mapping[str, str]) -> Task[ContentT]:
        """Return the task of a request for a piece with these labels.

        The core calls it, and conditions the network on the labels. By default the labels make no other difference, and
        `task(request)` is returned. Override it where a label decides what is allowed, such as a metre.

        Args:
            request: The request.
            labels: Label name to value, as in `--label metre=3/4`; values are those of `labels`. Empty if the request
                names no label.

        Raises:
            RequestError: If the request is impossible.
        """
        return self.task(request)

    def resolve(self, request: RequestT, rng: np.random.Generator) -> RequestT:
        """Return the request with a random choice for what it leaves open, such as one of several styles.

        It is called once per generation, before `task`. The chosen values are recorded in the provenance, and a replay
        repeats them. By default the request is returned unchanged.

        Args:
            request: The request.
            rng: The only source of randomness; it depends on the seed of the generation.
        """
        return request

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return plain JSON and named arrays from which `from_state` makes an equal codec."""

    @classmethod
    @abstractmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: OptionsT) -> Self:
        """Return the codec that `state` described.

        Raises:
            ValueError, KeyError, TypeError: If the data describe no codec. The core adds the name of the file.
        """

    @classmethod
    def upgrade_state(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """Return the JSON of an earlier version in the form that `from_state` reads; by default unchanged.

        Raises:
            ValueError: If this release cannot read that version; the message names a release that can.
        """
        return data

    def known_labels(self, piece: Piece[ContentT]) -> dict[str, str]:
        """Return the labels of a piece whose values are in `labels`: those that `encode` and `canonical` return."""
        return {name: value for name, value in piece.labels.items() if value in self.labels.get(name, ())}

    def extended_for(self, pieces: Iterable[Piece[ContentT]]) -> "Codec[ContentT, OptionsT, RequestT]":
        """Return the codec with which this one's model is trained further on other pieces.

        Space, source and labels must stay the same. Override it for what a codec knows of its corpus and uses for
        generation only, such as the instruments that may play. By default the codec itself is returned.
        """
        return self

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        """Return the names of the symbols of a source, for drawings of the attention; by default their numbers."""
        return [str(symbol) for symbol in source.tolist()]


AnyCodec: TypeAlias = Codec[Any, Any, Any]
"""A codec of any domain, as the core sees it."""
