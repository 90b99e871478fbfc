"""Compose lines of handwriting from the words and characters of real writers.

python -m tools.compose_lines lines.jsonl --count 50000 -o composed.jsonl

A file has JSON lines as the corpus `unipen`, with a writer in each: {"writer": ..., "text": ..., "strokes": ...}. Files
of several sources may be named; the bundled training lines are always used. No line has the text of a line of the valid
or test split, and writers of these splits are left out. The alignment reads every point once: about half an hour per
million points on one core.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import seqforge
from seqforge.core.files import make_folder
from seqforge.corpus import find_corpus
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import json_line, read_json
from tools.compose_lines.alignment import align
from tools.compose_lines.composition import compose_line, writer_weights
from tools.compose_lines.units import WriterUnits, collect_units

RESOLUTION = 20
"""Units of the coordinates in the file per x-height."""


def samples(paths: list[Path]) -> Iterator[Sample]:
    """Yield the samples of files that can be read."""
    for path in paths:
        yield from (sample for sample in read_json(path) if isinstance(sample, Sample))


def composed_lines(writers: dict[str, WriterUnits], count: int, seed: int, excluded: set[str]) -> Iterator[str]:
    """Yield lines as JSON; of `count` lines, those with an excluded text are left out."""
    rng = np.random.default_rng(seed)
    writers = dict(sorted(writers.items()))
    names, weights = list(writers), writer_weights(writers)
    for _ in range(count):
        name = names[int(rng.choice(len(names), p=weights))]
        text, strokes = compose_line(rng, writers[name])
        if text not in excluded:
            ink = Ink(tuple(np.rint(stroke * RESOLUTION) for stroke in strokes), text)
            yield json.dumps({"writer": name, "kind": "line", **json.loads(json_line(ink))})


def main() -> None:
    """Align, collect and compose, and write the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="more files of lines of writing")
    parser.add_argument("--model", default="handwriting", help="the model whose attention aligns text and ink")
    parser.add_argument("--count", type=int, default=50_000, help="number of lines")
    parser.add_argument("--seed", type=int, default=12, help="seed of the composition")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    corpus = find_corpus("unipen").paths()
    held_out = list(samples([path for path in corpus if path.parent.name != "train"]))
    texts = {sample.ink.text for sample in held_out}
    names = {sample.labels.get("writer", "") for sample in held_out}
    train = [
        sample
        for sample in samples([path for path in corpus if path.parent.name == "train"] + arguments.files)
        if sample.ink.text not in texts and sample.labels.get("writer", "") not in names
    ]
    writers = collect_units(align(seqforge.load(arguments.model), train))
    sys.stdout.write(f"{len(train):,} samples, {len(writers)} writers with enough words\n")
    lines = list(composed_lines(writers, arguments.count, arguments.seed, texts))
    make_folder(arguments.output.parent)
    arguments.output.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines):,} lines in {arguments.output}\n")


if __name__ == "__main__":
    main()
