"""Ink for tests: hypothesis strategies, synthetic lines, and the samples of the corpus."""

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from seqforge import Piece
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import read_json

numbers = st.integers(-200_000, 200_000).map(lambda hundredths: hundredths / 100)
strokes = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12).map(lambda pairs: np.array(pairs, np.float64))
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=20)
inks = st.builds(Ink, st.lists(strokes, min_size=1, max_size=8).map(tuple), texts)
small_inks = inks.map(lambda ink: ink.scale(1 / 1000))  # at most 2 units from the origin
scales = st.floats(-6, 6).map(lambda exponent: 10.0**exponent)


def corpus_path(split: str) -> Path:
    return Path(str(files("seqforge_corpora"))) / "unipen" / split / "unipen.jsonl"


@cache
def corpus_samples(split: str = "valid") -> tuple[Sample, ...]:
    samples = [*read_json(corpus_path(split))]
    assert all(isinstance(sample, Sample) for sample in samples)
    return tuple(sample for sample in samples if isinstance(sample, Sample))


def zigzag_line(text: str, *, seed: int = 0, lean: float = 0.0) -> Ink:
    """Return zigzags in place of letters, with an x-height of 10 and taller ones for b and d."""
    rng = np.random.default_rng(seed)
    zigzags = []
    for position, letter in enumerate(text):
        if letter == " ":
            continue
        x = 8.0 * position + np.array([0, 2, 4, 6, 7])
        y = 100 - np.array([0, 10 + 6 * (letter in "bd"), 1, 10, 0]) + rng.normal(0, 0.3, 5)
        zigzags.append(np.stack([x + lean * (100 - y), y], 1))
    return Ink(tuple(zigzags), text)


def zigzag_pieces(count: int = 60) -> list[Piece[Ink]]:
    """Return lines of three writers, p0 to p2, with the characters "ab cde"."""
    rng = np.random.default_rng(1)
    lines = ["".join(rng.choice(list("ab cde"), 14)).strip() or "a" for _ in range(count)]
    return [
        Piece(zigzag_line(text, seed=number, lean=0.1 * (number % 3)), labels={"writer": f"p{number % 3}"})
        for number, text in enumerate(lines)
    ]


def max_distance(polyline: np.ndarray, points: np.ndarray) -> float:
    """Return the largest distance of points from a polyline."""
    if len(polyline) == 1:
        return float(np.hypot(*(points - polyline[0]).T).max())
    starts, directions = polyline[:-1], np.diff(polyline, axis=0)
    lengths = np.maximum((directions**2).sum(axis=1), 1e-300)
    positions = np.clip(((points[:, None] - starts) * directions).sum(axis=2) / lengths, 0, 1)
    differences = points[:, None] - starts - positions[..., None] * directions
    return float(np.hypot(*np.moveaxis(differences, 2, 0)).min(axis=1).max())
