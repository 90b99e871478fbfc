"""Does a letter show the hand that it imitates? A classifier of twenty writers whom the model has never seen.

    python benchmarks/writer_classifier.py

The writers are those of the valid and test splits of the corpus unipen; no model was trained on them. A linear
discriminant analysis with a shrunk covariance (J. Friedman, "Regularized Discriminant Analysis", JASA 1989) is trained
on their real lines. Its features are the directions and the turns of the pen, weighted by length, and measures of size,
width, slant and strokes. The report gives how often it names the right writer of a real line that it was not trained on
(leave one out), and of lines that a model writes in the style of one real line of each writer.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

import seqforge
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.corpus import find_corpus
from seqforge_handwriting.frame import normalize
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import json_line
from seqforge_handwriting.style_metrics import measure_style

TEXTS = (
    "The river runs past the old mill",
    "Please bring two cups of flour",
    "Nobody knew where the cat had gone",
    "Turn left after the second bridge",
    "We planted seven apple trees in May",
)
DIRECTIONS, TURNS = 16, 9
MIN_CHARACTERS, LENGTH = 4, 20
"""Smallest number of characters of a line, and preferred number of the line that shows the style."""
SHRINKAGE = 0.3
"""Weight of the diagonal in the covariance within writers."""


def features(ink: Ink) -> np.ndarray:
    """Return the features of a line."""
    ink, _ = normalize(ink)
    directions, turns = np.zeros(DIRECTIONS), np.zeros(TURNS)
    lengths, heights = [], []
    for stroke in ink.strokes:
        steps = np.diff(stroke, axis=0)
        sizes = np.hypot(*steps.T)
        angles = np.arctan2(steps[:, 1], steps[:, 0])
        bins = ((angles + np.pi) / (2 * np.pi) * DIRECTIONS).astype(int) % DIRECTIONS
        directions += np.bincount(bins, sizes, DIRECTIONS)
        turn = np.abs((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi)
        turns += np.bincount(np.minimum((turn / np.pi * TURNS).astype(int), TURNS - 1), minlength=TURNS)
        lengths.append(sizes.sum())
        heights.append(np.ptp(stroke[:, 1]))
    style, characters = measure_style(ink), max(1, len(ink.text))
    points = ink.points[:, 1]
    others = [
        style.slant_degrees / 20, np.log(max(style.width, 0.05)), np.log(len(ink.strokes) / characters),
        np.log(sum(lengths) / characters + 0.1), np.median(lengths), np.median(heights),
        *np.quantile(points, [0.03, 0.97]),
    ]  # fmt: skip
    total = max(float(directions.sum()), 1e-9)
    return np.concatenate([np.sqrt(directions / total), np.sqrt(turns / max(1.0, turns.sum())), others])


def classify(train: np.ndarray, writers: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return the most probable writer of each line, by linear discriminant analysis with equal priors."""
    names = np.unique(writers)
    means = np.stack([train[writers == name].mean(0) for name in names])
    within = train - means[np.searchsorted(names, writers)]
    covariance = within.T @ within / max(1, len(train) - len(names))
    diagonal = np.diag(np.diag(covariance)) + 1e-4 * np.eye(len(covariance))
    inverse = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal)
    differences = lines[:, None] - means
    distances = np.einsum("lwf,fg,lwg->lw", differences, inverse, differences)
    chosen: np.ndarray = names[distances.argmin(1)]
    return chosen


def unseen_lines() -> dict[str, list[Ink]]:
    """Return the lines of the writers of the valid and test splits."""
    lines: dict[str, list[Ink]] = defaultdict(list)
    for path in find_corpus("unipen").paths():
        for sample in read_ink(path) if path.parent.name in ("valid", "test") else ():
            if isinstance(sample, Sample) and len(sample.ink.text) >= MIN_CHARACTERS:
                lines[sample.labels["writer"]].append(sample.ink)
    return {writer: inks for writer, inks in sorted(lines.items()) if len(inks) > 2}


def written_lines(model: seqforge.Model, style: Ink, seed: int, bias: float, folder: Path) -> list[Ink]:
    """Return the texts as a model writes them in the style of a line."""
    path = folder / "style.jsonl"
    path.write_text(json_line(style) + "\n", encoding="utf-8")
    request = {"text": "\n".join(TEXTS), "style": str(path)}
    generation = Generation(model, GenerationRequest(seed=seed, controls={"bias": bias}, request=request))
    (generated,) = generation.run()
    inks = []
    for text, example, prompt in zip(TEXTS, generated.examples, generation.prompts, strict=True):
        written = replace(example, steps=example.steps[len(prompt.example.steps) :])
        inks.append(Ink(model.codec.decode(written).content.strokes, text))
    return inks


def main() -> None:
    """Train the classifier, generate lines, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--bias", type=float, default=0.75, help="the bias of the lines")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the lines")
    arguments = parser.parse_args()
    model, lines = seqforge.load(arguments.model), unseen_lines()
    writers = np.array([writer for writer, inks in lines.items() for _ in inks])
    real = np.stack([features(ink) for inks in lines.values() for ink in inks])
    mean, deviation = real.mean(0), real.std(0) + 1e-9
    real = (real - mean) / deviation
    named = [classify(real[rest], writers[rest], real[~rest])[0] for rest in ~np.eye(len(real), dtype=bool)]
    right, count = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for writer, inks in lines.items():
            style = min(inks, key=lambda ink: abs(len(ink.text) - LENGTH))
            written = written_lines(model, style, arguments.seed, arguments.bias, Path(folder))
            answers = classify(real, writers, (np.stack([features(ink) for ink in written]) - mean) / deviation)
            right, count = right + int((answers == writer).sum()), count + len(written)
            print(f"{writer}: {(answers == writer).sum()} of {len(written)}", flush=True)
    report = {
        "writers": len(lines),
        "real lines": len(real),
        "right, of real lines": round(float((np.array(named) == writers).mean()), 3),
        "right, of generated lines": round(right / count, 3),
        "right by chance": round(1 / len(lines), 3),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
