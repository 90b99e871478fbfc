"""What a check found out, and the report of them all."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "skipped", "known failure"]


class CheckFailed(AssertionError):  # noqa: N818 - a result, as pytest's own
    """The plugin breaks the rule of a check; the message says where, and what the rule is."""


class Skip(Exception):  # noqa: N818 - no error
    """A check does not apply; the message says why."""


@dataclass(frozen=True)
class Check:
    """One rule of the contract.

    Attributes:
        name: as in `known` and on the command line.
        rule: one sentence: the first of the function's docstring.
        function: takes a `Subject`; raises CheckFailed or Skip, or returns what is worth telling.
    """

    name: str
    rule: str
    function: Callable[[Any], str | None]


@dataclass(frozen=True)
class Result:
    """What one check found.

    Attributes:
        check: its name.
        outcome: passed, failed, skipped, or known failure (the caller has named it, with a reason).
        message: what went wrong, or what is worth knowing; may be empty.
    """

    check: str
    outcome: Outcome
    message: str = ""


@dataclass(frozen=True)
class Report:
    """What all checks of one plugin found.

    Attributes:
        plugin: its name.
        distribution: name and version of its package.
        samples: what it was tried on, in words.
        results: one of each check, in order.
    """

    plugin: str
    distribution: str
    samples: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that are failures and were not named beforehand."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def ok(self) -> bool:
        """Whether nothing failed but what was named beforehand."""
        return not self.failed

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {"ok": self.ok, **dataclasses.asdict(self), "results": [dataclasses.asdict(r) for r in self.results]}


def run_check(check: Check, subject: Any) -> Result:
    """Return what a check finds of a subject, in this process; a failure is noted there, for the checks to come."""
    try:
        return Result(check.name, "passed", check.function(subject) or "")
    except Skip as reason:
        return Result(check.name, "skipped", str(reason))
    except Exception as error:
        told = str(error)
        if not isinstance(error, CheckFailed):
            told = f"{subject.entry.distribution} raises {type(error).__name__}: {told}{subject.place(error)}"
    subject.lost([check.name])
    return Result(check.name, "failed", told)


def judged(result: Result, known: dict[str, str]) -> Result:
    """Return a result in the light of the failures that the caller expects."""
    reason = known.get(result.check)
    if reason is None or result.outcome == "skipped":
        return result
    if result.outcome == "failed":
        return Result(result.check, "known failure", f"{reason} ({result.message})")
    return Result(result.check, "failed", f"it passes now; take it off the known failures ({reason})")
