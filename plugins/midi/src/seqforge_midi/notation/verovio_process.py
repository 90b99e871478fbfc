"""A program that engraves MusicXML: `python verovio_process.py SCORE FOLDER HEIGHT`.

It runs as a child process, since verovio can crash its process. It writes 001.svg, 002.svg, ... into the folder, one
per page.
"""

import re
import sys
from pathlib import Path

PAGE_WIDTH, PAGE_HEIGHT = 840, 1188
"""The size of an A4 page in pixels."""
MAX_HEIGHT = 24000
"""The largest height of a page in pixels, a limit of verovio."""
SCALE = 40
"""The size of the music in percent; at 100 a page is 10 verovio units per pixel."""
_QUARTER = re.compile(r'<rend [^>]*glyph\.auth="smufl"[^>]*>\ueca5</rend>')
"""The quarter note of a metronome mark in MEI, which verovio sets in a music font that other programs do not have."""


def engrave(score: Path, folder: Path, height: int) -> None:
    """Write the pages of a score as SVG pictures.

    Args:
        score: The path of the MusicXML file.
        folder: The folder of the pictures.
        height: The largest height of a page in pixels; a page is only as high as its music.

    Raises:
        ValueError: If verovio cannot read the file.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({
        "pageWidth": PAGE_WIDTH * 100 // SCALE, "pageHeight": height * 100 // SCALE,
        "adjustPageHeight": True, "scale": SCALE, "breaks": "auto", "justifyVertically": False,
        "pageMarginLeft": 100, "pageMarginRight": 100, "pageMarginTop": 75, "pageMarginBottom": 75,
        "header": "none", "footer": "none", "xmlIdSeed": 1, "font": "Leipzig", "smuflTextFont": "none",
        "condense": "none",
    })  # fmt: skip
    if not toolkit.loadData(score.read_text(encoding="utf-8")):
        raise ValueError("verovio cannot read the score")
    mei = toolkit.getMEI()
    if (readable := _QUARTER.sub('<rend fontfam="DejaVu Sans Mono">♩</rend>', mei)) != mei:
        toolkit.loadData(readable)
    for page in range(1, toolkit.getPageCount() + 1):
        (folder / f"{page:03d}.svg").write_text(toolkit.renderToSVG(page), encoding="utf-8")


def main() -> int:
    """Engrave the score that the arguments name."""
    engrave(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
