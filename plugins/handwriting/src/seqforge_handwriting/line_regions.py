"""The lines of a letter as regions of its drawing."""

from collections.abc import Sequence

from seqforge import Region
from seqforge_handwriting.drawing import PAGE_GAP
from seqforge_handwriting.page import Page
from seqforge_handwriting.written_lines import line_inks

__all__ = ["with_line_regions"]

MARGIN = 0.6
"""The distance of the edge of a region from its ink, in millimetres."""
LEAST = 2
"""The smallest number of lines that are regions; a letter of one line is written again as a whole."""


def with_line_regions(svg: str, pages: Sequence[Page]) -> tuple[str, tuple[Region, ...]]:
    """Return a drawing with one invisible rectangle per line, and the regions.

    >>> with_line_regions("<svg></svg>", [])
    ('<svg></svg>', ())

    Args:
        svg: The drawing of the pages below each other.
        pages: The pages.
    """
    boxes: list[str] = []
    regions: list[Region] = []
    top = 0.0
    for page in pages:
        for ink in line_inks(page.ink, page.lines):
            left, high, right, low = ink.bounds
            number = len(regions) + 1
            size = f'width="{right - left + 2 * MARGIN:.2f}" height="{low - high + 2 * MARGIN:.2f}"'
            place = f'x="{left - MARGIN:.2f}" y="{high + top - MARGIN:.2f}"'
            boxes.append(f'<rect id="line-{number}" {place} {size} fill="none"/>')
            regions.append(Region(number, f"line {number}", element=f"line-{number}"))
        top += page.height + PAGE_GAP
    before, end, after = svg.rpartition("</svg>")
    if len(regions) < LEAST or not end:
        return svg, ()
    return f"{before}{''.join(boxes)}{end}{after}", tuple(regions)
