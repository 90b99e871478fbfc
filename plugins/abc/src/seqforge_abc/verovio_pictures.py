"""Scores as SVG pictures without titles, drawn by verovio. This runs in a child process, since verovio may crash.

The module imports nothing else of seqforge, so that the child is ready early.
"""

import re

import verovio

SCALE = 40
"""The size of the music in percent; at 100 a staff is 720 verovio units high, 10 units per pixel."""

_GLYPH = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([^<]*)</tspan>')
_LATER_SYSTEM = re.compile(r"<sb\b.*?(?=<sb\b|</section>)", re.DOTALL)
"""The MEI of a system other than the first."""
_MEASURE = re.compile(r"<measure\b[^>]*>")
_NUMBER = re.compile(r'\bn="(\d+)"')
_ACCIDENTALS = dict(zip("\ue260\ue261\ue262\uea64\uea65\uea66", "♭♮♯♭♮♯", strict=True))
"""Letters for the accidentals of chord symbols, which verovio sets in a music font that few programs have."""


def engrave(score: bytes, width: int, max_height: int, seed: int) -> list[str]:
    """Return a score as SVG pictures, as tall as needed, without its title.

    Args:
        score: The MusicXML.
        width: The width of a picture in pixels.
        max_height: The largest height of a picture in pixels; a taller one is divided between lines of music.
        seed: Seed of the random ids in the pictures; different seeds let several pictures share a page.

    Raises:
        ValueError: If verovio cannot read the MusicXML.
    """
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({
        "pageWidth": width * 100 // SCALE, "pageHeight": max_height * 100 // SCALE, "adjustPageHeight": True,
        "scale": SCALE,
        "pageMarginLeft": 50, "pageMarginRight": 50, "pageMarginTop": 0, "pageMarginBottom": 50,
        "breaks": "line", "header": "none", "footer": "none", "xmlIdSeed": seed,
        "mnumInterval": 0, "justifyVertically": False, "font": "Leipzig",
    })  # fmt: skip
    if not toolkit.loadData(score.decode()):
        raise ValueError("verovio cannot read the MusicXML")
    mei = toolkit.getMEI()
    if (numbered := _LATER_SYSTEM.sub(_numbered_system, mei)) != mei:
        toolkit.loadData(numbered)
    return [_GLYPH.sub(_accidental, toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def _numbered_system(system: re.Match[str]) -> str:
    """Return the MEI of a system whose first complete bar shows its number if the system begins with a part of a bar.

    verovio numbers the first bar of a system, and leaves out the number if that bar is not counted.
    """
    text = system[0]
    first = _MEASURE.search(text)
    if first is None or 'metcon="false"' not in first[0]:
        return text
    complete = next((bar for bar in _MEASURE.finditer(text) if 'metcon="false"' not in bar[0]), None)
    number = _NUMBER.search(complete[0]) if complete else None
    if complete is None or number is None:
        return text
    return f"{text[: complete.end()]}<mNum>{number[1]}</mNum>{text[complete.end() :]}"


def _accidental(glyph: re.Match[str]) -> str:
    return f'<tspan font-size="{round(int(glyph[1]) * 405 / 720)}px">{_ACCIDENTALS.get(glyph[2], "")}</tspan>'
