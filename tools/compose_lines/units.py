"""The words and the single characters of writers, taken out of their aligned lines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tools.compose_lines.alignment import AlignedLine
from tools.compose_lines.segmentation import character_spans, clusters, word_spans

__all__ = ["CAPITALS", "DIGITS", "Strokes", "WriterUnits", "collect_units"]

Strokes = list[np.ndarray]
"""Strokes in x-heights from their left edge and the baseline, each of shape (points, 2)."""
FLAT, ASCENDING = frozenset("acemnorsuvwxz"), frozenset("bdhkl")
CAPITALS, DIGITS = frozenset("ABCDEFGHIJKLMNOPRSTUVWXYZ"), frozenset("0123456789")
"""Capitals that stand on the baseline, and digits. A Q often reaches below it."""
STANDING = FLAT | ASCENDING | CAPITALS | DIGITS | frozenset("it")
MIN_LINES, MIN_WORDS = 3, 6
"""Smallest number of lines, and of different words, of a writer."""
ASCENDER_RATIO, ASCENDER_RANGE = 1.9, (1.4, 2.6)
"""Height of tall characters in x-heights: the default, and the range that is accepted."""
MIN_FIT, MIN_CHARACTER_FIT = -1.2, -0.8
"""Smallest mean log-share of the points of a word and of a character."""


@dataclass
class WriterUnits:
    """What lines of a writer are composed from.

    Attributes:
        words: The words with their strokes.
        characters: Character to its drawings; no small letters.
        gaps: The gaps between words, in x-heights.
        letter_gaps: The gaps between the characters of a word, in x-heights.
    """

    words: list[tuple[str, Strokes]] = field(default_factory=list)
    characters: dict[str, list[Strokes]] = field(default_factory=lambda: defaultdict(list))
    gaps: list[float] = field(default_factory=list)
    letter_gaps: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Heights:
    """Extents of the characters of a line: (top, bottom) of small and tall ones, and the feet of those that stand."""

    small: list[tuple[float, float]]
    tall: list[tuple[float, float]]
    feet: list[float]


@dataclass(frozen=True)
class _Group:
    """The edges of strokes, and their numbers; no numbers if they are not one clear character."""

    left: float
    right: float
    strokes: tuple[int, ...]


def collect_units(lines: Iterable[AlignedLine]) -> dict[str, WriterUnits]:
    """Return the units of each writer who has enough of them.

    Example:
        units = collect_units(align(model, samples))

    Args:
        lines: Aligned lines, several of each writer.
    """
    by_writer = defaultdict(list)
    for line in lines:
        by_writer[line.writer].append(line)
    writers = {}
    for name, members in by_writer.items():
        if len(members) >= MIN_LINES:
            units = _units_of(members)
            if len({word for word, _ in units.words}) >= MIN_WORDS:
                writers[name] = units
    return writers


def _units_of(lines: Sequence[AlignedLine]) -> WriterUnits:
    """Return the units of the lines of one writer."""
    measured = [_measure(line) for line in lines]
    ratio = _ascender_ratio(measured)
    units = WriterUnits()
    for line, heights in zip(lines, measured, strict=True):
        if not heights.feet:
            continue
        baseline = float(np.median(heights.feet))
        sizes = [baseline - top for top, _ in heights.small] + [(baseline - top) / ratio for top, _ in heights.tall]
        x_height = float(np.median(sizes)) if sizes else 0.0
        if not 0.3 < x_height < 3:
            continue
        strokes = [(stroke - np.array([0, baseline], np.float32)) / x_height for stroke in line.strokes]
        width = float(np.ptp(np.concatenate(strokes)[:, 0])) / max(1, len(line.text))
        if width <= 4:
            _add_line(units, line, strokes)
    widths = [_width(strokes) / len(word) for word, strokes in units.words if len(word) > 2]
    typical = float(np.median(widths or [1.0]))
    units.words = [
        (word, strokes)
        for word, strokes in units.words
        if len(word) < 3 or 0.5 * typical < _width(strokes) / len(word) < 2 * typical
    ]
    return units


def _measure(line: AlignedLine) -> _Heights:
    """Return the extents of the characters of a line."""
    points, numbers = np.concatenate(line.strokes), line.weights.argmax(axis=1)
    heights = _Heights([], [], [])
    for number, character in enumerate(line.text):
        y = points[numbers == number, 1]
        if len(y) < 3:
            continue
        if character in STANDING:
            heights.feet.append(float(y.max()))
        if character in FLAT:
            heights.small.append((float(y.min()), float(y.max())))
        elif character in ASCENDING or character in CAPITALS or character in DIGITS:
            heights.tall.append((float(y.min()), float(y.max())))
    return heights


def _ascender_ratio(measured: Sequence[_Heights]) -> float:
    """Return the height of the tall characters of a writer in x-heights."""
    ratios = []
    for heights in measured:
        if len(heights.small) >= 2 and heights.tall:
            foot = np.median([bottom for _, bottom in heights.small])
            size = np.median([bottom - top for top, bottom in heights.small])
            if size > 0:
                ratios.append((foot - np.median([top for top, _ in heights.tall])) / size)
    return float(np.clip(np.median(ratios), *ASCENDER_RANGE)) if len(ratios) >= 2 else ASCENDER_RATIO


def _add_line(units: WriterUnits, line: AlignedLine, strokes: Strokes) -> None:
    """Add the words and characters of a line."""
    counts = [len(stroke) for stroke in strokes]
    spans = word_spans(line.text, counts, line.weights)
    clear = all(span.fit > MIN_FIT for span in spans)
    right: float | None = None
    for span in spans:
        part = strokes[span.first : span.end]
        x = np.concatenate(part)[:, 0]
        if right is not None and clear:
            units.gaps.append(float(x.min() - right))
        right = float(x.max())
        word = line.text[span.start : span.stop]
        if span.fit < MIN_FIT or not _is_plausible(word, part):
            continue
        placed = [stroke - np.array([x.min(), 0], np.float32) for stroke in part]
        units.words.append((word, placed))
        if len(part) >= 2 and len(word) >= 2:
            begin = sum(counts[: span.first])
            weights = line.weights[begin : begin + sum(counts[span.first : span.end]), span.start : span.stop]
            _add_characters(units, word, part, weights)
        elif len(word) == 1 and not word.islower() and len(part) <= 4:
            units.characters[word].append(placed)


def _is_plausible(word: str, strokes: Strokes) -> bool:
    """Return whether strokes have the size of a word, no wide hole, and are not a single mark."""
    points = np.concatenate(strokes)
    has_letters = any(character.isalnum() for character in word)
    if has_letters:
        top, width = -float(points[:, 1].min()), float(np.ptp(points[:, 0])) / len(word)
        if np.ptp(points[:, 1]) < 0.7 or not 0.22 < width < 3.2 or not 0.6 <= top <= 4.5:
            return False
    extents = sorted((float(stroke[:, 0].min()), float(stroke[:, 0].max())) for stroke in strokes)
    reach, holes = extents[0][1], []
    for left, right in extents[1:]:
        holes.append(left - reach)
        reach = max(reach, right)
    if holes and max(holes) > 1.2 and max(holes) > 3 * np.median([max(0.1, hole) for hole in holes]):
        return False
    return has_letters or word not in set(".,-'\"")


def _add_characters(units: WriterUnits, word: str, strokes: Strokes, weights: np.ndarray) -> None:
    """Add the characters of a word other than small letters that stand alone."""
    groups = _character_groups(word, strokes, weights)
    present = [group for group in groups if group is not None]
    units.letter_gaps += [after.left - before.right for before, after in pairwise(present)]
    for number, (character, group) in enumerate(zip(word, groups, strict=False)):
        if group is None or not group.strokes or character.islower():
            continue
        before, after = (groups[number - 1] if number else None), (groups[number + 1 :] or [None])[0]
        room = 0.2 * (group.right - group.left) + 0.1
        if before is not None and group.left < before.right - room:
            continue
        if after is not None and after.left < group.right - room:
            continue
        drawing = [strokes[n] - np.array([group.left, 0], np.float32) for n in sorted(group.strokes)]
        if _is_character(character, drawing, group.right - group.left):
            units.characters[character].append(drawing)


def _character_groups(word: str, strokes: Strokes, weights: np.ndarray) -> list[_Group | None]:
    """Return the strokes of each character, None for one that shares a stroke with the one before it.

    The list is empty if there is no segmentation.
    """
    separate = clusters(strokes, len(word))
    if separate is not None:
        return [_group(strokes, members, members) for members in separate]
    if word.islower():
        return []
    groups: list[_Group | None] = []
    parts = np.split(weights, np.cumsum([len(stroke) for stroke in strokes])[:-1])
    for span in character_spans(parts):
        shares = np.concatenate(parts[span.first : span.end])[:, span.start : span.stop].sum(axis=1)
        clear = float(np.log(0.02 + shares).mean()) > MIN_CHARACTER_FIT
        members = range(span.first, span.end)
        groups.append(_group(strokes, members, members if clear and span.stop - span.start == 1 else ()))
        groups += [None] * (span.stop - span.start - 1)
    return groups


def _group(strokes: Strokes, members: Sequence[int], drawn: Sequence[int]) -> _Group:
    """Return the group with the extent of some strokes."""
    x = np.concatenate([strokes[number] for number in members])[:, 0]
    return _Group(float(x.min()), float(x.max()), tuple(drawn))


def _is_character(character: str, strokes: Strokes, width: float) -> bool:
    """Return whether strokes have the size of a character."""
    points = np.concatenate(strokes)
    top, bottom = -float(points[:, 1].min()), float(points[:, 1].max())
    if character in CAPITALS | DIGITS | {"Q"} and not (1.1 < top < 3.2 and bottom < 1 and width < 3):
        return False
    if character in CAPITALS | DIGITS and character not in "1I" and width < 0.25:
        return False
    return character not in ".," or (top <= 0.6 and width <= 0.8)


def _width(strokes: Strokes) -> float:
    """Return the right edge of strokes that start at 0."""
    return float(np.concatenate(strokes)[:, 0].max())
