"""A ready codec for every domain that can turn a piece into a list of strings and back."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from seqforge.core.sequences import Constraint, Example, Free, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import DecodeError, RequestError, listing
from seqforge.plugin.codec import Codec, OptionsT, RequestT, Task
from seqforge.plugin.helpers import LabelValues
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["UNSEEN", "TokenCodec"]

SORTED_TOKENS = 10_000
"""The size of a vocabulary from which its tokens are numbered by falling frequency."""
UNSEEN = "\N{REPLACEMENT CHARACTER}"
"""The token for everything that the vocabulary lacks; it is never generated."""


class TokenCodec(Codec[ContentT, OptionsT, RequestT]):
    """A codec whose steps are tokens: strings of a vocabulary that is fitted on the training pieces.

    A subclass writes `tokenise` and `detokenise`, and `canonical` if `tokenise` loses something such as spelling or
    spaces. It may also write `spell` (smaller tokens for an unknown token), `token_units`, `constraint` and `task`.

    For pieces with a source, such as translations, subclass `PairCodec`, which has two vocabularies. A subclass of
    TokenCodec may also declare `source` itself, and add the array to the Example that `super().encode` returns.

    Tokens that the vocabulary lacks are encoded as UNSEEN and counted in `Example.dropped`. UNSEEN is never generated:
    the core forbids step 0, with and without a constraint.

    >>> class Words(TokenCodec):
    ...     def tokenise(self, content):
    ...         return content.split()
    ...     def detokenise(self, tokens):
    ...         return " ".join(tokens)
    >>> codec = Words.fit([Piece("to be or not to be")], options=None)
    >>> codec.encode(Piece("to be")).steps.tolist()
    [4, 1]
    >>> codec.decode(codec.encode(Piece("not to be"))).content
    'not to be'

    Args:
        vocabulary: The tokens, without UNSEEN, which is always step 0.
        labels: Label name to its values.
        options: The plugin's Options.

    Attributes:
        max_vocabulary: The largest size of the vocabulary; the most frequent tokens are kept.
        min_count: How often a token must occur in the training pieces to be in the vocabulary.
    """

    space: Categorical
    never_generated = (0,)
    max_vocabulary: int = 50_000
    min_count: int = 1

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: OptionsT) -> None:
        self.vocabulary = (UNSEEN, *(token for token in vocabulary if token != UNSEEN))
        self.labels, self.options = labels, options
        self.index = {token: step for step, token in enumerate(self.vocabulary)}
        if len(self.index) != len(self.vocabulary):
            raise ValueError("a token stands in the vocabulary twice")
        self.space = Categorical(len(self.vocabulary))
        self._units = np.array([self.token_units(token) for token in self.vocabulary], np.float64)

    # -- what a subclass writes ---------------------------------------------------------------

    @abstractmethod
    def tokenise(self, content: ContentT) -> Sequence[str]:
        """Return the tokens of a piece's content."""

    @abstractmethod
    def detokenise(self, tokens: Sequence[str]) -> ContentT:
        """Return the content that the tokens represent.

        Raises:
            DecodeError: If they represent none.
        """

    def spell(self, token: str) -> Sequence[str]:
        """Return smaller tokens that together mean this one; none if it cannot be spelt."""
        return ()

    def token_units(self, token: str) -> float:
        """Return the number of natural units of a token, 1 by default."""
        return 1.0

    # -- what it inherits ---------------------------------------------------------------------

    @classmethod
    def fit(cls, pieces: Iterable[Piece[ContentT]], options: OptionsT) -> Self:
        """Fit the vocabulary and the label values, in one pass."""
        empty = cls((), {}, options)
        counts: Counter[str] = Counter()
        labels = LabelValues()
        for piece in pieces:
            counts.update(empty.tokenise(piece.content))
            labels.add(piece.labels)
        return cls(empty.select_tokens(counts), labels.labels, options)

    def select_tokens(self, counts: Mapping[str, int]) -> list[str]:
        """Return the vocabulary of a corpus: its frequent tokens, and those with which the others are spelt.

        A small vocabulary is sorted by its tokens, a large one by falling frequency, which an adaptive softmax needs.

        Args:
            counts: How often each token occurs in the training pieces.
        """
        letters = {letter for token in counts for letter in self.spell(token)}
        tokens = sorted(letters.union(self.frequent_tokens(counts)) - {UNSEEN})
        return tokens if len(tokens) < SORTED_TOKENS else sorted(tokens, key=lambda token: -counts.get(token, 0))

    def frequent_tokens(self, counts: Mapping[str, int]) -> list[str]:
        """Return the most frequent tokens of a corpus, at most `max_vocabulary`, sorted.

        Args:
            counts: How often each token occurs in the training pieces.
        """
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        frequent = [token for token in ranked if counts[token] >= self.min_count][: self.max_vocabulary]
        return sorted(set(frequent) - {UNSEEN})

    def spelt(self, tokens: Sequence[str]) -> list[str]:
        """Return tokens in which those that the vocabulary lacks are spelt, where they can be."""
        return [small for token in tokens for small in self._spelling(token)]

    def encode(self, piece: Piece[ContentT]) -> Example:
        tokens = self.tokenise(piece.content)
        dropped: Counter[str] = Counter()
        try:
            steps = np.fromiter(map(self.index.__getitem__, tokens), self.space.dtype, len(tokens))
        except KeyError:
            spelt = self.spelt(tokens)
            steps = np.array([self.index.get(token, 0) for token in spelt], self.space.dtype)
            dropped.update(token for token in spelt if token not in self.index)
        return Example(steps, labels=self.known_labels(piece), dropped=dropped)

    def decode(self, example: Example) -> Piece[ContentT]:
        try:
            self.space.check(example.steps)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        vocabulary = self.vocabulary
        return Piece(self.detokenise([vocabulary[step] for step in example.steps.tolist()]), dict(example.labels))

    def canonical(self, piece: Piece[ContentT]) -> Piece[ContentT]:
        """Return the piece without unknown labels, and with UNSEEN in place of what `encode` cannot represent.

        A piece of known tokens keeps its content; what `tokenise` loses is for an override to remove.
        """
        labels = self.known_labels(piece)
        spelt = self.spelt(self.tokenise(piece.content))
        if all(token in self.index for token in spelt):
            return Piece(piece.content, labels)
        return Piece(self.detokenise([token if token in self.index else UNSEEN for token in spelt]), labels)

    def units(self, steps: np.ndarray) -> np.ndarray:
        units: np.ndarray = self._units[steps]
        return units

    def task(self, request: RequestT) -> Task[ContentT]:
        return Task([self.prompt(None)])

    def prompt(self, content: ContentT | None, constraint: Constraint | None = None) -> Prompt:
        """Return the prompt that starts with this content; None starts with nothing.

        Args:
            content: The content.
            constraint: What may follow; None for that of `constraint()`.

        Raises:
            RequestError: If the content has tokens that the vocabulary lacks.
        """
        if content is None:
            return Prompt(Example(np.zeros(0, self.space.dtype)), constraint or self.constraint())
        example = self.encode(Piece(content))
        if example.dropped:
            tokens = listing((repr(token) for token in example.dropped), most=8)
            raise RequestError(
                f"the prompt contains {tokens}, which the model has never seen; leave it out",
                field="prompt",
                value=content,
            )
        return Prompt(Example(example.steps), constraint or self.constraint())

    def constraint(self) -> Constraint:
        """Return the constraint of `prompt`; by default every token but UNSEEN is allowed."""
        mask = np.ones(self.space.size, np.bool_)
        mask[0] = self.space.size == 1
        return Free(mask)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        labels = {name: list(values) for name, values in self.labels.items()}
        return {"vocabulary": list(self.vocabulary[1:]), "labels": labels}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: OptionsT) -> Self:
        vocabulary, labels = data["vocabulary"], data["labels"]
        if not all(isinstance(token, str) for token in vocabulary):
            raise ValueError("the vocabulary contains something that is not a string")
        return cls(vocabulary, {str(name): tuple(map(str, values)) for name, values in labels.items()}, options)

    def _spelling(self, token: str) -> Sequence[str]:
        return (token,) if token in self.index else self.spell(token) or (token,)
