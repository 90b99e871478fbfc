"""A program that converts MusicXML to SVG with verovio: `python verovio_process.py FOLDER MAX_HEIGHT`.

Some real tunes crash verovio and its process, so it runs as a child process. The parent writes 0001.musicxml,
0002.musicxml, ... into a folder and finds 0001-001.svg, 0002-001.svg, ... there. The first missing file is the tune
that failed. A tune that is higher than MAX_HEIGHT is divided into 0001-001.svg, 0001-002.svg, ...
"""

import re
import sys
from pathlib import Path

PAGE_WIDTH = 900
"""The width of the page in pixels."""
MAX_HEIGHT = 24000
"""The largest height of a picture in pixels, a limit of verovio."""
SCALE = 40
"""The size of the music in percent; at 100 a staff is 720 verovio units high, 10 units per pixel."""

_GLYPH = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([^<]*)</tspan>')
_LATER_SYSTEM = re.compile(r"<sb\b.*?(?=<sb\b|</section>)", re.DOTALL)
"""The MEI of a system other than the first."""
_MEASURE = re.compile(r"<measure\b[^>]*>")
_NUMBER = re.compile(r'\bn="(\d+)"')
_ACCIDENTALS = dict(zip("\ue260\ue261\ue262\uea64\uea65\uea66", "♭♮♯♭♮♯", strict=True))
"""Letters for the accidentals of chord symbols, which verovio sets in a music font that few programs have."""


def engrave(source: Path, max_height: int, seed: int) -> None:
    """Write a MusicXML file as SVG pictures, as tall as needed.

    Args:
        source: The path of the MusicXML file.
        max_height: The largest height of a picture in pixels.
        seed: Seed of the random ids in the SVG file; different seeds let several pictures share a page.

    Raises:
        ValueError: If verovio cannot read the file.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({
        "pageWidth": PAGE_WIDTH * 100 // SCALE, "pageHeight": max_height * 100 // SCALE, "adjustPageHeight": True,
        "scale": SCALE,
        "pageMarginLeft": 50, "pageMarginRight": 50, "pageMarginTop": 0, "pageMarginBottom": 50,
        "breaks": "line", "header": "none", "footer": "none", "xmlIdSeed": seed,
        "mnumInterval": 0, "justifyVertically": False, "font": "Leipzig",
    })  # fmt: skip
    if not toolkit.loadData(source.read_text(encoding="utf-8")):
        raise ValueError(f"verovio cannot read {source.name}")
    mei = toolkit.getMEI()
    if (numbered := _LATER_SYSTEM.sub(_numbered_system, mei)) != mei:
        toolkit.loadData(numbered)
    for page in range(1, toolkit.getPageCount() + 1):
        picture = _GLYPH.sub(_accidental, toolkit.renderToSVG(page))
        source.with_name(f"{source.stem}-{page:03d}.svg").write_text(picture, encoding="utf-8")


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


def main() -> int:
    """Engrave the MusicXML files of the folder in order."""
    for number, source in enumerate(sorted(Path(sys.argv[1]).glob("*.musicxml")), start=1):
        engrave(source, int(sys.argv[2]), number)
    return 0


if __name__ == "__main__":
    sys.exit(main())
