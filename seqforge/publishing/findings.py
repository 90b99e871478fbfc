"""What is wrong with a wheel, one sentence per fault."""

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = ["Finding", "WheelReport"]


@dataclass(frozen=True)
class Finding:
    """A fault of a wheel.

    >>> Finding("licence_is_stated", "METADATA", "the licence is missing").rule
    'licence_is_stated'

    Attributes:
        rule: The name of the rule that the wheel breaks.
        place: The file of the wheel, or the field of its metadata.
        message: One sentence: what is wrong, what is allowed, and what to do.
    """

    rule: str
    place: str
    message: str


@dataclass(frozen=True)
class WheelReport:
    """The result of the check of a wheel.

    >>> WheelReport("seqforge_chess-1.0-py3-none-any.whl", 4096, ("licence_is_stated",), ()).ok
    True

    Attributes:
        wheel: The name of the file.
        size: Its size in bytes.
        rules: The names of the rules, in order.
        faults: The faults, in the order of the rules.
    """

    wheel: str
    size: int
    rules: tuple[str, ...]
    faults: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def of(self, rule: str) -> tuple[Finding, ...]:
        """Return the faults of one rule."""
        return tuple(fault for fault in self.faults if fault.rule == rule)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {"ok": self.ok, **dataclasses.asdict(self)}
