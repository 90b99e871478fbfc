"""Scores as SVG pages, drawn by verovio. This runs in a child process, since verovio may crash.

The module imports nothing else of seqforge, so that the child is ready early.
"""

import re

import verovio

SCALE = 40
"""The size of the music in percent; at 100 a page is 10 verovio units per pixel."""
_QUARTER = re.compile(r'<rend [^>]*glyph\.auth="smufl"[^>]*>\ueca5</rend>')
"""The quarter note of a metronome mark in MEI, which verovio sets in a music font that other programs do not have."""


def engrave(score: bytes, width: int, height: int) -> list[str]:
    """Return the pages of a score as SVG pictures.

    Args:
        score: The MusicXML.
        width: The width of a page in pixels.
        height: The largest height of a page in pixels; a page is only as high as its music.

    Raises:
        ValueError: If verovio cannot read the MusicXML.
    """
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({
        "pageWidth": width * 100 // SCALE, "pageHeight": height * 100 // SCALE,
        "adjustPageHeight": True, "scale": SCALE, "breaks": "auto", "justifyVertically": False,
        "pageMarginLeft": 100, "pageMarginRight": 100, "pageMarginTop": 75, "pageMarginBottom": 75,
        "header": "none", "footer": "none", "xmlIdSeed": 1, "font": "Leipzig", "smuflTextFont": "none",
        "condense": "none",
    })  # fmt: skip
    if not toolkit.loadData(score.decode()):
        raise ValueError("verovio cannot read the score")
    mei = toolkit.getMEI()
    if (readable := _QUARTER.sub('<rend fontfam="DejaVu Sans Mono">♩</rend>', mei)) != mei:
        toolkit.loadData(readable)
    return [toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1)]
