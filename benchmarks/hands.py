"""Does a primed sample look like its writer? Slant and width of a character, beside those of the other writers.

    python benchmarks/hands.py --sheet docs/images/contact.svg

Ten writers of the training lines (every second of those with the most lines) each prime a sentence of their own. A
sample's measures are compared with the medians of every writer's other lines; the distance is in standard deviations of
what one writer varies by (`seqforge_handwriting.measure`; size says nothing here, since writing is brought to one
x-height and drawn in the size that was asked for). Told: in how many of the ten cases the sample is nearer to its
writer than to the typical other (the median over the other nine), how many of the ninety pairs it is nearer to its own,
and in how many its own is the nearest of all ten. A real line of each writer is judged likewise. `--sheet` draws twelve
samples to look at: three writers, two biases, two sentences.
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
from seqforge_handwriting.drawing import write
from seqforge_handwriting.ink import Ink, joined
from seqforge_handwriting.measure import Hand, hand_of, mean_hand
from seqforge_handwriting.page import Page
from seqforge_handwriting.reading import Sample, read_ink

WRITERS, LEAST_LETTERS = 10, 12
SHEET_WRITERS, SHEET_BIASES = ("w014", "w062", "w085"), (0.0, 1.0)
SHEET_TEXTS = ("Pack my box with five dozen jugs", "Dear Mr. Hughes, 25 May 1994")


def measured(ink: Ink) -> Hand:
    """Return the slant, and the width of a character, of a line; its size is set to one."""
    return replace(hand_of(ink), x_height=1.0)


def judged(samples: Mapping[str, Hand], hands: Mapping[str, Hand]) -> dict[str, str]:
    """Return how often samples are nearest to their own writer."""
    typical, pairs, nearest = 0, 0, 0
    for writer, sample in samples.items():
        own = sample.distance(hands[writer])
        others = [sample.distance(hand) for name, hand in hands.items() if name != writer]
        typical += own < float(np.median(others))
        pairs += sum(own < other for other in others)
        nearest += own < min(others)
    count = len(samples)
    return {
        "nearer than the typical other": f"{typical} of {count}",
        "nearer, of all pairs": f"{pairs} of {count * (count - 1)}",
        "nearest of all": f"{nearest} of {count}",
    }


def draw_sheet(model: seqforge.Model, path: Path) -> None:
    """Distribution twelve samples, each with its writer and bias above it."""
    lines, notes = [], []
    for row, (writer, text) in enumerate((writer, text) for writer in SHEET_WRITERS for text in SHEET_TEXTS):
        for column, bias in enumerate(SHEET_BIASES):
            (piece,) = model.generate(seed=row, bias=bias, text=text, style=writer, letter_height="2mm")
            x, y = 6 + 92.0 * column, 10 + 14.5 * row
            left, _, right, _ = piece.content.bounds
            factor = min(1.0, 84 / (right - left))
            page = piece.content.pages[0]
            baseline = float(np.median([stroke[:, 1].max() for stroke in page.ink.strokes]))
            lines.append(page.ink.moved(-left, -baseline).scaled(factor).moved(x, y + 5))
            notes.append((x, y - 2.0, f"{writer}, bias {bias:g}"))
    page = Page(joined(lines), 192.0, 97.0, notes=tuple(notes))
    write([page], path, told="made by seqforge: twelve samples")


def main() -> None:
    """Write, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting")
    parser.add_argument("--bias", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="draw twelve samples here, and do nothing else")
    asked = parser.parse_args()
    model = seqforge.load(asked.model)
    if asked.sheet:
        draw_sheet(model, asked.sheet)
        return
    primes = model.codec.hands.lines  # type: ignore[attr-defined]
    lines: dict[str, list[Ink]] = defaultdict(list)
    for path in find_corpus("unipen").paths():
        for sample in read_ink(path) if path.parent.name == "train" else ():
            if isinstance(sample, Sample) and len(sample.ink.text) >= LEAST_LETTERS:
                lines[sample.labels["writer"]].append(sample.ink)
    known = sorted((name for name in lines if name in primes), key=lambda name: (-len(lines[name]), name))
    chosen = known[: 2 * WRITERS : 2]
    hands, real, made = {}, {}, {}
    for number, writer in enumerate(chosen):
        rest = [ink for ink in lines[writer] if ink.text != primes[writer].text]
        real[writer] = measured(rest[0])
        hands[writer] = mean_hand([measured(ink) for ink in rest[1:]])
        (piece,) = model.generate(seed=asked.seed, bias=asked.bias, text=SENTENCES[number], style=writer)
        made[writer] = measured(Ink(piece.content.strokes, SENTENCES[number]))
        print(f"{writer}: {hands[writer].slant_degrees:5.1f} degrees, {hands[writer].width:.2f} wide; written "
              f"{made[writer].slant_degrees:5.1f}, {made[writer].width:.2f}", flush=True)  # fmt: skip
    print(json.dumps({"primed samples": judged(made, hands), "real lines": judged(real, hands)}, indent=2))


if __name__ == "__main__":
    main()
