"""Requests that write some lines of a letter again: the text and the hand of each line."""

import dataclasses
from collections.abc import Mapping

from seqforge import RequestError
from seqforge_handwriting.accents import base_text
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.letter import Paragraph, ParsedRequest
from seqforge_handwriting.letter_infill import Letter
from seqforge_handwriting.line_check import line_frame
from seqforge_handwriting.missing_characters import known_text
from seqforge_handwriting.options import HandwritingRequest
from seqforge_handwriting.page import wrap
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.request import CHARACTERS_PER_PART, parse_request
from seqforge_handwriting.style import Style, parse_style
from seqforge_handwriting.text_normalization import normalize_text
from seqforge_handwriting.written_lines import WrittenLine

__all__ = ["parse_infill"]


def parse_infill(
    request: HandwritingRequest, *, letter: Letter, writers: Mapping[str, Ink], counts: Mapping[str, int],
    tolerance: float,
) -> ParsedRequest:  # fmt: skip
    """Return the request whose paragraphs are the lines to write again.

    A line is in the hand of `style`, or else of its writer, or else of the line itself.

    Args:
        request: The request.
        letter: The letter, and its lines to write again.
        writers: For each writer that the model can imitate, a line in x-heights.
        counts: Number of occurrences of each character in training.
        tolerance: The tolerance with which the ink of a file is simplified, in x-heights.

    Raises:
        RequestError: If the text has another number of lines, or a line cannot be imitated.
    """
    for field in ("text_file", "paper"):
        if getattr(request, field):
            raise RequestError(
                f"`{field}` has no meaning with `infill`: the letter has its page; leave `{field}` out", field=field
            )
    plain = parse_request(dataclasses.replace(request, text=None), writers=writers, counts=counts, tolerance=tolerance)
    lines = [letter.lines[number] for number in letter.chosen]
    texts = _texts(request, lines, counts)
    paragraphs = []
    for number, line, text in zip(letter.chosen, lines, texts, strict=True):
        style = (
            parse_style(request, writers, counts, tolerance)
            if request.style
            else _hand(letter, number, writers, counts)
        )
        pen = Pen(line.pen_width, line.colour)
        paragraphs.append(Paragraph(tuple(wrap(text, CHARACTERS_PER_PART)), style=style, pen=pen, align=line.align))
    return dataclasses.replace(plain, paragraphs=tuple(paragraphs))


def _texts(request: HandwritingRequest, lines: list[WrittenLine], counts: Mapping[str, int]) -> list[str]:
    """Return the text of each line to write."""
    if request.text is None:
        return [line.text for line in lines]
    text = known_text(normalize_text(request.text).text, counts, request.missing, field="text")
    texts = [part.strip() for part in text.split("\n")]
    if len(texts) != len(lines) or not all(texts):
        raise RequestError(
            f"`text` has {len(texts)} lines, and `infill` names {len(lines)}; give one line of text for each",
            field="text", value=request.text[:80], allowed=f"{len(lines)} lines",
        )  # fmt: skip
    return texts


def _hand(letter: Letter, number: int, writers: Mapping[str, Ink], counts: Mapping[str, int]) -> Style:
    """Return the hand of a line: its writer, or the line itself."""
    line, ink = letter.lines[number], letter.ink(number)
    if line.style in writers:
        return Style((writers[line.style],), name=line.style)
    try:
        frame = dataclasses.replace(line_frame(ink), slant=0.0)
    except ValueError as error:
        raise RequestError(
            f"line {number + 1} of the letter cannot be imitated: {error}; name a `style`", field="infill"
        ) from error
    return Style((frame.apply(Ink(ink.strokes, base_text(line.text, counts))),))
