"""The codec: ink as offsets of the pen, and its text as the source."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from seqforge import (
    UNSEEN,
    Augments,
    Categorical,
    Codec,
    DecodeError,
    Example,
    Illustrates,
    Mixture,
    Piece,
    Prompt,
    RequestError,
)
from seqforge_handwriting.accents import base_text
from seqforge_handwriting.drawing import PagedInk
from seqforge_handwriting.frame import Frame, normalize
from seqforge_handwriting.infill_request import parse_infill
from seqforge_handwriting.ink import Ink, from_offsets, to_offsets
from seqforge_handwriting.letter import HandwritingTask
from seqforge_handwriting.letter_infill import InfillTask, read_letter
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.request import parse_request
from seqforge_handwriting.sketch import sketch_frame
from seqforge_handwriting.writer_samples import WriterSamples

__all__ = ["InkCodec"]

MAX_OFFSET = 5000.0
"""Largest offset in steps, in units of the network. A pen that goes back to cross the first t of a line moves dozens.
"""
CANDIDATES = 4
"""Number of candidates that are written of each part of a line, of which one is kept."""


class InkCodec(Codec[Ink, HandwritingOptions, HandwritingRequest], Augments, Illustrates[Ink]):
    """Encodes ink as offsets of the pen, and its text as the source.

    A step is (dx, dy, up): the offset in x-heights divided by `scale`, and 1 if the pen is lifted afterwards. A symbol
    of the source is a character of the text; symbol 0 is an unknown character.

    >>> line = Piece(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[9.0, 9.0]])), "-."))
    >>> codec = InkCodec.fit([line], HandwritingOptions())
    >>> codec.encode(line).steps.shape
    (3, 3)
    >>> codec.decode(codec.encode(line)) == codec.canonical(line)
    True

    Args:
        options: The options of the plugin.
        counts: Number of occurrences of each character in training.
        scale: The root mean square of an offset in training, in x-heights.
        writers: A line of each writer, to prime the network with.
        labels: Label name to its values, for drawings; writing has no labels but its writers.
        legible: The writers of whom one is drawn if a request names no style; all if it is empty.
    """

    version = 1

    def __init__(
        self,
        options: HandwritingOptions,
        counts: Mapping[str, int],
        scale: float,
        writers: WriterSamples,
        labels: Mapping[str, tuple[str, ...]] | None = None,
        legible: Sequence[str] = (),
    ) -> None:
        self.options, self.counts, self.scale, self.writers = options, dict(counts), scale, writers
        self.legible = sorted(legible)
        self.characters = [UNSEEN, *sorted(counts)]
        self.index = {character: number for number, character in enumerate(self.characters)}
        self.space = Mixture(2, 1, options.components)
        self.is_sketch = options.encoding == "sketch"
        self.source = None if self.is_sketch else Categorical(len(self.characters))
        self.labels = dict(labels or {})

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Ink]], options: HandwritingOptions) -> Self:
        """Return a codec with the characters, the scale of the offsets, and a line of each writer, or the labels."""
        counts: Counter[str] = Counter()
        squares, values = 0.0, 0
        writers, labels, is_sketch = WriterSamples(), dict[str, set[str]](), options.encoding == "sketch"
        for piece in pieces:
            if is_sketch:
                ink = sketch_frame(piece.content).apply(piece.content)
                for name, value in piece.labels.items():
                    labels.setdefault(name, set()).add(value)
            else:
                counts.update(piece.content.text)
                ink = writers.add(piece)
            offsets = to_offsets(ink)[1:, :2]
            squares, values = squares + float((offsets**2).sum()), values + offsets.size
        scale = round(max((squares / max(1, values)) ** 0.5, 1e-3), 4)
        return cls(options, counts, scale, writers, {name: tuple(sorted(labels[name])) for name in sorted(labels)})

    def extended_for(self, pieces: Iterable[Piece[Ink]]) -> "InkCodec":
        """Return the codec with the writers of other pieces, or of its own if they have none."""
        writers = WriterSamples()
        for piece in pieces:
            writers.add(piece)
        if not writers.lines or self.is_sketch:
            return self
        return InkCodec(self.options, self.counts, self.scale, writers, self.labels)

    def encode(self, piece: Piece[Ink]) -> Example:
        """Return the offsets of the pen, the text as source, and the frame of the line as an extra."""
        text = "" if self.is_sketch else piece.content.text
        ink, frame = self._normalized(piece.content)
        largest = float(np.abs(to_offsets(ink)[:, :2]).max(initial=0.0)) / (MAX_OFFSET * self.scale)
        if largest > 1:  # a larger unit keeps every offset in range
            frame = dataclasses.replace(frame, x_height=frame.x_height * largest)
            ink = frame.apply(piece.content)
        return Example(
            self.encode_ink(ink),
            source=self.encode_text(text) if text else None,
            extras={"frame": dataclasses.asdict(frame)},
            labels=self.known_labels(piece),
            dropped=Counter(character for character in text if character not in self.index),
        )

    def _normalized(self, ink: Ink) -> tuple[Ink, Frame]:
        """Return ink in x-heights, and the frame that was applied."""
        if not self.is_sketch:
            return normalize(ink)
        frame = sketch_frame(ink)
        return frame.apply(ink), frame

    def encode_ink(self, ink: Ink) -> np.ndarray:
        """Return ink in x-heights as steps, shape (points, 3)."""
        offsets = to_offsets(ink)
        offsets[:, :2] = np.clip(offsets[:, :2] / self.scale, -MAX_OFFSET, MAX_OFFSET)
        return offsets.astype(np.float32)

    def encode_text(self, text: str) -> np.ndarray:
        """Return a text as a source, shape (characters,)."""
        numbers = [self.index.get(character, 0) for character in text]
        return np.array(numbers, Categorical(len(self.characters)).dtype)

    def decode(self, example: Example) -> Piece[Ink]:
        steps = np.array(example.steps, np.float64)
        if steps.ndim != 2 or steps.shape[1] != 3 or not np.isfinite(steps).all():
            raise DecodeError("the steps are not offsets of a pen")
        steps[:, :2] *= self.scale
        source = [] if example.source is None else example.source.tolist()
        text = "".join(self.characters[number] for number in source)
        frame = Frame(**example.extras["frame"]) if "frame" in example.extras else Frame()
        try:
            return Piece(frame.undo(from_offsets(steps, text)), dict(example.labels) if self.is_sketch else {})
        except ValueError as error:
            raise DecodeError(str(error)) from error

    def canonical(self, piece: Piece[Ink]) -> Piece[Ink]:
        """Return the piece with unknown characters replaced and without unknown labels; the strokes stay."""
        ink = piece.content
        if self.is_sketch:
            return Piece(Ink(ink.strokes), self.known_labels(piece))
        text = "".join(character if character in self.index else UNSEEN for character in ink.text)
        return Piece(Ink(ink.strokes, text))

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        """Return the characters."""
        return [self.characters[number] for number in source.tolist()]

    def task(self, request: HandwritingRequest) -> HandwritingTask:
        """Return the task of writing a text: one prompt per part of a line, primed with a line of the style.

        Raises:
            RequestError: If text, style or layout are impossible.
        """
        named = [name for name in ("infill", "style", "text_file", "text") if getattr(request, name)]
        if self.is_sketch and named:
            field = named[0]
            raise RequestError(
                f"`{field}` has no meaning here: the model has learnt drawings without texts; leave `{field}` out",
                field=field,
                value=getattr(request, field),
            )
        letter = read_letter(request.infill) if request.infill else None
        parse = parse_request if letter is None else partial(parse_infill, letter=letter)
        parsed = parse(request, writers=self.writers.lines, counts=self.counts, tolerance=self.options.simplify)
        texts = [None] if parsed.paragraphs is None else parsed.parts
        prompts = [
            dataclasses.replace(
                self._prompt(parsed.prime(number), text), controls={} if bias is None else {"bias": bias}
            )
            for number, (text, bias) in enumerate(zip(texts, parsed.biases, strict=True))
        ]
        written = [base_text(text or "", self.counts) for text in texts]
        return (
            HandwritingTask(prompts, parsed, written)
            if letter is None
            else InfillTask(prompts, parsed, written, letter)
        )

    def _prompt(self, prime: Ink | None, text: str | None) -> Prompt:
        """Return the prompt of a text, None for free writing, after a line that the network is primed with."""
        text = None if text is None else base_text(text, self.counts)
        if prime is None:
            source = None if text is None else self.encode_text(text)
            none = Example(np.zeros((0, 3), np.float32), source=source)
            return Prompt(none, keep=0, candidates=1 if text is None else CANDIDATES)
        if text is None:
            return Prompt(Example(self.encode_ink(prime), source=self.encode_text(prime.text)), keep=0)
        source = self.encode_text(f"{prime.text} {text}")
        example = Example(self.encode_ink(prime), source=source)
        return Prompt(example, keep=0, candidates=CANDIDATES, source_start=len(prime.text) + 1)

    def resolve(self, request: HandwritingRequest, rng: np.random.Generator) -> HandwritingRequest:
        """Return the request with one writer as its style if it has a text and no style: one request is one hand."""
        has_text = (request.text is not None or request.text_file is not None) and not request.infill
        if request.style or request.style_text or not has_text or not self.writers.lines:
            return request
        return dataclasses.replace(request, style=str(rng.choice(self.legible or sorted(self.writers.lines))))

    def illustration(self) -> Piece[Ink]:
        """Return a specimen sheet of the writers that can be imitated."""
        page = self.writers.specimen_sheet()
        return Piece(PagedInk(page.ink.strokes, page.ink.text, (page,)))

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the ink with another size, width, slant and slope, and occasionally without its text."""
        size, width, slant, slope = (
            1 + self.options.jitter * np.clip(rng.normal(size=4), -2, 2) - np.array([0, 0, 1, 1])
        )
        matrix = np.array([[size * width, -slant], [slope / 4, size]], np.float32)
        steps = np.array(example.steps)
        steps[:, :2] = np.clip(steps[:, :2] @ matrix.T, -MAX_OFFSET, MAX_OFFSET)
        keep_text = rng.random() >= self.options.text_dropout
        return dataclasses.replace(example, steps=steps, source=example.source if keep_text else None)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        writers, offsets = self.writers.state()
        data: dict[str, Any] = {"counts": self.counts, "scale": self.scale, "writers": writers}
        if self.labels:
            data["labels"] = {name: list(values) for name, values in self.labels.items()}
        if self.legible:
            data["legible"] = self.legible
        return data, {"writers": offsets}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: HandwritingOptions) -> Self:
        counts = {str(character): int(count) for character, count in data["counts"].items()}
        scale = float(data["scale"])
        if any(len(character) != 1 for character in counts) or not scale > 0:
            raise ValueError("a character is not a single one, or the scale is not above 0")
        labels = {str(name): tuple(map(str, values)) for name, values in data.get("labels", {}).items()}
        writers = WriterSamples.from_state(data["writers"], arrays["writers"])
        legible = [str(name) for name in data.get("legible", ())]
        if not writers.lines.keys() >= set(legible):
            raise ValueError("a writer who may be drawn has no line")
        return cls(options, counts, scale, writers, labels, legible)
