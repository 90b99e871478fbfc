"""Geometry of a line of writing: the slope of its baseline, the slant of its letters, its baseline and x-height."""

import numpy as np

from seqforge_handwriting.ink import Ink

__all__ = ["estimate_baseline", "estimate_slant", "estimate_slope", "vertical_extrema"]

ASCENDER, DESCENDER = 2.0, -0.8
"""Heights above the baseline that ascenders and descenders reach, in x-heights."""
SPREAD = 0.18
"""Standard deviation of the extrema about their lines, in x-heights."""
OUTLIERS = 0.25
"""Share of the extrema that are uniformly distributed: points inside letters, dots of an i, commas."""
CHARACTER_WIDTH = 1.5
"""Typical width of a character including its share of the spaces, in x-heights."""
HEIGHTS, BASELINES = 40, 40
"""Numbers of x-heights and baselines in the search grid."""
BINS = 8
"""Histogram bins per baseline of the grid; all extrema in a bin count as lying at its centre."""
MAX_SLANT = 50.0
"""Largest angle between a downstroke and the vertical, degrees."""
MAX_SLOPE = 0.25
"""Largest rise or descent of a baseline per unit to the right."""
TALL = frozenset("bdfhklt0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!?()[]{}/\\|\"'%&$#@*")
"""Characters that reach the ascender line."""
DESCENDING = frozenset("gjpqy")
"""Characters that reach the descender line."""
SMALL = frozenset("acemnorsuvwxzgpqy")
"""Characters whose top is at the x-height."""


def estimate_slant(ink: Ink) -> float:
    """Return the lean of the letters to the right per unit of height: the tangent of the typical downstroke's angle.

    >>> estimate_slant(Ink((np.array([[1.0, -10.0], [0.0, 0.0]]),), "l"))
    0.1

    Downstrokes carry the slant of a hand, upstrokes and ligatures do not (R. Bozinovic and S. Srihari, Off-line cursive
    script word recognition, 1989). The result is the median weighted by squared length, so that bowls and cross-bars
    have little influence; 0 without downstrokes.
    """
    steps = np.concatenate([_downstrokes(stroke) for stroke in ink.strokes]) if ink.strokes else np.zeros((0, 2))
    steep = steps[(steps[:, 1] > 0) & (np.abs(steps[:, 0]) < np.tan(np.radians(MAX_SLANT)) * steps[:, 1])]
    if not len(steep):
        return 0.0
    lean = -steep[:, 0] / steep[:, 1]
    order = np.argsort(lean)
    weights = (steep**2).sum(axis=1)[order].cumsum()
    return float(lean[order][np.searchsorted(weights, weights[-1] / 2)])


def _downstrokes(stroke: np.ndarray) -> np.ndarray:
    """Return the total movement of each maximal run of points in which the pen goes down, shape (runs, 2)."""
    steps = np.diff(stroke, axis=0)
    down = steps[:, 1] > 0
    starts = np.flatnonzero(down & ~np.concatenate([[False], down[:-1]])) if len(down) else np.zeros(0, np.int64)
    ends = np.flatnonzero(down & ~np.concatenate([down[1:], [False]])) + 1 if len(down) else starts
    movements: np.ndarray = stroke[ends] - stroke[starts]
    return movements


def vertical_extrema(ink: Ink) -> tuple[np.ndarray, np.ndarray]:
    """Return the local tops and the local bottoms of the strokes, each of shape (points, 2).

    >>> tops, bottoms = vertical_extrema(Ink((np.array([[0.0, 0.0], [1.0, -2.0], [2.0, 0.0]]),)))
    >>> tops.tolist(), bottoms.tolist()
    ([[1.0, -2.0]], [[0.0, 0.0], [2.0, 0.0]])

    The ends of a stroke count as extrema: a stroke that starts downwards starts with a top.
    """
    points = ink.points
    numbers = np.repeat(np.arange(len(ink.strokes)), ink.counts)
    same = (np.diff(points[:, 1]) == 0) & (np.diff(numbers) == 0)
    moved = np.concatenate([np.ones(min(1, len(points)), np.bool_), ~same])
    points, numbers = points[moved], numbers[moved]
    edge = np.diff(numbers) != 0
    down = np.concatenate([[0.0], np.sign(np.diff(points[:, 1])) * ~edge, [0.0]])  # 0 at the ends of strokes
    before, after = down[:-1][: len(points)], down[1:][: len(points)]
    before, after = np.where(before == 0, -after, before), np.where(after == 0, -before, after)
    return points[(before < 0) & (after > 0)], points[(before > 0) & (after < 0)]


