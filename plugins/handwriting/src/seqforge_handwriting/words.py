"""The words of a written line, and lines that are filled with words by their real widths."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from seqforge_handwriting.ink import Ink, concatenate

__all__ = ["fill_lines", "split_words"]

OVERLAP = 0.15
"""Strokes whose gap is at least minus this, in x-heights, may belong to different words: letters lean over each other.
"""
POSITION_WEIGHT = 0.02
"""Cost of a boundary per squared x-height from where the lengths of the words place it."""
MIN_SPACE = 0.2
"""Smallest distance between words, in x-heights."""
LONE_SPACE = 1.0
"""Width of a space where a line shows none, in x-heights."""


def split_words(ink: Ink) -> list[Ink]:
    """Return the words of a written line, in the order of the text, each at its place in the line.

    The line is divided at as many gaps between its strokes as its text has spaces: those that are wide and close to
    where the lengths of the words place them. With fewer gaps than spaces, the line stays whole.

    >>> strokes = [np.array([[x, 0.0], [x + 1, 1.0]]) for x in (0.0, 1.2, 4.0)]
    >>> [word.text for word in split_words(Ink(tuple(strokes), "ab c"))]
    ['ab', 'c']

    Args:
        ink: The line, in x-heights, with its text.
    """
    texts = ink.text.split()
    if len(texts) < 2 or not ink.strokes:
        return [ink] if ink.strokes else []
    spans = np.array([[stroke[:, 0].min(), stroke[:, 0].max()] for stroke in ink.strokes])
    order = np.argsort(spans[:, 0], kind="stable")
    reach = np.maximum.accumulate(spans[order, 1])
    gaps = spans[order[1:], 0] - reach[:-1]
    candidates = np.flatnonzero(gaps > -OVERLAP)
    if len(candidates) < len(texts) - 1:
        return [ink]
    left, right = float(spans[:, 0].min()), float(spans[:, 1].max())
    lengths = np.cumsum([len(text) + 1 for text in texts])[:-1] - 0.5
    expected = left + lengths / len(ink.text) * (right - left)
    centres = reach[candidates] + gaps[candidates] / 2
    value = gaps[candidates] - POSITION_WEIGHT * (expected[:, None] - centres) ** 2
    chosen = candidates[_increasing(value)]
    parts = np.split(order, chosen + 1)
    return [
        Ink(tuple(ink.strokes[number] for number in sorted(part.tolist())), text)
        for part, text in zip(parts, texts, strict=True)
    ]


def _increasing(value: np.ndarray) -> np.ndarray:
    """Return an increasing column for each row, so that the sum of their values is largest."""
    rows, columns = value.shape
    best = np.full((rows, columns), -np.inf)
    before = np.zeros((rows, columns), np.int64)
    best[0] = value[0]
    for row in range(1, rows):
        for column in range(row, columns):
            previous = int(best[row - 1, :column].argmax())
            before[row, column] = previous
            best[row, column] = best[row - 1, previous] + value[row, column]
    chosen = [int(best[-1].argmax())]
    for row in range(rows - 1, 0, -1):
        chosen.append(int(before[row, chosen[-1]]))
    return np.array(chosen[::-1])


def fill_lines(
    parts: Sequence[Ink], width: float, indent: float = 0.0, spacing: float = 1.0
) -> tuple[list[Ink], float]:
    """Return the parts of a paragraph as lines of at most a width, and the factor of the word that was narrowed most.

    Words that follow each other in a part keep their distance; the first word of a part follows the last word of the
    part before at the median distance. Only a word that is wider than the line is narrowed; heights never change.

    >>> word = Ink((np.array([[0.0, 0.0], [4.0, 0.0]]),), "word")
    >>> lines, factor = fill_lines([word, word, word], 10.0)
    >>> [line.text for line in lines], factor
    (['word word', 'word'], 1.0)

    Args:
        parts: The written parts, in x-heights.
        width: The width of a line, in x-heights.
        indent: The distance of the first line from the left edge, in x-heights.
        spacing: The factor of the distances between words.
    """
    words: list[Ink] = []
    spaces: list[float] = []
    for part in parts:
        split = split_words(part)
        if split and words:
            spaces.append(np.nan)
        spaces += [max(MIN_SPACE, after.bounds[0] - before.bounds[2]) for before, after in pairwise(split)]
        words += split
    if not words:
        return [], 1.0
    known = [space for space in spaces if not np.isnan(space)]
    usual = float(np.median(known)) if known else LONE_SPACE
    lines, current, end, narrowest, edge = list[Ink](), list[Ink](), 0.0, 1.0, indent
    for word, space in zip(words, [0.0, *spaces], strict=True):
        left, _, right, _ = word.bounds
        factor = min(1.0, width / (right - left)) if right > left else 1.0
        narrowest = min(narrowest, factor)
        start = end + spacing * (usual if np.isnan(space) else space) if current else edge
        if (current or edge) and start + (right - left) * factor > width:
            lines += [concatenate(current, separator=" ")] if current else []
            current, start, edge = [], 0.0, 0.0
        current.append(word.transform(np.diag([factor, 1.0]), (start - left * factor, 0.0)))
        end = start + (right - left) * factor
    return [*lines, *([concatenate(current, separator=" ")] if current else [])], narrowest
