"""The progress of a training in Python: a bar in a notebook, lines elsewhere."""

import logging
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any

from seqforge.training import DecayScheduled, Diagnosed, Ended, Progress, Validated

__all__ = ["TrainingProgress", "in_notebook", "observers"]

LINE_INTERVAL_S = 10.0
BAR_INTERVAL_S = 1.0


def in_notebook() -> bool:
    """Return whether this process is the kernel of a Jupyter notebook."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def observers(
    on_event: Callable[[Any], Any], on_message: Callable[[str], None], *, progress: bool | None, unit: str
) -> tuple[Callable[[Any], None], Callable[[str], None]]:
    """Return functions that log events and messages, show the progress, and call the user's functions.

    Args:
        on_event: The user's function for events.
        on_message: The user's function for the stages of the preparation.
        progress: Whether to show the progress; None shows it in a notebook.
        unit: The natural unit of the domain.
    """
    logger = logging.getLogger("seqforge")
    show = TrainingProgress(unit) if progress or (progress is None and in_notebook()) else None

    def handle_event(event: Any) -> None:
        if isinstance(event, Validated) and event.nats_per_unit is not None:
            logger.info("step %d: valid loss %.4f nats per %s", event.t, event.nats_per_unit, unit)
        elif isinstance(event, Diagnosed):
            logger.warning("step %d: %s", event.t, event.message)
        if show is not None:
            show(event)
        on_event(event)

    def handle_message(text: str) -> None:
        logger.info("%s", text)
        on_message(text)

    return handle_event, handle_message


class TrainingProgress:
    """Shows the events of a training: in a notebook as a bar that changes in place, elsewhere as lines on stderr.

    Example:
        progress = TrainingProgress(unit="character")
        for event in trainer.run():
            progress(event)

    Args:
        unit: The natural unit of the domain.
    """

    def __init__(self, unit: str = "unit") -> None:
        self.unit = unit
        self._handle: Any = None
        self._last = -LINE_INTERVAL_S
        self._share, self._status, self._valid = 0.0, "", ""

    def __call__(self, event: Any) -> None:
        """Show an event; events of other kinds are ignored."""
        if isinstance(event, Progress):
            left = event.minutes_left
            total = event.minutes + (left or 0.0)
            self._share = event.t / event.last if event.last else event.minutes / total if total else 0.0
            time_left = "" if left is None else f", {left:.1f} min left"
            self._status = f"step {event.t}: {event.nats_per_unit:.3f} nats per {self.unit}{time_left}"
            self._show(final=event.t == event.last)
        elif isinstance(event, Validated) and event.nats_per_unit is not None:
            best = " (best so far)" if event.best else ""
            self._valid = f"valid loss {event.nats_per_unit:.4f} nats per {self.unit}{best}"
            self._show(final=True)
        elif isinstance(event, DecayScheduled):
            self._status = f"step {event.t}: the learning rate decays until step {event.last}"
            self._show(final=True)
        elif isinstance(event, Ended):
            self._share = 1.0 if event.finished else self._share
            verb = "done" if event.finished else "stopped"
            self._status = f"{verb} after step {event.t}, {event.minutes:.1f} minutes"
            self._show(final=True)

    def html(self) -> str:
        """Return the bar as HTML."""
        text = escape("; ".join(part for part in (self._status, self._valid) if part))
        bar = f'<progress value="{min(1.0, self._share):.4f}" max="1" style="width: 20em"></progress>'
        return f"<div>{bar} {text}</div>"

    def _show(self, *, final: bool) -> None:
        now = time.monotonic()
        notebook = in_notebook()
        if not final and now - self._last < (BAR_INTERVAL_S if notebook else LINE_INTERVAL_S):
            return
        self._last = now
        if not notebook:
            sys.stderr.write("; ".join(part for part in (self._status, self._valid) if part) + "\n")
            return
        display = sys.modules["IPython.display"]
        if self._handle is None:
            self._handle = display.display(display.HTML(self.html()), display_id=True)
        else:
            self._handle.update(display.HTML(self.html()))
