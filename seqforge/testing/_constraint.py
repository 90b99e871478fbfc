"""Checks of constraints: an end is always in reach, allowed steps decode, and real pieces are allowed."""

import time
from collections.abc import Hashable
from typing import Any

import numpy as np

from seqforge.core.sequences import Constraint, Example
from seqforge.core.spaces import Categorical
from seqforge.plugin import Checks, Piece
from seqforge.testing._labels import check_labelled_tasks
from seqforge.testing._results import CheckSkipped
from seqforge.testing._subject import Subject, is_fitted
from seqforge.testing._vectors import check_vector_state, random_vector, vector_walk
from seqforge.testing._violations import walk_violation
from seqforge.testing._walks import (
    constraint_name,
    guide_of,
    random_piece,
    state_after_prompt,
    step_towards_end,
    walk,
)

WALKS, MAX_LENGTH = 24, 150
MAX_SECONDS, SLOW_MS, TIMED_STATES = 20.0, 5.0, 40
"""Seconds after which no further walk starts, the time per state from which a constraint is reported as slow, and the
number of states that are timed."""
MAX_TESTED_STATES = 120
"""Largest number of states per walk in which every allowed step is tried."""


def constraint_follows_its_laws(subject: Subject) -> str:
    """In every reachable state the piece may end or a step is allowed, and some allowed step lowers `to_end` by one.

    For vectors, `project` moves neither what it returned nor its argument, and one of the allowed values of a bit
    lowers `to_end`.
    """
    rng, states, shortcuts = subject.rng("laws"), 0, 0
    start, walks = time.perf_counter(), 0
    for constraint, prompt in subject.constraints:
        for number in range(WALKS):
            if number and time.perf_counter() - start > MAX_SECONDS:
                break
            walks += 1
            state = state_after_prompt(subject, prompt)
            with subject.calling("advance", f"walk {number + 1}", owner=constraint):
                if not isinstance(subject.codec.space, Categorical):
                    states += _walk_vectors(subject, constraint, state, rng)
                    continue
                for position in range(int(rng.integers(MAX_LENGTH))):
                    choices = _choices(subject, constraint, state)
                    distance = _distance(subject, constraint, state, choices)
                    if position % max(1, MAX_LENGTH // MAX_TESTED_STATES) == 0 and distance:
                        step_towards_end(subject, constraint, state, choices.tolist())
                    if not len(choices):
                        break
                    state = _next_state(subject, constraint, state, int(rng.choice(choices)))
                    shortcuts += constraint.to_end(state) < distance - 1
                    states += 1
                walk(subject, constraint, state, rng, 0)
    note = f"; in {shortcuts} of them there is a shorter path to an end than `to_end` says" if shortcuts else ""
    milliseconds = _milliseconds_per_state(subject)
    if milliseconds > SLOW_MS:
        note += f"; slow: {milliseconds:.0f} ms per state, so a piece of 1,000 steps takes {milliseconds:.0f} s or more"
        note += "; cache what depends on a part of the state only, or return a `mask_key`"
    return f"{states:,} states on {walks} walks{note}"


def _milliseconds_per_state(subject: Subject) -> float:
    """Return the mean time that a new state takes of the first constraint: its mask, and the step to it."""
    constraint, prompt = subject.constraints[0]
    state, rng = state_after_prompt(subject, prompt), subject.rng("time")
    guide, seconds, count = guide_of(subject, constraint), 0.0, 0
    for _ in range(TIMED_STATES):
        start = time.perf_counter()
        mask = constraint.allowed(state)
        seconds, count = seconds + time.perf_counter() - start, count + 1
        if not mask.any(axis=-1).all():
            break
        if guide.vectors:
            step: Any = guide.project(state, random_vector(subject, mask, rng), TIMED_STATES)
        else:
            step = int(rng.choice(np.flatnonzero(mask)))
        start = time.perf_counter()
        state = constraint.advance(state, step)
        seconds += time.perf_counter() - start
    return 1000 * seconds / count


def _walk_vectors(subject: Subject, constraint: Constraint, state: Hashable, rng: np.random.Generator) -> int:
    """Check the laws in the states of a random walk of vectors, and return their number."""
    guide, count = guide_of(subject, constraint), int(rng.integers(MAX_LENGTH // 3))
    for number in range(count):
        check_vector_state(subject, constraint, state, rng)
        mask = constraint.allowed(state)
        if not mask.any(axis=1).all():
            return number + 1
        state = constraint.advance(state, guide.project(state, random_vector(subject, mask, rng), count))
    vector_walk(subject, constraint, state, rng, 0)
    return count


def constraint_allows_real_pieces(subject: Subject) -> str:
    """The constraint of the default request allows every sample in which `violations` finds nothing.

    A sample on which the codec was not fitted may have values outside of those of the corpus. For a plugin without
    `violations`, it must allow at least one sample. If the codec overrides `labelled_task`, the constraint for the
    labels of a sample must allow the sample, if that of the default request does.
    """
    subject.require("constraint_follows_its_laws")
    constraint, prompt = subject.constraints[0]
    if len(prompt.example.steps):
        raise CheckSkipped("the prompt of the default request has steps")
    name, allowed, valid, first_reason = constraint_name(constraint), list[int](), 0, ""
    for number, example in enumerate(subject.examples):
        reason = _rejection(subject, constraint, example)
        allowed += [] if reason else [number]
        if isinstance(subject.plugin, Checks):
            with subject.calling("violations", subject.sample_name(number)):
                violations = list(subject.plugin.violations(subject.codec.canonical(subject.pieces[number])))
            valid += not violations
            if reason and not violations and is_fitted(number):
                problem = f"finds no violation in {subject.sample_name(number)}, which {name} rejects: {reason}"
                raise subject.failure("violations", problem)
        first_reason = first_reason or (f"; {subject.sample_name(number)}: {reason}" if reason else "")
    if not allowed:
        raise subject.failure("allowed", f"rejects every sample{first_reason}", owner=constraint)
    note = f", {valid} have no violations" if isinstance(subject.plugin, Checks) else ""
    note += check_labelled_tasks(subject, allowed, _rejection)
    return f"{len(allowed)} of {len(subject.examples)} samples are allowed{note}{first_reason}"


def allowed_steps_decode(subject: Subject) -> str:
    """All steps that the constraint allows, from the first step to an end, decode to a piece.

    `violations` finds nothing in at least half of the random walks; a rule of taste may be broken by some of them. A
    constraint whose `follows_rules` is False may break all of them.
    """
    pieces = random_pieces(subject)
    violations = [text for number, piece in enumerate(pieces, 1) if (text := walk_violation(subject, piece, number))]
    if subject.constraints[0][0].follows_rules and 2 * len(violations) > len(pieces):
        problem = f"allows what `violations` forbids in {len(violations)} of {len(pieces)} walks: {violations[0]}"
        raise subject.failure("allowed", problem, owner=subject.constraints[0][0])
    note = f"; {len(violations)} have violations, such as: {violations[0]}" if violations else ""
    return f"{len(pieces)} random walks{note}"


def random_pieces(subject: Subject) -> list[Piece[Any]]:
    """Return the pieces of random walks of growing length under the first constraint.

    Raises:
        CheckFailed: If one does not decode.
    """
    subject.require("constraint_follows_its_laws")
    rng, (_, prompt) = subject.rng("walks"), subject.constraints[0]
    return [random_piece(subject, prompt, rng, 1 + 8 * number) for number in range(WALKS)]


def _choices(subject: Subject, constraint: Constraint, state: Hashable) -> np.ndarray:
    """Return the steps that are allowed in a state; two calls must return the same mask."""
    mask = constraint.allowed(state)
    if not np.array_equal(mask, constraint.allowed(state)):
        raise subject.failure("allowed", "returns two masks for one state", "the same", owner=constraint)
    key = constraint.mask_key(state)
    known = subject.masks.setdefault((id(constraint), key), (mask, constraint.may_end(state)))
    if not np.array_equal(known[0], mask) or known[1] != constraint.may_end(state):
        problem = "is the same for two states with different masks"
        raise subject.failure("mask_key", problem, "a key per mask", owner=constraint)
    return np.flatnonzero(mask)


def _next_state(subject: Subject, constraint: Constraint, state: Hashable, step: int) -> Hashable:
    """Return the state after a step; two calls must return the same hashable state."""
    states = constraint.advance(state, step), constraint.advance(state, step)
    try:
        hashes = [hash(following) for following in states]
    except TypeError as error:
        problem = f"returns {type(states[0]).__name__}"
        rule = "a hashable state: masks are cached by it"
        raise subject.failure("advance", problem, rule, owner=constraint) from error
    if hashes[0] != hashes[1] or states[0] != states[1]:
        raise subject.failure("advance", "returns two states for one step", "the same", owner=constraint)
    if (numbers := constraint.state_numbers()) is not None:
        (number,) = numbers.advance(np.array([numbers.number(state)]), np.array([step])).tolist()
        if numbers.state(number) != states[0]:
            problem = "returns numbers that advance to another state"
            raise subject.failure("state_numbers", problem, "the state that `advance` returns", owner=constraint)
    return states[0]


def _distance(subject: Subject, constraint: Constraint, state: Hashable, choices: np.ndarray) -> int:
    """Return `to_end` of a state, which must agree with `may_end`; without an end, a step must be allowed."""
    may_end, distance = constraint.may_end(state), constraint.to_end(state)
    if not may_end and not len(choices):
        problem = "allows no step in a state that allowed steps reach, and may_end is False"
        raise subject.failure("allowed", problem, owner=constraint)
    if distance < 0 or (distance == 0) != bool(may_end):
        problem = f"returns {distance} where may_end is {may_end}"
        raise subject.failure("to_end", problem, "0 where the piece may end, and only there", owner=constraint)
    return distance


def _rejection(subject: Subject, constraint: Constraint, example: Example) -> str:
    """Return why a constraint rejects a piece, "" if it allows it."""
    with subject.calling("advance", "the steps of a sample", owner=constraint):
        state: Any = constraint.start()
        guide = guide_of(subject, constraint)
        for number, step in enumerate(example.steps if guide.vectors else example.steps.tolist()):
            if not guide.allows(state, step):
                vocabulary = getattr(subject.codec, "vocabulary", None)
                token = f" ({vocabulary[step]!r})" if vocabulary else f" ({step.tolist()})" if guide.vectors else ""
                return f"step {number + 1}{token} is forbidden"
            state = constraint.advance(state, step)
        return "" if constraint.may_end(state) else "the piece may not end after its last step"
