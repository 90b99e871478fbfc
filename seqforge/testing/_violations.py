"""The domain's own rules, asked of every piece that the plugin makes: `violations` must find nothing there."""

from typing import Any

from seqforge.plugin import Checks, Piece
from seqforge.testing._subject import Subject

__all__ = ["check_violations", "is_valid_sample", "walk_violation"]


def is_valid_sample(subject: Subject, number: int) -> bool:
    """Return whether `violations` finds nothing in the canonical form of a sample; True if the plugin has no rules."""
    if not isinstance(subject.plugin, Checks):
        return True
    with subject.calling("violations", subject.sample_name(number)):
        return not list(subject.plugin.violations(subject.codec.canonical(subject.pieces[number])))


def check_violations(subject: Subject, piece: Piece[Any], origin: str, *, method: str) -> None:
    """Check that `violations` finds nothing in a piece that came from a valid one, or from allowed steps.

    Args:
        subject: The plugin under test.
        piece: The piece.
        origin: Where the piece comes from, in words.
        method: The method that made the piece.

    Raises:
        CheckFailed: If it finds a violation; the message names the method.
    """
    if not isinstance(subject.plugin, Checks):
        return
    with subject.calling("violations", origin):
        violations = list(subject.plugin.violations(piece))
    if violations:
        problem = f"leads to a piece in which `violations` finds: {violations[0]} ({origin})"
        raise subject.failure(method, problem)


def walk_violation(subject: Subject, piece: Piece[Any], number: int) -> str:
    """Return the first violation in the piece of a random walk, with the number of the walk; "" if there is none."""
    if not isinstance(subject.plugin, Checks):
        return ""
    with subject.calling("violations", f"the piece of walk {number}"):
        violations = list(subject.plugin.violations(piece))
    return f"{violations[0]} (walk {number})" if violations else ""
