"""What a plugin meets in the wild: steps that an untrained network gives, and files that are damaged."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Example
from seqforge.core.spaces import Categorical, Space
from seqforge.testing._results import CheckFailed

MOST_BYTES = 8_000


def random_steps(space: Space, real: Sequence[Example], rng: np.random.Generator, tries: int) -> Iterator[np.ndarray]:
    """Yield steps that lie in the space and otherwise anyhow: drawn, or real ones shuffled, spliced and changed."""
    for number in range(tries):
        one, other = (real[int(rng.integers(len(real)))].steps[:200] for _ in range(2))
        spliced = np.concatenate([one[: int(rng.integers(len(one) + 1))], other[int(rng.integers(len(other) + 1)) :]])
        found = spliced if number % 2 else rng.permutation(spliced, axis=0)
        if isinstance(space, Categorical):
            if number % 4 < 2:
                found = rng.integers(space.size, size=int(rng.geometric(0.03)))
            elif len(found):
                found[rng.integers(len(found), size=1 + len(found) // 20)] = rng.integers(space.size)
            found = found.astype(space.dtype)
        elif np.issubdtype(found.dtype, np.floating) and number % 3 == 0:
            found = _louder(space, found, rng)
        yield found


def _louder(space: Space, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vectors whose reals are stretched; as they are where that leaves the space."""
    changed = np.where((steps == 0) | (steps == 1), steps, steps * rng.normal(1, 3, steps.shape)).astype(steps.dtype)
    try:
        space.check(changed)
    except ValueError:
        return steps
    return changed


def damaged(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield a file's bytes as damage leaves them, each with what happened to it."""
    data = data[:MOST_BYTES]
    half = len(data) // 2
    yield "an empty file", b""
    yield "a file of zeros", bytes(200)
    yield "a file of random bytes", rng.bytes(300)
    yield "a file that is cut in the middle", data[:half]
    yield "a file whose last byte is lost", data[:-1]
    yield "a file whose beginning is lost", data[half:]
    yield "a file written twice", data + data
    for _ in range(6):
        changed = bytearray(data)
        for at in rng.integers(max(1, len(data)), size=1 + int(rng.integers(8))).tolist() if data else ():
            changed[at] = int(rng.integers(256))
        yield "a file with some bytes changed", bytes(changed)
    for _ in range(4):
        first, last = sorted(rng.integers(len(data) + 1, size=2).tolist())
        yield "a file with a part left out", data[:first] + data[last:]
        yield "a file with a part replaced", data[:first] + rng.bytes(min(64, last - first)) + data[last:]


def damaged_json(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield plain JSON of a codec as a stranger might have changed it, each with what was done."""
    yield "an empty object", {}
    for name in data:
        yield f"{name!r} left out", {key: value for key, value in data.items() if key != name}
        for other in (None, 7, "x", [], [None], {"x": None}):
            if type(other) is not type(data[name]) or other != data[name]:
                yield f"{name!r} set to {other!r}", {**data, name: other}


def walk(
    constraint: Constraint, name: str, state: Any, rng: np.random.Generator, most: int, limit: int = 5_000
) -> tuple[list[int], Any]:
    """Return the steps of a random walk under a constraint, led to its nearest end after `most` steps.

    Raises:
        CheckFailed: it cannot go on, or does not come to its end.
    """
    steps: list[int] = []
    while True:
        mask = np.asarray(constraint.allowed(state))
        choices = np.flatnonzero(mask)
        ending = constraint.may_end(state)
        if ending and (not len(choices) or len(steps) >= most):
            return steps, state
        if not len(choices):
            raise CheckFailed(
                f"{name} hangs: after {len(steps)} allowed steps nothing is allowed, and may_end is False"
            )
        if len(steps) >= limit:
            raise CheckFailed(f"{name} comes to no end in {limit:,} steps, though only to_end was followed")
        if len(steps) >= most:
            step = nearest(constraint, name, state, rng.permutation(choices).tolist())
        else:
            step = int(rng.choice(choices))
        steps.append(step)
        state = constraint.advance(state, step)


def nearest(constraint: Constraint, name: str, state: Any, choices: Sequence[int]) -> int:
    """Return an allowed step that lowers `to_end` by one.

    Raises:
        CheckFailed: there is none.
    """
    distance = constraint.to_end(state)
    for step in choices:
        if constraint.to_end(constraint.advance(state, step)) == distance - 1:
            return step
    raise CheckFailed(
        f"{name}: to_end is {distance}, and none of the {len(choices)} allowed steps lowers it by one; some allowed"
        " step must"
    )


def write_damaged(folder: Path, name: str, data: bytes) -> Path:
    """Write a damaged file and return where."""
    path = folder / name
    path.write_bytes(data)
    return path
