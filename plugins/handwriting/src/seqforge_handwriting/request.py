"""Requests: parsing one into layout, pen, style and paragraphs."""

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path

from seqforge import RequestError
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.letter import Paragraph, ParsedRequest
from seqforge_handwriting.letter_file import parse_letter
from seqforge_handwriting.missing_characters import known_text
from seqforge_handwriting.options import HandwritingRequest
from seqforge_handwriting.page import Layout, parse_length, parse_paper, wrap
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.style import Style, parse_style
from seqforge_handwriting.text_normalization import normalize_text

__all__ = ["parse_request"]

CHARACTERS_PER_PART = 45
"""Largest number of characters that are written at once; the lines of the corpus are shorter."""
SHORTEST_PART = 24
"""Number of characters that are written at once if a line has room for fewer; the words are then distributed."""
ORDERS = ("writing", "shortest")
MAX_TEXT_BYTES = 1 << 20


def parse_request(
    request: HandwritingRequest, *, writers: Mapping[str, Ink], counts: Mapping[str, int], tolerance: float
) -> ParsedRequest:
    """Parse a request, and read its files.

    >>> counts = {"a": 90, "b": 90, "c": 90}
    >>> parse_request(HandwritingRequest(text="a cab"), writers={}, counts=counts, tolerance=0.06).parts
    ('a cab',)

    Args:
        request: The request.
        writers: For each writer that the model can imitate, a line in x-heights.
        counts: Number of occurrences of each character in training.
        tolerance: The tolerance with which the ink of a file is simplified, in x-heights.

    Raises:
        RequestError: If text, style or layout are impossible.
    """
    layout = Layout(
        parse_paper(request.paper) if request.paper else None,
        parse_length(request.margin),
        parse_length(request.letter_height, field="letter_height"),
        request.spacing,
        request.align,
        request.word_spacing,
        request.baseline_drift,
    )
    if request.order not in ORDERS:
        raise RequestError.invalid("order", request.order, "writing or shortest")
    pen = _parse_pen(request)
    style = parse_style(request, writers, counts, tolerance)
    paragraphs: tuple[Paragraph, ...] | None
    if request.text_file is not None and request.text is None and request.text_file.suffix.lower() == ".json":
        paragraphs = _parse_letter(request, request.text_file, writers, counts, tolerance, layout, style)
    else:
        paragraphs = _parse_text(request, counts, layout, style.character_width)
    return ParsedRequest(layout, pen, style, paragraphs, request.order)


def _parse_letter(
    request: HandwritingRequest, path: Path, writers: Mapping[str, Ink], counts: Mapping[str, int], tolerance: float,
    layout: Layout, style: Style,
) -> tuple[Paragraph, ...]:  # fmt: skip
    """Return the lines of a letter in a .json file, each with what differs from the rest of the request."""
    paragraphs: list[Paragraph] = []
    for number, entry in enumerate(parse_letter(_read_text(path), str(path)), 1):
        if not entry.text.strip():
            paragraphs += [Paragraph()] * (1 + entry.text.count("\n"))
            continue
        changed = dataclasses.replace(
            request, text_file=None, **{"style_text": "", **entry.changes, "text": entry.text}
        )
        try:
            look = dataclasses.replace(layout, align=changed.align)
            hand = parse_style(changed, writers, counts, tolerance) if entry.style is not None else style
            lines = _parse_text(changed, counts, look, hand.character_width) or ()
            pen = _parse_pen(changed)
        except RequestError as error:
            reason = str(error).replace("`", "")
            raise RequestError(
                f"the `text_file` {path}, entry {number}: {reason}", field="text_file", value=path
            ) from error
        paragraphs += [
            dataclasses.replace(line, style=hand, pen=pen, align=changed.align, bias=entry.bias) for line in lines
        ]
    if not any(paragraph.parts for paragraph in paragraphs):
        raise RequestError(f"the `text_file` {path} is empty; give the text to write", field="text_file", value=path)
    return tuple(paragraphs)


def _parse_pen(request: HandwritingRequest) -> Pen:
    if request.size_unit not in ("mm", "px"):
        raise RequestError.invalid("size_unit", request.size_unit, "mm or px")
    return Pen(request.pen_width, request.colour, "px" if request.size_unit == "px" else "mm")


def _parse_text(
    request: HandwritingRequest, counts: Mapping[str, int], layout: Layout, character_width: float
) -> tuple[Paragraph, ...] | None:
    """Return the lines to write; None if no text is requested."""
    if request.text is not None and request.text_file is not None:
        raise RequestError("`text` and `text_file` are both given; give one of them", field="text_file")
    if request.text_file is not None:
        field = "text_file"
        normalized = normalize_text(_read_text(request.text_file), field=field, source=str(request.text_file))
    elif request.text is not None:
        field = "text"
        normalized = normalize_text(request.text)
    else:
        return None
    text = known_text(normalized.text, counts, request.missing, field=field)
    if normalized.summary:
        logging.getLogger("seqforge").warning(normalized.summary)
    word, part = CHARACTERS_PER_PART, CHARACTERS_PER_PART
    if layout.paper:
        word = layout.characters(character_width)
        part = min(CHARACTERS_PER_PART, max(word, SHORTEST_PART))
    lines = text.split("\n")
    return tuple(Paragraph(tuple(wrap(line, part, word)), len(line) - len(line.lstrip(" "))) for line in lines)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise RequestError(
                f"the `text_file` {path} is larger than 1 MB; split it",
                field="text_file",
                value=path,
                allowed="at most 1 MB large",
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"the `text_file` {path} is not UTF-8 text (byte {error.start}); save it as UTF-8",
            field="text_file",
            value=path,
        ) from error
    except OSError as error:
        message = f"the `text_file` {path} cannot be read: {error.strerror}"
        raise RequestError(message, field="text_file", value=path) from error
