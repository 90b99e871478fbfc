"""Does a primed sample have the style of its writer? Slant and character width, compared with those of other writers.

    python benchmarks/hands.py --sheet docs/images/contact.svg

Ten writers of the training lines (every second of those with the most lines) each prime one sentence. The measures of a
sample are compared with the medians of the other lines of every writer. Distances are in standard deviations between
lines of one writer (`seqforge_handwriting.style_metrics`); the x-height is ignored, since it follows from the requested
letter height. The report counts in how many of the ten cases the sample is closer to its writer than to the typical
other writer (the median over the other nine), in how many of the ninety pairs it is closer to its writer, and in how
many cases its writer is the closest of all ten. The same is reported for one real line of each writer. `--sheet` draws
twelve samples: three writers, two biases, two sentences.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from legibility import SENTENCES

import seqforge
from seqforge.corpus import find_corpus
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.drawing import PagedInk, write_pages
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.page import Page
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.style_metrics import StyleMetrics, measure_style, median_style

WRITERS, MIN_CHARACTERS = 10, 12
SHEET_WRITERS, SHEET_BIASES = ("w014", "w062", "w085"), (0.0, 1.0)
SHEET_TEXTS = ("Pack my box with five dozen jugs", "Dear Mr. Hughes, 25 May 1994")


def measure(ink: Ink) -> StyleMetrics:
    """Return slant and character width of a line, with the x-height set to 1."""
    return replace(measure_style(ink), x_height=1.0)


def compare(samples: Mapping[str, StyleMetrics], styles: Mapping[str, StyleMetrics]) -> dict[str, str]:
    """Return how often samples are closest to their writer.

    Args:
        samples: Writer to the measures of a sample.
        styles: Writer to the typical measures of the writer.
    """
    typical, pairs, closest = 0, 0, 0
    for writer, sample in samples.items():
        distance = sample.distance(styles[writer])
        others = [sample.distance(style) for name, style in styles.items() if name != writer]
        typical += distance < float(np.median(others))
        pairs += sum(distance < other for other in others)
        closest += distance < min(others)
    count = len(samples)
    return {
        "closer than the typical other writer": f"{typical} of {count}",
        "closer, over all pairs": f"{pairs} of {count * (count - 1)}",
        "closest of all": f"{closest} of {count}",
    }


def draw_sheet(model: seqforge.Model, path: Path) -> None:
    """Draw twelve samples, each with its writer and bias above it."""
    lines, notes = [], []
    for row, (writer, text) in enumerate((writer, text) for writer in SHEET_WRITERS for text in SHEET_TEXTS):
        for column, bias in enumerate(SHEET_BIASES):
            (piece,) = model.generate(seed=row, bias=bias, text=text, style=writer, letter_height="2mm")
            assert isinstance(piece.content, PagedInk)
            x, y = 6 + 92.0 * column, 10 + 14.5 * row
            left, _, right, _ = piece.content.bounds
            factor = min(1.0, 84 / (right - left))
            ink = piece.content.pages[0].ink
            baseline = float(np.median([stroke[:, 1].max() for stroke in ink.strokes]))
            lines.append(ink.translate(-left, -baseline).scale(factor).translate(x, y + 5))
            notes.append((x, y - 2.0, f"{writer}, bias {bias:g}"))
    page = Page(concatenate(lines), 192.0, 97.0, notes=tuple(notes))
    write_pages([page], path, description="made by seqforge: twelve samples")


def training_lines() -> dict[str, list[Ink]]:
    """Return the training lines of each writer in the bundled corpus."""
    lines: dict[str, list[Ink]] = defaultdict(list)
    for path in find_corpus("unipen").paths():
        for sample in read_ink(path) if path.parent.name == "train" else ():
            if isinstance(sample, Sample) and len(sample.ink.text) >= MIN_CHARACTERS:
                lines[sample.labels["writer"]].append(sample.ink)
    return lines


def main() -> None:
    """Generate samples, measure them, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--bias", type=float, default=0.5, help="the bias of the samples")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the samples")
    parser.add_argument("--sheet", type=Path, help="draw twelve samples to this file instead")
    arguments = parser.parse_args()
    model = seqforge.load(arguments.model)
    if arguments.sheet:
        draw_sheet(model, arguments.sheet)
        return
    assert isinstance(model.codec, InkCodec)
    primes = model.codec.writers.lines
    lines = training_lines()
    known = sorted((name for name in lines if name in primes), key=lambda name: (-len(lines[name]), name))
    styles, real, generated = {}, {}, {}
    for number, writer in enumerate(known[: 2 * WRITERS : 2]):
        others = [ink for ink in lines[writer] if ink.text != primes[writer].text]
        real[writer] = measure(others[0])
        styles[writer] = median_style([measure(ink) for ink in others[1:]])
        text = SENTENCES[number]
        (piece,) = model.generate(seed=arguments.seed, bias=arguments.bias, text=text, style=writer)
        generated[writer] = measure(Ink(piece.content.strokes, text))
        real_style, style = styles[writer], generated[writer]
        print(f"{writer}: slant {real_style.slant_degrees:5.1f} degrees, width {real_style.width:.2f}; generated: "
              f"{style.slant_degrees:5.1f}, {style.width:.2f}", flush=True)  # fmt: skip
    print(json.dumps({"primed samples": compare(generated, styles), "real lines": compare(real, styles)}, indent=2))


if __name__ == "__main__":
    main()
