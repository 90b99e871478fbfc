"""Tasks of requests with labels: the constraint for some labels must allow the pieces that have them."""

from collections.abc import Callable, Mapping, Sequence

from seqforge.core.sequences import Constraint, Example
from seqforge.plugin import Codec
from seqforge.plugin.validation import validate_task
from seqforge.testing._subject import Subject

MAX_LABELS = 6
"""The number of different labels that are requested."""


def check_labelled_tasks(
    subject: Subject, numbers: Sequence[int], reject: Callable[[Subject, Constraint, Example], str]
) -> str:
    """Check that `labelled_task` allows samples with their own labels, and return what was checked.

    Args:
        subject: The plugin under test.
        numbers: The numbers of the samples without violations.
        reject: A function that returns why a constraint rejects a piece; "" if it allows it.

    Raises:
        CheckFailed: If it rejects one.
    """
    if type(subject.codec).labelled_task is Codec.labelled_task:
        return ""
    constraints: dict[tuple[tuple[str, str], ...], Constraint | None] = {}
    for number in numbers:
        example = subject.examples[number]
        key = tuple(sorted(example.labels.items()))
        if not key or (key not in constraints and len(constraints) >= MAX_LABELS):
            continue
        if key not in constraints:
            constraints[key] = _constraint(subject, dict(key))
        constraint = constraints[key]
        reason = reject(subject, constraint, example) if constraint else ""
        if reason:
            words = ", ".join(f"{name}={value}" for name, value in key)
            problem = f"for {words} forbids {subject.sample_name(number)}, which has these labels: {reason}"
            raise subject.failure("labelled_task", problem)
    return f"; {len(constraints)} different labels are requested" if constraints else ""


def _constraint(subject: Subject, labels: Mapping[str, str]) -> Constraint | None:
    """Return the constraint for labels; None if its prompt has steps, after which a sample need not continue."""
    with subject.calling("labelled_task", f"the labels {labels}"):
        task = subject.codec.labelled_task(subject.requests[0], labels)
        prompt = validate_task(subject.plugin, subject.codec, task).prompts[0]
    return None if len(prompt.example.steps) else prompt.constraint
