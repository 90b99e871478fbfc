"""A synthetic corpus of drawings in the format of Quick, Draw!: circles, houses and faces with jitter.

python -m tools.sketches sketches/ --count 300
seqforge train --plugin handwriting --encoding sketch --corpus sketches/ --minutes 5
seqforge generate --plugin handwriting --model runs/handwriting/0001 --label kind=house -o house.svg
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["KINDS", "draw_sketch", "write_sketches"]


def _circle(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> np.ndarray:
    """Return a circle that starts anywhere and nearly closes."""
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi * rng.uniform(0.97, 1.05), 14)
    radii = radius * rng.uniform(0.85, 1.15, size=2)
    return np.stack([centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)], axis=1)


def _circles(rng: np.random.Generator) -> list[np.ndarray]:
    return [_circle(rng, (128, 128), 100)]


def _house(rng: np.random.Generator) -> list[np.ndarray]:
    walls = np.array([[40, 110], [40, 230], [215, 230], [215, 110], [40, 110]])
    roof = np.array([[25, 112], [128, 20], [230, 112]])
    door = np.array([[105, 230], [105, 165], [145, 165], [145, 230]])
    window = np.array([[165, 135], [165, 165], [195, 165], [195, 135], [165, 135]])
    parts = [walls, roof, door, window]
    return parts[: int(rng.integers(2, 5))]


def _face(rng: np.random.Generator) -> list[np.ndarray]:
    angles = np.linspace(0.2, np.pi - 0.2, 7)
    mouth = np.stack([128 + 55 * np.cos(angles), 150 + rng.uniform(-30, 45) * np.sin(angles)], axis=1)
    return [_circle(rng, (128, 128), 110), _circle(rng, (90, 95), 12), _circle(rng, (166, 95), 12), mouth]


KINDS: dict[str, Callable[[np.random.Generator], list[np.ndarray]]] = {
    "circle": _circles,
    "face": _face,
    "house": _house,
}
"""Kinds of drawings and the functions that draw them, in a square of 256."""


def draw_sketch(kind: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes of a drawing, each of shape (points, 2).

    >>> len(draw_sketch("face", np.random.default_rng(0)))
    4

    Args:
        kind: One of `KINDS`.
        rng: The source of the variation.
    """
    matrix = np.eye(2) + rng.normal(0, 0.06, size=(2, 2))
    return [(stroke + rng.normal(0, 2.5, size=stroke.shape) - 128) @ matrix.T + 128 for stroke in KINDS[kind](rng)]


def write_sketches(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write one file per kind, and return their paths.

    Example:
        paths = write_sketches(Path("sketches"), count=300)

    Args:
        folder: The folder; it is created.
        count: The number of drawings of each kind.
        seed: The seed of the variation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng([seed, number])
        lines = []
        for _ in range(count):
            strokes = [stroke.round(1).T.tolist() for stroke in draw_sketch(kind, rng)]
            lines.append(json.dumps({"word": kind, "recognized": True, "drawing": strokes}))
        paths.append(folder / f"{kind}.ndjson")
        paths[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def main() -> None:
    """Write the corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="Folder of the corpus.")
    parser.add_argument("--count", type=int, default=300, help="Number of drawings of each kind.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the variation.")
    arguments = parser.parse_args()
    write_sketches(arguments.folder, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
