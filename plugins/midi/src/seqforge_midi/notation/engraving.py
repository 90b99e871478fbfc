"""Engraved scores as SVG pictures, through verovio, which runs in a child process."""

import importlib.util
import re
from collections.abc import Sequence
from html import escape

from seqforge import ChildError, ChildProcess, WriteError

PAGE_WIDTH, PAGE_HEIGHT = 840, 1188
"""The size of an A4 page in pixels."""
MAX_HEIGHT = 24000
"""The largest height of a page in pixels, a limit of verovio."""
TIMEOUT = 300
"""The time limit for a score in seconds."""
TITLE_HEIGHT = 52
"""The height of the title in pixels."""
_engraver = ChildProcess("seqforge_midi.notation.verovio_pages", "engrave")
_ROOT = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"[^>]*>')


def start() -> None:
    """Start the child process that engraves, so that it has imported verovio when the first score is written."""
    if importlib.util.find_spec("verovio"):
        _engraver.start()


def engrave_pages(score: bytes, title: str = "") -> list[str]:
    """Return the pages of a score as SVG pictures as wide as A4 pages, and at most as high.

    Args:
        score: The MusicXML.
        title: The title, which stands above the music of the first page; "" for none.

    Raises:
        WriteError: If verovio is not installed, crashes or takes too long.
    """
    pages = _engrave(score, PAGE_HEIGHT - (TITLE_HEIGHT if title else 0))
    return [_stack(pages[:1], title), *(_stack([page]) for page in pages[1:])]


def engrave_picture(score: bytes, title: str = "") -> str:
    """Return a score as one SVG picture, as tall as needed.

    Args:
        score: The MusicXML.
        title: The title, which stands above the music; "" for none.

    Raises:
        WriteError: If verovio is not installed, crashes or takes too long.
    """
    return _stack(_engrave(score, MAX_HEIGHT), title)


def _engrave(score: bytes, height: int) -> list[str]:
    """Return the pages of a score, each as high as its music and no higher than `height`.

    Raises:
        WriteError: If verovio is not installed, crashes or takes too long.
    """
    if importlib.util.find_spec("verovio") is None:
        raise WriteError(
            'engraving a score needs verovio, which is not installed: pip install "seqforge-midi[score]"; or write'
            " .musicxml and open it in a notation program"
        )
    try:
        pages = _engraver.call(score, PAGE_WIDTH, height, seconds=TIMEOUT)
    except ChildError as error:
        raise _engraving_error(str(error)) from None
    if not pages or not all(_ROOT.search(page) for page in pages):
        raise _engraving_error("drew no page")
    return list(pages)


def _engraving_error(failure: str) -> WriteError:
    return WriteError(
        f"verovio {failure} while it engraved the score; write .musicxml and open it in a notation program"
    )


def _stack(pages: Sequence[str], title: str = "") -> str:
    """Return pictures below each other as one picture on white, below a title if there is one."""
    parts = []
    top = TITLE_HEIGHT if title else 0
    for page in pages:
        root = _ROOT.search(page)
        assert root is not None  # `_engrave` has checked it
        parts.append(f'<svg y="{top}" {root[0].removeprefix("<svg")}{page[root.end() :].rstrip()}')
        top += round(float(root[2]))
    if title:
        size = max(10, min(26, round(1.75 * (PAGE_WIDTH - 80) / len(title))))
        style = 'fill="black" font-family="Times, Tinos, \'Liberation Serif\', serif" text-anchor="middle"'
        parts.append(
            f'<text x="{PAGE_WIDTH / 2:g}" y="{TITLE_HEIGHT - 8}" font-size="{size}" {style}>{escape(title)}</text>'
        )
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
         f'width="{PAGE_WIDTH}px" height="{top}px" viewBox="0 0 {PAGE_WIDTH} {top}">'),
        f"<title>{escape(title or 'A score')}</title>",
        f'<rect width="{PAGE_WIDTH}" height="{top}" fill="white"/>',
        *parts,
        "</svg>\n",
    ])  # fmt: skip
