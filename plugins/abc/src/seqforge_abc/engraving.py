"""One page of engraved tunes: verovio draws them in a child process, since some real tunes crash it."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from seqforge import WriteError
from seqforge_abc.engrave import WIDTH
from seqforge_abc.tune import Tune

TIMEOUT = 60
"""Seconds for a page, and one more for each tune."""
_MARGIN, _TITLE, _GAP = 24, 44, 12
"""Pixels: around the page, for a title, between tunes."""
_ROOT = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"[^>]*?\sid="(\w+)"[^>]*>')
_NOT_FINITE = re.compile(r"""["'\s,(=+-](nan|inf|infinity)(?=["'\s,)])""", re.IGNORECASE)


def page(tunes: Sequence[Tune], scores: Sequence[bytes]) -> str:
    """Return tunes as one SVG page with their titles, sized in pixels.

    Args:
        tunes: what is engraved, for titles and messages.
        scores: the MusicXML of each.

    Raises:
        WriteError: verovio crashed on a tune, took too long, or drew what cannot be shown.
    """
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, score in enumerate(scores, start=1):
            (Path(folder) / f"{number:06d}.musicxml").write_bytes(score)
        ended = _run(folder, TIMEOUT + len(tunes))
        drawn = []
        for number, tune in enumerate(tunes, start=1):
            source = Path(folder) / f"{number:06d}.svg"
            if not source.exists():
                raise _failed(tune, number, len(tunes), ended)
            drawn.append(source.read_text(encoding="utf-8"))
    return _composed(tunes, drawn)


def _run(folder: str, seconds: int) -> str:
    """Engrave a folder in a child process; return how it failed, if it did."""
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "seqforge_abc.engrave", folder],
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
    return f"failed ({last[0]})" if last else "drew nothing"


def _failed(tune: Tune, number: int, count: int, how: str) -> WriteError:
    return WriteError(
        f"verovio, which engraves, {how} on {tune.title or 'Untitled'!r}, tune {number} of {count}; "
        "write it as .abc or .musicxml and open that in another program, or leave this tune out."
    )


def _composed(tunes: Sequence[Tune], drawn: Sequence[str]) -> str:
    parts, top = [], _MARGIN
    for number, (tune, svg) in enumerate(zip(tunes, drawn, strict=True), start=1):
        root = _ROOT.search(svg)
        if root is None or _NOT_FINITE.search(svg):
            raise _failed(tune, number, len(tunes), "drew what is no picture")
        parts.append(_heading(tune, top))
        top += _TITLE
        inside = svg[root.end() :]
        size = f'width="{root[1]}" height="{root[2]}" overflow="visible"'
        parts.append(f'<svg id="{root[3]}" x="0" y="{top}" {size}>{inside.rstrip()}')
        top += round(float(root[2])) + _GAP
    height = top + _MARGIN - _GAP
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'width="{WIDTH}px" height="{height}px" viewBox="0 0 {WIDTH} {height}">'),
        f"<title>{escape(_shown(tunes[0].title) if tunes else 'Untitled')}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *parts,
        "</svg>\n",
    ])  # fmt: skip


def _heading(tune: Tune, top: int) -> str:
    """Return the title, as large as fits, and the rhythm."""
    title = _shown(tune.title)
    size = max(9, min(24, round(1.75 * (WIDTH - 200) / len(title))))
    style = 'fill="black" font-family="Times, Tinos, \'Liberation Serif\', serif"'
    text = (
        f'<text x="{WIDTH / 2:g}" y="{top + 26}" text-anchor="middle" font-size="{size}" {style}>{escape(title)}</text>'
    )
    if tune.rhythm:
        rhythm = escape(_shown(tune.rhythm))
        text += f'<text x="20" y="{top + 26}" font-size="15" font-style="italic" {style}>{rhythm}</text>'
    return text


def _shown(text: str) -> str:
    """Return a text as one line that XML can hold and a page can show."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return (text if len(text) <= 120 else text[:119] + "…") or "Untitled"
