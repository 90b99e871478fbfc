"""What a training run looks like: a bar where there is a terminal, plain lines where there is none."""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from seqforge.cli.console import count, say
from seqforge.dataset import SIDES
from seqforge.errors import listing
from seqforge.api import SampleWritten, RunStarted
from seqforge.training import Ended, DecayScheduled, Progress, Validated

LINE_EVERY = 10.0


def in_order(pieces: dict[str, int]) -> list[tuple[str, int]]:
    """Return the sides with their numbers of pieces, train first."""
    return [(side, pieces[side]) for side in SIDES]


class Reporter:
    """Prints the events of a run.

    Args:
        quiet: print nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.folder = quiet, Path()
        self.unit = "unit"
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        self._last_line = 0.0
        self._best: float | None = None
        self._ended: Ended | None = None
        self._plugin = ""

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def tell(self, text: str) -> None:
        """Say what is being prepared."""
        if not self.quiet:
            say(f"{text} ...")

    def __call__(self, event: Any) -> None:
        """Print one event."""
        if self.quiet:
            if isinstance(event, RunStarted):
                self.folder = event.folder
            return
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Validated):
            if event.nats_per_unit is not None:
                mark = " (best so far: saved)" if event.best else ""
                self._best = event.nats_per_unit if event.best else self._best
                self._line(f"step {event.t}: valid {event.nats_per_unit:.4f} nats per {self.unit}{mark}")
        elif isinstance(event, DecayScheduled):
            self._line(f"step {event.t}: {event.reason}; the rate falls until step {event.last}, the run's last")
        elif isinstance(event, SampleWritten):
            shown = event.text if len(event.text) <= 400 else event.text[:400] + " ..."
            self._line(f"--- {event.path}" + (f"\n{shown}\n---" if shown else ""))
        elif isinstance(event, Ended):
            self._ended = event

    def close(self, *, interrupted: bool) -> None:
        """Say how it ended, and what to do next."""
        if self.quiet or self._ended is None:
            return
        at = f"{count(self._ended.t, 'step')}, {self._ended.minutes:.1f} minutes"
        if not self._ended.finished:
            verb = "interrupted" if interrupted else "stopped"
            say(f"{verb} after {at}; everything is saved. To go on:")
            say(f"  seqforge train --plugin {self._plugin} --resume {shlex.quote(str(self.folder))}")
            return
        best = "" if self._best is None else f"; best valid loss {self._best:.4f} nats per {self.unit}"
        say(f"done after {at}{best}")
        model = self.folder / "model.safetensors"
        say(f"  seqforge generate --model {shlex.quote(str(model))}")

    def _start(self, event: RunStarted) -> None:
        report, self.folder, self.unit = event.report, event.folder, event.unit
        self._plugin = event.plugin
        pieces = ", ".join(f"{number:,} {side}" for side, number in in_order(report["pieces"]))
        say(f"{count(report['files'], 'file')}; pieces: {pieces}")
        for remark in report["remarks"]:
            say(f"note: {remark}")
        if report["skipped"]:
            say(f"skipped, {report['skipped']:,} in all:")
            for reason in report["reasons"][:10]:
                say(f"  {reason}")
            if report["skipped"] > 10:
                say(f"  ... and {report['skipped'] - 10:,} more, which {self.folder / 'skipped.txt'} lists")
        if report["unseen_total"]:
            first = [
                f"{what if len(what) > 2 else repr(what)} {number:,}x" for what, number in report["unseen"].items()
            ]
            say(f"not kept by the encoding: {listing(first, most=8)}")
        s = event.settings
        say(
            f"{s.cell} {s.layers} x {s.hidden}, {event.parameters:,} parameters, {s.precision} on {s.device};"
            f" writing to {self.folder}"
        )
        if event.resumed_at:
            say(f"going on after step {event.resumed_at}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                TextColumn("{task.fields[told]}"), console=self._console,
            )  # fmt: skip
            self._task = self._bar.add_task("training", total=1.0, told="")
            self._bar.start()

    def _progress(self, event: Progress) -> None:
        left = event.minutes_left
        time_left = "" if left is None else f", {left:.1f} min left"
        told = (
            f"{event.nats_per_unit:.3f} nats per {self.unit}, {event.units_per_second:,.0f} {self.unit}s/s{time_left}"
        )
        if self._bar is not None:
            done = event.t / event.last if event.last else event.minutes / max(1e-9, event.minutes + (left or 0.0))
            self._bar.update(self._task, completed=done, told=told)
        elif time.monotonic() - self._last_line >= LINE_EVERY or event.t == event.last:
            self._last_line = time.monotonic()
            say(f"step {event.t}" + (f"/{event.last}" if event.last else "") + f": {told}")

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)
        sys.stderr.flush()
