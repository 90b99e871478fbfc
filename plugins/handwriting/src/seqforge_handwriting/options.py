"""Options of reading and encoding handwriting, and the request for a generated text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import flag

__all__ = ["HandwritingOptions", "HandwritingRequest"]


@dataclass(frozen=True)
class HandwritingOptions:
    """How handwriting is read and encoded.

    >>> HandwritingOptions(simplify=0).components
    20
    """

    encoding: Literal["writing", "sketch"] = flag(
        "writing", help="Writing with a baseline and a text, or drawings without a text, such as those of Quick, Draw!."
    )
    simplify: float = flag(
        0.06, help="Leave out points that lie this near to a straight line; 0 keeps all points.", unit="X-HEIGHTS"
    )
    components: int = flag(20, help="Number of Gaussians in the mixture that predicts the next point.")
    jitter: float = flag(
        0.08, help="Random variation of size, width and slant in training; 0 turns it off.", unit="SHARE"
    )
    text_dropout: float = flag(
        0.1, help="Share of the training pieces that are presented without their text in each epoch."
    )


@dataclass(frozen=True)
class HandwritingRequest:
    """The text to write, the hand to write it in, and the page to write it on.

    >>> HandwritingRequest(text="The quick brown fox", paper="a5").letter_height
    '2.5mm'
    """

    text: str | None = flag(None, help="Text to write; without a text the model writes freely.", unit="TEXT")
    text_file: Path | None = flag(
        None, help="File with the text to write; .json: lines with a style, a bias, a colour and an alignment each."
    )
    infill: str = flag(
        "",
        help="Lines of a letter to write again, in the same hand: letter.json:2-3. All other strokes stay; a text has"
        " the new words of each line.",
        unit="FILE:LINES",
    )
    missing: str = flag(
        "compose",
        help="Characters that the model has not learnt: compose (draw accents with the base letters, else fold), fold"
        " (write the letters without accents, ss, oe, ae), skip, or refuse.",
    )
    style: str = flag(
        "",
        help="Hand to imitate: a writer of the corpus, a file with strokes (.svg, .inkml, .json, ...; - for stdin), or"
        " random-per-line; default: one of the more legible writers, drawn at random.",
    )
    style_text: str = flag("", help="Text that the file of the style shows.", unit="TEXT")
    paper: str = flag(
        "",
        help="Paper: a3 to a6, letter, legal, postcard, an envelope (dl, c5, c6, com10), or a size such as 120x80mm;"
        " landscape may follow; default: fit the writing.",
    )
    margin: str = flag("10mm", help="Margin on all four sides.", unit="LENGTH")
    letter_height: str = flag("2.5mm", help="Height of a small x.", unit="LENGTH")
    spacing: float = flag(4.5, help="Distance between baselines.", unit="X-HEIGHTS")
    align: str = flag("left", help="Where lines stand: left, centre or right.")
    word_spacing: float = flag(1.0, help="Distance between words, relative to that of the hand.")
    baseline_drift: float = flag(
        0.0, help="How far a line rises and falls about a straight baseline, as by hand; 0.2 is visible.",
        unit="X-HEIGHTS",
    )  # fmt: skip
    order: str = flag(
        "writing",
        help="Order of the strokes: writing, or shortest (little travel of the lifted pen, through vpype).",
    )
    pen_width: float = flag(0.4, help="Width of the pen.", unit="MM")
    colour: str = flag("black", help="Colour of the ink: #rrggbb or a name such as navy.")
    size_unit: str = flag("mm", help="Unit of the width and height of the SVG drawing: mm or px.")
