"""Pictures of handwritten words with their texts and strokes: the corpus of the example.

    python examples/captions/pictures.py words/

writes two corpora, `words/text` and `words/strokes`, from the lines of the bundled corpus unipen. Each has a folder per
split with a file of words and a file of features, the 784 pixels of a picture of 28 x 28 per word. The splits are those
of unipen: no writer of train stands in valid or test.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from seqforge.corpus import find_corpus
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.words import split_words

SIZE = 28
"""Width and height of a picture in pixels."""
MAX_LETTERS = 6
MARGIN = 1.5
"""Smallest distance of the strokes from the edge of the picture, in pixels."""
PEN = 0.3
"""Half of the width of the pen, in pixels."""
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Word:
    """A handwritten word.

    Attributes:
        text: Its letters.
        strokes: The points of each stroke, shape (points, 2), y downwards, in x-heights.
        writer: The name of its writer.
    """

    text: str
    strokes: tuple[np.ndarray, ...]
    writer: str


def words(split: str) -> Iterator[Word]:
    """Yield the words of a split of unipen that have at most MAX_LETTERS letters of the Latin alphabet.

    Args:
        split: train, valid or test.
    """
    for path in find_corpus("unipen").paths():
        if path.parent.name != split:
            continue
        for sample in read_ink(path):
            if not isinstance(sample, Sample):
                continue
            try:
                line = replace(estimate_frame(sample.ink), slant=0.0).apply(sample.ink)
            except ValueError:
                continue
            parts = split_words(line)
            if len(parts) != len(sample.ink.text.split()):
                continue
            for part in parts:
                if len(part.text) <= MAX_LETTERS and part.text.isascii() and part.text.isalpha():
                    yield Word(part.text, part.strokes, sample.labels.get("writer", ""))


def picture(strokes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the picture of strokes, shape (SIZE, SIZE), from 0 (paper) to 1 (ink).

    The strokes fill the width or the height of the picture and stand in its centre. The value of a pixel falls from 1
    to 0 within one pixel beyond the edge of the pen.

    >>> picture((np.array([[0.0, 0.0], [4.0, 0.0]]),)).round(1)[13:15, 14]
    array([0.8, 0.8], dtype=float32)
    """
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = (SIZE - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
    shift = SIZE / 2 - scale * (low + high) / 2
    firsts, lasts = [], []
    for stroke in strokes:
        placed = stroke * scale + shift
        firsts.append(placed[:-1] if len(placed) > 1 else placed)
        lasts.append(placed[1:] if len(placed) > 1 else placed)
    first, last = np.concatenate(firsts), np.concatenate(lasts)
    centres = np.stack(np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5), -1).reshape(-1, 1, 2)
    direction = last - first
    along = ((centres - first) * direction).sum(-1) / np.maximum((direction**2).sum(-1), 1e-9)
    nearest = first + along.clip(0, 1)[..., None] * direction
    distance = np.sqrt(((centres - nearest) ** 2).sum(-1)).min(1)
    return np.clip(PEN + 1 - distance, 0, 1).astype(np.float32).reshape(SIZE, SIZE)


def varied(word: Word, rng: np.random.Generator) -> Word:
    """Return a word with another width, slant and rotation, and with trembling strokes, for training."""
    angle, slant = rng.normal(0, 0.06), rng.normal(0, 0.25)
    stretch = np.exp(rng.normal(0, 0.12))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[stretch, slant], [0, 1 / stretch]])
    strokes = tuple(stroke @ matrix.T + rng.normal(0, 0.02, stroke.shape) for stroke in word.strokes)
    return replace(word, strokes=strokes)


def write_corpora(folder: Path, *, variants: int = 8, most: int | None = None) -> dict[str, int]:
    """Write the corpora `text` and `strokes` with the pixels as features, and return the number of words per split.

    Args:
        folder: The folder of both corpora.
        variants: The number of pictures per word of train, the word itself included; see `varied`.
        most: The largest number of words per split; None for all.
    """
    counts = {}
    for split in SPLITS:
        rng = np.random.default_rng(SPLITS.index(split))
        originals = list(islice(words(split), most))
        copies = variants if split == "train" else 1
        items = [varied(word, rng) if copy else word for word in originals for copy in range(copies)]
        pixels = np.stack([picture(word.strokes).ravel() for word in items]).astype(np.float16)
        for name in ("text", "strokes"):
            (folder / name / split).mkdir(parents=True, exist_ok=True)
            np.save(folder / name / split / "words.features.npy", pixels)
        with (folder / "text" / split / "words.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "writer"], *([word.text, word.writer] for word in items)])
        lines = [json.dumps(_stroke_json(word)) for word in items]
        (folder / "strokes" / split / "words.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts[split] = len(items)
    return counts


def _stroke_json(word: Word) -> dict[str, object]:
    """Return a word as a line of a .jsonl file of the handwriting plugin: points relative to the one before."""
    previous = np.zeros(2, int)
    strokes = []
    for stroke in word.strokes:
        points = np.rint(stroke * 20).astype(int)
        strokes.append(np.diff(points, axis=0, prepend=previous[None]).ravel().tolist())
        previous = points[-1]
    return {"writer": word.writer, "kind": "word", "text": word.text, "strokes": strokes}


def ink(word: Word) -> Ink:
    """Return a word as ink of the handwriting plugin."""
    return Ink(word.strokes, word.text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder to write")
    parser.add_argument("--variants", type=int, default=8, help="pictures per word of train")
    arguments = parser.parse_args()
    counts = write_corpora(arguments.folder, variants=arguments.variants)
    sys.stdout.write("".join(f"{split}: {count} pictures\n" for split, count in counts.items()))
