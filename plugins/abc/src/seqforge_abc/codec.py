"""Tunes into steps and back: tokens of the music, or the characters of its canonical text."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import Augments, Constraint, Example, Piece, Prompt, RequestError, TokenCodec
from seqforge_abc import characters, tokens, transposing
from seqforge_abc.asking import Asked, understood
from seqforge_abc.automaton import Automaton
from seqforge_abc.filling import Filling
from seqforge_abc.keeping import kept
from seqforge_abc.tune import Tune

CANDIDATES = 16
"""Fillings of a gap that are drawn, of which the one that is kept fits what follows."""
WHOLE = 4
"""Candidates of a whole tune. One alone has a repeat in 54 of 100 tunes and tuplets in 45, four in 68 and 42, and the
network's own distribution among whole tunes is nearer to that (sixteen: 69 and 33; real tunes: 69 and 35)."""
STAY = 0.5
"""The share of pieces that an epoch leaves in their own key."""


class AbcCodec(TokenCodec, Augments):
    """Tunes as tokens of their music (see `tokens`), or as characters of their text (see `characters`).

    The tokens are the same for every corpus but for the names of rhythms, so that a model can be trained
    further on tunes that hold what its first corpus lacks; and they are closed under transposition.
    """

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: Any) -> None:
        super().__init__(vocabulary, labels, options)
        self.rhythms = tuple(token[2:] for token in self.vocabulary if token.startswith("R:") and len(token) > 2)
        self._tables: np.ndarray | None = None

    @classmethod
    def fit(cls, pieces: Iterable[Piece], options: Any) -> "AbcCodec":
        """Learn the names of the rhythms."""
        rhythms = sorted({piece.content.rhythm for piece in pieces}.union(tokens.RHYTHMS) - {""})
        every = tokens.vocabulary(rhythms) if options.encoding == "tokens" else characters.vocabulary(rhythms)
        return cls(every, {}, options)

    @property
    def _by_character(self) -> bool:
        return bool(self.options.encoding == "char")

    def tokenise(self, content: Tune) -> Sequence[str]:
        tune = kept(content, self.rhythms)[0]
        return characters.characters_of(tune) if self._by_character else tokens.tokens_of(tune)

    def detokenise(self, tokens_: Sequence[str]) -> Tune:
        return characters.tune_of(tokens_) if self._by_character else tokens.tune_of(tokens_)

    def count(self, token: str) -> float:
        """Return 1 for a pitch or a rest (grace notes and the notes of a chord count too), else 0."""
        if self._by_character:
            return float(token in characters.NOTES)
        return float(token == "z" or token in tokens.PITCHES)

    def encode(self, piece: Piece) -> Example:
        found = super().encode(piece)
        return dataclasses.replace(found, extras={"title": piece.content.title} if piece.content.title else {})

    def decode(self, example: Example) -> Piece:
        found = super().decode(example)
        return Piece(dataclasses.replace(found.content, title=example.extras.get("title", "")), found.labels)

    def canonical(self, piece: Piece) -> Piece:
        return Piece(kept(piece.content, self.rhythms)[0])

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        """Return what the encoding does not keep of a piece."""
        return +kept(piece.content, self.rhythms)[1]

    def prompts(self, request: Any) -> Sequence[Prompt]:
        asked = understood(request, self.rhythms)
        if self._by_character:
            return [characters.prompt(asked, self.vocabulary)]
        if asked.gaps:
            filling = Filling(self.vocabulary, asked)
            return [Prompt(Example(np.array(filling.beginning, self.space.dtype)), filling, candidates=CANDIDATES)]
        constraint = Automaton(self.vocabulary, rhythm=asked.rhythm, meter=asked.meter, key=asked.key, bars=asked.bars)
        steps = np.array([self.index[token] for token in _opening(asked)], self.space.dtype)
        _check(constraint, steps, self.vocabulary)
        return [Prompt(Example(steps), constraint, candidates=WHOLE)]

    def finish(self, pieces: Sequence[Piece], request: Any) -> Piece:
        return Piece(dataclasses.replace(pieces[0].content, title=request.title), pieces[0].labels)

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the tune in its own key, or in another, drawn among those that keep it in range."""
        if self._by_character or rng.random() < STAY:
            return example
        if self._tables is None:
            self._tables = transposing.tables(self.vocabulary)
        moved = self._tables[:, example.steps]
        rows = np.flatnonzero((moved >= 0).all(axis=1))
        return dataclasses.replace(example, steps=moved[rng.choice(rows)].astype(example.steps.dtype))


def _opening(asked: Asked) -> list[str]:
    """Return the tokens that a tune begins with whatever the model does; the constraint sees to the rest."""
    return asked.parts()[0] if asked.beginning is not None else []


def _check(constraint: Constraint, steps: np.ndarray, vocabulary: Sequence[str]) -> None:
    """Raise RequestError where the beginning is the beginning of no whole tune, and say where."""
    state, bar = constraint.start(), 1
    for step in steps.tolist():
        if not constraint.allowed(state)[step]:
            raise RequestError(
                f"the prompt cannot be the beginning of a whole tune: in its bar {bar}, {vocabulary[step]!r} does not"
                " fit; check the meter, and that bars are full"
            )
        bar += vocabulary[step] in tokens.LINES and vocabulary[step] != "|"
        state = constraint.advance(state, step)
