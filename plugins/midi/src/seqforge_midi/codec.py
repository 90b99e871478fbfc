"""Songs into steps and back, by one of three encodings; what a corpus has, for what may be generated."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import Augments, Categorical, Codec, DecodeError, Example, Piece, Prompt, RequestError
from seqforge_midi.asking import said_after, understood
from seqforge_midi.chorale import Chorale
from seqforge_midi.encoding import Encoding
from seqforge_midi.filling import Filling, cut_out
from seqforge_midi.learnt import Learnt, learn
from seqforge_midi.options import Options
from seqforge_midi.performance import Performance
from seqforge_midi.score import Score

CANDIDATES = 16
"""Fillings of a gap that are drawn, of which the one that is kept fits what follows."""
SHIFTS = range(-6, 6)
"""Semitones by which a piece is transposed in training."""


class MidiCodec(Codec, Augments):
    """Songs as steps.

    The tokens follow from the options alone, so a model can be trained further on any other songs.

    Args:
        options: which encoding, and how fine.
        labels: label name to values.
        learnt: what the corpus has.
    """

    space: Categorical

    def __init__(self, options: Options, labels: Mapping[str, tuple[str, ...]], learnt: Learnt) -> None:
        self.options, self.labels, self.learnt = options, labels, learnt
        self.encoding = encoding_of(options)
        self.space = Categorical(self.encoding.tokens.size)
        self.vocabulary = self.encoding.tokens.names()
        self._counts = self.encoding.sounding.astype(np.float64)
        self._heights = _heights(self.encoding)

    @classmethod
    def fit(cls, pieces: Iterable[Piece], options: Options) -> "MidiCodec":
        """Learn what the songs have, in one pass."""
        labels, learnt = learn(pieces)
        return cls(options, labels, learnt)

    def extended_for(self, pieces: Iterable[Piece]) -> "MidiCodec":
        """Return the codec for other songs as well: their programs may play, in their ranges."""
        return MidiCodec(self.options, self.labels, self.learnt.joined(learn(pieces)[1]))

    def encode(self, piece: Piece) -> Example:
        steps = self.encoding.encode(piece.content).astype(self.space.dtype)
        return Example(steps, labels=self._known(piece), extras=self.encoding.extras(piece.content))

    def decode(self, example: Example) -> Piece:
        try:
            self.space.check(example.steps)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        return Piece(self.encoding.decode(example.steps.tolist(), example.extras), dict(example.labels))

    def canonical(self, piece: Piece) -> Piece:
        return Piece(self.encoding.canonical(piece.content), self._known(piece))

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        """Return what the encoding does not keep of a song."""
        return self.encoding.lost(piece.content)

    def units(self, steps: np.ndarray) -> np.ndarray:
        counts: np.ndarray = self._counts[steps]
        return counts

    def prompts(self, request: Any) -> Sequence[Prompt]:
        asked, beginning, extras = understood(request, self.encoding, self.learnt)
        gap = None if asked.gap is None else cut_out(self.encoding, asked, beginning)
        asked = asked if gap is None else gap.asked
        constraint = self.encoding.constraint(asked)
        steps = beginning.astype(self.space.dtype)
        state = constraint.start()
        for number, step in enumerate(steps.tolist()):
            if not constraint.allowed(state)[step]:
                raise RequestError(
                    f"the prompt cannot be the beginning of what is asked for: its step {number + 1},"
                    f" {self.vocabulary[step]}, does not fit; leave --bars, --meter or --program out, or make the"
                    " prompt shorter with --prompt-bars"
                )
            state = constraint.advance(state, step)
        if gap is not None:
            head = np.array(gap.head, self.space.dtype)
            filling = Filling(self.encoding, constraint, gap)
            return [Prompt(Example(head, extras=extras | gap.extras), filling, candidates=CANDIDATES)]
        return [Prompt(Example(steps, extras=extras), constraint)]

    def finish(self, pieces: Sequence[Piece], request: Any) -> Piece:
        return Piece(said_after(pieces[0].content, request, self.encoding), pieces[0].labels)

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the song transposed by up to half an octave, within the range of the corpus, and louder or softer."""
        steps = self._louder(example.steps, rng)
        heights = self._heights[example.steps]
        tuned = heights >= 0
        if not tuned.any():
            return dataclasses.replace(example, steps=steps)
        lowest, highest = int(heights[tuned].min()), int(heights[tuned].max())
        shifts = [by for by in SHIFTS if self.learnt.lowest <= lowest + by and highest + by <= self.learnt.highest]
        by = int(rng.choice(shifts)) if shifts else 0
        return dataclasses.replace(example, steps=(steps + by * tuned).astype(example.steps.dtype))

    def _louder(self, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return steps whose velocities are all up to a tenth of the levels higher or lower, if they differ at all."""
        if "velocity" not in self.encoding.tokens.blocks:
            return steps
        place = self.encoding.tokens.slice("velocity")
        most = (place.stop - place.start) // 10
        said = (steps >= place.start) & (steps < place.stop)
        if len(set(steps[said].tolist())) < 2:
            return steps
        moved = np.clip(steps.astype(np.int64) + int(rng.integers(-most, most + 1)), place.start, place.stop - 1)
        return np.where(said, moved, steps).astype(steps.dtype)

    def to_json(self) -> dict[str, Any]:
        return {"labels": {name: list(values) for name, values in self.labels.items()}, "learnt": self.learnt.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> "MidiCodec":
        labels = {str(name): tuple(map(str, values)) for name, values in data["labels"].items()}
        return cls(options, labels, Learnt.from_json(data["learnt"]))

    def _known(self, piece: Piece) -> dict[str, str]:
        return {name: value for name, value in piece.labels.items() if value in self.labels.get(name, ())}


def encoding_of(options: Options) -> Encoding:
    """Return the encoding that the options name."""
    if options.encoding == "chorale":
        return Chorale(options.frame)
    if options.encoding == "performance":
        return Performance(options.resolution, options.velocities)
    return Score(options.grid, options.shift, options.velocities)


def _heights(encoding: Encoding) -> np.ndarray:
    """Return the pitch that each token stands for, -1 where that is none or may not be moved."""
    tokens = encoding.tokens
    movable = zip(tokens.kinds, tokens.values, strict=True)
    return np.array([value if kind in encoding.pitched else -1 for kind, value in movable], np.int64)
