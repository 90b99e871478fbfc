"""Signals make a training save and stop; a second signal, or one before it starts, stops at once."""

import signal
from types import FrameType
from typing import Any

CODES = {
    getattr(signal, name): code
    for name, code in {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGQUIT": 131}.items()
    if hasattr(signal, name)
}
"""The exit code of each signal that this system has."""
HANGUP_CODE = 129


class Signals:
    """A context in which the first signal is only recorded, once there is something to save.

    SIGHUP stays ignored where it is ignored, as under nohup. A terminal that closes may send it twice, so a repeated
    SIGHUP does not interrupt the saving.

    Attributes:
        can_save: Whether there is something to save.
        code: The exit code for the signal (130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP, 131 for SIGQUIT), None
            before any signal.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.can_save = False

    def __enter__(self) -> "Signals":
        self._handlers = {
            number: signal.signal(number, self._record)
            for number, code in CODES.items()
            if code != HANGUP_CODE or signal.getsignal(number) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.code is not None

    def _record(self, number: int, frame: FrameType | None) -> None:
        code, repeated = CODES[signal.Signals(number)], self.code is not None
        if repeated and code == HANGUP_CODE:
            return
        self.code = code
        if repeated or not self.can_save:
            raise KeyboardInterrupt
