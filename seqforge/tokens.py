"""A ready codec for every domain that can turn a piece into a list of strings and back."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from seqforge.errors import DecodeError, RequestError, listing
from seqforge.plugin import Codec, Piece
from seqforge.sequences import Example, Free, Prompt
from seqforge.spaces import Categorical

__all__ = ["UNSEEN", "TokenCodec"]

UNSEEN = "\N{REPLACEMENT CHARACTER}"
"""The token that stands for whatever the vocabulary lacks; it is never generated."""


C = TypeVar("C", bound="TokenCodec")


class TokenCodec(Codec):
    """A codec whose steps are tokens: strings of a vocabulary learnt from the training pieces.

    A subclass writes `tokenise` and `detokenise`, and where `tokenise` loses something (spelling,
    spaces), `canonical`. It may write `spell` (smaller tokens for a token the vocabulary lacks),
    `count` (units of a token) and `prompts`. The vocabulary is the `most_tokens` most frequent tokens of those
    seen at least `fewest_seen` times.

    Args:
        vocabulary: the tokens, without UNSEEN, which is always step 0.
        labels: label name to values.
        options: the plugin's Options.
    """

    space: Categorical
    most_tokens: int = 50_000
    fewest_seen: int = 1

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: Any) -> None:
        self.vocabulary = (UNSEEN, *(token for token in vocabulary if token != UNSEEN))
        self.labels, self.options = labels, options
        self.index = {token: step for step, token in enumerate(self.vocabulary)}
        if len(self.index) != len(self.vocabulary):
            raise ValueError("a token stands in the vocabulary twice")
        self.space = Categorical(len(self.vocabulary))
        self._counts = np.array([0.0] + [self.count(token) for token in self.vocabulary[1:]])
        self._counts[0] = self.count(UNSEEN)

    # -- what a subclass writes ---------------------------------------------------------------

    @abstractmethod
    def tokenise(self, content: Any) -> Sequence[str]:
        """Return the tokens of a piece's content."""

    @abstractmethod
    def detokenise(self, tokens: Sequence[str]) -> Any:
        """Return the content that the tokens stand for.

        Raises:
            DecodeError: they stand for none.
        """

    def spell(self, token: str) -> Sequence[str]:
        """Return smaller tokens that together mean this one; none where it cannot be spelt."""
        return ()

    def count(self, token: str) -> float:
        """Return how many units this token completes."""
        return 1.0

    # -- what it gets -------------------------------------------------------------------------

    @classmethod
    def fit(cls: type[C], pieces: Iterable[Piece], options: Any) -> C:
        """Learn the vocabulary and the label values, in one pass."""
        bare = cls((), {}, options)
        counts: Counter[str] = Counter()
        labels: dict[str, set[str]] = {}
        for piece in pieces:
            counts.update(bare.tokenise(piece.content))
            for name, value in piece.labels.items():
                labels.setdefault(name, set()).add(value)
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        kept = [token for token in ranked if counts[token] >= bare.fewest_seen][: bare.most_tokens]
        letters = {letter for token in ranked for letter in bare.spell(token)}
        vocabulary = sorted(letters.union(kept) - {UNSEEN})
        return cls(vocabulary, {name: tuple(sorted(values)) for name, values in sorted(labels.items())}, options)

    def encode(self, piece: Piece) -> Example:
        tokens = self.tokenise(piece.content)
        try:
            steps = np.fromiter(map(self.index.__getitem__, tokens), self.space.dtype, len(tokens))
        except KeyError:
            found = [self.index.get(small, 0) for token in tokens for small in self._known(token)]
            steps = np.array(found, self.space.dtype)
        known = {name: value for name, value in piece.labels.items() if value in self.labels.get(name, ())}
        return Example(steps, labels=known)

    def decode(self, example: Example) -> Piece:
        try:
            self.space.check(example.steps)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        vocabulary = self.vocabulary
        return Piece(self.detokenise([vocabulary[step] for step in example.steps.tolist()]), dict(example.labels))

    def canonical(self, piece: Piece) -> Piece:
        known = {name: value for name, value in piece.labels.items() if value in self.labels.get(name, ())}
        return Piece(piece.content, known)

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for token, times in Counter(self.tokenise(piece.content)).items():
            if token not in self.index:
                for small in self._known(token):
                    found[small] += times * (small not in self.index)
        return +found

    def units(self, steps: np.ndarray) -> np.ndarray:
        counts: np.ndarray = self._counts[steps]
        return counts

    def prompts(self, request: Any) -> Sequence[Prompt]:
        return [self.prompt(None)]

    def prompt(self, content: Any | None) -> Prompt:
        """Return the prompt that starts from this content, or from nothing.

        Raises:
            RequestError: it holds what the model has never seen.
        """
        missing = {} if content is None else self.unseen(Piece(content))
        if missing:
            raise RequestError(
                f"the prompt holds {listing((repr(token) for token in missing), most=8)}, which the model has never"
                " seen; write it without"
            )
        steps = np.zeros(0, self.space.dtype) if content is None else self.encode(Piece(content)).steps
        return Prompt(Example(steps), self.constraint())

    def constraint(self) -> Free:
        """Return the constraint under which everything may come but UNSEEN."""
        mask = np.ones(self.space.size, np.bool_)
        mask[0] = self.space.size == 1
        return Free(mask)

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": list(self.vocabulary[1:]),
            "labels": {k: list(v) for k, v in self.labels.items()},
        }

    @classmethod
    def from_json(cls: type[C], data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> C:
        vocabulary, labels = data["vocabulary"], data["labels"]
        if not all(isinstance(token, str) for token in vocabulary):
            raise ValueError("the vocabulary holds something that is no token")
        return cls(vocabulary, {str(name): tuple(map(str, values)) for name, values in labels.items()}, options)

    def _known(self, token: str) -> Sequence[str]:
        return (token,) if token in self.index else self.spell(token) or (token,)
