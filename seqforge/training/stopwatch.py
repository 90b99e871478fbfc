"""The duration of a run over all its sessions, and what its time is spent on. No torch."""

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

Phase = Literal["validation", "saving", "samples"]
PHASES: tuple[Phase, ...] = ("validation", "saving", "samples")
"""What a session spends time on beside its steps."""


class Stopwatch:
    """The duration of a run.

    >>> Stopwatch(10.0).seconds() >= 10.0
    True

    Args:
        seconds_before: Duration of earlier sessions.
    """

    def __init__(self, seconds_before: float) -> None:
        self._seconds_before, self._started = seconds_before, time.monotonic()

    def session_seconds(self) -> float:
        """Return the duration of this session."""
        return time.monotonic() - self._started

    def seconds(self) -> float:
        """Return the duration of all sessions."""
        return self._seconds_before + self.session_seconds()


class PhaseClock:
    """The time that the phases of a session take. Processor time does not depend on other work on the machine.

    >>> clock = PhaseClock()
    >>> with clock("saving"):
    ...     data = bytes(1000)
    >>> sorted(clock.shares())
    ['samples', 'saving', 'validation']
    """

    def __init__(self) -> None:
        self._started = _times()
        self._times = dict.fromkeys(PHASES, (0.0, 0.0))
        self._longest = dict.fromkeys(PHASES, 0.0)

    @contextlib.contextmanager
    def __call__(self, phase: Phase) -> Iterator[None]:
        """Count the time of a `with` block."""
        before = _times()
        try:
            yield
        finally:
            wall, processor = (after - start for after, start in zip(_times(), before, strict=True))
            self._times[phase] = (self._times[phase][0] + wall, self._times[phase][1] + processor)
            self._longest[phase] = max(self._longest[phase], wall)

    def longest(self, phase: Phase) -> float:
        """Return the seconds of the longest block of a phase."""
        return self._longest[phase]

    def processor_seconds(self, phase: Phase) -> float:
        """Return the processor time of a phase."""
        return self._times[phase][1]

    def shares(self) -> dict[str, float]:
        """Return the share of each phase in the processor time of the session, from 0 to 1."""
        total = max(1e-9, _times()[1] - self._started[1])
        return {phase: processor / total for phase, (_, processor) in self._times.items()}


def _times() -> tuple[float, float]:
    """Return the seconds and the processor seconds of all threads."""
    return time.monotonic(), time.process_time()
