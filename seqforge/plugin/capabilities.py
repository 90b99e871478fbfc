"""Capabilities: optional abilities of a plugin or codec, one class each. The core finds them with `isinstance`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic

import numpy as np

from seqforge.core.sequences import Example
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["Augments", "Checks", "Describes", "Divides", "Fingerprints", "Illustrates", "Streams"]


class Augments(ABC):
    """Capability of a codec: data augmentation by a change that keeps a piece valid, such as a transposition.

    Example:
        class MelodyCodec(TokenCodec[str, NoOptions, NoRequest], Augments):
            def augment(self, example, rng):
                return dataclasses.replace(example, steps=transpose(example.steps, int(rng.integers(-6, 6))))
    """

    @abstractmethod
    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return a variant with the same number of steps.

        It is called for training pieces only.

        Args:
            example: The encoded piece.
            rng: The only source of randomness; it is seeded by run, epoch and piece.
        """


class Divides(ABC, Generic[ContentT]):
    """Capability of a plugin: a corpus of one long piece, such as a novel, can be split by fractions of it.

    Example:
        class Novels(Plugin[str, NoOptions, NoRequest], Divides[str]):
            def divide(self, piece, fractions):
                edges = [round(len(piece.content) * share) for share in itertools.accumulate(fractions, initial=0.0)]
                return [Piece(piece.content[first:end]) for first, end in itertools.pairwise(edges)]
    """

    @abstractmethod
    def divide(self, piece: Piece[ContentT], fractions: Sequence[float]) -> list[Piece[ContentT]]:
        """Return consecutive parts of the piece, one per fraction; the fractions sum to 1. A part may be empty."""


class Fingerprints(ABC, Generic[ContentT]):
    """Capability of a plugin: near duplicates are kept in the same split.

    Example:
        class Games(Plugin[str, NoOptions, NoRequest], Fingerprints[str]):
            def fingerprints(self, piece):  # games with the same first twenty moves share a split
                return [zlib.crc32(" ".join(piece.content.split()[:20]).encode())]
    """

    @abstractmethod
    def fingerprints(self, piece: Piece[ContentT]) -> Iterable[int]:
        """Return 64-bit keys; two pieces with a common key belong to the same split."""


class Describes(ABC, Generic[ContentT]):
    """Capability of a plugin: statistics of its pieces, by which generated and real pieces are compared.

    Example:
        class Melodies(Plugin[list[int], NoOptions, NoRequest], Describes[list[int]]):
            def describe(self, piece):
                return {"pitch": np.array(piece.content), "length": np.array([len(piece.content)])}

            def trace(self, piece):
                return np.diff(piece.content).tolist()
    """

    @abstractmethod
    def describe(self, piece: Piece[ContentT]) -> Mapping[str, np.ndarray]:
        """Return named quantities, each with one entry per occurrence: integers, shape (occurrences,)."""

    @abstractmethod
    def trace(self, piece: Piece[ContentT]) -> Sequence[int]:
        """Return the sequence by which copying is judged: a long common run means that it was copied.

        For instance the intervals of a melody, which are the same in every key.
        """


class Checks(ABC, Generic[ContentT]):
    """Capability of a plugin: it knows the rules of its domain.

    A constraint must allow every real piece that has no violation; the conformance kit compares both.

    Example:
        class Melodies(Plugin[list[int], NoOptions, NoRequest], Checks[list[int]]):
            def violations(self, piece):
                return [f"pitch {pitch} is above 127" for pitch in piece.content if pitch > 127]
    """

    @abstractmethod
    def violations(self, piece: Piece[ContentT]) -> Sequence[str]:
        """Return the violations of the domain's rules in a piece, one sentence each; empty if it is valid."""


class Streams(ABC):
    """Capability of a codec: a generated piece can be shown as text while it grows.

    Example:
        class WordCodec(TokenCodec[str, NoOptions, NoRequest], Streams):
            def stream(self):
                return lambda step: self.vocabulary[int(step)] + " "
    """

    @abstractmethod
    def stream(self) -> Callable[[Any], str]:
        """Return a function that takes one step after the other and returns the text that each adds."""


class Illustrates(ABC, Generic[ContentT]):
    """Capability of a codec: the choices that a model offers can be drawn, such as its handwriting styles.

    Example:
        class InkCodec(Codec[Ink, NoOptions, NoRequest], Illustrates[Ink]):
            def illustration(self):
                return Piece(sheet_of(self.writers))
    """

    @abstractmethod
    def illustration(self) -> Piece[ContentT]:
        """Return a piece that shows the choices; the plugin writes it for `seqforge plugins show NAME -o FILE`."""