def estimate_baseline(ink: Ink, *, slope: float = 0.0) -> tuple[float, float]:
    """Return the y of the baseline and the x-height of a line of writing.

    >>> estimate_baseline(Ink((np.array([[0.0, 5.0], [8.0, 5.0]]),), "-"))
    (5.0, 4.0)

    The lines through the tops and bottoms of the letters are fitted together, as in Y. Bengio and Y. LeCun, Word
    normalization for on-line handwritten word recognition (1994): tops lie at the x-height or at the ascender line,
    bottoms on the baseline or at the descender line, and a share of both is uniformly distributed. The text, if known,
    gives the expected share of each: a line of capitals has hardly any top at the x-height. The likelihood is maximised
    on a grid, so the result does not depend on an initial value.
    """
    tops, bottoms = (np.sort(points[:, 1] - slope * points[:, 0]) for points in vertical_extrema(ink))
    y = ink.points[:, 1] - slope * ink.points[:, 0]
    top, bottom = float(y.min()), float(y.max())
    height = bottom - top
    if not len(tops) or height <= 0:
        extent = max(height, ink.bounds[2] - ink.bounds[0])
        return bottom, extent / 2 if extent > 0 else 1.0
    groups = _line_groups(tops - top, bottoms - top, ink.text)
    x_heights = np.geomspace(0.12, 1.1, HEIGHTS) * height
    score = _grid_likelihood(groups, x_heights, height) + _width_prior(ink, x_heights)[:, None]
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    x_heights = x_heights[row] * np.geomspace(0.93, 1.07, 15)  # a finer grid around the best cell
    baselines = column * height / (BASELINES - 1) + height / BASELINES * np.linspace(-1, 1, 15)
    score = _exact_likelihood(groups, x_heights, baselines, height) + _width_prior(ink, x_heights)[:, None]
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return top + float(baselines[column]), float(x_heights[row])


Line = tuple[float, float, float]
"""A line about which extrema lie: their share, its height above the baseline in x-heights, and a factor of SPREAD."""
Groups = tuple[tuple[np.ndarray, tuple[Line, Line]], ...]
"""For tops and for bottoms: their distances below the highest point, and the lines about which they lie."""


def _line_groups(tops: np.ndarray, bottoms: np.ndarray, text: str) -> Groups:
    tall, descending = _expected_shares(text)
    return (
        (tops, ((1 - tall, 1.0, 1.0), (tall, ASCENDER, 1.6))),
        (bottoms, ((1 - descending, 0.0, 1.0), (descending, DESCENDER, 1.6))),
    )


def _grid_likelihood(groups: Groups, x_heights: np.ndarray, height: float) -> np.ndarray:
    """Return the log-likelihood of every x-height and every baseline of the grid, shape (x_heights, BASELINES).

    The term of an extremum depends on its distance from the baseline only. So extrema are counted in bins, and the
    log-likelihood of a baseline is the product of the counts and the log-density shifted by a number of bins.
    """
    bins = (BASELINES - 1) * BINS
    distances = np.arange(-bins, bins + 1) * height / bins
    score = np.zeros((len(x_heights), BASELINES))
    for positions, lines in groups:
        counts = np.bincount(np.rint(positions / height * bins).astype(np.int64), minlength=bins + 1).astype(float)
        density = _log_density(distances, x_heights[:, None], lines, height)
        for baseline in range(BASELINES):
            shift = (BASELINES - 1 - baseline) * BINS
            score[:, baseline] += density[:, shift : shift + bins + 1] @ counts
    return score


