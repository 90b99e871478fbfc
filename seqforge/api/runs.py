"""Run folders: runs/NAME/NNNN with a model, a state, metrics, the config and samples. No torch."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.core.files import explain, make_folder, write_text
from seqforge.core.tensorfile import TensorFile
from seqforge.errors import DamagedFileError, RunError

__all__ = ["ROOT", "Run", "create_run", "create_run_at", "newest_model", "newest_unfinished_run", "runs_of"]

ROOT = Path("runs")
"""The folder of all runs, below the working directory."""


@dataclass(frozen=True)
class Run:
    """The folder of one run.

    >>> Run(Path("runs/abc/0001")).model.name
    'model.safetensors'
    """

    folder: Path

    @property
    def model(self) -> Path:
        """The best model so far."""
        return self.folder / "model.safetensors"

    @property
    def state(self) -> Path:
        """The state from which the run is resumed."""
        return self.folder / "state.safetensors"

    @property
    def metrics(self) -> Path:
        """The metrics, one JSON object per line."""
        return self.folder / "metrics.jsonl"

    @property
    def config(self) -> Path:
        """The configuration with which the run can be repeated."""
        return self.folder / "config.toml"

    @property
    def samples(self) -> Path:
        """The folder of pieces that were generated during the training."""
        return self.folder / "samples"

    def plugin(self) -> str:
        """Return the plugin's name, "" if the config cannot be read."""
        try:
            return str(tomllib.loads(self.config.read_text(encoding="utf-8"))["plugin"])
        except (OSError, ValueError, KeyError):
            return ""

    def is_finished(self) -> bool:
        """Return whether the training has used up its budget."""
        try:
            return bool(TensorFile(self.state, "state").metadata["trainer"]["finished"])
        except (DamagedFileError, KeyError, TypeError):
            return False

    def write_config(self, values: Mapping[str, Any]) -> None:
        """Write config.toml: plain values, and tables of plain values.

        Raises:
            WriteError: If the file cannot be written.
        """
        plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        lines = _toml_lines(plain)
        for name, table in values.items():
            if isinstance(table, Mapping):
                lines += ["", f"[{name}]", *_toml_lines(table)]
        write_text(self.config, "\n".join(lines) + "\n")

    def write_skipped(self, reasons: Sequence[str]) -> None:
        """Write skipped.txt: why each file or piece that could not be read was left out.

        Raises:
            WriteError: If the file cannot be written.
        """
        if reasons:
            write_text(self.folder / "skipped.txt", "\n".join(reasons) + "\n")

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Append a line to the metrics.

        Raises:
            WriteError: If the file cannot be written.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(values)) + "\n")
        except OSError as error:
            raise explain(error, self.metrics) from error

    def truncate_metrics(self, t: int) -> None:
        """Remove the metrics after step t, which a resumed run measures again, and the event of its end."""
        if not self.metrics.exists():
            return
        lines = []
        for line in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                values = json.loads(line)
                if values["t"] <= t and values["event"] != "end":
                    lines.append(line + "\n")
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        write_text(self.metrics, "".join(lines))


def create_run(name: str, root: Path | None = None) -> Run:
    """Create the next folder runs/NAME/NNNN.

    Example:
        run = create_run("abc")

    Raises:
        WriteError: If it cannot be created.
    """
    parent = make_folder((root or ROOT) / name)
    number = max((int(path.name) for path in parent.iterdir() if path.name.isdigit()), default=0)
    while True:
        number += 1
        folder = parent / f"{number:04d}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise explain(error, folder) from error
        return Run(folder)


def create_run_at(folder: Path) -> Run:
    """Create a run in a given folder.

    Raises:
        RunError: If the folder contains a run.
        WriteError: If the folder cannot be created.
    """
    run = Run(folder)
    if run.state.exists() or run.model.exists():
        raise RunError(f"{folder} contains a run already; set `resume` to continue it, or choose another folder")
    make_folder(folder)
    probe = folder / ".probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise explain(error, folder) from error
    return run


def runs_of(name: str, root: Path | None = None) -> list[Run]:
    """Return the runs of a plugin, newest first."""
    parent = (root or ROOT) / name
    if not parent.is_dir():
        return []
    folders = [path for path in parent.iterdir() if path.name.isdigit() and path.is_dir()]
    return [Run(path) for path in sorted(folders, key=lambda path: int(path.name), reverse=True)]


def newest_model(name: str) -> Path | None:
    """Return the model of a plugin's newest finished run below ./runs, None if there is none."""
    return next((run.model for run in runs_of(name) if run.model.exists() and run.is_finished()), None)


def newest_unfinished_run(name: str) -> Run:
    """Return a plugin's newest unfinished run below ./runs.

    Raises:
        RunError: If there is none.
    """
    for run in runs_of(name):
        if run.state.exists() and not run.is_finished():
            return run
    raise RunError(f"there is no unfinished run of {name!r} in {ROOT / name}; start one without `resume`")


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, Path):
            value = str(value)
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    return lines
