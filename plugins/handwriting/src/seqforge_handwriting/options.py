"""How handwriting is read and encoded, and what can be asked for."""

from dataclasses import dataclass
from pathlib import Path

from seqforge import flag


@dataclass(frozen=True)
class Options:
    """How to read and encode."""

    thin: float = flag(0.06, help="leave out points that lie so near to a straight line; 0: keep all", unit="X-HEIGHTS")
    components: int = flag(20, help="Gaussians of the mixture that a point is drawn from")
    jitter: float = flag(0.08, help="in training, size and slant vary by about so much; 0: not at all", unit="SHARE")
    untold: float = flag(0.1, help="share of an epoch's pieces that are learnt without their text")


@dataclass(frozen=True)
class Request:
    """What to write."""

    text: str | None = flag(None, help="what to write; none: whatever comes", unit="TEXT")
    text_file: Path | None = flag(None, help="or a file that holds it")
    style: str = flag("", help="whose hand: a writer of the corpus, or a file of strokes (.svg, .inkml, .json)")
    style_text: str = flag("", help="what the file of strokes says", unit="TEXT")
    paper: str = flag("", help="a4, a5, letter, 120x80mm ...; none: as large as the writing")
    margin: str = flag("10mm", help="around the writing", unit="LENGTH")
    letter_height: str = flag("2.5mm", help="of a small x", unit="LENGTH")
    spacing: float = flag(4.5, help="from line to line", unit="X-HEIGHTS")
    width: float = flag(0.4, help="of the pen", unit="MM")
    colour: str = flag("black", help="#rrggbb or a name")
    in_unit: str = flag("mm", help="unit of the drawing's size: mm or px")
