"""The lines of a line of writing, estimated: how its baseline slopes, how its letters lean, how tall an x is."""

import numpy as np

from seqforge_handwriting.ink import Ink

ASCENDER, DESCENDER = 2.0, -0.8
"""Heights above the baseline, in x-heights, that tall letters reach and long ones hang down to."""
SPREAD = 0.18
"""Standard deviation of the extrema about their lines, in x-heights."""
STRAY = 0.25
"""Part of the extrema that lie anywhere: inside letters, on i's dots and commas."""
USUAL_WIDTH = 1.5
"""Width of a character, its share of the spaces included, in x-heights."""
HEIGHTS, BASES = 40, 40
"""Points of the grid that x-heights and baselines are searched on."""
BINS = 8
"""Bins for each baseline of the grid, in which extrema are counted: all in a bin are taken to lie at its middle."""
STEEPEST_SLANT = 50.0
"""Degrees from the vertical within which a downstroke is one."""
STEEPEST_SLOPE = 0.25
"""Rise of a baseline for each unit to the right that a line is allowed to have."""
TALL = frozenset("bdfhklt0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!?()[]{}/\\|\"'%&$#@*")
LONG = frozenset("gjpqy")
LOW = frozenset("acemnorsuvwxzgpqy")


def slant_of(ink: Ink) -> float:
    """Return how far letters lean to the right for each unit upwards: the tangent of the mean downstroke's angle.

    Downstrokes carry the slant of a hand, upstrokes and joins do not (R. Bozinovic and S. Srihari, Off-line cursive
    script word recognition, 1989; on strokes of a pen the direction is known). Weighted by the square of their length,
    and the median, so that bowls and cross-bars do not count; 0 where there are none.
    """
    steps = np.concatenate([_downstrokes(stroke) for stroke in ink.strokes]) if ink.strokes else np.zeros((0, 2))
    steep = steps[(steps[:, 1] > 0) & (np.abs(steps[:, 0]) < np.tan(np.radians(STEEPEST_SLANT)) * steps[:, 1])]
    if not len(steep):
        return 0.0
    lean = -steep[:, 0] / steep[:, 1]
    order = np.argsort(lean)
    weights = (steep**2).sum(axis=1)[order].cumsum()
    return float(lean[order][np.searchsorted(weights, weights[-1] / 2)])


def _downstrokes(stroke: np.ndarray) -> np.ndarray:
    """Return the movements, shape (runs, 2), of the runs of a stroke in which the pen goes down all the way."""
    steps = np.diff(stroke, axis=0)
    down = steps[:, 1] > 0
    starts = np.flatnonzero(down & ~np.concatenate([[False], down[:-1]])) if len(down) else np.zeros(0, np.int64)
    ends = np.flatnonzero(down & ~np.concatenate([down[1:], [False]])) + 1 if len(down) else starts
    found: np.ndarray = stroke[ends] - stroke[starts]
    return found


def extrema(ink: Ink) -> tuple[np.ndarray, np.ndarray]:
    """Return the points where the pen turns downwards, and those where it turns upwards, shapes (points, 2).

    The ends of strokes count as both ends of what they join: a stroke that begins downwards begins with a top.
    """
    points = ink.points
    numbers = np.repeat(np.arange(len(ink.strokes)), ink.counts)
    same = (np.diff(points[:, 1]) == 0) & (np.diff(numbers) == 0)
    moved = np.concatenate([np.ones(min(1, len(points)), np.bool_), ~same])
    points, numbers = points[moved], numbers[moved]
    edge = np.diff(numbers) != 0
    down = np.concatenate([[0.0], np.sign(np.diff(points[:, 1])) * ~edge, [0.0]])  # 0 where strokes begin and end
    before, after = down[:-1][: len(points)], down[1:][: len(points)]
    before, after = np.where(before == 0, -after, before), np.where(after == 0, -before, after)
    return points[(before < 0) & (after > 0)], points[(before > 0) & (after < 0)]


def lines_of(ink: Ink, *, slope: float = 0.0) -> tuple[float, float]:
    """Return the y of the baseline, and the x-height, of a line of writing.

    The lines through the tops and bottoms of the letters are fitted together, as Y. Bengio and Y. LeCun do (Word
    normalization for on-line handwritten word recognition, 1994): tops lie at the height of an x or of tall letters,
    bottoms on the baseline or at the depth of long letters, and some lie anywhere. The text, where it is known, tells
    how many of each to expect: a line of capitals has hardly a top at the height of an x. The likelihood is searched on
    a grid, so no start value can mislead it.
    """
    tops, bottoms = (np.sort(points[:, 1] - slope * points[:, 0]) for points in extrema(ink))
    y = ink.points[:, 1] - slope * ink.points[:, 0]
    high, low = float(y.min()), float(y.max())
    tall = low - high
    if not len(tops) or tall <= 0:
        width = ink.bounds[2] - ink.bounds[0]
        return low, max(tall, width, 1e-6) / 2
    ends = _expected(tops - high, bottoms - high, ink.text)
    heights = np.geomspace(0.12, 1.1, HEIGHTS) * tall
    score = _everywhere(ends, heights, tall) + _wanted(ink, heights)[:, None]
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    heights = heights[row] * np.geomspace(0.93, 1.07, 15)  # once more closely around the best
    bases = column * tall / (BASES - 1) + tall / BASES * np.linspace(-1, 1, 15)
    score = _closely(ends, heights, bases, tall) + _wanted(ink, heights)[:, None]
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return high + float(bases[column]), float(heights[row])


