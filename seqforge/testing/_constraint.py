"""Checks of the automaton that says what may come next: it never hangs, never ends early, and lets real pieces pass."""

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import DecodeError
from seqforge.plugin import Checks, Piece
from seqforge.testing._hazards import nearest, walk
from seqforge.testing._results import CheckFailed, Skip
from seqforge.testing._subject import Subject

WALKS, FAR = 24, 150
LOOKED_AT = 120
"""States of a walk, at most, where every allowed step is tried."""


def prompts_are_given(subject: Subject) -> str:
    """`prompts` of the default request gives at least one, whose steps the space has and its constraint allows."""
    if not subject.prompts:
        raise subject.broken("prompts", "gives none", "at least one Prompt")
    for prompt in subject.prompts:
        if not isinstance(prompt, Prompt):
            raise subject.broken("prompts", f"gives {type(prompt).__name__}", "a Prompt")
        try:
            subject.codec.space.check(prompt.example.steps)
        except ValueError as error:
            what = f"gives a prompt whose steps leave the space: {error}"
            raise subject.broken("prompts", what, f"an empty array of {subject.codec.space.dtype}") from error
        if prompt.constraint is not None and isinstance(subject.codec.space, Categorical):
            _after(subject, prompt.constraint, prompt)
    steps = [len(prompt.example.steps) for prompt in subject.prompts]
    constrained = sum(prompt.constraint is not None for prompt in subject.prompts)
    return f"{len(steps)} of {min(steps)} to {max(steps)} steps, {constrained} with a constraint"


