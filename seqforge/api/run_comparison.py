"""Runs beside each other: the settings in which they differ, and what each reached. No torch."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.api.curves import read_metrics
from seqforge.api.runs import Run
from seqforge.errors import RunError

__all__ = ["Measurement", "RunSummary", "compare_runs", "existing_run", "summarise_run"]

RECORDED = ("content", "data", "decay_steps", "started")
"""What config.toml records that is no setting."""


@dataclass(frozen=True)
class Measurement:
    """A loss of a run at one moment.

    Attributes:
        step: Number of steps taken.
        minutes: Duration of the run until then.
        nats_per_unit: The loss.
    """

    step: int
    minutes: float
    nats_per_unit: float


@dataclass(frozen=True)
class RunSummary:
    """What a run was set to and what it reached.

    Example:
        summary = summarise_run(Run("runs/abc/0001"))
        print(summary.best.nats_per_unit if summary.best else "no validation yet")

    Attributes:
        run: The run.
        settings: Values of config.toml by name; those of its tables `training` and `options` at the same level.
        train: The training losses, in the order of steps.
        valid: The losses on the valid split, in the order of steps.
        rates: The learning rates by step.
        finished: Whether the run has used up its budget.
    """

    run: Run
    settings: Mapping[str, Any]
    train: Sequence[Measurement]
    valid: Sequence[Measurement]
    rates: Sequence[tuple[int, float]]
    finished: bool

    @property
    def best(self) -> Measurement | None:
        """The lowest loss on the valid split, None before the first validation."""
        return min(self.valid, key=lambda point: point.nats_per_unit, default=None)

    @property
    def last(self) -> Measurement | None:
        """The newest loss, of either split."""
        newest = [points[-1] for points in (self.train, self.valid) if points]
        return max(newest, key=lambda point: point.step, default=None)

    def best_within(self, minutes: float) -> Measurement | None:
        """Return the lowest loss on the valid split within a duration, None if there is none yet."""
        points = [point for point in self.valid if point.minutes <= minutes]
        return min(points, key=lambda point: point.nats_per_unit, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain JSON."""
        best, last = self.best, self.last
        return {
            "run": str(self.run.folder),
            "finished": self.finished,
            "steps": last.step if last else 0,
            "minutes": last.minutes if last else 0.0,
            "best_valid_nats_per_unit": best.nats_per_unit if best else None,
            "best_step": best.step if best else None,
            "settings": dict(self.settings),
        }


def existing_run(folder: str | Path) -> Run:
    """Return the run of a folder.

    Raises:
        RunError: If the folder contains no metrics.
    """
    run = Run(folder)
    if not run.metrics.is_file():
        raise RunError(f"{folder} is no run: it contains no {run.metrics.name}; name the folder of a training")
    return run


def summarise_run(run: Run) -> RunSummary:
    """Return what a run was set to and what it reached; values that cannot be read are left out."""
    events = read_metrics(run.metrics)
    rates = [
        (point.step, float(event["rate"]))
        for event, point in ((event, _measurement(event)) for event in events if event.get("event") == "train")
        if point is not None and _is_number(event.get("rate"))
    ]
    return RunSummary(
        run=run,
        settings=_settings(run),
        train=_measurements(events, "train"),
        valid=_measurements(events, "valid"),
        rates=rates,
        finished=any(event.get("event") == "end" and event.get("finished") is True for event in events),
    )


def compare_runs(summaries: Sequence[RunSummary]) -> list[list[str]]:
    """Return a table with a column for each run: the settings in which they differ, and what each reached.

    The last rows compare the losses on the valid split at equal durations: those of the shortest run and of halves.

    Example:
        rows = compare_runs([summarise_run(Run("runs/abc/0001")), summarise_run(Run("runs/abc/0002"))])

    Args:
        summaries: The runs.
    """
    rows = [["", *(str(summary.run.folder) for summary in summaries)]]
    names = dict.fromkeys(name for summary in summaries for name in summary.settings)
    for name in names:
        values = [_shown(summary.settings.get(name)) for summary in summaries]
        if len(set(values)) > 1:
            rows.append([name, *values])
    if len(rows) == 1:
        rows.append(["settings", *("equal" for _ in summaries)])
    rows += [
        ["steps taken", *(f"{summary.last.step:,}" if summary.last else "0" for summary in summaries)],
        ["minutes taken", *(f"{summary.last.minutes:.1f}" if summary.last else "0" for summary in summaries)],
        ["finished", *("yes" if summary.finished else "no" for summary in summaries)],
        ["train loss", *(f"{summary.train[-1].nats_per_unit:.4f}" if summary.train else "-" for summary in summaries)],
        ["best valid loss", *(_loss(summary.best) for summary in summaries)],
        ["at step", *(f"{summary.best.step:,}" if summary.best else "-" for summary in summaries)],
    ]
    durations = [summary.last.minutes for summary in summaries if summary.last]
    for share in (0.25, 0.5, 1.0) if len(durations) > 1 else ():
        minutes = share * min(durations)
        losses = [summary.best_within(minutes + 1e-9) for summary in summaries]
        if all(losses):
            rows.append([f"valid loss after {minutes:.2g} minutes", *(_loss(loss) for loss in losses)])
    return rows


def _loss(measurement: Measurement | None) -> str:
    return "-" if measurement is None else f"{measurement.nats_per_unit:.4f}"


def _settings(run: Run) -> dict[str, Any]:
    """Return the values of config.toml; those of a table are named as the values, those of versions after the table."""
    settings: dict[str, Any] = {}
    for name, value in run.config_values().items():
        if name in RECORDED:
            continue
        if isinstance(value, Mapping):
            prefix = f"{name}." if name == "versions" else ""
            settings |= {prefix + key: item for key, item in value.items()}
        else:
            settings[name] = value
    return settings


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _measurements(events: Sequence[Mapping[str, Any]], kind: str) -> list[Measurement]:
    points = [_measurement(event) for event in events if event.get("event") == kind]
    return sorted((point for point in points if point is not None), key=lambda point: point.step)


def _measurement(event: Mapping[str, Any]) -> Measurement | None:
    step, minutes, loss = event.get("t"), event.get("minutes"), event.get("nats_per_unit")
    if type(step) is not int or not _is_number(minutes) or not _is_number(loss):
        return None
    return Measurement(step, float(minutes), float(loss))  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
