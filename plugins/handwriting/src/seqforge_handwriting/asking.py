"""What a person asks for, line by line, and the page that comes of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqforge import Example, Piece, Prompt, ReadError, RequestError, did_you_mean, listing
from seqforge_handwriting.drawing import Pen
from seqforge_handwriting.folding import Folded, check_written, fold
from seqforge_handwriting.ink import Ink, joined
from seqforge_handwriting.options import Request
from seqforge_handwriting.page import Layout, Page, length_mm, paper_mm, place, wrap
from seqforge_handwriting.reading import SUFFIXES, read_ink
from seqforge_handwriting.shape import frame_of
from seqforge_handwriting.thinning import lightened

if TYPE_CHECKING:
    from seqforge_handwriting.codec import InkCodec

MOST_IN_LINE = 45
"""Characters of a line where no paper says otherwise; the lines of the corpus are shorter."""
MEAN_WIDTH = 1.25
"""X-heights that a character takes, the blank after a word included."""
MOST_BYTES = 1 << 20
LONGEST_STYLE = 80
"""Characters of a line to prime with."""


@dataclass(frozen=True, eq=False)
class Letter(Ink):
    """Finished writing: its ink in millimetres, and the pages on which that stands.

    Attributes:
        pages: with their ink.
        pen: that draws it.
    """

    pages: tuple[Page, ...] = ()
    pen: Pen = field(default_factory=Pen)


def prompts_for(codec: "InkCodec", request: Request) -> list[Prompt]:
    """Return a prompt for each line of the text; one without a source where no text is given.

    Raises:
        RequestError: a text, a style or a layout that cannot be.
    """
    layout = _layout(request)
    _pen(request)
    style = _style(codec, request)
    lines = _lines(codec, request, layout)
    steps = np.zeros((0, 3), np.float32) if style is None else codec.steps_of(style)
    if lines is None:
        before = None if style is None else codec.source_of(style.text)
        return [Prompt(Example(steps, source=before), keep=0)]
    said = "" if style is None else style.text + " "
    return [Prompt(Example(steps, source=codec.source_of(said + line)), keep=0) for line in lines]


def finished(pieces: Sequence[Piece], request: Request) -> Piece:
    """Return the written lines on their pages; each begins at the left, on its baseline."""
    layout = _layout(request)
    written = []
    for piece in pieces:
        ink = piece.content
        if request.style and len(ink.points):  # where the line before ended is no news
            ink = ink.moved(-float(ink.points[0, 0]), 0)
        written.append(ink)
    folded = _folded(request)
    lines = written
    if folded is not None:
        inks = iter(written)
        lines = [next(inks, Ink(())) if line else Ink(()) for line in _wrapped(folded, layout)]
    pages = tuple(place(lines, layout))
    whole = joined(page.ink for page in pages)
    return Piece(Letter(whole.strokes, whole.text, pages, _pen(request)), pieces[0].labels)


def _layout(request: Request) -> Layout:
    return Layout(
        paper_mm(request.paper) if request.paper else None,
        length_mm(request.margin),
        length_mm(request.letter_height, name="--letter-height"),
        request.spacing,
    )


def _pen(request: Request) -> Pen:
    if request.in_unit not in ("mm", "px"):
        raise RequestError(f"--size-unit is {request.in_unit!r}; allowed are mm and px")
    return Pen(request.width, request.colour, "px" if request.in_unit == "px" else "mm")


def _lines(codec: "InkCodec", request: Request, layout: Layout) -> list[str] | None:
    """Return the lines to write; None where any text will do."""
    folded = _folded(request)
    if folded is None:
        return None
    seldom = check_written(folded.text, codec.counts)
    if seldom:
        raise RequestError(f"{seldom}; write it another way")
    _tell_once(folded.told())
    return [line for line in _wrapped(folded, layout) if line]


def _folded(request: Request) -> Folded | None:
    """Return the text as pens write it; None where any text will do."""
    if request.text is None and request.text_file is None:
        return None
    if request.text is not None and request.text_file is not None:
        raise RequestError("--text and --text-file are both given; give one of them")
    name = "--text" if request.text is not None else f"--text-file {request.text_file}"
    return fold(request.text if request.text is not None else _read(request.text_file), name=name)


def _wrapped(folded: Folded, layout: Layout) -> list[str]:
    """Return its lines, of which some may be empty."""
    return wrap(folded.text, layout.characters(MEAN_WIDTH) if layout.paper else MOST_IN_LINE)


@lru_cache(maxsize=1)
def _tell_once(told: str) -> None:
    if told:
        logging.getLogger("seqforge").warning(told)


def _read(path: Path | None) -> str:
    assert path is not None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RequestError(f"--text-file {path} is larger than a megabyte; write it in parts")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"--text-file {path} is no UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise RequestError(f"--text-file {path} cannot be read: {error.strerror}") from error


def _style(codec: "InkCodec", request: Request) -> Ink | None:
    """Return the ink to prime with, in x-heights; None for no hand in particular."""
    if not request.style:
        if request.style_text:
            raise RequestError("--style-text says what a --style FILE says; give that too")
        return None
    if request.style in codec.hands.lines:
        return codec.hands.lines[request.style]
    path = Path(request.style)
    if path.suffix.lower() not in SUFFIXES:
        writers = sorted(codec.hands.lines)
        raise RequestError(
            f"there is no writer {request.style!r}; there are {listing(writers, most=12)}, and files that end in"
            f" {listing(SUFFIXES)}.{did_you_mean(request.style, writers)}"
        )
    found = next(iter(read_ink(path)))
    if isinstance(found, ReadError):
        raise RequestError(f"--style: {found}")
    text = request.style_text or found.ink.text
    if not text.strip():
        raise RequestError(f"--style {path} does not tell what it says; give that with --style-text")
    text = fold(text, name="--style-text").text.replace("\n", " ")
    if len(text) > LONGEST_STYLE:
        raise RequestError(f"--style-text has {len(text)} characters; give a line of at most {LONGEST_STYLE}")
    check_written(text, codec.counts)
    ink = Ink(found.ink.strokes, text)
    upright = replace(frame_of(ink), slant=0.0).apply(ink)
    return lightened(upright, path.suffix, codec.options.thin)
