"""The style of a request: the lines of one hand that the network is primed with."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqforge import ReadError, RequestError, did_you_mean, input_file, listing
from seqforge_handwriting.accents import base_text
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.line_check import line_frame
from seqforge_handwriting.missing_characters import known_text
from seqforge_handwriting.options import HandwritingRequest
from seqforge_handwriting.reader import SUFFIXES, detect_suffix, read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.simplify import simplify_dense
from seqforge_handwriting.text_normalization import normalize_text

__all__ = ["RANDOM_PER_LINE", "Style", "parse_style"]

RANDOM_PER_LINE = "random-per-line"
"""The style with which every line may have another hand."""
MAX_STYLE_CHARACTERS = 80
"""Largest number of characters of a line that the network is primed with."""
MAX_STYLE_LINES = 50
"""Largest number of lines of a style that are used."""
STDIN = Path("-")
CHARACTER_WIDTH = 1.25
"""Mean width of a character including its share of the spaces, in x-heights."""


@dataclass(frozen=True, eq=False)
class Style:
    """The lines of one hand.

    >>> Style((Ink((np.array([[0.0, 0.0], [8.0, 0.0]]),), "abcd"),)).character_width
    2.0

    Attributes:
        lines: Lines of the hand with their texts, in x-heights; empty if every line may have another hand.
        file: The file that they are from, "" for a writer of the model.
        name: The writer of the model, "" for another hand.
    """

    lines: tuple[Ink, ...] = ()
    file: str = ""
    name: str = ""

    @property
    def character_width(self) -> float:
        """The mean width of a character of this hand with its share of the spaces, in x-heights."""
        widths = [(ink.bounds[2] - ink.bounds[0]) / len(ink.text) for ink in self.lines if ink.text]
        return float(np.clip(np.median(widths), 0.4, 4.0)) if widths else CHARACTER_WIDTH

    def line(self, number: int) -> Ink | None:
        """Return the line that primes a line of the text; the lines take turns. None without a hand."""
        return self.lines[number % len(self.lines)] if self.lines else None


def parse_style(
    request: HandwritingRequest, writers: Mapping[str, Ink], counts: Mapping[str, int], tolerance: float
) -> Style:
    """Return the style of a request.

    >>> parse_style(HandwritingRequest(style="random-per-line"), {}, {}, 0.06).lines
    ()

    Args:
        request: The request.
        writers: For each writer that the model can imitate, a line in x-heights.
        counts: Number of occurrences of each character in training.
        tolerance: The tolerance with which the ink of a file is simplified, in x-heights.

    Raises:
        RequestError: If the file cannot be read, is not lines of writing, or lacks its text.
    """
    if request.style_text and request.style in ("", RANDOM_PER_LINE):
        raise RequestError(
            "`style_text` is given without a `style` file; it is the text of that file", field="style_text"
        )
    if request.style in ("", RANDOM_PER_LINE):
        return Style()
    if request.style in writers:
        return Style((writers[request.style],), name=request.style)
    samples, suffix = _read_samples(request.style, sorted(writers))
    texts = _texts(request, samples)
    lines = []
    for number, (sample, text) in enumerate(zip(samples, texts, strict=True), 1):
        place = f" ({sample.place or f'line {number}'})" if len(samples) > 1 else ""
        if len(text) > MAX_STYLE_CHARACTERS:
            raise RequestError(
                f"`style_text`{place} has {len(text)} characters; it must be a line of at most {MAX_STYLE_CHARACTERS}",
                field="style_text", value=text, allowed=f"at most {MAX_STYLE_CHARACTERS} characters long",
            )  # fmt: skip
        shown = base_text(known_text(text, counts, request.missing, field="style_text"), counts)
        ink = Ink(sample.ink.strokes, shown)
        try:
            frame = replace(line_frame(ink), slant=0.0)
        except ValueError as error:
            raise RequestError(
                f"the file of `style`, {request.style}{place}, cannot be imitated: {error}",
                field="style", value=request.style,
            ) from error  # fmt: skip
        lines.append(simplify_dense(frame.apply(ink), suffix, tolerance))
    return Style(tuple(lines), request.style)


def _texts(request: HandwritingRequest, samples: Sequence[Sample]) -> list[str]:
    """Return the text of each sample: its own, or the lines of `style_text`."""
    texts = [sample.ink.text for sample in samples]
    if request.style_text:
        lines = [request.style_text] if len(samples) == 1 else request.style_text.splitlines()
        if len(lines) != len(samples):
            raise RequestError(
                f"`style_text` has {len(lines)} lines and the file of `style`, {request.style}, has {len(samples)};"
                " give one line of text for each line of writing",
                field="style_text", value=request.style_text, allowed=f"{len(samples)} lines",
            )  # fmt: skip
        texts = lines
    if not all(text.strip() for text in texts):
        raise RequestError(
            f"the file of `style`, {request.style}, does not contain its text; give the text with `style_text`",
            field="style_text",
        )
    return [normalize_text(text, field="style_text").text.replace("\n", " ") for text in texts]


def _read_samples(style: str, writers: Sequence[str]) -> tuple[list[Sample], str]:
    """Return the samples of the file, pipe or standard input that `style` names, and the suffix of its format."""
    path = Path(style)
    is_stream = path == STDIN or (path.exists() and not path.is_file() and not path.is_dir())
    if not is_stream and path.suffix.lower() not in SUFFIXES:
        allowed = (
            f"one of the writers {listing(writers, most=12)}, a file that ends in {listing(SUFFIXES)}, or"
            f" {RANDOM_PER_LINE}"
        )
        suggestion = did_you_mean(style, [*writers, RANDOM_PER_LINE])
        raise RequestError(
            f"`style` is {style!r}; it must be {allowed}{suggestion}", field="style", value=style, allowed=allowed
        )
    file = input_file(path, field="style")
    suffix = path.suffix
    try:
        if is_stream and suffix.lower() not in SUFFIXES:
            suffix = detect_suffix(file)
    except OSError as error:
        raise RequestError(f"`style` {style} cannot be read: {error.strerror}", field="style", value=style) from error
    samples: list[Sample] = []
    for sample in read_ink(file, suffix):
        if isinstance(sample, ReadError):
            name = "standard input" if path == STDIN else style
            reason = ReadError(sample.reason, file=name, line=sample.line)
            raise RequestError(f"the file of `style` cannot be read: {reason}", field="style", value=style)
        if len(samples) == MAX_STYLE_LINES:
            logging.getLogger("seqforge").warning(
                "%s has more than %s lines; the style is that of the first %s", style, MAX_STYLE_LINES, MAX_STYLE_LINES
            )
            break
        samples.append(sample)
    return samples, suffix
