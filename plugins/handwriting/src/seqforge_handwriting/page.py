"""Lines of writing on pages: paper, margins, wrapping. Lengths are millimetres unless a name says otherwise."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqforge import RequestError, did_you_mean
from seqforge_handwriting.ink import Ink, joined

PAPERS = {
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "a6": (105.0, 148.0),
    "letter": (215.9, 279.4),
    "postcard": (148.0, 105.0),
}
"""Width and height, millimetres."""
UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "px": 25.4 / 96}
LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px)\s*", re.IGNORECASE)
SIZE = re.compile(
    r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*[x\u00d7]\s*(\d{1,6}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px)\s*", re.IGNORECASE
)
SMALLEST, LARGEST = 10.0, 5000.0
ABOVE, BELOW = 2.2, 1.2
"""X-heights that tall letters take above the baseline, and long ones below it."""
MOST_PAGES = 1000


@dataclass(frozen=True)
class Layout:
    """How to lay lines out.

    Attributes:
        paper: width and height; None: one canvas that fits the ink.
        margin: on all four sides.
        x_height: of the letters.
        spacing: from baseline to baseline, in x-heights.
    """

    paper: tuple[float, float] | None = None
    margin: float = 10.0
    x_height: float = 2.5
    spacing: float = 4.5

    def __post_init__(self) -> None:
        if not (0.2 <= self.x_height <= 500):
            raise RequestError(f"an x-height of {self.x_height:g} mm cannot be written; allowed are 0.2 to 500 mm")
        if not (1 <= self.spacing <= 50):
            raise RequestError(f"a line spacing of {self.spacing:g} x-heights is not allowed; it must be from 1 to 50")
        if self.margin < 0 or self.margin > LARGEST:
            raise RequestError(f"a margin of {self.margin:g} mm is not allowed; it must be from 0 to {LARGEST:g} mm")
        if self.paper and (self.column < 5 * self.x_height or self.lines < 1):
            raise RequestError(
                f"margins of {self.margin:g} mm leave no room for a line with an x-height of {self.x_height:g} mm on"
                f" paper of {self.paper[0]:g} x {self.paper[1]:g} mm; take smaller margins, smaller letters or larger"
                " paper"
            )

    @property
    def column(self) -> float:
        """Width that lines may take, 0 where there is no paper."""
        return self.paper[0] - 2 * self.margin if self.paper else 0.0

    @property
    def lines(self) -> int:
        """How many lines stand on a page, 0 where there is no paper."""
        if not self.paper:
            return 0
        room = (self.paper[1] - 2 * self.margin) / self.x_height - ABOVE - BELOW
        return int(room // self.spacing) + 1 if room >= 0 else 0

    def characters(self, width: float) -> int:
        """Return how many characters of a mean width, in x-heights, go into a line; at least 1."""
        return max(1, int(self.column / (width * self.x_height)))


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        ink: what stands on it, in millimetres from its upper left corner.
        width: of the paper.
        height: of the paper.
        number: counted from 1.
        count: of all pages.
        notes: printed beside the ink of a specimen sheet: x, y of the baseline, and a text.
    """

    ink: Ink
    width: float
    height: float
    number: int = 1
    count: int = 1
    notes: tuple[tuple[float, float, str], ...] = ()


def length_mm(text: str, *, name: str = "--margin") -> float:
    """Return a length like "15mm", "1.5cm", "0.5in", "10pt" or "40px" (96 an inch) in millimetres.

    Raises:
        RequestError: it is none; `name` is the flag to name.
    """
    match = LENGTH.fullmatch(text)
    if match is None:
        raise RequestError(f"{name} {text!r} is no length; write a number and a unit, as in 15mm, 1.5cm or 0.5in")
    return float(match[1]) * UNITS[match[2].lower()]


def paper_mm(text: str) -> tuple[float, float]:
    """Return the width and height of a paper: a name ("a5") or a size ("120x80mm").

    Raises:
        RequestError: nobody sells such paper.
    """
    known = PAPERS.get(text.strip().lower())
    if known:
        return known
    match = SIZE.fullmatch(text)
    if match is None:
        raise RequestError(
            f"--paper {text!r} is no paper; allowed are {', '.join(PAPERS)}, or width x height as in 120x80mm."
            f"{did_you_mean(text.strip().lower(), PAPERS)}"
        )
    unit = UNITS[match[3].lower()]
    size = float(match[1]) * unit, float(match[2]) * unit
    if not (min(size) >= SMALLEST and max(size) <= LARGEST):
        raise RequestError(
            f"--paper {text!r} is {size[0]:g} x {size[1]:g} mm; each side must be from {SMALLEST:g} to {LARGEST:g} mm"
        )
    return size


def wrap(text: str, most: int) -> list[str]:
    """Return a text in lines of at most so many characters, broken at spaces and where the text has a new line.

    An empty line stays one.

    Raises:
        RequestError: a word is longer than a line.
    """
    found: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            if len(word) > most:
                shown = word if len(word) <= 40 else f"{word[:40]}..."
                raise RequestError(
                    f"the word {shown!r} has {len(word)} characters and a line has room for {most}; divide it with a"
                    " space, or take larger paper, smaller margins or smaller letters"
                )
            if line and len(line) + 1 + len(word) > most:
                found.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        found.append(line)
    return found


def place(lines: Sequence[Ink], layout: Layout) -> list[Page]:
    """Return lines of writing on pages.

    A line that turned out wider than the paper's column makes the whole letter smaller, all lines alike.

    Args:
        lines: one Ink a line, its baseline at y = 0, in x-heights. One without strokes is an empty line. On paper all
            begin at the left margin.
        layout: where they go.

    Raises:
        RequestError: they take too many pages.
    """
    if layout.paper is None:
        return [_canvas(lines, layout)]
    widest = max((ink.bounds[2] - ink.bounds[0] for ink in lines), default=0.0)
    scale = min(layout.x_height, layout.column / widest) if widest > 0 else layout.x_height
    each = layout.lines
    pages = [lines[start : start + each] for start in range(0, len(lines), each)] or [lines]
    if len(pages) > MOST_PAGES:
        raise RequestError(f"the text takes {len(pages):,} pages; {MOST_PAGES:,} are allowed: write it in parts")
    step, top = layout.spacing * layout.x_height, layout.margin + ABOVE * layout.x_height
    found = []
    for number, chosen in enumerate(pages, 1):
        placed = [
            ink.moved(-ink.bounds[0], 0).scaled(scale).moved(layout.margin, top + row * step)
            for row, ink in enumerate(chosen)
        ]
        found.append(Page(joined(placed), *layout.paper, number, len(pages)))
    return found


def _canvas(lines: Sequence[Ink], layout: Layout) -> Page:
    """Return one page that fits its ink and a margin."""
    step = layout.spacing * layout.x_height
    whole = joined(ink.scaled(layout.x_height).moved(0, row * step) for row, ink in enumerate(lines))
    left, top, right, bottom = whole.bounds
    width, height = right - left + 2 * layout.margin, bottom - top + 2 * layout.margin
    least = layout.x_height
    return Page(whole.moved(layout.margin - left, layout.margin - top), max(width, least), max(height, least))