def _exact_likelihood(groups: Groups, x_heights: np.ndarray, baselines: np.ndarray, height: float) -> np.ndarray:
    """Return the log-likelihood of some x-heights and baselines without binning, shape (x_heights, baselines)."""
    score = np.zeros((len(x_heights), len(baselines)))
    for positions, lines in groups:
        score += _log_density(positions[:, None] - baselines, x_heights[:, None, None], lines, height).sum(axis=1)
    return score


def _log_density(distance: np.ndarray, x_height: np.ndarray, lines: tuple[Line, Line], height: float) -> np.ndarray:
    """Return the log-density of extrema at a distance below the baseline."""
    density = np.full(np.broadcast_shapes(distance.shape, x_height.shape), OUTLIERS / height)
    for share, line, factor in lines:
        width = SPREAD * factor * x_height
        density += (1 - OUTLIERS) * share / width * np.exp(-0.5 * ((distance + line * x_height) / width) ** 2)
    logarithm: np.ndarray = np.log(density)
    return logarithm


def _expected_shares(text: str) -> tuple[float, float]:
    """Return the expected share of the tops at the ascender line, and of the bottoms at the descender line."""
    if not text.strip():
        return 0.3, 0.1
    tall = sum(letter in TALL for letter in text)
    small = sum(letter in SMALL for letter in text)
    descending = sum(letter in DESCENDING for letter in text)
    total = tall + 1.5 * small + 1
    return min(0.9, max(0.05, tall / total)), min(0.5, max(0.03, descending / (total + 1)))


def _width_prior(ink: Ink, x_heights: np.ndarray) -> np.ndarray:
    """Return a weak log-prior of x-heights that give characters their typical width; zeros if the text is unknown."""
    letters = len(ink.text.strip())
    width = ink.bounds[2] - ink.bounds[0]
    if not letters or width <= 0:
        return np.zeros_like(x_heights)
    prior: np.ndarray = -0.5 * (np.log(width / letters / x_heights / CHARACTER_WIDTH) / 0.35) ** 2
    return prior


def estimate_slope(ink: Ink) -> float:
    """Return the descent of the baseline per unit to the right (y grows downwards); 0 is level.

    >>> estimate_slope(Ink((np.array([[0.0, 0.0], [8.0, 1.0]]),), "-"))
    0.0

    The result is the slope of the line that has the most bottoms of letters close to it; descenders, commas and
    outliers do not count. A short word says little about its slope, so a prior prefers a level line.
    """
    _, bottoms = vertical_extrema(ink)
    _, x_height = estimate_baseline(ink)
    width = ink.bounds[2] - ink.bounds[0]
    if len(bottoms) < 3 or width < 2 * x_height:
        return 0.0
    bottoms = bottoms[:: 1 + len(bottoms) // 150]
    slopes = np.linspace(-MAX_SLOPE, MAX_SLOPE, 101)
    level = bottoms[:, 1] - slopes[:, None] * (bottoms[:, 0] - bottoms[:, 0].mean())
    first, last = float(level.min()), float(level.max())
    bins = min(2000, 1 + int(4 * (last - first) / (SPREAD * x_height)))
    centres = np.linspace(first, last, bins + 1)
    scale = bins / (last - first) if last > first else 0.0
    cells = np.rint((level - first) * scale).astype(np.int64)
    rows = (bins + 1) * np.arange(len(slopes))[:, None]
    counts = np.bincount((cells + rows).ravel(), minlength=(bins + 1) * len(slopes)).reshape(len(slopes), -1)
    near = np.exp(-0.5 * ((centres[:, None] - np.linspace(first, last, BASELINES)) / (SPREAD * x_height)) ** 2)
    score = (counts @ np.log(OUTLIERS / 4 + near)).max(axis=1) - 0.5 * (slopes / 0.05) ** 2
    return float(slopes[score.argmax()])
