"""Ctrl-C and SIGTERM ask a training run to save and leave; a second one, or one before it runs, leaves at once."""

import signal
from types import FrameType
from typing import Any


class Signals:
    """A context in which the first signal is only noted, once there is something to save.

    Attributes:
        gentle: whether there is.
        code: the exit code that the signal asks for (130 interrupted, 143 ended), None while there was none.
    """

    CODES = ((signal.SIGINT, 130), (signal.SIGTERM, 143))

    def __init__(self) -> None:
        self.code: int | None = None
        self.gentle = False

    def __enter__(self) -> "Signals":
        self._before = {number: signal.signal(number, self._note) for number, _ in self.CODES}
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.code is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.code = self.code is not None, dict(self.CODES)[signal.Signals(number)]
        if again or not self.gentle:
            raise KeyboardInterrupt
