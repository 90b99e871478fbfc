"""Damaged input: random and spliced steps, damaged files and damaged JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical, Space

MAX_BYTES = 8_000


def random_steps(space: Space, real: Sequence[Example], rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield steps of the space that are random, or shuffled, spliced and changed real ones."""
    for number in range(count):
        first, second = (real[int(rng.integers(len(real)))].steps[:200] for _ in range(2))
        start, end = int(rng.integers(len(first) + 1)), int(rng.integers(len(second) + 1))
        spliced = np.concatenate([first[:start], second[end:]])
        steps = spliced if number % 2 else rng.permutation(spliced, axis=0)
        if isinstance(space, Categorical):
            if number % 4 < 2:
                steps = rng.integers(space.size, size=int(rng.geometric(0.03)))
            elif len(steps):
                steps[rng.integers(len(steps), size=1 + len(steps) // 20)] = rng.integers(space.size)
            steps = steps.astype(space.dtype)
        elif np.issubdtype(steps.dtype, np.floating) and number % 3 == 0:
            steps = _scaled(space, steps, rng)
        yield steps


def _scaled(space: Space, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vectors with randomly scaled real components; unchanged if the result is outside the space."""
    scaled = np.where((steps == 0) | (steps == 1), steps, steps * rng.normal(1, 3, steps.shape)).astype(steps.dtype)
    try:
        space.check(scaled)
    except ValueError:
        return steps
    return scaled


def damaged_bytes(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield descriptions of damage with the damaged bytes of a file."""
    data = data[:MAX_BYTES]
    half = len(data) // 2
    yield "an empty file", b""
    yield "a file of zeros", bytes(200)
    yield "a file of random bytes", rng.bytes(300)
    yield "a file without its second half", data[:half]
    yield "a file without its last byte", data[:-1]
    yield "a file without its first half", data[half:]
    yield "a file with its content twice", data + data
    for _ in range(6):
        changed = bytearray(data)
        positions = rng.integers(max(1, len(data)), size=1 + int(rng.integers(8))).tolist() if data else ()
        for position in positions:
            changed[position] = int(rng.integers(256))
        yield "a file with some bytes changed", bytes(changed)
    for _ in range(4):
        start, end = sorted(rng.integers(len(data) + 1, size=2).tolist())
        yield "a file with a part removed", data[:start] + data[end:]
        yield "a file with a part replaced", data[:start] + rng.bytes(min(64, end - start)) + data[end:]


def damaged_json(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield descriptions of damage with the damaged JSON of a codec."""
    yield "no entries", {}
    for name in data:
        yield f"{name!r} removed", {key: value for key, value in data.items() if key != name}
        for value in (None, 7, "x", [], [None], {"x": None}):
            if type(value) is not type(data[name]) or value != data[name]:
                yield f"{name!r} set to {value!r}", {**data, name: value}
