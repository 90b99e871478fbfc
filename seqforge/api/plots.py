"""Curves of several runs in one picture, drawn by matplotlib. No torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from seqforge.api.run_comparison import Measurement, RunSummary
from seqforge.core.extras import require
from seqforge.core.files import replacing
from seqforge.errors import OptionsError, RunError, listing

__all__ = ["FORMATS", "Axis", "plot_runs"]

Axis = Literal["minutes", "steps"]
FORMATS = (".svg", ".png", ".pdf")
"""The formats of a picture, by suffix."""
WIDTH, HEIGHT, DPI = 8.0, 5.6, 144
"""Size of a picture in inches, and pixels per inch."""
QUANTILE = 0.95
"""Share of the losses that the picture shows; the high losses of the first steps are cut off."""
STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "seqforge", "axes.grid": True,
         "grid.color": "#dddddd", "font.size": 9.0}  # fmt: skip


def plot_runs(
    summaries: Sequence[RunSummary], path: Path, *, axis: Axis = "minutes", names: Sequence[str] | None = None
) -> None:
    """Write a picture of runs: losses on the valid split as lines, those on the train split as thin lines.

    Below it stand the learning rates. Equal runs give equal files.

    Example:
        plot_runs([summarise_run(Run("runs/abc/0001")), summarise_run(Run("runs/abc/0002"))], Path("curves.svg"))

    Args:
        summaries: The runs.
        path: The picture, .svg, .png or .pdf.
        axis: What the horizontal axis shows.
        names: The name of each run in the legend; None for its folder.

    Raises:
        OptionsError: If the suffix or the axis is not allowed.
        RunError: If no run has a loss.
        UsageError: If matplotlib is not installed.
        WriteError: If the picture cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise OptionsError.invalid("output", str(path), f"the name of a picture, {listing(FORMATS)}")
    if axis not in get_args(Axis):
        raise OptionsError.invalid("axis", axis, f"one of {listing(get_args(Axis))}")
    if not any(summary.train or summary.valid for summary in summaries):
        raise RunError(f"no loss is recorded yet in {listing(str(s.run.folder) for s in summaries)}; train first")
    require("matplotlib", extra="plot", purpose="drawing curves", field="output")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        FigureCanvasAgg(figure)
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        for number, summary in enumerate(summaries):
            _draw(losses, rates, summary, f"C{number % 10}", names[number] if names else str(summary.run.folder), axis)
        _limit(losses, summaries)
        losses.set_ylabel("loss in nats per unit")
        losses.legend(frameon=False, title="bold: valid, thin: train", title_fontsize=8, fontsize=8)
        rates.set_ylabel("learning rate")
        rates.set_xlabel(axis)
        rates.set_ylim(bottom=0)
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=DPI, metadata=metadata)


def _draw(losses: Any, rates: Any, summary: RunSummary, colour: str, name: str, axis: Axis) -> None:
    """Draw the curves of one run."""
    best = summary.best
    label = name if best is None else f"{name}: {best.nats_per_unit:.4f}"
    if summary.train:
        xs, ys = _coordinates(summary.train, axis)
        losses.plot(xs, ys, color=colour, linewidth=0.6, alpha=0.6, label=None if summary.valid else label)
    if summary.valid:
        xs, ys = _coordinates(summary.valid, axis)
        losses.plot(xs, ys, color=colour, linewidth=1.6, marker="o", markersize=3, label=label)
    minutes = {point.step: point.minutes for point in summary.train}
    points = [(minutes.get(step, 0.0) if axis == "minutes" else float(step), rate) for step, rate in summary.rates]
    if points:
        rates.plot([x for x, _ in points], [y for _, y in points], color=colour, linewidth=1.0)


def _coordinates(points: Sequence[Measurement], axis: Axis) -> tuple[list[float], list[float]]:
    xs = [point.minutes if axis == "minutes" else float(point.step) for point in points]
    return xs, [point.nats_per_unit for point in points]


def _limit(losses: Any, summaries: Sequence[RunSummary]) -> None:
    """Cut off the few high losses at the start, which would flatten the rest of the curves."""
    values = sorted(point.nats_per_unit for summary in summaries for point in (*summary.train, *summary.valid))
    lowest, high = values[0], values[int(QUANTILE * (len(values) - 1))]
    highest = max([high, *(point.nats_per_unit for summary in summaries for point in summary.valid)])
    margin = 0.05 * (highest - lowest) or 0.1
    losses.set_ylim(lowest - margin, highest + margin)
