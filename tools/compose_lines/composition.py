"""Lines that are put together from the units of one writer."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from tools.compose_lines.units import CAPITALS, DIGITS, Strokes, WriterUnits

__all__ = ["compose_line", "writer_weights"]

T = TypeVar("T")
LENGTHS = 12, 46
"""Smallest length of a line in characters, and the one below which the longest ones start."""
PUNCTUATION_SHARE = 0.16
"""Share of the words that are followed by a punctuation mark."""
NUMBERS, NAMES, TEXT = (0.55, 0.1), (0.1, 0.75), (0.12, 0.06)
"""Probabilities of a number and of a word of capitals, in lines of numbers, of capitals, and in others."""
SHARE_OF_NUMBERS, SHARE_OF_NAMES = 0.3, 0.42
"""Cumulative shares of the lines of numbers and of capitals."""


def writer_weights(writers: Mapping[str, WriterUnits]) -> np.ndarray:
    """Return the probability with which each writer is drawn: more for many words, many digits and many capitals."""
    weights = np.array([
        min(len(units.words), 120) ** 0.6
        * (1 + 2.0 * (sum(c in DIGITS for c in units.characters) >= 5)
           + 1.0 * (sum(c in CAPITALS for c in units.characters) >= 8))
        for units in writers.values()
    ])  # fmt: skip
    normalized: np.ndarray = weights / weights.sum()
    return normalized


def compose_line(rng: np.random.Generator, units: WriterUnits) -> tuple[str, Strokes]:
    """Return the text and the strokes of a line, in x-heights with the baseline at y = 0.

    Example:
        text, strokes = compose_line(np.random.default_rng(0), units["w011"])

    Args:
        rng: The source of the random numbers.
        units: The units of the writer.
    """
    length = int(rng.integers(*LENGTHS))
    word_gap = float(np.median(units.gaps) if len(units.gaps) >= 4 else rng.normal(1.2, 0.3))
    word_gap = float(np.clip(word_gap, 0.6, 2.2)) * math.exp(rng.normal(0, 0.12))
    typical = float(np.median(units.letter_gaps)) if len(units.letter_gaps) >= 5 else 0.3
    gap = float(np.clip(typical + rng.normal(0, 0.08), 0.15, 1.2))
    word_gap = max(word_gap, typical * 1.3 + 0.7)
    mode = rng.random()
    number_share, capital_share = NUMBERS if mode < SHARE_OF_NUMBERS else NAMES if mode < SHARE_OF_NAMES else TEXT
    words: list[str] = []
    strokes: Strokes = []
    x = 0.0
    while len(" ".join(words)) < length:
        word, drawing = _word(rng, units, number_share, capital_share, gap)
        word, drawing, width = _punctuated(rng, units, word, drawing)
        rise, size = float(rng.normal(0, 0.05)), 1 + float(rng.normal(0, 0.03))
        strokes += [stroke * size + np.array([x, rise], np.float32) for stroke in drawing]
        x += width * size + max(0.45, word_gap * math.exp(rng.normal(0, 0.15)))
        words.append(word)
    stretch, slant = math.exp(rng.normal(0, 0.08)), rng.normal(0, 0.12)
    matrix = np.array([[stretch, -slant], [0, 1]], np.float32)
    return " ".join(words), [stroke @ matrix.T for stroke in strokes]


def _word(
    rng: np.random.Generator, units: WriterUnits, number_share: float, capital_share: float, gap: float
) -> tuple[str, Strokes]:
    """Return a number or a word of capitals from single characters, or a word that the writer wrote."""
    choice, text = rng.random(), None
    if choice < number_share:
        text = _number(rng, [c for c in "0123456789" if units.characters.get(c)])
    elif choice < number_share + capital_share:
        text = _capitals(rng, [c for c in sorted(CAPITALS) if units.characters.get(c)])
    drawing = None if text is None else _joined(rng, units, text, gap)
    if text is None or drawing is None:
        text, drawing = _pick(rng, units.words)
    return text, list(drawing)


def _number(rng: np.random.Generator, digits: Sequence[str]) -> str | None:
    """Return a number, a date, a price or a sum from these digits; None if there are less than four."""
    if len(digits) < 4:
        return None

    def draw(count: int) -> str:
        return "".join(_pick(rng, digits) for _ in range(count))

    def some(low: int, high: int) -> str:
        return draw(int(rng.integers(low, high)))

    forms: Sequence[Callable[[], str]] = (
        lambda: some(1, 5),
        lambda: f"{draw(2)}.{draw(2)}.{draw(4)}",
        lambda: f"{some(1, 3)}/{draw(2)}/{draw(2)}",
        lambda: f"${some(1, 3)}.{draw(2)}",
        lambda: f"{some(1, 3)},{draw(3)}",
        lambda: some(5, 11),
        lambda: f"{some(1, 3)}%",
        lambda: draw(1) + _pick(rng, "+*-=") + draw(1) + "=" + draw(2),
    )
    return forms[int(rng.integers(len(forms)))]()


def _capitals(rng: np.random.Generator, capitals: Sequence[str]) -> str | None:
    """Return a word of these capitals; None if there are less than six."""
    if len(capitals) < 6:
        return None
    return "".join(_pick(rng, capitals) for _ in range(int(rng.integers(2, 8))))


def _joined(rng: np.random.Generator, units: WriterUnits, text: str, gap: float) -> Strokes | None:
    """Return single characters beside each other; None if the writer lacks one."""
    strokes: Strokes = []
    x = 0.0
    for character in text:
        if not units.characters.get(character):
            return None
        drawing = _pick(rng, units.characters[character])
        rise, size = rng.normal(0, 0.04), 1 + rng.normal(0, 0.04)
        drawing = [stroke * size + np.array([x, rise], np.float32) for stroke in drawing]
        strokes += drawing
        right = float(np.concatenate(drawing)[:, 0].max())
        x = max(right, x) + max(0.08, gap + rng.normal(0, 0.06)) + (0.05 if character == "1" else 0)
    return strokes


def _punctuated(
    rng: np.random.Generator, units: WriterUnits, word: str, strokes: Strokes
) -> tuple[str, Strokes, float]:
    """Return a word, sometimes with a punctuation mark after it, and its width."""
    width = float(np.concatenate(strokes)[:, 0].max())
    if not word[-1].isalnum() or rng.random() >= PUNCTUATION_SHARE:
        return word, strokes, width
    marks = [mark for mark in ",.!?:;" if units.characters.get(mark)]
    if not marks:
        return word, strokes, width
    mark = _pick(rng, marks)
    drawing = _pick(rng, units.characters[mark])
    points = np.concatenate(drawing)
    if points[:, 1].min() <= (-0.7 if mark in ".," else -3):
        return word, strokes, width
    x = width + float(np.clip(rng.normal(0.25, 0.1), 0.08, 0.6))
    moved = [stroke + np.array([x, 0], np.float32) for stroke in drawing]
    return word + mark, strokes + moved, x + float(points[:, 0].max())


def _pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    """Return one of the values."""
    return values[int(rng.integers(len(values)))]
