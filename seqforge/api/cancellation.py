"""Cancellation of a generation: an engine that stops at the next step once an event is set."""

import copy
import threading
from collections.abc import Callable
from typing import Any

from seqforge.inference import StepEngine

__all__ = ["Cancelled", "cancellable"]


class Cancelled(Exception):  # noqa: N818 - it is no error: `Generation.run` ends quietly
    """The event was set. No caller of `Generation.run` meets it."""


def cancellable(engine: StepEngine, event: threading.Event) -> StepEngine:
    """Return an engine that raises `Cancelled` instead of the next step once an event is set.

    Sampling, resampling and beam search all step the engine, so each of them can be cancelled.

    Args:
        engine: The engine or ensemble, which is not changed.
        event: The event.
    """
    result = copy.copy(engine)
    vars(result).update(begin_all=_checked(engine.begin_all, event), step=_checked(engine.step, event))
    return result


def _checked(method: Callable[..., Any], event: threading.Event) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if event.is_set():
            raise Cancelled
        return method(*arguments)

    return call
