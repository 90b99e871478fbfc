"""Which strokes draw which words and characters of a text: dynamic programming over the shares of the points."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CharacterSpan", "WordSpan", "character_spans", "clusters", "word_spans"]

FLOOR = 0.02
"""Smallest share that a point has in a character, so that one wrong point does not forbid a segmentation."""
BLANK_SHARE = 0.3
"""Share of the weight of the blank after a word that counts for the word."""
MAX_STROKES, MAX_CHARACTERS = 5, 9
"""Largest number of strokes of one character, and of characters of one stroke."""
JOINED_PENALTY = 0.5
"""What a stroke of several characters costs, in nats."""
OVERLAPS = (0.0, 0.2, 0.35, 0.5)
"""Horizontal overlaps at which strokes belong to one character, relative to the narrower one; tried in this order."""
MIN_WIDTH = 0.05
"""Smallest width of a stroke to which an overlap is relative, in x-heights."""


@dataclass(frozen=True)
class WordSpan:
    """The strokes of a word.

    Attributes:
        first: The number of its first stroke.
        end: The number after its last stroke.
        start: The index of its first character in the text.
        stop: The index after its last character.
        fit: The mean logarithm of the share of its points in the word, at most 0.
    """

    first: int
    end: int
    start: int
    stop: int
    fit: float


@dataclass(frozen=True)
class CharacterSpan:
    """Successive strokes and the characters that they draw; there is one stroke or one character.

    Attributes:
        first: The number of the first stroke.
        end: The number after the last stroke.
        start: The index of the first character.
        stop: The index after the last character.
    """

    first: int
    end: int
    start: int
    stop: int


def word_spans(text: str, counts: Sequence[int], weights: np.ndarray) -> list[WordSpan]:
    """Return the strokes of each word of a text; empty if there are fewer strokes than words.

    >>> word_spans("a b", [2, 1], np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]]))[1].first
    1

    Args:
        text: The text.
        counts: The number of points of each stroke.
        weights: The share of each point in each character, shape (points, characters).
    """
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    blanks = [weights[:, stop : stop + 1].sum(axis=1) * BLANK_SHARE if stop < len(text) else 0.0 for _, stop in spans]
    shares = np.stack(
        [weights[:, start:stop].sum(axis=1) + blank for (start, stop), blank in zip(spans, blanks, strict=True)], axis=1
    )  # fmt: skip
    logs = np.array([np.log(FLOOR + part).sum(axis=0) for part in np.split(shares, np.cumsum(counts)[:-1])])
    totals = np.concatenate([np.zeros((1, len(spans))), np.cumsum(logs, axis=0)])
    strokes, words = len(counts), len(spans)
    best = np.full((strokes + 1, words + 1), -np.inf)
    best[0, 0] = 0
    previous = np.zeros((strokes + 1, words + 1), int)
    for word in range(words):
        for end in range(1, strokes + 1):
            values = best[:end, word] + totals[end, word] - totals[:end, word]
            first = int(values.argmax())
            best[end, word + 1], previous[end, word + 1] = values[first], first
    if not np.isfinite(best[strokes, words]):
        return []
    result, end = [], strokes
    for word in range(words, 0, -1):
        first = int(previous[end, word])
        fit = (totals[end, word - 1] - totals[first, word - 1]) / sum(counts[first:end])
        result.append(WordSpan(first, end, *spans[word - 1], float(fit)))
        end = first
    return result[::-1]


def character_spans(weights: Sequence[np.ndarray]) -> list[CharacterSpan]:
    """Return the strokes of the characters of a word; empty if there is no segmentation.

    A character has at most five strokes, and a stroke draws at most nine characters.

    >>> [span.start for span in character_spans([np.eye(2)[:1], np.eye(2)[1:]])]
    [0, 1]

    Args:
        weights: For each stroke, the share of its points in each character, shape (points, characters).
    """
    strokes, characters = len(weights), weights[0].shape[1]
    totals = [np.concatenate([np.zeros((len(part), 1)), np.cumsum(part, axis=1)], axis=1) for part in weights]

    def fit(stroke: int, start: int, stop: int) -> float:
        return float(np.log(FLOOR + totals[stroke][:, stop] - totals[stroke][:, start]).sum())

    best = np.full((strokes + 1, characters + 1), -np.inf)
    best[0, 0] = 0
    previous: dict[tuple[int, int], tuple[int, int]] = {}
    for first in range(strokes):
        for start in range(characters):
            if not np.isfinite(best[first, start]):
                continue
            value = 0.0
            for end in range(first + 1, min(strokes, first + MAX_STROKES) + 1):
                value += fit(end - 1, start, start + 1)
                if best[first, start] + value > best[end, start + 1]:
                    best[end, start + 1] = best[first, start] + value
                    previous[end, start + 1] = first, start
            for stop in range(start + 2, min(characters, start + MAX_CHARACTERS) + 1):
                value = best[first, start] + fit(first, start, stop) - JOINED_PENALTY
                if value > best[first + 1, stop]:
                    best[first + 1, stop] = value
                    previous[first + 1, stop] = first, start
    if not np.isfinite(best[strokes, characters]):
        return []
    result, place = [], (strokes, characters)
    while place != (0, 0):
        before = previous[place]
        result.append(CharacterSpan(before[0], place[0], before[1], place[1]))
        place = before
    return result[::-1]


def clusters(strokes: Sequence[np.ndarray], count: int) -> list[list[int]] | None:
    """Return strokes in groups that hardly overlap horizontally, from left to right; None if that is impossible.

    >>> clusters([np.array([[0.0, 0], [1, 0]]), np.array([[2.0, 0]]), np.array([[0.5, 0]])], 2)
    [[0, 2], [1]]

    Args:
        strokes: The strokes, each of shape (points, 2).
        count: The number of groups.
    """
    extents = sorted((float(stroke[:, 0].min()), float(stroke[:, 0].max()), n) for n, stroke in enumerate(strokes))
    for share in OVERLAPS:
        groups: list[tuple[float, float, list[int]]] = []
        for left, right, number in extents:
            if groups:
                low, high, members = groups[-1]
                overlap = min(right, high) - left
                if overlap > share * max(MIN_WIDTH, min(right - left, high - low)):
                    groups[-1] = low, max(high, right), [*members, number]
                    continue
            groups.append((left, right, [number]))
        if len(groups) == count:
            return [members for _, _, members in groups]
        if len(groups) > count and share == 0.0:
            return None
    return None
