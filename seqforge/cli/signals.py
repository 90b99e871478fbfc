"""Ctrl-C and SIGTERM make a training save and stop; a second signal, or one before it starts, stops at once."""

import signal
from types import FrameType
from typing import Any


class Signals:
    """A context in which the first signal is only recorded, once there is something to save.

    Attributes:
        can_save: Whether there is something to save.
        code: The exit code for the signal (130 for SIGINT, 143 for SIGTERM), None before any signal.
    """

    CODES = ((signal.SIGINT, 130), (signal.SIGTERM, 143))

    def __init__(self) -> None:
        self.code: int | None = None
        self.can_save = False

    def __enter__(self) -> "Signals":
        self._handlers = {number: signal.signal(number, self._record) for number, _ in self.CODES}
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.code is not None

    def _record(self, number: int, frame: FrameType | None) -> None:
        repeated, self.code = self.code is not None, dict(self.CODES)[signal.Signals(number)]
        if repeated or not self.can_save:
            raise KeyboardInterrupt
