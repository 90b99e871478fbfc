"""Where the letters of a text stand in ink, by the attention of the network that wrote it."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.line_geometry import DESCENDING, SMALL, estimate_slant

__all__ = ["LetterPlaces", "Place"]

NEIGHBOURS = 5
"""Number of letters on each side from whose ink the baseline and the x-height near a letter are measured."""
MAX_DEVIATION = 0.3
"""Largest distance of the top of a small letter from the x-height of its neighbours, in x-heights."""
SPACING = 0.04
"""Distance of the points at which ink is measured, in x-heights."""
STEEP = 0.6
"""Smallest slope of the steps that belong to the body of a letter."""
MIN_STEEP = 0.25
"""Smallest share of such steps at which they are the body."""
TAIL_SHARE = 0.6
"""A letter starts with a new stroke if its ink there is at least this share of its ink before it."""
ONE_STROKE = frozenset("acegnorsuz")
"""Letters without crossbars and dots: a longer piece of ink is their body."""
BODY_LENGTH = 0.8
"""Smallest length of the body of such a letter, in x-heights."""
GAP = 0.35
"""Largest horizontal distance of strokes of one letter, in x-heights."""
DOT_SIZE = 0.45
"""Largest extent of a dot, in x-heights."""
DOT_DISTANCE = 0.8
"""Largest horizontal distance of a dot from its letter, in x-heights."""


@dataclass(frozen=True)
class Place:
    """Where a letter stands, in upright coordinates: x + slant * y in place of x.

    >>> Place(np.array([[0.0, 0.0], [1.0, -1.0]]), top=-1.0, bottom=0.0, height=1.0).middle
    0.5

    Attributes:
        points: Evenly spaced points of the ink of the letter, shape (points, 2).
        top: The y of its highest point.
        bottom: The y of its lowest point.
        height: The x-height near the letter.
        left: The x of the left edge of its body, without flat strokes that join it to its neighbours.
        right: The x of the right edge of its body.
    """

    points: np.ndarray
    top: float
    bottom: float
    height: float

    @property
    def left(self) -> float:
        return float(np.quantile(self._body, 0.03))

    @property
    def right(self) -> float:
        return float(np.quantile(self._body, 0.97))

    @property
    def middle(self) -> float:
        """The x of the middle of the letter."""
        return (self.left + self.right) / 2

    @property
    def _body(self) -> np.ndarray:
        """The x of the points at which the pen goes up or down; all points if there are hardly any."""
        steps = np.abs(np.diff(self.points, axis=0, append=self.points[-1:]))
        steep = (steps[:, 1] > STEEP * steps[:, 0]) & (steps.sum(axis=1) < 3 * SPACING)
        body: np.ndarray = self.points[steep if steep.sum() > MIN_STEEP * len(steep) else ..., 0]
        return body


class LetterPlaces:
    """The places of the letters of a text in the ink that a network wrote.

    >>> ink = Ink((np.array([[0.0, 0.0], [0.0, -1.0]]), np.array([[2.0, 0.0], [2.0, -1.0]])), "ab")
    >>> LetterPlaces(ink, np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]])).place(1).middle
    2.0

    Args:
        ink: The written ink in x-heights, with its text in base letters and its baseline near y = 0.
        weights: The attention weights of each point over the characters of the text and its end.
    """

    def __init__(self, ink: Ink, weights: np.ndarray) -> None:
        self.ink, self.weights = ink, weights
        self.stroke_numbers = np.repeat(np.arange(len(ink.strokes)), ink.counts)
        self.letters = _letters(ink, weights)
        self.slant = estimate_slant(ink)

    def upright(self, points: np.ndarray) -> np.ndarray:
        """Return points in upright coordinates."""
        return points + np.stack([self.slant * points[:, 1], np.zeros(len(points))], axis=1)

    def slanted(self, points: np.ndarray) -> np.ndarray:
        """Return points in the coordinates of the ink: the inverse of `upright`."""
        return points - np.stack([self.slant * points[:, 1], np.zeros(len(points))], axis=1)

    def place(self, number: int) -> Place:
        """Return the place of a character of the text; between its neighbours if the network left it out."""
        letter = self.ink.text[number]
        baseline, height = self._lines(number)
        points = self._points(number)
        if letter in SMALL or letter in "ij":  # parts of tall neighbours, and the dot
            near = points[points[:, 1] > baseline - height - MAX_DEVIATION * (1 if letter in "ij" else 2)]
            points = near if len(near) > 1 else points
        if letter in SMALL - DESCENDING or letter == "i" or letter.isupper():
            near = points[points[:, 1] < baseline + MAX_DEVIATION]
            points = near if len(near) > 1 else points
        top, bottom = float(points[:, 1].min()), float(points[:, 1].max())
        if letter in SMALL or letter in "ij":
            top = min(top, baseline - height + MAX_DEVIATION)
        return Place(points, top, max(bottom, top + 0.1), height)

    def baseline(self, number: int) -> float:
        """Return the y of the baseline near a character."""
        return self._lines(number)[0]

    def first_stroke(self, number: int) -> int:
        """Return the number of the first stroke with ink of a character or of one after it."""
        strokes = self.stroke_numbers[self.letters >= number]
        return int(strokes.min()) if len(strokes) else len(self.ink.strokes)

    def dots(self, number: int) -> list[int]:
        """Return the number of the stroke that is the dot over a character; empty without a dot."""
        place = self.place(number)
        candidates = []
        for stroke_number, stroke in enumerate(self.ink.strokes):
            points = self.upright(stroke)
            low, high = points.min(axis=0), points.max(axis=0)
            letter = int(np.median(self.letters[self.stroke_numbers == stroke_number]))
            distance = abs(float(low[0] + high[0]) / 2 - place.middle)
            is_small = (high - low).max() < DOT_SIZE and high[1] < place.top + 0.1
            if is_small and number <= letter <= number + NEIGHBOURS and distance < DOT_DISTANCE:
                candidates.append((distance, stroke_number))
        return [min(candidates)[1]] if candidates else []

    def strokes_of(self, number: int) -> list[int]:
        """Return the numbers of the strokes of which a character has most points, with the dot of a question mark."""
        strokes = range(len(self.ink.strokes))
        letters = [np.bincount(self.letters[self.stroke_numbers == stroke]).argmax() for stroke in strokes]
        body = [stroke for stroke in strokes if letters[stroke] == number]
        if body:
            right = max(float(self.ink.strokes[stroke][:, 0].max()) for stroke in body)
            left = min(float(self.ink.strokes[stroke][:, 0].min()) for stroke in body)
            body += [
                stroke
                for stroke in strokes
                if letters[stroke] == number + 1
                and np.ptp(self.ink.strokes[stroke], axis=0).max() < DOT_SIZE
                and left - GAP < self.ink.strokes[stroke][:, 0].mean() < right + GAP
            ]
        return body

    def end_of_word(self, number: int) -> int:
        """Return the number of the stroke after which the marks of a character are written: the last of its word."""
        text = self.ink.text
        end = next((index for index in range(number, len(text)) if text[index] == " "), len(text))
        strokes = self.stroke_numbers[self.letters < end]
        return int(strokes.max()) if len(strokes) else len(self.ink.strokes) - 1

    def _points(self, number: int) -> np.ndarray:
        """Return evenly spaced upright points of the largest connected part of a character."""
        chosen = self.letters == number
        if not chosen.any():
            column = self.weights[:, number]
            chosen = column >= 0.5 * column.max() if column.max() > 0 else np.ones(len(column), np.bool_)
        groups = []
        for stroke in np.unique(self.stroke_numbers[chosen]):
            inside = np.flatnonzero(chosen & (self.stroke_numbers == stroke))
            first = max(inside[0] - 1, 0) if self._continues(inside[0]) else inside[0]
            groups.append(_evenly(self.upright(self.ink.points[first : inside[-1] + 1])))
        groups.sort(key=len, reverse=True)
        points, *others = groups
        for group in others:
            if group[:, 0].min() < points[:, 0].max() + GAP and group[:, 0].max() > points[:, 0].min() - GAP:
                points = np.concatenate([points, group])
        return points

    def _continues(self, point: int) -> bool:
        return bool(point) and bool(self.stroke_numbers[point] == self.stroke_numbers[point - 1])

    @cached_property
    def _extents(self) -> list[tuple[float, float] | None]:
        """The top and bottom of the points of each character; None for one without points."""
        heights = [self.ink.points[self.letters == number, 1] for number in range(len(self.ink.text))]
        return [(float(y.min()), float(y.max())) if len(y) else None for y in heights]

    def _lines(self, number: int) -> tuple[float, float]:
        """Return the y of the baseline and the x-height near a character."""
        text = self.ink.text
        near = range(max(0, number - NEIGHBOURS), min(len(text), number + NEIGHBOURS + 1))
        extents = [(text[n], extent) for n in near if (extent := self._extents[n]) is not None]
        bottoms = [bottom for letter, (_, bottom) in extents if letter.isalpha() and letter not in "gjpqyfzQ"]
        tops = [top for letter, (top, _) in extents if letter in SMALL]
        baseline = float(np.median(bottoms)) if bottoms else 0.0
        height = baseline - float(np.median(tops)) if tops else 1.0
        return baseline, float(np.clip(height, 0.6, 1.5))


def _letters(ink: Ink, weights: np.ndarray) -> np.ndarray:
    """Return the number of the character that each point shows.

    The attention moves to a character before the pen does. So the end of a stroke belongs to the character before, if
    the next stroke shows about as much of the character.
    """
    letters = np.maximum.accumulate(weights.argmax(axis=1))
    ends = np.cumsum(ink.counts)
    for end, following in pairwise(ends.tolist()):
        last, start = letters[end - 1], end - ink.counts[ends.searchsorted(end)]
        tail = start + int((letters[start:end] < last).sum())
        if tail == start or letters[end] != last:
            continue
        head = end + int((letters[end:following] == last).sum())
        enough = TAIL_SHARE * _length(ink.points[tail - 1 : end])
        if ink.text[last : last + 1] in ONE_STROKE:
            enough = min(enough, BODY_LENGTH)
        if _length(ink.points[end:head]) >= enough:
            letters[tail:end] = letters[tail - 1]
    return letters


def _length(points: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _evenly(points: np.ndarray) -> np.ndarray:
    """Return evenly spaced points on a polyline."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    count = 1 + int(lengths[-1] / SPACING)
    at = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, points[:, 0]), np.interp(at, lengths, points[:, 1])], axis=1)
