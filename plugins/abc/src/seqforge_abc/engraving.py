"""The engraving of tunes as SVG, on one page or as pictures of one tune.

verovio runs in a child process, since some real tunes crash it.
"""

import dataclasses
import importlib.util
import re
from collections.abc import Sequence
from html import escape

from seqforge import ChildError, ChildProcess, WriteError
from seqforge_abc.musicxml_writer import to_musicxml
from seqforge_abc.tempo import tempo_text
from seqforge_abc.tune import Tune
from seqforge_abc.typesetting import EngravedTune

PAGE_WIDTH = 900
"""The width of the page in pixels."""
MAX_HEIGHT = 24000
"""The largest height of a picture in pixels, a limit of verovio."""
TIMEOUT = 60
"""The time limit for a tune in seconds."""
_engraver = ChildProcess("seqforge_abc.verovio_pictures", "engrave")
_MARGIN, _TITLE_HEIGHT, _GAP = 24, 44, 12
"""The margin of the page, the height of a title and the gap between tunes, in pixels."""
_ROOT_ELEMENT = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"[^>]*?\sid="(\w+)"[^>]*>')
_NOT_FINITE = re.compile(r"""["'\s,(=+-](nan|inf|infinity)(?=["'\s,)])""", re.IGNORECASE)


def start() -> None:
    """Start the child process that engraves, so that it has imported verovio when the first tune is written."""
    if importlib.util.find_spec("verovio"):
        _engraver.start()


def engrave_page(tunes: Sequence[Tune]) -> str:
    """Return tunes as one SVG page with titles, sized in pixels.

    Raises:
        WriteError: If verovio crashes on a tune, takes too long, or draws an invalid picture.
    """
    return _compose(tunes, [parts[0] for parts in _engrave(tunes, MAX_HEIGHT)])


def engrave_tunes(tunes: Sequence[Tune], max_height: int = MAX_HEIGHT) -> list[EngravedTune]:
    """Return each tune as it is printed, with its notation as SVG pictures without titles, sized in pixels.

    Args:
        tunes: The tunes.
        max_height: The largest height of a picture in pixels; a taller one is divided between lines of music.

    Raises:
        WriteError: If verovio crashes on a tune, takes too long, or draws an invalid picture.
    """
    return [
        EngravedTune(printable(tune.title), *_credits(tune), parts)
        for tune, parts in zip(tunes, _engrave(tunes, max_height), strict=True)
    ]


def _engrave(tunes: Sequence[Tune], max_height: int) -> list[list[str]]:
    """Return the SVG pictures of each tune, without its title and its tempo, which stands beside the title."""
    pictures = []
    for number, tune in enumerate(tunes, start=1):
        try:
            score = to_musicxml(dataclasses.replace(tune, tempo=None))
            parts = _engraver.call(score, PAGE_WIDTH, max_height, number, seconds=TIMEOUT)
        except ChildError as error:
            raise _engraving_error(tune, number, len(tunes), str(error)) from None
        if not parts or any(_NOT_FINITE.search(part) or not _ROOT_ELEMENT.search(part) for part in parts):
            raise _engraving_error(tune, number, len(tunes), "drew an invalid picture")
        pictures.append(parts)
    return pictures


def _engraving_error(tune: Tune, number: int, count: int, failure: str) -> WriteError:
    return WriteError(
        f"verovio {failure} while it engraved {tune.title or 'Untitled'!r}, tune {number} of {count}; write .abc or"
        " .musicxml and open that in another program, or leave this tune out."
    )


def _compose(tunes: Sequence[Tune], pictures: Sequence[str]) -> str:
    parts, top = [], _MARGIN
    for tune, svg in zip(tunes, pictures, strict=True):
        root = _ROOT_ELEMENT.search(svg)
        assert root is not None  # `_engrave` has checked it
        parts.append(_heading(tune, top))
        top += _TITLE_HEIGHT
        content = svg[root.end() :]
        size = f'width="{root[1]}" height="{root[2]}" overflow="visible"'
        parts.append(f'<svg id="{root[3]}" x="0" y="{top}" {size}>{content.rstrip()}')
        top += round(float(root[2])) + _GAP
    height = top + _MARGIN - _GAP
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'width="{PAGE_WIDTH}px" height="{height}px" viewBox="0 0 {PAGE_WIDTH} {height}">'),
        f"<title>{escape(printable(tunes[0].title) if tunes else 'Untitled')}</title>",
        f'<rect width="{PAGE_WIDTH}" height="{height}" fill="white"/>',
        *parts,
        "</svg>\n",
    ])  # fmt: skip


def _heading(tune: Tune, top: int) -> str:
    """Return the title, in the largest font that fits; the rhythm and tempo, and the composer."""
    title = printable(tune.title)
    size = max(9, min(24, round(1.75 * (PAGE_WIDTH - 200) / len(title))))
    style = 'fill="black" font-family="Times, Tinos, \'Liberation Serif\', serif"'
    position = f'x="{PAGE_WIDTH / 2:g}" y="{top + 26}"'
    text = f'<text {position} text-anchor="middle" font-size="{size}" {style}>{escape(title)}</text>'
    for words, place in zip(_credits(tune), ('x="20"', f'x="{PAGE_WIDTH - 20}" text-anchor="end"'), strict=True):
        if words:
            text += f'<text {place} y="{top + 26}" font-size="15" font-style="italic" {style}>{escape(words)}</text>'
    return text


def _credits(tune: Tune) -> tuple[str, str]:
    """Return what stands left and right of the title: the rhythm and the tempo, and the composer."""
    tempo = tempo_text(tune.tempo).replace("=", " = ").replace('"', "") if tune.tempo else ""
    left = ", ".join(part for part in (tune.rhythm, tempo) if part)
    right = ", ".join(tune.texts("C"))
    return printable(left) if left else "", printable(right) if right else ""


def printable(text: str) -> str:
    """Return a text as one line that is valid in XML and fits on a page."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return (text if len(text) <= 120 else text[:119] + "…") or "Untitled"
