"""What the page shows of a run: losses, messages, skipped files, and samples as pictures."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqforge.api.curves import read_metrics
from seqforge.api.display import MAX_SVG
from seqforge.api.previews import preview_of
from seqforge.api.runs import Run
from seqforge.core.options import build_options
from seqforge.core.safe_svg import safe_svg
from seqforge.errors import ReadError, RequestError, SeqforgeError
from seqforge.plugin import registry

__all__ = ["messages", "run_view", "sample_path", "sample_view"]

MAX_POINTS = 1500
"""The largest number of points of a curve that is sent at once."""
MAX_SAMPLES, MAX_LINES, MAX_TEXT = 8, 60, 4000
_BLOCK = re.compile(r"^--- .*?^---$\n?", re.MULTILINE | re.DOTALL)
_SKIPPED = re.compile(r"^skipped [\d,]+:\n(?:  .*\n)*", re.MULTILINE)
_PROGRESS = re.compile(r"(step [\d,]+/|reading \d+ files)")


def run_view(run: Run, after: int = 0) -> dict[str, Any]:
    """Return the losses of a run from a line of its metrics on, the names of its samples, and what was skipped.

    Args:
        run: The run.
        after: The number of events that the page has.
    """
    events = read_metrics(run.metrics)
    new = events[after:] if after <= len(events) else events
    stride = max(1, len(new) // MAX_POINTS)
    thinned = [event for number, event in enumerate(new) if event.get("event") != "train" or number % stride == 0]
    return {
        "plugin": run.plugin(),
        "finished": run.is_finished(),
        "resumable": run.state.exists(),
        "model": run.model.exists(),
        "after": len(events),
        "events": thinned,
        "samples": [path.name for path in _samples(run)],
        "skipped": [_without_folder(line) for line in _lines(run.folder / "skipped.txt")[-MAX_LINES:]],
    }


def messages(log: Path) -> list[str]:
    """Return the lines that a training printed, without samples, skipped files and progress, which are shown apart.

    Args:
        log: The file to which the training prints.
    """
    text = _SKIPPED.sub("", _BLOCK.sub("", "\n".join(_lines(log)) + "\n"))
    lines = [line for line in text.splitlines() if line.strip() and not _PROGRESS.match(line)]
    return [_without_folder(line) for line in lines[-MAX_LINES:]]


def sample_path(run: Run, name: Any) -> Path:
    """Return a sample of a run by its name.

    Raises:
        RequestError: If there is none.
    """
    samples = {path.name: path for path in _samples(run)}
    if not isinstance(name, str) or name not in samples:
        raise RequestError("there is no such sample", field="name")
    return samples[name]


def sample_view(run: Run, name: Any) -> Mapping[str, str]:
    """Return a sample as a picture or a text.

    Raises:
        RequestError: If there is none.
    """
    path = sample_path(run, name)
    data = path.read_bytes()[:MAX_TEXT]
    text = "" if b"\0" in data else data.decode("utf-8", "replace")
    try:
        plugin = registry.load(run.plugin())
        options = build_options(plugin.Options, run.config_values().get("options", {}), owner="the run")
        piece = next(iter(plugin.read(path, options)), None)
        preview = None if piece is None or isinstance(piece, ReadError) else preview_of(plugin, piece)
    except SeqforgeError:
        preview = None
    if preview is None:
        return {"name": path.name, "svg": "", "text": text}
    svg = safe_svg(preview.svg) if 0 < len(preview.svg) <= MAX_SVG else ""
    return {"name": path.name, "svg": svg, "text": preview.text[:MAX_TEXT] or text}


def _samples(run: Run) -> list[Path]:
    """Return the newest samples, the newest last."""
    if not run.samples.is_dir():
        return []
    paths = [path for path in run.samples.iterdir() if re.match(r"\d+\.", path.name) and path.is_file()]
    return sorted(paths, key=lambda path: int(path.name.partition(".")[0]))[-MAX_SAMPLES:]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _without_folder(line: str) -> str:
    """Return a line of a report in which a file is named without its folder."""
    return re.sub(r"(^|\s)/[^\s:]*/(?=[^\s:/]+:)", r"\1", line)
