"""A letter: one prompt per part of a line, and the written parts on their pages."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqforge import Example, Piece, Prompt, Task
from seqforge_handwriting.baseline import with_drift
from seqforge_handwriting.composing import compose
from seqforge_handwriting.drawing import PagedInk, layers_of
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.page import Layout, Page, place, with_lines
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.plotter import shortest_order
from seqforge_handwriting.style import Style
from seqforge_handwriting.words import fill_lines

__all__ = [
    "HandwritingTask",
    "Paragraph",
    "ParsedRequest",
    "at_the_left",
    "without_late_strokes",
    "written_x_height",
]

MIN_MEASURED = 8
"""Smallest number of characters of a part whose x-height is measured."""
HEIGHT_RANGE = (0.7, 1.4)
"""Smallest and largest x-height of the written parts that is corrected, relative to the expected one."""
MAX_LENGTH = 1.5
"""Largest number of points of a candidate that is kept, relative to the median of the candidates."""
LATE_GAP = 1.0
"""Smallest distance of the text from a stroke that belongs to the style's line, in x-heights."""
LATE_TOLERANCE = 0.2
"""Distance to which a stroke that belongs to the style's line may reach beyond it, in x-heights."""
MAX_LATE = 3
"""Largest number of strokes that may belong to the style's line."""


@dataclass(frozen=True)
class Paragraph:
    """One line of the text, in the parts in which it is written.

    >>> Paragraph(("I am well, dear Ann,", "and hope the same of you")).parts[0]
    'I am well, dear Ann,'

    Attributes:
        parts: The parts; none for an empty line.
        indent: The number of blanks before it.
        style: The hand of this line; None for that of the request.
        pen: The pen of this line; None for that of the request.
        align: Where this line stands; None for the alignment of the request.
        bias: The bias of the sampler for this line; None for that of the request.
    """

    parts: tuple[str, ...] = ()
    indent: int = 0
    style: Style | None = None
    pen: Pen | None = None
    align: str | None = None
    bias: float | None = None


