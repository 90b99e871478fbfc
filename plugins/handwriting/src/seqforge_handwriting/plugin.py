"""The plugin: it reads files with strokes and writes drawings."""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqforge import (
    CarriesProvenance,
    Describes,
    Edits,
    Fingerprints,
    Origin,
    Paginates,
    Piece,
    Plugin,
    Preview,
    Previews,
    ReadError,
)
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.drawing import PagedInk, draw, write_pages
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.line_check import line_frame
from seqforge_handwriting.line_regions import with_line_regions
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.page import Page, one_page, page_around
from seqforge_handwriting.pdf import to_pdf
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.plotter import PLOTTER_SUFFIXES, to_plotter
from seqforge_handwriting.reader import NAMED_SUFFIXES, SUFFIXES, read_ink
from seqforge_handwriting.simplify import simplify_dense
from seqforge_handwriting.sketch import sketch_frame
from seqforge_handwriting.statistics import describe_ink, directions

__all__ = ["Handwriting"]

PAGE_MARGIN = 2.0
"""Margin around ink that is not laid out on pages, millimetres."""


class Handwriting(
    Plugin[Ink, HandwritingOptions, HandwritingRequest],
    Describes[Ink],
    Fingerprints[Ink],
    Paginates[Ink],
    Previews[Ink],
    Edits[Ink],
    CarriesProvenance,
):
    """The handwriting plugin: ink in SVG, InkML and JSON files, and generated handwriting as SVG, PNG and JSON.

    Example:
        model = seqforge.load("handwriting")
        (piece,) = model.generate(text="The quick brown fox", style="w014")
        Handwriting().write([piece], Path("fox.svg"))
    """

    name = "handwriting"
    summary = "handwriting as strokes of a pen; writes a text by hand as SVG, PNG, PDF or strokes"
    unit = "point"
    reads = tuple(suffix for suffix in SUFFIXES if suffix not in NAMED_SUFFIXES)
    imports = NAMED_SUFFIXES
    writes = (".svg", ".png", ".json", ".pdf", *PLOTTER_SUFFIXES)
    multi_piece = (".pdf",)
    provenance_suffixes = (".svg", ".png")
    page_suffixes = (".svg", ".png", *PLOTTER_SUFFIXES)
    Options = HandwritingOptions
    Request = HandwritingRequest
    codec = InkCodec
    native = False
    edits = ("continue", "rewrite")
    edit_suffix = ".json"
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "layers": 3, "hidden": 320, "embedding": 64, "dropout": 0.1, "recurrent_dropout": 0.0, "bptt": 96,
        "batch_size": 32, "learning_rate": 3e-3, "ema": 400,
    }  # fmt: skip
    sampling_defaults: ClassVar[Mapping[str, Any]] = {"bias": 0.75}

    def read(self, path: Path, options: HandwritingOptions) -> Iterator[Piece[Ink] | ReadError]:
        """Yield the samples of a file; a .jsonl file has one per line."""
        for sample in read_ink(path):
            if isinstance(sample, ReadError):
                yield sample
                continue
            ink = sample.ink
            if options.encoding == "sketch":
                unit = sketch_frame(ink).x_height
                ink = simplify_dense(Ink(ink.strokes), path.suffix, options.simplify * unit)
            elif len(ink.points) > 1:
                try:
                    frame = line_frame(ink)
                except ValueError as error:
                    prefix = f"{sample.place}: " if sample.place and sample.line is None else ""
                    yield ReadError(f"{prefix}{error}", file=str(path), line=sample.line)
                    continue
                ink = simplify_dense(ink, path.suffix, options.simplify * frame.x_height)
            yield Piece(ink, labels=dict(sample.labels), origin=Origin(str(path), sample.place))

    def write(self, pieces: Sequence[Piece[Ink]], path: Path) -> None:
        """Write the ink of one piece in the format of the suffix; a .pdf file contains the pages of all pieces."""
        if path.suffix.lower() == ".pdf":
            path.write_bytes(to_pdf([picture for piece in pieces for picture in _pictures(piece)]))
            return
        piece = pieces[0]
        description = f"made by seqforge: {piece.origin.file}, {piece.origin.place}" if piece.origin else ""
        pages, pen = _pages(piece.content)
        if path.suffix.lower() in PLOTTER_SUFFIXES:
            path.write_bytes(to_plotter(one_page(pages), pen, path.suffix.lower()))
            return
        write_pages(pages, path, pen, description=description)

    def pages(self, piece: Piece[Ink]) -> list[Piece[Ink]]:
        """Return one piece per page; the ink of each is relative to the upper left corner of its page."""
        ink = piece.content
        if not isinstance(ink, PagedInk) or len(ink.pages) < 2:
            return [piece]
        pages = [PagedInk(page.ink.strokes, page.ink.text, (page,), ink.pen) for page in ink.pages]
        return [dataclasses.replace(piece, content=page) for page in pages]

    def preview(self, piece: Piece[Ink]) -> Preview:
        """Return the drawing of the ink, the written text, and where the lines of a letter are."""
        sketch = self.sketch(piece)
        pages, _ = _pages(piece.content)
        svg, regions = with_line_regions(sketch.svg, pages)
        return dataclasses.replace(sketch, svg=svg, text=piece.content.text, regions=regions)

    def sketch(self, piece: Piece[Ink]) -> Preview:
        """Return the drawing of the ink."""
        return dataclasses.replace(Preview.from_files(self.write, piece, svg=".svg"), drawn=True)

    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        """Return the field that writes another text in the hand of the piece, or some lines of a letter again."""
        if kind == "rewrite":
            return {"infill": f"{path}:{','.join(map(str, numbers))}"}
        return {"style": path}

    def describe(self, piece: Piece[Ink]) -> Mapping[str, np.ndarray]:
        """Return the number of points of each stroke, and the directions of the pen."""
        return describe_ink(piece.content)

    def trace(self, piece: Piece[Ink]) -> Sequence[int]:
        """Return the directions of the pen, whatever the size and the place of the ink."""
        return directions(piece.content)

    def fingerprints(self, piece: Piece[Ink]) -> Iterable[int]:
        """Return one key of the whole ink: copies of a line of writing belong to the same split."""
        ink = piece.content
        left, top, right, bottom = ink.bounds
        extent = max(right - left, bottom - top)
        decimals = max(1, 2 - math.floor(math.log10(extent))) if extent > 0 else 1  # at least 1 % of the extent
        data = ink.points.round(decimals).tobytes() + ink.text.encode()
        return [int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")]


def _pages(ink: Ink) -> tuple[Sequence[Page], Pen]:
    """Return the pages of ink, and the pen that draws it."""
    if isinstance(ink, PagedInk):
        return ink.pages, ink.pen
    return [page_around(ink, margin=PAGE_MARGIN)], Pen()


def _pictures(piece: Piece[Ink]) -> list[tuple[str, float, float]]:
    """Return the SVG drawing of each page of a piece, with its width and height in millimetres."""
    pages, pen = _pages(piece.content)
    return [(draw([page], pen), page.width, page.height) for page in pages]
