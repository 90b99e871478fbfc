"""The duration of a run over all its sessions. No torch."""

import time


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
