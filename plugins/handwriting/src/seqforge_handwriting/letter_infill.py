"""Letters whose lines are written again: which lines of which file, and the task that leaves all others as they are."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqforge import FileSelection, Piece, Prompt, ReadError, RequestError
from seqforge_handwriting.baseline import with_drift
from seqforge_handwriting.drawing import PagedInk
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.letter import HandwritingTask, ParsedRequest, at_the_left, written_x_height
from seqforge_handwriting.page import Page
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.samples import MAX_BYTES
from seqforge_handwriting.stroke_json import read_pages
from seqforge_handwriting.words import fill_lines
from seqforge_handwriting.written_lines import WrittenLine, line_inks

__all__ = ["InfillTask", "Letter", "read_letter"]

NARROW = 0.9
"""The share of its width below which a note says that a line was narrowed."""
ROUNDING = 0.01
"""The largest error of the width of a page that fits its ink, in millimetres."""


@dataclass(frozen=True)
class Letter:
    """The pages of a letter, and the lines to write again.

    Attributes:
        pages: The pages, with their lines.
        chosen: The numbers of the lines to write again, from 0, over all pages.
    """

    pages: tuple[Page, ...]
    chosen: tuple[int, ...]

    @property
    def lines(self) -> tuple[WrittenLine, ...]:
        """The lines of all pages."""
        return tuple(line for page in self.pages for line in page.lines)

    def ink(self, number: int) -> Ink:
        """Return the ink of a line, in millimetres."""
        return [ink for page in self.pages for ink in line_inks(page.ink, page.lines)][number]


def read_letter(text: str) -> Letter:
    """Return the letter and the lines that a text such as "letter.json:2-3,5" names.

    Raises:
        RequestError: If the text names no lines, or the file cannot be read or lacks them.
    """
    selection = FileSelection.parse(text, example="letter.json:2-3,5")
    try:
        pages = tuple(read_pages(selection.read_text(MAX_BYTES), str(selection.path)))
    except ReadError as error:
        raise RequestError(f"the file of `infill` cannot be read: {error}", field="infill", value=text) from error
    numbers = selection.numbers(sum(len(page.lines) for page in pages), "lines")
    return Letter(pages, tuple(number - 1 for number in numbers))


class InfillTask(HandwritingTask):
    """The task of writing some lines of a letter again, at their places; the strokes of all other lines stay.

    Args:
        prompts: One prompt per part of a line.
        request: The parsed request; its paragraphs are the lines to write.
        written: The text of each part as the model writes it.
        letter: The letter.
    """

    def __init__(
        self, prompts: Sequence[Prompt], request: ParsedRequest, written: Sequence[str] | None, letter: Letter
    ) -> None:
        super().__init__(prompts, request, written)
        self.letter = letter

    def draft(self, pieces: Sequence[Piece[Ink]]) -> Piece[Ink]:
        """Return the letter with the lines that are complete; the other chosen lines are those from before."""
        paragraphs = self.request.paragraphs or ()
        ends = np.cumsum([len(paragraph.parts) for paragraph in paragraphs])
        count = int(np.searchsorted(ends, len(pieces), "right"))
        request = dataclasses.replace(self.request, paragraphs=paragraphs[:count])
        letter = dataclasses.replace(self.letter, chosen=self.letter.chosen[:count])
        return InfillTask(self.prompts, request, self.written, letter).finish(pieces)

    def finish(self, pieces: Sequence[Piece[Ink]]) -> Piece[Ink]:
        """Return the letter with its new lines."""
        request = self.request
        parts = iter(
            at_the_left(piece.content, request.prime(number), request.parts[number])
            for number, piece in enumerate(pieces)
        )
        new: dict[int, Ink] = {}
        for number, paragraph in zip(self.letter.chosen, request.paragraphs or (), strict=True):
            inks = [next(parts) for _ in paragraph.parts]
            height = written_x_height(inks)
            (ink, *_), _ = fill_lines([ink.scale(1 / height) for ink in inks], np.inf, 0.0, request.layout.word_spacing)
            new[number] = with_drift(ink, request.layout.drift)
        pages, first = [], 0
        for page in self.letter.pages:
            pages.append(_with_lines(page, {n - first: ink for n, ink in new.items() if n >= first}))
            first += len(page.lines)
        ink = concatenate(page.ink for page in pages)
        pen = next((pen for page in pages for pen in page.pens), request.pen)
        return Piece(PagedInk(ink.strokes, ink.text, tuple(pages), pen), pieces[0].labels)


def _with_lines(page: Page, new: Mapping[int, Ink]) -> Page:
    """Return a page with new lines, given in x-heights by their numbers on the page. A page that fits its ink grows."""
    before = list(line_inks(page.ink, page.lines))
    first = min(ink.bounds[0] for ink in before)
    last = max(ink.bounds[2] for ink in before)
    is_fitting = abs(page.width - first - last) < ROUNDING
    span = first, np.inf if is_fitting else max(last, page.width - first)
    inks, lines = [], []
    for number, (line, ink) in enumerate(zip(page.lines, before, strict=True)):
        written = _placed(new[number], line, ink, span) if number in new else ink
        inks.append(written)
        if number in new:
            count, left = len(written.strokes), written.bounds[0]
            lines.append(dataclasses.replace(line, text=written.text, strokes=count, left=left))
        else:
            lines.append(line)
    pens = tuple(Pen(line.pen_width, line.colour) for line in lines for _ in range(line.strokes))
    width = max(page.width, first + max(ink.bounds[2] for ink in inks)) if is_fitting else page.width
    return dataclasses.replace(page, ink=concatenate(inks), width=width, lines=tuple(lines), pens=pens)


def _placed(ink: Ink, line: WrittenLine, before: Ink, span: tuple[float, float]) -> Ink:
    """Return a new line at the place of the one before it; it is narrowed if it would leave the span of the page."""
    left, _, right, _ = before.bounds
    width, middle = (ink.bounds[2] - ink.bounds[0]) * line.x_height, (left + right) / 2
    rooms = {"right": right - span[0], "centre": 2 * min(middle - span[0], span[1] - middle)}
    room = max(right - left, rooms.get(line.align, span[1] - left))
    factor = min(1.0, room / width) if width > 0 else 1.0
    if factor < NARROW:
        logging.getLogger("seqforge").warning(
            "the line %r is wider than the page and was narrowed to %d %% of its width", ink.text, 100 * factor
        )
    placed = ink.transform(np.diag([line.x_height * factor, line.x_height]), (0.0, line.baseline))
    starts = {"right": right - width * factor, "centre": middle - width * factor / 2}
    return placed.translate(starts.get(line.align, left) - placed.bounds[0], 0)
