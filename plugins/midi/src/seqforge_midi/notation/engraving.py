"""Engraved scores as SVG pictures, through verovio, which runs in a child process."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from seqforge import WriteError
from seqforge_midi.notation import verovio_process
from seqforge_midi.notation.verovio_process import MAX_HEIGHT, PAGE_HEIGHT, PAGE_WIDTH

TIMEOUT = 300
"""The time limit for a score in seconds."""
TITLE_HEIGHT = 52
"""The height of the title in pixels."""
_ROOT = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"[^>]*>')


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
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / "score.musicxml"
        path.write_bytes(score)
        failure = _run_verovio(path, Path(folder), height)
        pages = [page.read_text(encoding="utf-8") for page in sorted(Path(folder).glob("*.svg"))]
    if failure or not pages or not all(_ROOT.search(page) for page in pages):
        raise WriteError(
            f"verovio {failure or 'drew no page'} while it engraved the score; write .musicxml and open it in a"
            " notation program"
        )
    return pages


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


def _run_verovio(score: Path, folder: Path, height: int) -> str:
    """Engrave a score in a child process, and return how it failed; "" if it did not."""
    # the file is run by its path: as a module it would import the whole plugin first
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.run(
            [
                sys.executable,
                "-P",
                verovio_process.__file__,
                str(score),
                str(folder),
                str(height),
            ],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT} seconds"
    if child.returncode < 0:
        return f"crashed (signal {-child.returncode})"
    last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"failed ({last[0] if last else 'without a message'})" if child.returncode else ""
