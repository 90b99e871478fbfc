"""SVG drawings as the pages of a PDF, through typst, which draws the strokes as vectors."""

import importlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seqforge import WriteError

__all__ = ["to_pdf"]


def to_pdf(drawings: Sequence[tuple[str, float, float]]) -> bytes:
    """Return a PDF with one page per drawing; it depends on the drawings alone.

    Example:
        Path("letter.pdf").write_bytes(to_pdf([(draw([page]), page.width, page.height) for page in pages]))

    Args:
        drawings: The SVG of each page, with the width and height of the page in millimetres.

    Raises:
        WriteError: If the extra is not installed, or a drawing cannot be converted.
    """
    try:
        typst = importlib.import_module("typst")
    except ImportError as error:
        raise WriteError(
            'writing .pdf needs an extra: pip install "seqforge-handwriting[pdf]"; or write .svg instead'
        ) from error
    lines = ["#set document(date: none)"]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, (svg, width, height) in enumerate(drawings):
            (Path(folder) / f"{number}.svg").write_text(svg, encoding="utf-8")
            size = f"width: {width:.3f}mm, height: {height:.3f}mm"
            lines.append(f'#page({size}, margin: 0mm, image("{number}.svg", {size}, fit: "stretch"))')
        source = Path(folder) / "pages.typ"
        source.write_text("\n".join(lines), encoding="utf-8")
        try:
            return bytes(typst.compile(str(source), root=folder, ignore_system_fonts=True, pdf_tags=False))
        except RuntimeError as error:
            raise WriteError(f"typst cannot write the .pdf file: {error}; write .svg instead") from error
