"""MusicXML to SVG by verovio, as a process of its own: `python -m seqforge_abc.engrave FOLDER`.

Some real tunes crash verovio, and the process with it; so the parent is another one. It writes 0001.musicxml,
0002.musicxml, ... into a folder and finds 0001.svg, 0002.svg, ... there; the first that is missing is to blame.
"""

import re
import sys
from pathlib import Path

WIDTH = 900
"""Of the page, in pixels."""
SCALE = 40
"""In percent; a staff is 720 verovio units of a tenth of a pixel high at 100."""

_GLYPH = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([^<]*)</tspan>')
_LETTERS = dict(zip("\ue260\ue261\ue262\uea64\uea65\uea66", "♭♮♯♭♮♯", strict=True))
"""Accidentals of chord symbols: verovio takes them from a music font that few programs have."""


def engrave(source: Path, target: Path, seed: int) -> None:
    """Write the music of a MusicXML file as one SVG page, as tall as it needs to be.

    Args:
        source: the MusicXML file.
        target: the SVG file.
        seed: of the ids in it, so that several can stand in one file.

    Raises:
        ValueError: verovio cannot read the file.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({
        "pageWidth": WIDTH * 100 // SCALE, "pageHeight": 60000, "adjustPageHeight": True, "scale": SCALE,
        "pageMarginLeft": 50, "pageMarginRight": 50, "pageMarginTop": 0, "pageMarginBottom": 50,
        "breaks": "encoded", "header": "none", "footer": "none", "xmlIdSeed": seed,
        "mnumInterval": 0, "justifyVertically": False, "font": "Leipzig",
    })  # fmt: skip
    if not toolkit.loadData(source.read_text(encoding="utf-8")):
        raise ValueError(f"verovio cannot read {source.name}")
    target.write_text(_GLYPH.sub(_letter, toolkit.renderToSVG(1)), encoding="utf-8")


def _letter(glyph: re.Match[str]) -> str:
    return f'<tspan font-size="{round(int(glyph[1]) * 405 / 720)}px">{_LETTERS.get(glyph[2], "")}</tspan>'


def main() -> int:
    """Engrave the MusicXML files of a folder, in order."""
    for number, source in enumerate(sorted(Path(sys.argv[1]).glob("*.musicxml")), start=1):
        engrave(source, source.with_suffix(".svg"), number)
    return 0


if __name__ == "__main__":
    sys.exit(main())
