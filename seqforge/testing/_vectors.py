"""Random walks of vectors under a constraint: bits are masked, and real numbers are projected."""

from collections.abc import Hashable

import numpy as np

from seqforge.core.sequences import Constraint
from seqforge.core.spaces import Mixture
from seqforge.sampling.guide import Guide
from seqforge.testing._subject import Subject

__all__ = ["check_vector_state", "random_vector", "vector_walk"]

TOLERANCE = 1e-4
MAX_WALK = 5_000


def random_vector(subject: Subject, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a vector whose reals are those of a sample, often changed or far away, and whose bits the mask allows."""
    space = subject.codec.space
    assert isinstance(space, Mixture)
    steps = subject.short_examples[int(rng.integers(len(subject.short_examples)))].steps
    vector = np.array(steps[int(rng.integers(len(steps)))], np.float32)
    spread = np.abs(steps[:, : space.reals]).mean(axis=0) + 1e-3
    factor = (0.0, 1.0, 10.0)[int(rng.integers(3))]
    vector[: space.reals] += rng.normal(0, 1, space.reals) * spread * factor
    vector[: space.reals] = vector[: space.reals].clip(-1e4, 1e4)
    for number, (zero, one) in enumerate(mask.tolist()):
        vector[space.reals + number] = float(one and (not zero or rng.random() < 0.5))
    return vector


def check_vector_state(subject: Subject, constraint: Constraint, state: Hashable, rng: np.random.Generator) -> None:
    """Check the laws of a constraint on vectors in one state.

    Raises:
        CheckFailed: If a law does not hold.
    """
    space = subject.codec.space
    assert isinstance(space, Mixture)
    mask, may_end, distance = constraint.allowed(state), constraint.may_end(state), constraint.to_end(state)
    if not np.array_equal(mask, constraint.allowed(state)):
        raise subject.failure("allowed", "returns two masks for one state", "the same", owner=constraint)
    if not mask.any(axis=1).all():
        if not may_end:
            problem = "allows no value of a bit in a state that allowed steps reach, and may_end is False"
            raise subject.failure("allowed", problem, owner=constraint)
        return
    if distance < 0 or (distance == 0) != bool(may_end):
        problem = f"returns {distance} where may_end is {may_end}"
        raise subject.failure("to_end", problem, "0 where the piece may end, and only there", owner=constraint)
    vector = random_vector(subject, mask, rng)
    before = vector.tolist()
    step = constraint.project(state, vector)
    if vector.tolist() != before:
        raise subject.failure("project", "changes the vector that it receives", "a new one", owner=constraint)
    bits = step[space.reals :].astype(np.int64)
    if not mask[np.arange(space.bits), bits].all():
        problem = f"of {before} returns {step.tolist()}, whose bits `allowed` forbids"
        raise subject.failure("project", problem, owner=constraint)
    again = constraint.project(state, step)
    if not np.allclose(again, step, rtol=TOLERANCE, atol=TOLERANCE):
        problem = f"of {step.tolist()}, which it returned, returns {again.tolist()}"
        raise subject.failure("project", problem, "the vector itself", owner=constraint)
    following = constraint.advance(state, step), constraint.advance(state, step)
    if hash(following[0]) != hash(following[1]) or following[0] != following[1]:
        raise subject.failure("advance", "returns two states for one step", "the same", owner=constraint)
    if distance:
        nearest = Guide(constraint, vectors=True).project(state, vector, 1)
        after = constraint.to_end(constraint.advance(state, nearest))
        if after >= distance:
            problem = f"returns {distance}, and {after} after the best of the allowed values of one bit"
            raise subject.failure("to_end", problem, "a number that some step lowers", owner=constraint)


def vector_walk(
    subject: Subject, constraint: Constraint, state: Hashable, rng: np.random.Generator, length: int
) -> tuple[np.ndarray, Hashable]:
    """Return the vectors of a random walk, which heads for an end after `length` steps, and its last state.

    Raises:
        CheckFailed: If the walk does not come to an end.
    """
    guide = Guide(constraint, vectors=True)
    steps: list[np.ndarray] = []
    while True:
        mask, may_end = constraint.allowed(state), constraint.may_end(state)
        goes_on = bool(mask.any(axis=1).all())
        if may_end and (not goes_on or len(steps) >= length):
            space = subject.codec.space
            return np.array(steps, space.dtype).reshape(-1, *space.shape), state
        if not goes_on or len(steps) >= MAX_WALK:
            problem = f"leads to no end in {len(steps):,} steps"
            raise subject.failure("to_end", problem, owner=constraint)
        steps_left = max(1, length - len(steps))
        step = guide.project(state, random_vector(subject, mask, rng), steps_left)
        steps.append(step)
        state = constraint.advance(state, step)
