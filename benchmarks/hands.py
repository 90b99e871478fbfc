"""Does a primed sample look like its writer? Slant and width of a character, beside those of the other writers.

    python benchmarks/hands.py

Ten writers of the training lines (every second of those with the most lines) each prime a sentence of
their own. A sample's measures are compared with the medians of every writer's other lines; the distance is in standard
deviations of what one writer varies by (`seqforge_handwriting.measure`; size says nothing here, since writing is
brought to one x-height and drawn in the size that was asked for). Told: in how many of the ten cases the sample is
nearer to its writer than to the typical other (the median over the other nine), how many of the ninety pairs it is
nearer to its own, and in how many its own is the nearest of all ten. A real line of each writer is judged likewise.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from legibility import SENTENCES

import seqforge
from seqforge.corpus import find_corpus
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.measure import Hand, hand_of, mean_hand
from seqforge_handwriting.reading import Sample, read_ink

WRITERS, LEAST_LETTERS = 10, 12


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


def main() -> None:
    """Write, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting")
    parser.add_argument("--bias", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    model = seqforge.load(asked.model)
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
