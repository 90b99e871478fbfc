"""SVG pictures as PNG and as PDF pages, through typst, which brings its own fonts."""

import importlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge import WriteError

POINTS_PER_PIXEL = 0.75
RESOLUTION = 192
"""The resolution of a PNG in dots per inch: two pixels per pixel of the picture."""
MAX_PIXELS = 20_000
"""The largest width and height of a PNG; a larger picture gets a lower resolution."""
_SIZE = re.compile(r'<svg\b[^>]*?\bheight="([\d.]+)px"[^>]*?\bwidth="([\d.]+)px"|'
                   r'<svg\b[^>]*?\bwidth="([\d.]+)px"[^>]*?\bheight="([\d.]+)px"')  # fmt: skip


def to_png(picture: str) -> bytes:
    """Return an SVG picture as PNG on white.

    Raises:
        WriteError: If typst is not installed, or cannot convert the picture.
    """
    width, height = _size(picture)
    resolution = min(RESOLUTION, 96 * MAX_PIXELS / max(width, height))
    return _compile([picture], format="png", ppi=resolution)


def to_pdf(pages: Sequence[str], title: str = "") -> bytes:
    """Return SVG pictures as the pages of a PDF file.

    Args:
        pages: The pictures, sized in pixels; a page has the size of its picture, or A4 if that is larger.
        title: The title of the document; "" for none.

    Raises:
        WriteError: If typst is not installed, or cannot convert a picture.
    """
    return _compile(pages, title=title, format="pdf", pdf_tags=False)


def _size(picture: str) -> tuple[float, float]:
    """Return the width and height of a picture in pixels.

    Raises:
        WriteError: If it has none.
    """
    match = _SIZE.search(picture)
    if match is None:
        raise WriteError("the picture has no size, so that it cannot be placed on a page; write .svg instead")
    height, width = (match[1], match[2]) if match[1] else (match[4], match[3])
    return float(width), float(height)


def _compile(pictures: Sequence[str], *, title: str = "", **options: Any) -> bytes:
    """Return typst's document with one picture per page.

    Raises:
        WriteError: If typst is not installed, or cannot convert a picture.
    """
    suffix = f".{options['format']}"
    try:
        typst = importlib.import_module("typst")
    except ImportError as error:
        raise WriteError(
            f'writing {suffix} needs typst, which is not installed: pip install "seqforge-midi[score]"; or write .svg'
        ) from error
    lines = ["#set document(" + (f"title: {_string(title)}, " if title else "") + "date: none)"]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, picture in enumerate(pictures):
            (Path(folder) / f"{number}.svg").write_text(picture, encoding="utf-8")
            width, height = (length * POINTS_PER_PIXEL for length in _size(picture))
            lines.append(
                f"#page(width: {width}pt, height: {height}pt, margin: 0pt, fill: white,"
                f' image("{number}.svg", width: {width}pt, height: {height}pt))'
            )
        source = Path(folder) / "pages.typ"
        source.write_text("\n".join(lines), encoding="utf-8")
        try:
            return bytes(typst.compile(str(source), root=folder, **options))
        except RuntimeError as error:
            raise WriteError(f"typst cannot write the {suffix} file: {error}; write .svg instead") from error


def _string(text: str) -> str:
    """Return a text as a string of typst."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
