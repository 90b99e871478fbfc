"""Engraved tunes as the pages of a PDF, through typst, which draws the notation as vectors and the titles as text."""

import importlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge import WriteError

__all__ = ["check_pdf_support", "to_pdf"]

PAPER = (210.0, 297.0)
"""Width and height of a page in millimetres, A4."""
MARGIN = 15.0
"""The margin on all four sides, in millimetres."""
GAP = 6.0
"""The vertical distance between tunes, in millimetres."""
_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"')


def check_pdf_support() -> Any:
    """Return the module typst.

    Raises:
        WriteError: If it is not installed.
    """
    try:
        return importlib.import_module("typst")
    except ImportError as error:
        raise WriteError(
            'writing .pdf needs an extra: pip install "seqforge-abc[pdf]"; or write .svg instead'
        ) from error


def to_pdf(pictures: Sequence[str]) -> bytes:
    """Return engraved tunes as A4 pages.

    Several tunes share a page if they fit. A tune is never divided between pages; a tune that is taller than a page is
    made smaller.

    Example:
        Path("book.pdf").write_bytes(to_pdf(engrave_tunes(tunes, scores)))

    Args:
        pictures: The SVG of each tune, sized in pixels.

    Raises:
        WriteError: If the extra is not installed, or a picture cannot be converted.
    """
    typst = check_pdf_support()
    lines = [
        "#set document(date: none)",
        f"#set page(width: {PAPER[0]}mm, height: {PAPER[1]}mm, margin: {MARGIN}mm)",
        f"#set block(spacing: {GAP}mm)",
    ]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, svg in enumerate(pictures):
            (Path(folder) / f"{number}.svg").write_text(svg, encoding="utf-8")
            width, height = _fitted_size(svg)
            image = f'image("{number}.svg", width: {width:.2f}mm, height: {height:.2f}mm)'
            lines.append(f"#block(width: 100%, breakable: false, align(center, {image}))")
        source = Path(folder) / "tunes.typ"
        source.write_text("\n\n".join(lines), encoding="utf-8")
        try:
            return bytes(typst.compile(str(source), root=folder, pdf_tags=False))
        except RuntimeError as error:
            raise WriteError(f"typst cannot write the .pdf file: {error}; write .svg instead") from error


def _fitted_size(svg: str) -> tuple[float, float]:
    """Return the width and height in millimetres at which a picture fits on a page."""
    match = _SIZE.search(svg)
    if match is None:
        raise WriteError("a picture of a tune has no size, so that it cannot be placed on a page; write .svg instead")
    width, height = float(match[1]), float(match[2])
    scale = min((PAPER[0] - 2 * MARGIN) / width, (PAPER[1] - 2 * MARGIN - 0.1) / height)
    return width * scale, height * scale
