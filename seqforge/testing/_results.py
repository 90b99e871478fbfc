"""Checks, their results, and the report of all results."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seqforge.errors import ContractError

Outcome = Literal["passed", "failed", "skipped", "known failure"]
ADVICE = "; run `seqforge plugins check"
"""The beginning of the advice with which a ContractError ends; a report of the kit does not repeat it."""


class CheckFailed(AssertionError):  # noqa: N818 - a result, like pytest's own
    """The plugin breaks the rule of a check; the message names the method and the sample."""


class CheckSkipped(Exception):  # noqa: N818 - not an error
    """A check does not apply; the message gives the reason."""


@dataclass(frozen=True)
class Check:
    """One rule of the contract.

    >>> from seqforge.testing import CHECKS
    >>> CHECKS["round_trip"].name
    'round_trip'

    Attributes:
        name: The name in `known`, `only` and on the command line.
        rule: The rule, one sentence.
        function: Takes a `Subject`; raises CheckFailed or CheckSkipped, or returns a summary or None.
    """

    name: str
    rule: str
    function: Callable[[Any], str | None]


@dataclass(frozen=True)
class Result:
    """The result of one check.

    >>> Result("round_trip", "passed").outcome
    'passed'

    Attributes:
        check: The name of the check.
        outcome: "passed", "failed", "skipped", or "known failure" if the caller expected the failure.
        message: The reason of a failure or skip, or a summary; may be empty.
    """

    check: str
    outcome: Outcome
    message: str = ""


@dataclass(frozen=True)
class Report:
    """The results of all checks of one plugin.

    >>> report = Report("chess", "seqforge-chess 1.0", "3 of 3 files", (Result("round_trip", "passed"),))
    >>> report.ok
    True

    Attributes:
        plugin: The name of the plugin.
        distribution: Name and version of the plugin's distribution.
        samples: The files and options that the plugin was checked with, in words.
        results: One result per check, in order.
    """

    plugin: str
    distribution: str
    samples: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The failures, without the known ones."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def ok(self) -> bool:
        """Whether there are no failures, except known ones."""
        return not self.failed

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {"ok": self.ok, **dataclasses.asdict(self), "results": [dataclasses.asdict(r) for r in self.results]}


def run_check(check: Check, subject: Any) -> Result:
    """Run a check in this process and return its result; the subject remembers a failure for later checks."""
    try:
        return Result(check.name, "passed", check.function(subject) or "")
    except CheckSkipped as reason:
        return Result(check.name, "skipped", str(reason))
    except CheckFailed as error:
        message = str(error)
    except ContractError as error:
        message = without_advice(error)
    except Exception as error:
        message = f"{subject.owner_text} raises {type(error).__name__}: {error}{subject.place(error)}"
    subject.mark_failed([check.name])
    return Result(check.name, "failed", message)


def without_advice(error: ContractError) -> str:
    """Return the message of an error without the advice to run the checks."""
    return str(error).partition(ADVICE)[0]


def apply_known(result: Result, known: Mapping[str, str]) -> Result:
    """Return a result after comparison with the known failures: check name to reason."""
    reason = known.get(result.check)
    if reason is None or result.outcome == "skipped":
        return result
    if result.outcome == "failed":
        return Result(result.check, "known failure", f"{reason} ({result.message})")
    return Result(result.check, "failed", f"it passes now; remove it from the known failures ({reason})")
