"""The engraving of tunes as SVG, on one page or as pictures of one tune.

verovio runs in a child process, since some real tunes crash it.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from seqforge import WriteError
from seqforge_abc import verovio_process
from seqforge_abc.tempo import tempo_text
from seqforge_abc.tune import Tune
from seqforge_abc.typesetting import EngravedTune
from seqforge_abc.verovio_process import MAX_HEIGHT, PAGE_WIDTH

TIMEOUT = 60
"""The time limit for a page in seconds; each tune adds one second."""
_MARGIN, _TITLE_HEIGHT, _GAP = 24, 44, 12
"""The margin of the page, the height of a title and the gap between tunes, in pixels."""
_ROOT_ELEMENT = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"[^>]*?\sid="(\w+)"[^>]*>')
_NOT_FINITE = re.compile(r"""["'\s,(=+-](nan|inf|infinity)(?=["'\s,)])""", re.IGNORECASE)


def engrave_page(tunes: Sequence[Tune], scores: Sequence[bytes]) -> str:
    """Return tunes as one SVG page with titles, sized in pixels.

    Args:
        tunes: The tunes, for titles and messages.
        scores: The MusicXML of each tune.

    Raises:
        WriteError: If verovio crashes on a tune, takes too long, or draws an invalid picture.
    """
    return _compose(tunes, [parts[0] for parts in _engrave(tunes, scores, MAX_HEIGHT)])


def engrave_tunes(tunes: Sequence[Tune], scores: Sequence[bytes], max_height: int = MAX_HEIGHT) -> list[EngravedTune]:
    """Return each tune as it is printed, with its notation as SVG pictures without titles, sized in pixels.

    Args:
        tunes: The tunes, for titles and messages.
        scores: The MusicXML of each tune.
        max_height: The largest height of a picture in pixels; a taller one is divided between lines of music.

    Raises:
        WriteError: If verovio crashes on a tune, takes too long, or draws an invalid picture.
    """
    pictures = _engrave(tunes, scores, max_height)
    return [
        EngravedTune(printable(tune.title), *_credits(tune), parts) for tune, parts in zip(tunes, pictures, strict=True)
    ]


def _engrave(tunes: Sequence[Tune], scores: Sequence[bytes], max_height: int) -> list[list[str]]:
    """Return the SVG pictures of each score, without a title."""
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, score in enumerate(scores, start=1):
            (Path(folder) / f"{number:06d}.musicxml").write_bytes(score)
        failure = _run_verovio(folder, max_height, TIMEOUT + len(tunes))
        pictures = []
        for number, tune in enumerate(tunes, start=1):
            sources = sorted(Path(folder).glob(f"{number:06d}-*.svg"))
            parts = [source.read_text(encoding="utf-8") for source in sources]
            if not parts:
                raise _engraving_error(tune, number, len(tunes), failure)
            if any(_NOT_FINITE.search(part) or not _ROOT_ELEMENT.search(part) for part in parts):
                raise _engraving_error(tune, number, len(tunes), "drew an invalid picture")
            pictures.append(parts)
    return pictures


def _run_verovio(folder: str, max_height: int, seconds: int) -> str:
    """Engrave the scores of a folder in a child process, and return how it failed in case a picture is missing."""
    # the file is run by its path: as a module it would import the whole plugin first
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.run(
            [sys.executable, "-P", verovio_process.__file__, folder, str(max_height)],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took more than {seconds} seconds"
    if child.returncode < 0:
        return f"crashed (signal {-child.returncode})"
    last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"failed ({last[0]})" if last else "drew no picture"


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
