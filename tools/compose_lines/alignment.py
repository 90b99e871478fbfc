"""Where the characters of a text stand in ink, by the attention of a model of handwriting."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from seqforge import CorpusError, Model, Piece
from seqforge_handwriting.frame import normalize
from seqforge_handwriting.line_check import line_frame
from seqforge_handwriting.samples import Sample

__all__ = ["AlignedLine", "align", "sharpened"]

LEAD = 0.35
"""Distance by which the attention stands before the character that is drawn, in characters."""
NEAR = 1.5
"""Largest distance of weights that count from the largest one, in characters."""
WIDTH = 0.35
"""Standard deviation of the sharpened weights, in characters."""
MIN_POINTS = 4


@dataclass(frozen=True, eq=False)
class AlignedLine:
    """A line of a writer with the share of each point in each character.

    Attributes:
        writer: The writer.
        text: The text.
        strokes: The strokes in x-heights, each of shape (points, 2).
        weights: The weight of each character at each point, shape (points, characters).
    """

    writer: str
    text: str
    strokes: tuple[np.ndarray, ...]
    weights: np.ndarray


def align(model: Model, samples: Iterable[Sample]) -> Iterator[AlignedLine]:
    """Yield the samples that are lines of writing, aligned by the attention of a model.

    Example:
        lines = list(align(seqforge.load("handwriting"), samples))

    Args:
        model: A model of handwriting.
        samples: The samples; their label `writer` names the writer.
    """
    for sample in samples:
        if len(sample.ink.points) < MIN_POINTS:
            continue
        try:
            line_frame(sample.ink)
            example = model.codec.encode(Piece(sample.ink))
        except (ValueError, CorpusError):
            continue
        ink, _ = normalize(sample.ink)
        weights = model.attention(example)[: len(example.steps)]
        strokes = tuple(stroke.astype(np.float32) for stroke in ink.strokes)
        yield AlignedLine(sample.labels.get("writer", ""), ink.text, strokes, sharpened(weights)[:, : len(ink.text)])


def sharpened(weights: np.ndarray) -> np.ndarray:
    """Return attention weights as the shares of the characters that are being drawn.

    A network looks ahead: when a character starts, the attention stands between it and the one before. The mean of the
    weights near the largest one, moved by this lead, is the centre of a narrow bell.

    >>> sharpened(np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])).argmax(axis=1).tolist()
    [0, 1]

    Args:
        weights: The attention weights, shape (points, symbols): the characters and the end of the text.
    """
    weights = weights.astype(np.float32)
    numbers = np.arange(weights.shape[1])
    near = weights * (np.abs(numbers - weights.argmax(axis=1)[:, None]) <= NEAR)
    centre = (near * numbers).sum(axis=1) / np.maximum(near.sum(axis=1), 1e-6) + LEAD
    shares: np.ndarray = np.exp(-((centre[:, None] - numbers) ** 2) / (2 * WIDTH**2))
    return shares
