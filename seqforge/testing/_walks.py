"""Random walks under a constraint, and the pieces that they represent."""

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import DecodeError
from seqforge.plugin import Piece, Task
from seqforge.plugin.validation import ValidatedConstraint, validate_piece
from seqforge.sampling.guide import Guide
from seqforge.testing._subject import Subject
from seqforge.testing._vectors import vector_walk

MAX_WALK = 5_000


def constraint_name(constraint: Constraint) -> str:
    """Return the name of a constraint's class."""
    return type(constraint.inner if isinstance(constraint, ValidatedConstraint) else constraint).__qualname__


def guide_of(subject: Subject, constraint: Constraint) -> Guide:
    """Return a constraint as the sampler uses it."""
    return Guide(constraint, vectors=not isinstance(subject.codec.space, Categorical))


def state_after_prompt(subject: Subject, prompt: Prompt) -> Hashable:
    """Return the state of a prompt's constraint after the steps of the prompt.

    Raises:
        CheckFailed: If the constraint forbids one of the steps.
    """
    constraint = prompt.constraint
    assert constraint is not None
    with subject.calling("advance", "the steps of a prompt", owner=constraint):
        state = constraint.start()
        guide = guide_of(subject, constraint)
        for number, step in enumerate(prompt.example.steps if guide.vectors else prompt.example.steps.tolist()):
            if not guide.allows(state, step):
                raise subject.failure("task", f"returns a prompt whose step {number + 1} its constraint forbids")
            state = constraint.advance(state, step)
    return state


def walk(
    subject: Subject, constraint: Constraint, state: Any, rng: np.random.Generator, length: int
) -> tuple[list[int], Any]:
    """Return the steps of a random walk, which heads for the nearest end after `length` steps, and its last state.

    Raises:
        CheckFailed: If the walk cannot go on, or does not come to an end.
    """
    steps: list[int] = []
    while True:
        choices = np.flatnonzero(constraint.allowed(state))
        may_end = constraint.may_end(state)
        if may_end and (not len(choices) or len(steps) >= length):
            return steps, state
        if not len(choices):
            problem = f"allows no step after {len(steps)} allowed steps, and may_end is False"
            raise subject.failure("allowed", problem, owner=constraint)
        if len(steps) >= MAX_WALK:
            problem = f"leads to no end in {MAX_WALK:,} steps, although only steps that lower it were taken"
            raise subject.failure("to_end", problem, owner=constraint)
        if len(steps) >= length:
            step = step_towards_end(subject, constraint, state, rng.permutation(choices).tolist())
        else:
            step = int(rng.choice(choices))
        steps.append(step)
        state = constraint.advance(state, step)


def step_towards_end(subject: Subject, constraint: Constraint, state: Any, choices: Sequence[int]) -> int:
    """Return an allowed step that lowers `to_end` by one.

    Raises:
        CheckFailed: If there is none.
    """
    distance = constraint.to_end(state)
    for step in choices:
        if constraint.to_end(constraint.advance(state, step)) == distance - 1:
            return step
    problem = f"returns {distance} in a state in which none of the {len(choices)} allowed steps lowers it by one"
    raise subject.failure("to_end", problem, owner=constraint)


def random_piece(subject: Subject, prompt: Prompt, rng: np.random.Generator, length: int) -> Piece[Any]:
    """Return the decoded piece of a random walk after a prompt; without a constraint on symbols, a real piece.

    Raises:
        CheckFailed: If the steps of the walk do not decode.
    """
    codec = subject.codec
    if prompt.constraint is None:
        name, example = subject.short_samples[0]
        with subject.calling("decode", f"the steps of {name}"):
            return codec.decode(example)
    state = state_after_prompt(subject, prompt)
    with subject.calling("advance", "the steps of a random walk", owner=prompt.constraint):
        if isinstance(codec.space, Categorical):
            steps = np.array(walk(subject, prompt.constraint, state, rng, length)[0], codec.space.dtype)
        else:
            steps, _ = vector_walk(subject, prompt.constraint, state, rng, length)
    beginning = prompt.example.steps[: prompt.keep]
    example = dataclasses.replace(prompt.example, steps=np.concatenate([beginning, steps]))
    try:
        with subject.calling("decode", f"{len(steps)} allowed steps", allowed=(DecodeError,)):
            return validate_piece(subject.plugin, codec.decode(example), "decode", owner=codec)
    except DecodeError as error:
        name = constraint_name(prompt.constraint)
        problem = f"rejects {len(steps)} steps that {name} allowed from the start to an end: {error}"
        raise subject.failure("decode", problem) from error


def random_result(
    subject: Subject,
    task: Task[Any],
    rng: np.random.Generator,
    length: int,
    *,
    allowed: tuple[type[Exception], ...] = (),
) -> Piece[Any]:
    """Return the result of a task whose parts are random pieces.

    Args:
        subject: The plugin under test.
        task: The task.
        rng: The source of randomness.
        length: Number of random steps of each part, before it heads for the nearest end.
        allowed: The errors that `Task.draft` and `Task.finish` may raise.
    """
    parts = [random_piece(subject, prompt, rng, length) for prompt in task.prompts]
    if len(parts) > 1:
        with subject.calling("draft", f"{len(parts) - 1} decoded parts", allowed=allowed, owner=task):
            draft = task.draft(parts[:-1])
            if draft is not None:
                validate_piece(subject.plugin, draft, "draft", owner=task)
    with subject.calling("finish", f"{len(parts)} decoded parts", allowed=allowed, owner=task):
        return validate_piece(subject.plugin, task.finish(parts), "finish", owner=task)
