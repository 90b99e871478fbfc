"""Composing letters with accents: marks are drawn over, under and through the base letters of written ink."""

import hashlib

import numpy as np

from seqforge_handwriting.accents import composition
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.letter_places import LetterPlaces, Place
from seqforge_handwriting.marks import ABOVE, BELOW, mark_strokes

__all__ = ["compose"]

CLEARANCE = 0.22
"""Distance of a mark from the top of its letter, in x-heights."""
STACK = 0.12
"""Distance between two marks over a letter, in x-heights."""
OGONEK_START = 0.8
"""Where an ogonek starts, as a share of the width of its letter."""
LOWEST = 0.15
"""Height of the foot of a letter, where marks under it start, in x-heights."""


def compose(ink: Ink, text: str, weights: np.ndarray) -> Ink:
    r"""Return ink with the marks of the accented letters of its text.

    The marks have the size and slant of the hand, with natural variation that depends on the ink alone. They are
    written at the end of their word, as by hand.

    >>> ink = Ink((np.array([[0.0, -1.0], [0.5, 0.0], [1.0, -1.0]]),), "u")
    >>> compose(ink, "\u00fc", np.array([[1, 0], [1, 0], [1, 0]])).counts
    (3, 2, 2)

    Args:
        ink: The written ink in x-heights, with its text in base letters and its baseline near y = 0.
        text: The text with accents; it has as many characters.
        weights: The attention weights of each point over the characters of the text and its end.
    """
    marked = [
        (number, *composed)
        for number, (letter, base) in enumerate(zip(text, ink.text, strict=True))
        if letter != base and (composed := composition(letter))
    ]
    if not marked or not ink.strokes:
        return Ink(ink.strokes, text)
    places = LetterPlaces(ink, weights)
    seed = hashlib.blake2b(ink.points.round(6).tobytes() + text.encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "little"))
    removed = set[int]()
    inserted: dict[int, list[np.ndarray]] = {}
    for number, base, marks in marked:
        place = places.place(number)
        if marks == ("turned",):  # drawn in the room that the upright mark takes
            removed.update(places.strokes_of(number))
            shape = mark_strokes(base, rng)
            drawn = [place.height * stroke + (place.middle, places.baseline(number)) for stroke in shape]
            inserted.setdefault(places.first_stroke(number) - 1, []).extend(places.slanted(stroke) for stroke in drawn)
            continue
        if base in "ij" and not set(marks) <= set(BELOW):
            removed.update(places.dots(number))
        drawn = _marks(base, marks, place, rng)
        inserted.setdefault(places.end_of_word(number), []).extend(places.slanted(stroke) for stroke in drawn)
    result = [*inserted.get(-1, [])]
    for number, stroke in enumerate(ink.strokes):
        result += [] if number in removed else [stroke]
        result += inserted.get(number, [])
    return Ink(tuple(result), text)


def _marks(base: str, marks: tuple[str, ...], place: Place, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes of the marks of a letter, in upright coordinates."""
    strokes: list[np.ndarray] = []
    top = place.top - CLEARANCE * place.height
    for name in marks:
        if name in ABOVE:
            drawn = [place.height * stroke + (place.middle, top) for stroke in mark_strokes(name, rng)]
            top = min(float(stroke[:, 1].min()) for stroke in drawn) - STACK * place.height
        elif name in BELOW:
            drawn = [place.height * stroke + _foot(name, place) for stroke in mark_strokes(name, rng)]
        elif name == "dotless":
            drawn = []
        else:
            drawn = [_line_through(name, base, place, rng)]
        strokes += drawn
    return strokes


def _foot(name: str, place: Place) -> np.ndarray:
    """Return the point of a letter at which a mark under it starts."""
    if name in ("comma below", "dot below"):
        return np.array([place.middle, place.bottom])
    lowest = place.points[place.points[:, 1] >= place.bottom - LOWEST * place.height]
    right_part = place.left + OGONEK_START * (place.right - place.left)
    x = right_part if name == "ogonek" else float(np.median(lowest[:, 0]))
    foot: np.ndarray = lowest[np.abs(lowest[:, 0] - x).argmin()]
    return foot


def _line_through(name: str, base: str, place: Place, rng: np.random.Generator) -> np.ndarray:
    """Return the stroke through a letter, or the apostrophe beside it."""
    points, height = place.points, place.height
    left, right, rise = place.left, place.right, place.bottom - place.top
    if name == "slash":
        half = float(np.clip((right - left) / 2, 0.4 * rise, 0.55 * rise))
        low, high = np.array([place.middle - half, place.bottom]), np.array([place.middle + half, place.top])
        extra = 0.17 * height * np.array([1.0, -1.0])
        line = np.stack([high + extra, (high + low) / 2, low - extra])
    elif name == "apostrophe":
        line = np.array([[right + 0.22 * height, place.top], [right + 0.13 * height, place.top + 0.4 * height]])
    else:
        at = place.top + rise * (0.22 if name == "bar" and base != "D" else 0.5)
        near = points[np.abs(points[:, 1] - at) < 0.2 * height]
        near = near if len(near) else points
        x = float(np.median(near[:, 0])) if base == "l" else near[:, 0].max() if base in "d" else near[:, 0].min()
        arm = np.array([0.32, -0.24] if name == "stroke" else [0.38, -0.02]) * height
        line = np.array([x, at]) + np.stack([-arm, 0 * arm, arm])
    variation = np.clip(rng.normal(size=line.shape), -2, 2) * 0.025 * height
    result: np.ndarray = line + variation
    return result