def constraint_keeps_its_laws(subject: Subject) -> str:
    """From any state the end is in reach: it may end or allows a step, and some allowed step lowers `to_end` by one."""
    rng, seen, long = subject.rng("laws"), 0, 0
    for constraint, prompt in subject.constraints:
        for number in range(WALKS):
            state = _after(subject, constraint, prompt)
            looked = max(1, FAR // LOOKED_AT)
            with subject.calling("constraint", f"walk {number + 1}"):
                for at in range(int(rng.integers(FAR))):
                    mask = _mask(subject, constraint, state)
                    choices = np.flatnonzero(mask)
                    distance = _distance(subject, constraint, state, choices)
                    if at % looked == 0 and distance:
                        nearest(constraint, subject.automaton(constraint), state, choices.tolist())
                    if not len(choices):
                        break
                    step = int(rng.choice(choices))
                    after = constraint.advance(state, step)
                    if hash(after) != hash(constraint.advance(state, step)) or after != constraint.advance(state, step):
                        raise CheckFailed(f"{subject.automaton(constraint)}.advance gives two states for one step")
                    long += constraint.to_end(after) < distance - 1
                    state, seen = after, seen + 1
                _, end = walk(constraint, subject.automaton(constraint), state, rng, 0)
                if not constraint.may_end(end):
                    raise CheckFailed(f"{subject.automaton(constraint)} ends where may_end is False")
    told = f"; in {long} of them there is a shorter way than to_end says" if long else ""
    return f"{seen:,} states on {WALKS * len(subject.constraints)} walks{told}"


def constraint_allows_real_pieces(subject: Subject) -> str:
    """Every real piece may be generated, if the plugin's own checker (`violations`) finds it right; the others are counted.

    A plugin without `violations` is asked only that some of its samples are allowed.
    """
    subject.needs("constraint_keeps_its_laws")
    constraint, prompt = subject.constraints[0]
    if len(prompt.example.steps):
        raise Skip("the default request begins with steps of its own")
    allowed, right, refused = 0, 0, ""
    for number, example in enumerate(subject.examples):
        why = _refuses(subject, constraint, example)
        allowed += not why
        if isinstance(subject.plugin, Checks):
            with subject.calling("violations", subject.named(number)):
                violations = list(subject.plugin.violations(subject.codec.canonical(subject.pieces[number])))
            right += not violations
            if why and not violations:
                raise CheckFailed(
                    f"{subject.automaton(constraint)} refuses {subject.named(number)}, in"
                    f" which {subject.whose('violations')} finds nothing wrong: {why}"
                )
        refused = refused or (f"; {subject.named(number)}: {why}" if why else "")
    if not allowed:
        raise CheckFailed(f"{subject.automaton(constraint)} allows no sample at all{refused}")
    told = f", {right} of them right by its own checker" if isinstance(subject.plugin, Checks) else ""
    return f"{allowed} of {len(subject.examples)} samples are allowed{told}{refused}"


def allowed_steps_decode(subject: Subject) -> str:
    """Whatever the constraint lets through, from the first step to an end, stands for a piece; `finish` takes it."""
    pieces = walked(subject)
    with subject.calling("finish", "the piece of a random walk"):
        found = subject.codec.finish(pieces[:1], subject.asked[0])
    if not isinstance(found, Piece):
        raise subject.broken("finish", f"gives {type(found).__name__}", "a Piece")
    return f"{len(pieces)} random walks"


def walked(subject: Subject) -> list[Piece]:
    """Return the pieces of random walks under the first constraint, short and long.

    Raises:
        CheckFailed: one does not decode.
    """
    subject.needs("constraint_keeps_its_laws")
    rng, pieces = subject.rng("walks"), []
    constraint, prompt = subject.constraints[0]
    for number in range(WALKS):
        state = _after(subject, constraint, prompt)
        steps, _ = walk(constraint, subject.automaton(constraint), state, rng, 1 + 8 * number)
        every = np.concatenate([prompt.example.steps, np.array(steps, subject.codec.space.dtype)])
        example = dataclasses.replace(prompt.example, steps=every)
        try:
            with subject.calling("decode", f"{len(steps)} allowed steps", allowed=(DecodeError,)):
                pieces.append(subject.codec.decode(example))
        except DecodeError as error:
            raise CheckFailed(
                f"{subject.whose('decode')} refuses {len(steps)} steps that {subject.automaton(constraint)} allowed"
                f" from the start to an end: {error}"
            ) from error
        if not isinstance(pieces[-1], Piece):
            raise subject.broken("decode", f"gives {type(pieces[-1]).__name__}", "a Piece, or raise DecodeError")
    return pieces


def _after(subject: Subject, constraint: Constraint, prompt: Prompt) -> Hashable:
    """Return the state after a prompt's own steps."""
    with subject.calling("constraint", "the steps of a prompt"):
        state = constraint.start()
        for number, step in enumerate(prompt.example.steps.tolist()):
            if not constraint.allowed(state)[step]:
                raise subject.broken("prompts", f"gives a prompt whose step {number + 1} its constraint forbids", "")
            state = constraint.advance(state, step)
    return state


def _mask(subject: Subject, constraint: Constraint, state: Hashable) -> np.ndarray:
    """Return the mask of a state, once it is sure to be one, and the same at every call."""
    name = subject.automaton(constraint)
    try:
        hash(state)
    except TypeError as error:
        raise CheckFailed(
            f"{name}: a state is {type(state).__name__}, and must be hashable: masks are cached"
        ) from error
    mask = constraint.allowed(state)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise CheckFailed(f"{name}.allowed gives {kind}; it must give an array of bool")
    size = subject.codec.space.to_json()["size"]
    if mask.shape != (size,):
        raise CheckFailed(f"{name}.allowed gives a mask of shape {mask.shape}; the space has {size} symbols")
    if not np.array_equal(mask, constraint.allowed(state)):
        raise CheckFailed(f"{name}.allowed gives two masks for one state; it must be a pure function")
    return mask


def _distance(subject: Subject, constraint: Constraint, state: Hashable, choices: np.ndarray) -> int:
    """Return `to_end` of a state, once it agrees with what may come and whether it may end."""
    name, ends, distance = subject.automaton(constraint), constraint.may_end(state), constraint.to_end(state)
    if not ends and not len(choices):
        raise CheckFailed(f"{name} hangs: in a state that allowed steps reach, nothing is allowed and may_end is False")
    if distance < 0 or (distance == 0) != bool(ends):
        raise CheckFailed(f"{name}.to_end is {distance} where may_end is {ends}; it is 0 where the piece may end, only")
    return distance


def _refuses(subject: Subject, constraint: Constraint, example: Example) -> str:
    """Return why a constraint does not let a piece pass, "" where it does."""
    with subject.calling("constraint", "the steps of a sample"):
        state: Any = constraint.start()
        for number, step in enumerate(example.steps.tolist()):
            if not constraint.allowed(state)[step]:
                names = getattr(subject.codec, "vocabulary", None)
                said = f" ({names[step]!r})" if names else ""
                return f"step {number + 1}{said} is forbidden"
            state = constraint.advance(state, step)
        return "" if constraint.may_end(state) else "it may not end where the piece ends"
