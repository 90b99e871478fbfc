"""A ready codec for pairs of token lists: a source, to which the network attends, and a target, which it generates."""

import dataclasses
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import DecodeError, RequestError, listing
from seqforge.plugin.codec import OptionsT, RequestT, Task
from seqforge.plugin.helpers import LabelValues
from seqforge.plugin.piece import ContentT, Piece
from seqforge.plugin.tokens import UNSEEN, TokenCodec

__all__ = ["PairCodec"]


class PairCodec(TokenCodec[ContentT, OptionsT, RequestT]):
    """A `TokenCodec` with a source: the network attends to the tokens of the source and generates those of the target.

    A subclass writes `tokenise_source`, `tokenise` (the target), `join` and `task`. Source and target have vocabularies
    of their own, both fitted on the training pieces, and number 0 is UNSEEN in both. What `TokenCodec` offers applies
    to the target.

    >>> class Plurals(PairCodec):
    ...     def tokenise_source(self, content):
    ...         return list(content[0])
    ...     def tokenise(self, content):
    ...         return list(content[1])
    ...     def join(self, source, target):
    ...         return "".join(source), "".join(target)
    ...     def task(self, request):
    ...         return Task([self.prompt((request.word, ""))])
    >>> codec = Plurals.fit([Piece(("ox", "oxen"))], options=None)
    >>> example = codec.encode(Piece(("ox", "oxen")))
    >>> example.source.tolist(), example.steps.tolist()
    ([1, 2], [3, 4, 1, 2])
    >>> codec.decode(example).content
    ('ox', 'oxen')

    Args:
        vocabulary: The tokens of the target, without UNSEEN.
        labels: Label name to its values.
        options: The plugin's Options.
        source_vocabulary: The tokens of the source, without UNSEEN.

    Attributes:
        whole_source: Whether a generated target may end only after the whole source was attended to, and must end soon
            after. This suits letters that are drawn one by one. By default the network and the constraint decide.
    """

    source: Categorical
    whole_source: bool = False

    def __init__(
        self,
        vocabulary: Sequence[str],
        labels: Mapping[str, tuple[str, ...]],
        options: OptionsT,
        source_vocabulary: Sequence[str] = (),
    ) -> None:
        super().__init__(vocabulary, labels, options)
        self.source_vocabulary = (UNSEEN, *(token for token in source_vocabulary if token != UNSEEN))
        self.source_index = {token: number for number, token in enumerate(self.source_vocabulary)}
        if len(self.source_index) != len(self.source_vocabulary):
            raise ValueError("a token stands in the vocabulary of the source twice")
        self.source = Categorical(len(self.source_vocabulary))

    # -- what a subclass writes ---------------------------------------------------------------

    @abstractmethod
    def tokenise_source(self, content: ContentT) -> Sequence[str]:
        """Return the tokens of the source of a piece's content."""

    @abstractmethod
    def join(self, source: Sequence[str], target: Sequence[str]) -> ContentT:
        """Return the content that the tokens of a source and of a target represent.

        Raises:
            DecodeError: If they represent none.
        """

    @abstractmethod
    def task(self, request: RequestT) -> Task[ContentT]:
        """Return the task of a request: usually one prompt, whose content has the source and an empty target."""

    # -- what it inherits ---------------------------------------------------------------------

    @classmethod
    def fit(cls, pieces: Iterable[Piece[ContentT]], options: OptionsT) -> Self:
        """Fit both vocabularies and the label values, in one pass."""
        empty = cls((), {}, options)
        sources, targets, labels = Counter[str](), Counter[str](), LabelValues()
        for piece in pieces:
            sources.update(empty.tokenise_source(piece.content))
            targets.update(empty.tokenise(piece.content))
            labels.add(piece.labels)
        return cls(empty.select_tokens(targets), labels.labels, options, empty.frequent_tokens(sources))

    def detokenise(self, tokens: Sequence[str]) -> ContentT:
        """Return the content of an empty source and a target."""
        return self.join((), tokens)

    def encode(self, piece: Piece[ContentT]) -> Example:
        example, tokens = super().encode(piece), self.tokenise_source(piece.content)
        dropped = Counter(example.dropped)
        dropped.update(token for token in tokens if token not in self.source_index)
        numbers = np.array([self.source_index.get(token, 0) for token in tokens], self.source.dtype)
        return dataclasses.replace(example, source=numbers, dropped=dropped)

    def decode(self, example: Example) -> Piece[ContentT]:
        if example.source is None:
            raise DecodeError("a pair has a source")
        try:
            self.space.check(example.steps)
            self.source.check(example.source)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        source = [self.source_vocabulary[number] for number in example.source.tolist()]
        target = [self.vocabulary[step] for step in example.steps.tolist()]
        return Piece(self.join(source, target), dict(example.labels))

    def canonical(self, piece: Piece[ContentT]) -> Piece[ContentT]:
        labels = self.known_labels(piece)
        source, target = self.tokenise_source(piece.content), self.spelt(self.tokenise(piece.content))
        if all(token in self.source_index for token in source) and all(token in self.index for token in target):
            return Piece(piece.content, labels)
        known_source = [token if token in self.source_index else UNSEEN for token in source]
        known_target = [token if token in self.index else UNSEEN for token in target]
        return Piece(self.join(known_source, known_target), labels)

    def prompt(self, content: ContentT | None, constraint: Constraint | None = None) -> Prompt:
        """Return the prompt with the source of this content, which starts with its target, usually an empty one.

        Args:
            content: The content.
            constraint: What may follow; None for that of `constraint()`.

        Raises:
            RequestError: If there is no content, or a vocabulary lacks one of its tokens.
        """
        if content is None:
            raise RequestError("a source is missing; name what the target is generated for")
        example = self.encode(Piece(content))
        if example.dropped:
            tokens = listing((repr(token) for token in example.dropped), most=8)
            message = f"the request contains {tokens}, which the model has never seen; leave it out"
            raise RequestError(message, field="prompt", value=content)
        prompt = Example(example.steps, source=example.source)
        return Prompt(prompt, constraint or self.constraint(), whole_source=self.whole_source)

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        return [self.source_vocabulary[number] for number in source.tolist()]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data, arrays = super().state()
        return {**data, "source_vocabulary": list(self.source_vocabulary[1:])}, arrays

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: OptionsT) -> Self:
        base, source = super().from_state(data, arrays, options), data["source_vocabulary"]
        if not all(isinstance(token, str) for token in source):
            raise ValueError("the vocabulary of the source contains something that is not a string")
        return cls(base.vocabulary[1:], base.labels, options, source)
