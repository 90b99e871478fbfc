"""Ink into offsets of a pen and back; the text it says as the source."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import Augments, Categorical, Codec, DecodeError, Example, Illustrates, Mixture, Piece, Prompt
from seqforge_handwriting.asking import Letter, finished, prompts_for
from seqforge_handwriting.hands import Hands
from seqforge_handwriting.ink import Ink, from_offsets, to_offsets
from seqforge_handwriting.options import Options, Request
from seqforge_handwriting.shape import Frame, normal

UNKNOWN = "\ufffd"
"""Stands for a character that was never seen."""
FARTHEST = 5000.0
"""Of an offset, in units of the network; a line that goes back to cross its first t has dozens."""


class InkCodec(Codec, Augments, Illustrates):
    """Ink as offsets in x-heights, over a scale that makes them about one; a bit says that the pen is lifted.

    The text is the source, one symbol a character; symbol 0 stands for one that was never seen.

    Args:
        options: how ink is read.
        counts: how often each character was seen.
        scale: x-heights that one unit of the network stands for.
        hands: a line of each writer, to prime with.
    """

    version = 1

    def __init__(self, options: Options, counts: Mapping[str, int], scale: float, hands: Hands) -> None:
        self.options, self.counts, self.scale, self.hands = options, dict(counts), scale, hands
        self.letters = [UNKNOWN, *sorted(counts)]
        self.numbers = {letter: number for number, letter in enumerate(self.letters)}
        self.space = Mixture(2, 1, options.components)
        self.source = Categorical(len(self.letters))

    @classmethod
    def fit(cls, pieces: Iterable[Piece], options: Options) -> "InkCodec":
        """Learn the characters, the scale, and a line of each writer."""
        counts: Counter[str] = Counter()
        total, number = 0.0, 0
        hands = Hands()
        for piece in pieces:
            counts.update(piece.content.text)
            upright = hands.see(piece)
            offsets = to_offsets(upright)[1:, :2]
            total, number = total + float((offsets**2).sum()), number + offsets.size
        return cls(options, counts, round(max((total / max(1, number)) ** 0.5, 1e-3), 4), hands)

    def extended_for(self, pieces: Iterable[Piece]) -> "InkCodec":
        """Return the codec with the hands of other pieces, where there are any; what it has learnt stays."""
        hands = Hands()
        for piece in pieces:
            hands.see(piece)
        return InkCodec(self.options, self.counts, self.scale, hands if hands.lines else self.hands)

    def encode(self, piece: Piece) -> Example:
        upright, frame = normal(piece.content)
        text = piece.content.text
        return Example(
            self.steps_of(upright),
            source=self.source_of(text) if text else None,
            extras={"frame": dataclasses.asdict(frame)},
        )

    def steps_of(self, upright: Ink) -> np.ndarray:
        """Return ink in x-heights as steps, shape (points, 3)."""
        offsets = to_offsets(upright)
        offsets[:, :2] = np.clip(offsets[:, :2] / self.scale, -FARTHEST, FARTHEST)
        return offsets.astype(np.float32)

    def source_of(self, text: str) -> np.ndarray:
        """Return a text as the source."""
        return np.array([self.numbers.get(letter, 0) for letter in text], Categorical(len(self.letters)).dtype)

    def decode(self, example: Example) -> Piece:
        steps = np.array(example.steps, np.float64)
        if steps.ndim != 2 or steps.shape[1] != 3 or not np.isfinite(steps).all():
            raise DecodeError("the steps are no offsets of a pen")
        steps[:, :2] *= self.scale
        text = "" if example.source is None else "".join(self.letters[number] for number in example.source.tolist())
        frame = Frame(**example.extras["frame"]) if "frame" in example.extras else Frame()
        try:
            return Piece(frame.undo(from_offsets(steps, text)))
        except ValueError as error:
            raise DecodeError(str(error)) from error

    def canonical(self, piece: Piece) -> Piece:
        ink = piece.content
        text = "".join(letter if letter in self.numbers else UNKNOWN for letter in ink.text)
        return Piece(Ink(ink.strokes, text))

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        """Return the characters that were never seen."""
        return Counter(letter for letter in piece.content.text if letter not in self.numbers)

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        """Return the characters."""
        return [self.letters[number] for number in source.tolist()]

    def prompts(self, request: Request) -> Sequence[Prompt]:
        return prompts_for(self, request)

    def finish(self, pieces: Sequence[Piece], request: Request) -> Piece:
        return finished(pieces, request)

    def illustration(self) -> Piece:
        """Return the hands that can be written in, as one page."""
        page = self.hands.sheet()
        return Piece(Letter(page.ink.strokes, page.ink.text, (page,)))

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the ink a little larger or smaller, wider, and more or less slanted; now and then without its text."""
        size, width, slant, slope = (
            1 + self.options.jitter * np.clip(rng.normal(size=4), -2, 2) - np.array([0, 0, 1, 1])
        )
        matrix = np.array([[size * width, -slant], [slope / 4, size]], np.float32)
        steps = np.array(example.steps)
        steps[:, :2] = np.clip(steps[:, :2] @ matrix.T, -FARTHEST, FARTHEST)
        told = rng.random() >= self.options.untold
        return dataclasses.replace(example, steps=steps, source=example.source if told else None)

    def to_json(self) -> dict[str, Any]:
        return {"counts": self.counts, "scale": self.scale, "hands": self.hands.to_json()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the lines of the writers."""
        return self.hands.arrays()

    @classmethod
    def from_json(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> "InkCodec":
        counts = {str(letter): int(count) for letter, count in data["counts"].items()}
        if any(len(letter) != 1 for letter in counts) or not float(data["scale"]) > 0:
            raise ValueError("its characters or its scale are garbled")
        return cls(options, counts, float(data["scale"]), Hands.from_json(data["hands"], arrays))
