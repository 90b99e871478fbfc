"""Requests: parsing one into layout, pen, style and lines; and the task that places the generated lines on pages."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqforge import Piece, Prompt, ReadError, RequestError, Task, did_you_mean, input_file, listing
from seqforge_handwriting.drawing import PagedInk, Pen
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.options import HandwritingRequest
from seqforge_handwriting.page import Layout, parse_length, parse_paper, place, wrap
from seqforge_handwriting.reader import SUFFIXES, detect_suffix, read_ink
from seqforge_handwriting.simplify import simplify_dense
from seqforge_handwriting.text_normalization import normalize_text, validate_characters

__all__ = ["HandwritingTask", "ParsedRequest", "parse_request"]

CHARACTERS_PER_LINE = 45
"""Largest number of characters per line without paper; the lines of the corpus are shorter."""
CHARACTER_WIDTH = 1.25
"""Mean width of a character including its share of the spaces, in x-heights."""
MAX_TEXT_BYTES = 1 << 20
MAX_STYLE_CHARACTERS = 80
"""Largest number of characters of a line that the network is primed with."""
STDIN = Path("-")


@dataclass(frozen=True)
class ParsedRequest:
    """A request after parsing and validation.

    >>> ParsedRequest(Layout(), Pen(), lines=("Dear Ann,", "", "I am well")).layout.x_height
    2.5

    Attributes:
        layout: The layout of the pages.
        pen: The pen that draws the result.
        style: The ink that the network is primed with, in x-heights; None without a style.
        lines: The lines to write, "" for an empty line; None if no text was requested.
    """

    layout: Layout
    pen: Pen
    style: Ink | None = None
    lines: tuple[str, ...] | None = None


class HandwritingTask(Task[Ink]):
    """The task of writing a text: one prompt per line that is not empty, and the pages of the result.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> task = HandwritingTask([], ParsedRequest(Layout(margin=1.0), Pen(), lines=("-",)))
    >>> task.finish([Piece(from_deltas([[0, 0, 2, 0]], "-"))]).content.bounds
    (1.0, 1.0, 6.0, 1.0)

    Args:
        prompts: One prompt per line that is not empty; one prompt if no text was requested.
        request: The parsed request.
    """

    def __init__(self, prompts: Sequence[Prompt], request: ParsedRequest) -> None:
        super().__init__(prompts)
        self.request = request

    def finish(self, pieces: Sequence[Piece[Ink]]) -> Piece[Ink]:
        """Return the written lines on their pages; every line starts at the left, on its baseline."""
        inks = [piece.content for piece in pieces]
        if self.request.style is not None:  # the first offset starts at the end of the style's line
            inks = [ink.translate(-float(ink.points[0, 0]), 0) if ink.strokes else ink for ink in inks]
        if self.request.lines is not None:
            written = iter(inks)
            inks = [next(written, Ink(())) if line else Ink(()) for line in self.request.lines]
        pages = tuple(place(inks, self.request.layout))
        ink = concatenate(page.ink for page in pages)
        return Piece(PagedInk(ink.strokes, ink.text, pages, self.request.pen), pieces[0].labels)


def parse_request(
    request: HandwritingRequest, *, writers: Mapping[str, Ink], counts: Mapping[str, int], tolerance: float
) -> ParsedRequest:
    """Parse a request, and read its files.

    >>> counts = {"a": 90, "b": 90, "c": 90}
    >>> parse_request(HandwritingRequest(text="a cab"), writers={}, counts=counts, tolerance=0.06).lines
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
    )
    pen = _parse_pen(request)
    style = _parse_style(request, writers, counts, tolerance)
    return ParsedRequest(layout, pen, style, _parse_text(request, counts, layout))


def _parse_pen(request: HandwritingRequest) -> Pen:
    if request.size_unit not in ("mm", "px"):
        raise RequestError.invalid("size_unit", request.size_unit, "mm or px")
    return Pen(request.pen_width, request.colour, "px" if request.size_unit == "px" else "mm")


def _parse_text(request: HandwritingRequest, counts: Mapping[str, int], layout: Layout) -> tuple[str, ...] | None:
    """Return the lines to write, "" for an empty line; None if no text is requested."""
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
    validate_characters(normalized.text, counts, field=field)
    if normalized.summary:
        logging.getLogger("seqforge").warning(normalized.summary)
    limit = layout.characters(CHARACTER_WIDTH) if layout.paper else CHARACTERS_PER_LINE
    return tuple(wrap(normalized.text, limit))


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


def _parse_style(
    request: HandwritingRequest, writers: Mapping[str, Ink], counts: Mapping[str, int], tolerance: float
) -> Ink | None:
    """Return the ink that the network is primed with, in x-heights; None without a style."""
    if not request.style:
        if request.style_text:
            raise RequestError(
                "`style_text` is given without a `style` file; it is the text of that file", field="style_text"
            )
        return None
    if request.style in writers:
        return writers[request.style]
    sample, suffix = _read_style(request.style, sorted(writers))
    text = request.style_text or sample.text
    if not text.strip():
        raise RequestError(
            f"the file of `style`, {request.style}, does not contain its text; give the text with `style_text`",
            field="style_text",
        )
    text = normalize_text(text, field="style_text").text.replace("\n", " ")
    if len(text) > MAX_STYLE_CHARACTERS:
        raise RequestError(
            f"`style_text` has {len(text)} characters; it must be a line of at most {MAX_STYLE_CHARACTERS}",
            field="style_text",
            value=text,
            allowed=f"at most {MAX_STYLE_CHARACTERS} characters long",
        )
    validate_characters(text, counts, field="style_text", allow_rare=True)
    ink = Ink(sample.strokes, text)
    upright = replace(estimate_frame(ink), slant=0.0).apply(ink)
    return simplify_dense(upright, suffix, tolerance)


def _read_style(style: str, writers: Sequence[str]) -> tuple[Ink, str]:
    """Return the first sample of the file, pipe or standard input that `style` names, and the suffix of its format."""
    path = Path(style)
    is_stream = path == STDIN or (path.exists() and not path.is_file() and not path.is_dir())
    if not is_stream and path.suffix.lower() not in SUFFIXES:
        allowed = f"one of the writers {listing(writers, most=12)}, or a file that ends in {listing(SUFFIXES)}"
        suggestion = did_you_mean(style, writers)
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
    sample = next(iter(read_ink(file, suffix)))
    if isinstance(sample, ReadError):
        name = "standard input" if path == STDIN else style
        reason = ReadError(sample.reason, file=name, line=sample.line)
        raise RequestError(f"the file of `style` cannot be read: {reason}", field="style", value=style)
    return sample.ink, suffix
