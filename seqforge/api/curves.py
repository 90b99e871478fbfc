"""The curves of a run as an SVG drawing: the losses on the train and valid splits, and the learning rate."""

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from seqforge.api.html import Display, image, preformatted

__all__ = ["display_curves", "draw_curves", "read_metrics"]

WIDTH, LOSS_HEIGHT, RATE_HEIGHT = 640, 260, 90
LEFT, RIGHT, TOP, GAP, BOTTOM = 64, 16, 30, 34, 34
"""Margins and sizes in pixels."""
MAX_POINTS = 1000
"""Largest number of points of a curve; a longer one is thinned."""
TRAIN, VALID, RATE, GRID = "#1f4e9c", "#b5452c", "#2f7d4f", "#ddd"
_STYLE = 'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#444"'

_Curve = list[tuple[float, float]]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the events of a metrics.jsonl file; lines that cannot be read are left out."""
    events = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def display_curves(metrics: Path) -> Display:
    """Return what Jupyter shows for a run: the curves of its losses and of its learning rate.

    Args:
        metrics: The path of the run's metrics.jsonl.
    """
    svg, summary = draw_curves(metrics)
    return Display(image(svg, summary) if svg else preformatted(summary), summary)


def draw_curves(metrics: Path) -> tuple[str, str]:
    """Return the curves of a run as an SVG document, and a summary in one sentence.

    Example:
        svg, summary = draw_curves(Path("runs/abc/0001/metrics.jsonl"))

    Returns:
        The drawing, "" if there is nothing to draw, and the summary.
    """
    events = read_metrics(metrics)
    train = _curve(events, "train", "nats_per_unit")
    valid = _curve(events, "valid", "nats_per_unit")
    rate = _curve(events, "train", "rate")
    if not train and not valid:
        return "", f"{metrics.parent} has no metrics"
    summary = f"{metrics.parent}: step {max(x for x, _ in train + valid):,.0f}"
    if train:
        summary += f", train loss {train[-1][1]:.4f}"
    if valid:
        summary += f", best valid loss {min(y for _, y in valid):.4f}"
    last = max(x for x, _ in train + valid + rate)
    height = TOP + LOSS_HEIGHT + (GAP + RATE_HEIGHT if rate else 0) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f"<title>{escape(summary)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="{TOP - 12}" {_STYLE}>loss in nats per unit</text>',
        _legend("train", WIDTH - 150, TRAIN),
        _legend("valid", WIDTH - 80, VALID),
    ]
    losses = _Panel(TOP, LOSS_HEIGHT, last, [*train, *valid])
    parts += [losses.grid(), losses.line(train, TRAIN), losses.line(valid, VALID, dots=True)]
    if rate:
        panel = _Panel(TOP + LOSS_HEIGHT + GAP, RATE_HEIGHT, last, [*rate, (0.0, 0.0)])
        parts.append(f'<text x="{LEFT}" y="{panel.top - 8}" {_STYLE}>learning rate</text>')
        parts += [panel.grid(ticks=2), panel.line(rate, RATE)]
    parts += [
        f'<text x="{LEFT}" y="{height - BOTTOM + 16}" text-anchor="middle" {_STYLE}>0</text>',
        f'<text x="{WIDTH - RIGHT}" y="{height - BOTTOM + 16}" text-anchor="end" {_STYLE}>step {last:,.0f}</text>',
        "</svg>",
    ]
    return "\n".join(parts), summary


class _Panel:
    """The area of one plot.

    Args:
        top: The position of its upper edge.
        height: Its height.
        last: The last step.
        points: The points that must fit.
    """

    def __init__(self, top: int, height: int, last: float, points: _Curve) -> None:
        self.top, self.height, self.last = top, height, max(1.0, last)
        low, high = min(y for _, y in points), max(y for _, y in points)
        self.low, self.high = (low, high) if high > low else (low - 0.5, high + 0.5)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point in pixels."""
        share = (y - self.low) / (self.high - self.low)
        return LEFT + (WIDTH - LEFT - RIGHT) * x / self.last, self.top + self.height * (1 - share)

    def grid(self, ticks: int = 5) -> str:
        """Return horizontal lines with their values."""
        parts = []
        for number in range(ticks):
            value = self.low + (self.high - self.low) * number / (ticks - 1)
            _, y = self.place(0, value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" {_STYLE}>{value:.3g}</text>')
        return "".join(parts)

    def line(self, curve: _Curve, colour: str, *, dots: bool = False) -> str:
        """Return a curve; with `dots`, each point is marked."""
        if not curve:
            return ""
        positions = [self.place(x, y) for x, y in _thinned(curve)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in positions)
        result = f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        if dots:
            result += "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in positions)
        return result


def _legend(name: str, x: int, colour: str) -> str:
    return (
        f'<path d="M{x} {TOP - 16}h18" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + 24}" y="{TOP - 12}" {_STYLE}>{name}</text>'
    )


def _thinned(curve: _Curve) -> Sequence[tuple[float, float]]:
    """Return at most about MAX_POINTS points of a curve, the last one included."""
    interval = math.ceil(len(curve) / MAX_POINTS)
    thinned = curve[::interval]
    return thinned if thinned[-1] == curve[-1] else [*thinned, curve[-1]]


def _curve(events: Sequence[dict[str, Any]], name: str, value: str) -> _Curve:
    """Return the points (step, value) of one kind of event, in the order of steps; values must be finite numbers."""
    points = []
    for event in events:
        x, y = event.get("t"), event.get(value)
        if event.get("event") == name and _is_number(x) and _is_number(y):
            points.append((float(x), float(y)))  # type: ignore[arg-type]
    return sorted(points, key=lambda point: point[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