@dataclass(frozen=True)
class ParsedRequest:
    """A request after parsing and validation.

    >>> ParsedRequest(Layout(), Pen(), paragraphs=(Paragraph(("Dear Ann,",)), Paragraph())).parts
    ('Dear Ann,',)

    Attributes:
        layout: The layout of the pages.
        pen: The pen that draws the result.
        style: The hand.
        paragraphs: The lines of the text; None if no text was requested.
        order: The order of the strokes of a page: writing, or shortest.
    """

    layout: Layout
    pen: Pen
    style: Style = field(default_factory=Style)
    paragraphs: tuple[Paragraph, ...] | None = None
    order: str = "writing"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of all lines."""
        return tuple(part for paragraph in self.paragraphs or () for part in paragraph.parts)

    @property
    def styles(self) -> tuple[Style, ...]:
        """The hand of each part; one if no text was requested."""
        if self.paragraphs is None:
            return (self.style,)
        return tuple(paragraph.style or self.style for paragraph in self.paragraphs for _ in paragraph.parts)

    @property
    def biases(self) -> tuple[float | None, ...]:
        """The bias of each part, None for that of the request; one if no text was requested."""
        if self.paragraphs is None:
            return (None,)
        return tuple(paragraph.bias for paragraph in self.paragraphs for _ in paragraph.parts)

    def prime(self, number: int) -> Ink | None:
        """Return the line that primes a part; the lines of a hand take turns. None without a hand."""
        return self.styles[number].line(number)


class HandwritingTask(Task[Ink]):
    """The task of writing a text: one prompt per part of a line, and the pages of the result.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> task = HandwritingTask([], ParsedRequest(Layout(margin=1.0), Pen(), paragraphs=(Paragraph(("-",)),)))
    >>> task.finish([Piece(from_deltas([[0, 0, 2, 0]], "-"))]).content.bounds
    (1.0, 1.0, 6.0, 1.0)

    Args:
        prompts: One prompt per part; one prompt if no text was requested.
        request: The parsed request.
        written: The text of each part as the model writes it, with base letters in place of composed ones; None if
            no letter is composed.
    """

    def __init__(self, prompts: Sequence[Prompt], request: ParsedRequest, written: Sequence[str] | None = None) -> None:
        super().__init__(prompts)
        self.request, self.written = request, written or request.parts

    def review(self, log_probability: Callable[[Example], float]) -> None:
        """Log a warning if the model finds the drawing of a style less probable with its text than without one."""
        style = self.request.style
        for number, (ink, prompt) in enumerate(zip(style.lines if style.file else (), self.prompts, strict=False), 1):
            source = prompt.example.source
            assert source is not None
            shown = dataclasses.replace(prompt.example, source=source[: len(ink.text)])
            silent = dataclasses.replace(prompt.example, source=None)
            if log_probability(shown) < log_probability(silent):
                place = f", line {number}," if len(style.lines) > 1 else ""
                logging.getLogger("seqforge").warning(
                    "the drawing in %s%s does not look like its text %r to the model; check the text, since writing in"
                    " this style may be illegible", style.file, place, ink.text,
                )  # fmt: skip

    def choose(
        self, number: int, candidates: Sequence[Example], log_probabilities: Sequence[Sequence[float]]
    ) -> int | None:
        """Return the candidate with the largest mean log-probability of a point, given the text and the hand.

        It is the probability without bias, so a candidate with strokes that fit neither the text nor the hand is seldom
        kept. Candidates that the network did not end, or that are far longer than the others, come last: a stroke
        that is repeated for ever is probable. None without a text.
        """
        if self.request.paragraphs is None:
            return None
        begin, sizes = len(self.prompts[number].example.steps), [len(values) for values in log_probabilities]
        longest = MAX_LENGTH * float(np.median(sizes))
        keys = [
            (begin + size > len(candidate.steps) and size <= longest, float(np.mean(values)) if size else -np.inf)
            for candidate, values, size in zip(candidates, log_probabilities, sizes, strict=True)
        ]
        return max(range(len(keys)), key=keys.__getitem__)

    def refine(self, number: int, piece: Piece[Ink], attention: Callable[[], np.ndarray]) -> Piece[Ink]:
        """Return a part with its baseline at y = 0, and with the accents of its letters."""
        prime = self.request.prime(number)
        ink = piece.content if prime is None else piece.content.translate(0, float(prime.points[-1, 1]))
        parts = self.request.parts
        if parts and parts[number] != self.written[number]:
            weights = attention()[:, self.prompts[number].source_start or 0 :]
            ink = compose(Ink(ink.strokes, self.written[number]), parts[number], weights)
        return dataclasses.replace(piece, content=ink)

    def draft(self, pieces: Sequence[Piece[Ink]]) -> Piece[Ink]:
        """Return the letter as far as its first parts are written."""
        paragraphs, room = list[Paragraph](), len(pieces)
        for paragraph in self.request.paragraphs or ():
            paragraphs.append(dataclasses.replace(paragraph, parts=paragraph.parts[:room]))
            room -= len(paragraphs[-1].parts)
            if room == 0:
                break
        request = dataclasses.replace(self.request, paragraphs=tuple(paragraphs))
        return HandwritingTask(self.prompts, request, self.written).finish(pieces)

    def finish(self, pieces: Sequence[Piece[Ink]]) -> Piece[Ink]:
        """Return the written lines on their pages; the letters have the requested height."""
        request = self.request
        inks = [
            at_the_left(piece.content, request.prime(number), text)
            for number, (piece, text) in enumerate(
                zip(pieces, request.parts or [piece.content.text for piece in pieces], strict=True)
            )
        ]
        aligns, pens = [request.layout.align] * len(inks), [request.pen] * len(inks)
        styles = [request.style.name] * len(inks)
        if request.paragraphs is not None:
            inks, numbers = _lines(request, inks)
            paragraphs = [request.paragraphs[number] for number in numbers]
            aligns = [paragraph.align or request.layout.align for paragraph in paragraphs]
            pens = [paragraph.pen or request.pen for paragraph in paragraphs]
            styles = [(paragraph.style or request.style).name for paragraph in paragraphs]
        inks = [with_drift(ink, request.layout.drift) for ink in inks]
        pages = tuple(place(inks, request.layout, aligns=aligns, pens=pens if len(set(pens)) > 1 else ()))
        pages = with_lines(pages, inks, request.layout.x_height, aligns=aligns, styles=styles, pens=pens)
        if request.order == "shortest":
            pages = tuple(_reordered(page, request.pen) for page in pages)
        ink = concatenate(page.ink for page in pages)
        return Piece(PagedInk(ink.strokes, ink.text, pages, request.pen), pieces[0].labels)


def _lines(request: ParsedRequest, inks: Sequence[Ink]) -> tuple[list[Ink], list[int]]:
    """Return the written lines, in x-heights, and the number of the paragraph of each.

    On paper they are filled with words by their real widths.
    """
    layout, styles = request.layout, request.styles
    heights = {
        style: written_x_height([i for i, s in zip(inks, styles, strict=True) if s is style]) for style in set(styles)
    }
    written = iter([ink.scale(1 / heights[style]) for ink, style in zip(inks, styles, strict=True)])
    lines, numbers, narrowest = list[Ink](), list[int](), 1.0
    for number, paragraph in enumerate(request.paragraphs or ()):
        parts = [next(written) for _ in paragraph.parts]
        indent = paragraph.indent * (paragraph.style or request.style).character_width
        if layout.paper:
            room = layout.column_width / layout.x_height
            filled, factor = fill_lines(parts, room, min(indent, room / 2), layout.word_spacing)
            narrowest = min(narrowest, factor)
        else:
            if layout.word_spacing != 1:
                parts = [line for part in parts for line in fill_lines([part], np.inf, 0.0, layout.word_spacing)[0]]
            filled = [part.translate(0 if place else indent, 0) for place, part in enumerate(parts)]
        lines += filled or [Ink(())]
        numbers += [number] * max(1, len(filled))
    if narrowest < 1:
        logging.getLogger("seqforge").warning(
            "a word is wider than the column and was narrowed to %d %% of its width; its height stays", 100 * narrowest
        )
    return lines, numbers


def _reordered(page: Page, pen: Pen) -> Page:
    """Return a page on which each pen draws its strokes in an order with little travel."""
    layers = [(layer.pen, shortest_order(layer.strokes)) for layer in layers_of(page, pen)]
    ink = page.ink.with_strokes(stroke for _, strokes in layers for stroke in strokes)
    pens = tuple(its_pen for its_pen, strokes in layers for _ in strokes)
    return dataclasses.replace(page, ink=ink, pens=pens if page.pens else (), lines=())


def written_x_height(inks: Sequence[Ink]) -> float:
    """Return the x-height of all parts together; 1 if they are too short to measure."""
    heights = [estimate_frame(ink).x_height for ink in inks if ink.strokes and len(ink.text) >= MIN_MEASURED]
    return float(np.clip(np.median(heights), *HEIGHT_RANGE)) if heights else 1.0


def at_the_left(ink: Ink, prime: Ink | None, text: str) -> Ink:
    """Return a written part with its left edge at 0 and without strokes that belong to the line before it."""
    if prime is not None and ink.strokes:
        ink = without_late_strokes(ink, float(prime.bounds[2] - prime.points[-1, 0]))
    return Ink(ink.translate(-ink.bounds[0], 0).strokes, text)


def without_late_strokes(ink: Ink, right: float) -> Ink:
    """Return ink without the first strokes if they belong to the line before it, such as a dot of its last i.

    They end over that line, and the text starts at a distance from them.

    >>> dot, letter = np.array([[-2.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])
    >>> without_late_strokes(Ink((dot, letter)), right=0.0).counts
    (2,)

    Args:
        ink: Ink in x-heights that continues a line.
        right: The right edge of the line that it continues.
    """
    reach = -np.inf
    for number, stroke in enumerate(ink.strokes[: MAX_LATE + 1]):
        if number and reach <= right + LATE_TOLERANCE and stroke[:, 0].min() > reach + LATE_GAP:
            return Ink(ink.strokes[number:], ink.text)
        reach = max(reach, float(stroke[:, 0].max()))
    return ink
