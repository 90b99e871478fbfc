"""Pages of handwriting: paper, margins, line breaking and placement. Lengths are in millimetres unless stated."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqforge import RequestError, did_you_mean
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.written_lines import WrittenLine

__all__ = ["Layout", "Page", "one_page", "page_around", "parse_length", "parse_paper", "place", "with_lines", "wrap"]

PAPERS = {
    "a3": (297.0, 420.0),
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "a6": (105.0, 148.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
    "tabloid": (279.4, 431.8),
    "postcard": (148.0, 105.0),
    "dl": (220.0, 110.0),
    "c5": (229.0, 162.0),
    "c6": (162.0, 114.0),
    "com10": (241.3, 104.775),
}
"""Width and height of known papers (ISO 216, ANSI Y14.1) and of envelopes (dl, c5, c6: ISO 269; com10), which lie on
their long side."""
ORIENTATION = re.compile(r"(?i)[\s-]+(landscape|portrait)\s*$")
ALIGNMENTS = ("left", "centre", "right")
UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "px": 25.4 / 96}
"""Millimetres per unit."""
LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px)\s*", re.IGNORECASE)
SIZE = re.compile(
    r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*[x\u00d7]\s*(\d{1,6}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px)\s*", re.IGNORECASE
)
MIN_PAPER, MAX_PAPER = 10.0, 5000.0
"""Smallest and largest side of a paper."""
ASCENT, DESCENT = 2.2, 1.2
"""Space above and below a baseline, in x-heights."""
MAX_PAGES = 1000


@dataclass(frozen=True)
class Layout:
    """The layout of a text on pages.

    >>> Layout(paper=(148.0, 210.0)).lines
    17

    Attributes:
        paper: Width and height of the paper; None for one page that fits the ink.
        margin: The margin on all four sides.
        x_height: The x-height of the letters.
        spacing: The distance between baselines, in x-heights.
        align: Where a line stands in its column: left, centre or right.
        word_spacing: The distance between words, relative to that of the hand.
        drift: How far a line rises and falls about its baseline, in x-heights.

    Raises:
        RequestError: If a value is out of range, or the margins leave no room for a line.
    """

    paper: tuple[float, float] | None = None
    margin: float = 10.0
    x_height: float = 2.5
    spacing: float = 4.5
    align: str = "left"
    word_spacing: float = 1.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        if not (0.2 <= self.x_height <= 500):
            raise RequestError.invalid("letter_height", f"{self.x_height:g}mm", "from 0.2 to 500 mm")
        if not (1 <= self.spacing <= 50):
            raise RequestError.invalid("spacing", self.spacing, "from 1 to 50 x-heights")
        if self.align not in ALIGNMENTS:
            raise RequestError.invalid("align", self.align, "left, centre or right")
        if not (0.2 <= self.word_spacing <= 10):
            raise RequestError.invalid("word_spacing", self.word_spacing, "from 0.2 to 10")
        if not (0 <= self.drift <= 2):
            raise RequestError.invalid("baseline_drift", self.drift, "from 0 to 2 x-heights")
        if self.margin < 0 or self.margin > MAX_PAPER:
            raise RequestError.invalid("margin", f"{self.margin:g}mm", f"from 0 to {MAX_PAPER:g} mm")
        if self.paper and (self.column_width < 5 * self.x_height or self.lines < 1):
            raise RequestError(
                f"a `margin` of {self.margin:g} mm leaves no room for a line with a `letter_height` of"
                f" {self.x_height:g} mm on `paper` of {self.paper[0]:g} x {self.paper[1]:g} mm; reduce the margin or"
                " the letter height, or choose larger paper",
                field="margin",
                value=self.margin,
            )

    @property
    def column_width(self) -> float:
        """The width available to a line, 0 without paper."""
        return self.paper[0] - 2 * self.margin if self.paper else 0.0

    @property
    def lines(self) -> int:
        """The number of lines per page, 0 without paper."""
        if not self.paper:
            return 0
        room = (self.paper[1] - 2 * self.margin) / self.x_height - ASCENT - DESCENT
        return int(room // self.spacing) + 1 if room >= 0 else 0

    def characters(self, width: float) -> int:
        """Return the number of characters per line, at least 1.

        Args:
            width: The mean width of a character, in x-heights.
        """
        return max(1, int(self.column_width / (width * self.x_height)))


@dataclass(frozen=True)
class Page:
    """One page.

    >>> Page(Ink(()), width=148, height=210).count
    1

    Attributes:
        ink: The ink on the page, relative to its upper left corner.
        width: The width of the page.
        height: The height of the page.
        number: The page number, from 1.
        count: The number of pages of the text.
        notes: Captions of a specimen sheet in a printed font: x, y of the baseline, and the caption.
        pens: The pen of each stroke; empty if one pen draws all.
        lines: The lines of writing; empty if they are not known.
    """

    ink: Ink
    width: float
    height: float
    number: int = 1
    count: int = 1
    notes: tuple[tuple[float, float, str], ...] = ()
    pens: tuple[Pen, ...] = ()
    lines: tuple[WrittenLine, ...] = ()


def parse_length(text: str, *, field: str = "margin") -> float:
    """Return a length in millimetres.

    >>> parse_length("1.5cm")
    15.0

    Args:
        text: A number with a unit: "15mm", "1.5cm", "0.5in", "10pt" or "40px" (96 px per inch).
        field: The field of the request that gave the length, for messages.

    Raises:
        RequestError: If the text is not a length.
    """
    match = LENGTH.fullmatch(text)
    if match is None:
        raise RequestError.invalid(field, text, "a number with a unit, such as 15mm, 1.5cm or 0.5in")
    return float(match[1]) * UNITS[match[2].lower()]


def parse_paper(text: str) -> tuple[float, float]:
    """Return the width and height of a paper.

    >>> parse_paper("a5"), parse_paper("a5 landscape"), parse_paper("120x80mm")
    ((148.0, 210.0), (210.0, 148.0), (120.0, 80.0))

    Args:
        text: The name of a paper ("a5") or a size ("120x80mm"); "landscape" or "portrait" may follow.

    Raises:
        RequestError: If the text is neither, or a side is too short or too long.
    """
    orientation = ORIENTATION.search(text)
    if orientation is not None:
        sides = sorted(parse_paper(text[: orientation.start()]))
        return (sides[1], sides[0]) if orientation[1].lower() == "landscape" else (sides[0], sides[1])
    size = PAPERS.get(text.strip().lower())
    if size:
        return size
    match = SIZE.fullmatch(text)
    if match is None:
        suggestion = did_you_mean(text.strip().lower(), PAPERS)
        allowed = f"{', '.join(PAPERS)}, or width x height such as 120x80mm; landscape may follow"
        raise RequestError(
            f"`paper` is {text!r}; it must be {allowed}{suggestion}", field="paper", value=text, allowed=allowed
        )
    unit = UNITS[match[3].lower()]
    width, height = float(match[1]) * unit, float(match[2]) * unit
    if not (min(width, height) >= MIN_PAPER and max(width, height) <= MAX_PAPER):
        allowed = f"from {MIN_PAPER:g} to {MAX_PAPER:g} mm on each side"
        raise RequestError.invalid("paper", f"{width:g}x{height:g}mm", allowed)
    return width, height


def wrap(text: str, max_characters: int, max_word: int | None = None) -> list[str]:
    """Break a line of text into parts at spaces; an empty line has no parts.

    >>> wrap("I am well, dear Ann", 9)
    ['I am', 'well,', 'dear Ann']

    Args:
        text: The line.
        max_characters: The largest number of characters per part.
        max_word: The largest number of characters of a word; None for that of a part.

    Raises:
        RequestError: If a word is longer.
    """
    parts: list[str] = []
    limit = max_characters if max_word is None else max_word
    for word in text.split():
        if len(word) > limit:
            shown = word if len(word) <= 40 else f"{word[:40]}..."
            raise RequestError(
                f"the word {shown!r} of `text` has {len(word)} characters, and a line has room for {limit}; divide it"
                " by a space, choose larger `paper`, or reduce `margin` or `letter_height`",
                field="text",
                value=shown,
                allowed=f"words of at most {limit} characters",
            )
        if parts and len(parts[-1]) + 1 + len(word) <= max_characters:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def place(lines: Sequence[Ink], layout: Layout, *, aligns: Sequence[str] = (), pens: Sequence[Pen] = ()) -> list[Page]:
    """Place lines of writing on pages.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> line = from_deltas([[0, 0, 2, -1]], "l")
    >>> (page,) = place([line, line], Layout(paper=(148.0, 210.0)))
    >>> page.ink.strokes[1].tolist()
    [[10.0, 26.75], [15.0, 24.25]]

    Args:
        lines: One ink per line in x-heights, with its baseline at y = 0 and its indent as its left edge. An ink
            without strokes is an empty line.
        layout: The layout of the pages.
        aligns: Where each line stands; empty for the alignment of the layout.
        pens: The pen of each line; empty if one pen draws all.

    Raises:
        RequestError: If more than 1,000 pages are necessary.
    """
    aligns = aligns or [layout.align] * len(lines)
    stroke_pens = [(pen,) * len(line.strokes) for line, pen in zip(lines, pens, strict=False)]
    if layout.paper is None:
        page = _fitting_page(lines, layout, aligns)
        return [dataclasses.replace(page, pens=tuple(pen for line in stroke_pens for pen in line))]
    pages = [lines[start : start + layout.lines] for start in range(0, len(lines), layout.lines)] or [lines]
    if len(pages) > MAX_PAGES:
        raise RequestError(
            f"the `text` takes {len(pages):,} pages; at most {MAX_PAGES:,} can be written at once, so split it",
            field="text",
            allowed=f"at most {MAX_PAGES:,} pages long",
        )
    step, top = layout.spacing * layout.x_height, layout.margin + ASCENT * layout.x_height
    placed = []
    for number, page_lines in enumerate(pages, 1):
        first = (number - 1) * layout.lines
        inks = [
            _aligned(ink.scale(layout.x_height), layout.column_width, align).translate(layout.margin, top + row * step)
            for row, (ink, align) in enumerate(zip(page_lines, aligns[first:], strict=False))
        ]
        page_pens = tuple(pen for line in stroke_pens[first : first + len(page_lines)] for pen in line)
        placed.append(Page(concatenate(inks), *layout.paper, number, len(pages), pens=page_pens))
    return placed


def with_lines(
    pages: Sequence[Page], inks: Sequence[Ink], x_height: float, *,
    aligns: Sequence[str], styles: Sequence[str], pens: Sequence[Pen],
) -> tuple[Page, ...]:  # fmt: skip
    """Return pages that know their lines.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> ink = from_deltas([[0, 0, 2, -1]], "l")
    >>> (page,) = with_lines(place([ink], Layout()), [ink], 2.5, aligns=["left"], styles=[""], pens=[Pen()])
    >>> page.lines[0].baseline, page.lines[0].left
    (12.5, 10.0)

    Args:
        pages: The pages with the placed lines.
        inks: The lines before they were placed, in x-heights, with their baselines at y = 0.
        x_height: The x-height of the placed lines, in millimetres.
        aligns: Where each line stands.
        styles: The writer of each line, "" for another hand.
        pens: The pen of each line.
    """
    rows = [row for row in zip(inks, aligns, styles, pens, strict=True) if row[0].strokes]
    complete = []
    for page in pages:
        lines: list[WrittenLine] = []
        end = 0
        while end < len(page.ink.strokes):
            ink, align, style, pen = rows.pop(0)
            strokes = page.ink.strokes[end : end + len(ink.strokes)]
            baseline = float(strokes[0][0, 1] - x_height * ink.strokes[0][0, 1])
            left = min(float(stroke[:, 0].min()) for stroke in strokes)
            values = ink.text, len(strokes), baseline, left, x_height, align, style, pen.colour, pen.width
            lines.append(WrittenLine(*values))
            end += len(strokes)
        complete.append(dataclasses.replace(page, lines=tuple(lines)))
    return tuple(complete)


def _fitting_page(lines: Sequence[Ink], layout: Layout, aligns: Sequence[str]) -> Page:
    """Return one page of the size of its ink and the margins."""
    step = layout.spacing * layout.x_height
    widest = max((line.bounds[2] for line in lines), default=0.0) * layout.x_height
    inks = [_aligned(line.scale(layout.x_height), widest, align) for line, align in zip(lines, aligns, strict=True)]
    ink = concatenate(line.translate(0, row * step) for row, line in enumerate(inks))
    return page_around(ink, margin=layout.margin, min_size=layout.x_height)


def _aligned(ink: Ink, width: float, align: str) -> Ink:
    """Return a line at its place in a column; a line that starts at the left keeps its indent."""
    left, _, right, _ = ink.bounds
    room = width - (right - left)
    return ink if align == "left" else ink.translate((room if align == "right" else room / 2) - left, 0)


def page_around(ink: Ink, *, margin: float = 0.0, min_size: float = 1.0) -> Page:
    """Return a page of the size of an ink in millimetres and the margins.

    >>> from seqforge_handwriting.ink import from_deltas
    >>> page = page_around(from_deltas([[3, 4, 5, 0]]), margin=2)
    >>> page.width, page.height
    (9.0, 4.0)

    Args:
        ink: The ink, in millimetres.
        margin: The margin on all four sides.
        min_size: The smallest width and height of the page.
    """
    left, top, right, bottom = ink.bounds
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    return Page(ink.translate(margin - left, margin - top), max(width, min_size), max(height, min_size))


def one_page(pages: Sequence[Page], gap: float = 5.0) -> Page:
    """Return pages below each other as one page.

    >>> page = Page(Ink((), "a"), 10.0, 20.0)
    >>> one_page([page, page]).height
    45.0

    Args:
        pages: The pages, at least one.
        gap: The distance between pages.
    """
    if len(pages) == 1:
        return pages[0]
    tops = [sum(page.height + gap for page in pages[:number]) for number in range(len(pages))]
    ink = concatenate(page.ink.translate(0, top) for page, top in zip(pages, tops, strict=True))
    pens = tuple(pen for page in pages for pen in page.pens)
    return Page(ink, max(page.width for page in pages), tops[-1] + pages[-1].height, pens=pens)