Line = tuple[float, float, float]
"""A line that extrema gather about: which part of them, its height in x-heights, how much wider than SPREAD."""
Ends = tuple[tuple[np.ndarray, tuple[Line, Line]], ...]
"""Of the tops, and of the bottoms: how far they lie below the highest point, and the lines they gather about."""


def _expected(tops: np.ndarray, bottoms: np.ndarray, text: str) -> Ends:
    tall, long_ = _shares(text)
    return (
        (tops, ((1 - tall, 1.0, 1.0), (tall, ASCENDER, 1.6))),
        (bottoms, ((1 - long_, 0.0, 1.0), (long_, DESCENDER, 1.6))),
    )


def _everywhere(ends: Ends, heights: np.ndarray, tall: float) -> np.ndarray:
    """Return the log-likelihood for every x-height and every baseline of the grid, shape (heights, BASES).

    What an extremum adds depends on how far it is from the baseline. So extrema are counted in bins, and a baseline's
    likelihood is the sum of the counts times the log-density, shifted by so many bins.
    """
    bins = (BASES - 1) * BINS
    apart = np.arange(-bins, bins + 1) * tall / bins
    score = np.zeros((len(heights), BASES))
    for places, lines in ends:
        counts = np.bincount(np.rint(places / tall * bins).astype(np.int64), minlength=bins + 1).astype(float)
        logs = _log_density(apart, heights[:, None], lines, tall)
        for base in range(BASES):
            shift = (BASES - 1 - base) * BINS
            score[:, base] += logs[:, shift : shift + bins + 1] @ counts
    return score


def _closely(ends: Ends, heights: np.ndarray, bases: np.ndarray, tall: float) -> np.ndarray:
    """Return the log-likelihood for some x-heights and baselines, shape (heights, bases)."""
    score = np.zeros((len(heights), len(bases)))
    for places, lines in ends:
        score += _log_density(places[:, None] - bases, heights[:, None, None], lines, tall).sum(axis=1)
    return score


def _log_density(apart: np.ndarray, height: np.ndarray, lines: tuple[Line, Line], tall: float) -> np.ndarray:
    """Return the log-density of extrema that lie so far below the baseline."""
    found = np.full(np.broadcast_shapes(apart.shape, height.shape), STRAY / tall)
    for share, line, wider in lines:
        width = SPREAD * wider * height
        found += (1 - STRAY) * share / width * np.exp(-0.5 * ((apart + line * height) / width) ** 2)
    logs: np.ndarray = np.log(found)
    return logs


def _shares(text: str) -> tuple[float, float]:
    """Return which part of the tops to expect at tall letters, and of the bottoms at long ones."""
    if not text.strip():
        return 0.3, 0.1
    tall = sum(letter in TALL for letter in text)
    low = sum(letter in LOW for letter in text)
    long_ = sum(letter in LONG for letter in text)
    every = tall + 1.5 * low + 1
    return min(0.9, max(0.05, tall / every)), min(0.5, max(0.03, long_ / (every + 1)))


def _wanted(ink: Ink, height: np.ndarray) -> np.ndarray:
    """Return a weak preference for x-heights that letters of the usual width have, where the text is known."""
    letters = len(ink.text.strip())
    width = ink.bounds[2] - ink.bounds[0]
    if not letters or width <= 0:
        return np.zeros_like(height)
    found: np.ndarray = -0.5 * (np.log(width / letters / height / USUAL_WIDTH) / 0.35) ** 2
    return found


def slope_of(ink: Ink) -> float:
    """Return how far the baseline falls for each unit to the right (y grows downwards): 0 is level.

    The line that most bottoms of letters lie close to; long letters, commas and strays count for nothing. A word of
    few letters says little of its slope, so a level line is preferred until the letters say otherwise.
    """
    _, bottoms = extrema(ink)
    _, height = lines_of(ink)
    width = ink.bounds[2] - ink.bounds[0]
    if len(bottoms) < 3 or width < 2 * height:
        return 0.0
    bottoms = bottoms[:: 1 + len(bottoms) // 150]
    slopes = np.linspace(-STEEPEST_SLOPE, STEEPEST_SLOPE, 101)
    level = bottoms[:, 1] - slopes[:, None] * (bottoms[:, 0] - bottoms[:, 0].mean())
    first, last = float(level.min()), float(level.max())
    bins = min(2000, 1 + int(4 * (last - first) / (SPREAD * height)))
    middles = np.linspace(first, last, bins + 1)
    places = np.rint((level - first) * (bins / max(last - first, 1e-12))).astype(np.int64)
    rows = (bins + 1) * np.arange(len(slopes))[:, None]
    counts = np.bincount((places + rows).ravel(), minlength=(bins + 1) * len(slopes)).reshape(len(slopes), -1)
    near = np.exp(-0.5 * ((middles[:, None] - np.linspace(first, last, BASES)) / (SPREAD * height)) ** 2)
    score = (counts @ np.log(STRAY / 4 + near)).max(axis=1) - 0.5 * (slopes / 0.05) ** 2
    return float(slopes[score.argmax()])
