"""The progress of a training: a bar on a terminal, plain lines elsewhere."""

import contextlib
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from seqforge.api.run_writer import SampleWritten
from seqforge.api.train import RunStarted
from seqforge.cli.console import count, escape, message, with_flags
from seqforge.dataset import SPLITS
from seqforge.errors import listing
from seqforge.training import DecayScheduled, Diagnosed, Ended, Estimated, Progress, Validated

LINE_INTERVAL_S = 10.0
MAX_SAMPLE_TEXT = 400
MAX_REASONS = 10


def in_split_order(pieces: dict[str, int]) -> list[tuple[str, int]]:
    """Return the splits with their numbers of pieces, train first."""
    return [(split, pieces[split]) for split in SPLITS]


class Reporter:
    """Prints the events of a run.

    Args:
        quiet: Whether to print nothing.
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
            with contextlib.suppress(OSError):  # the terminal may be closed
                self._bar.stop()
            self._bar = None

    def on_message(self, text: str) -> None:
        """Print a stage of the preparation."""
        if not self.quiet:
            message(with_flags(text) if text.startswith("note: ") else f"{text} ...")

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
                mark = " (best so far, saved)" if event.best else ""
                mark = f" on a sample{mark}" if event.sample else mark
                self._best = event.nats_per_unit if event.best else self._best
                self._line(f"step {event.t}: valid loss {event.nats_per_unit:.4f} nats per {self.unit}{mark}")
        elif isinstance(event, DecayScheduled):
            self._line(f"step {event.t}: {event.reason}; the learning rate decays until the last step, {event.last}")
        elif isinstance(event, Diagnosed):
            self._line(f"note: {with_flags(event.message)}")
        elif isinstance(event, Estimated):
            after = f"{event.amount:g} minutes" if event.budget == "minutes" else count(int(event.amount), "step")
            self._line(
                f"step {event.t}: at this rate about {event.nats_per_unit:.2f} nats per {self.unit} after {after}"
            )
        elif isinstance(event, SampleWritten):
            long = len(event.text) > MAX_SAMPLE_TEXT
            text = event.text[:MAX_SAMPLE_TEXT] + " ..." if long else event.text
            self._line(f"--- {escape(str(event.path))}" + (f"\n{text}\n---" if text else ""))
        elif isinstance(event, Ended):
            self._ended = event

    def close(self, *, interrupted: bool) -> None:
        """Print how the run ended, and the next command."""
        if self.quiet or self._ended is None:
            return
        after = f"{count(self._ended.t, 'step')}, {self._ended.minutes:.1f} minutes"
        if not self._ended.finished:
            verb = "interrupted" if interrupted else "stopped"
            message(f"{verb} after {after}; everything is saved. To continue:")
            message(f"  seqforge train --plugin {self._plugin} --resume {shlex.quote(str(self.folder))}")
            return
        best = "" if self._best is None else f"; best valid loss {self._best:.4f} nats per {self.unit}"
        message(f"done after {after}{best}")
        shares = ", ".join(f"{phase} {100 * share:.0f} %" for phase, share in self._ended.shares.items())
        if shares:
            message(f"time beside the steps: {shares}")
        model = self.folder / "model.safetensors"
        message(f"  seqforge generate --model {shlex.quote(str(model))}")

    def _start(self, event: RunStarted) -> None:
        report, self.folder, self.unit = event.report, event.folder, event.unit
        self._plugin = event.plugin
        pieces = ", ".join(f"{number:,} {split}" for split, number in in_split_order(report["pieces"]))
        message(f"{count(report['files'], 'file')}; pieces: {pieces}")
        for remark in report["remarks"]:
            message(f"note: {remark}")
        if report["skipped"]:
            message(f"skipped {report['skipped']:,}:")
            for reason in report["reasons"][:MAX_REASONS]:
                message(f"  {reason}")
            if report["skipped"] > MAX_REASONS:
                message(f"  ... and {report['skipped'] - MAX_REASONS:,} more, listed in {self.folder / 'skipped.txt'}")
        if report["dropped_total"]:
            items = [
                f"{name if len(name) > 2 else repr(name)} {number:,}x" for name, number in report["dropped"].items()
            ]
            message(f"dropped by the encoding: {listing(items, most=8)}")
        training = event.training
        message(
            f"{training.cell} {training.layers} x {training.hidden}, {event.parameters:,} parameters,"
            f" {training.precision} on {training.device}, {count(training.threads or 1, 'thread')};"
            f" writing to {self.folder}"
        )
        if event.resumed_at:
            message(f"resuming after step {event.resumed_at}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                TextColumn("{task.fields[status]}", markup=False), console=self._console,
            )  # fmt: skip
            self._task = self._bar.add_task("training", total=1.0, status="")
            self._bar.start()

    def _progress(self, event: Progress) -> None:
        left = event.minutes_left
        time_left = "" if left is None else f", {left:.1f} min left"
        rate = f"{event.units_per_second:,.0f} {self.unit}s/s"
        status = f"{event.nats_per_unit:.3f} nats per {self.unit}, {rate}{time_left}"
        if self._bar is not None:
            done = event.t / event.last if event.last else event.minutes / max(1e-9, event.minutes + (left or 0.0))
            self._bar.update(self._task, completed=done, status=escape(status))
        elif time.monotonic() - self._last_line >= LINE_INTERVAL_S or event.t == event.last:
            self._last_line = time.monotonic()
            message(f"step {event.t}" + (f"/{event.last}" if event.last else "") + f": {status}")

    def _line(self, text: str) -> None:
        """Print a text of one or more lines above the bar, with control characters escaped."""
        if self._bar is not None:
            self._bar.console.print(escape(text, keep="\n\t"), markup=False, highlight=False)
        else:
            for line in text.split("\n"):
                message(line)
        sys.stderr.flush()
