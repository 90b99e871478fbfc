"""Run folders: runs/NAME/NNNN with a model, a state, metrics, the config and samples. No torch."""

import contextlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.api.arguments import check_path
from seqforge.api.curves import display_curves
from seqforge.api.html import Display
from seqforge.core.files import explain, make_folder, remove_temporary_files, write_text
from seqforge.core.locks import lock_folder
from seqforge.core.tensorfile import TensorFile
from seqforge.errors import DamagedFileError, RunError

__all__ = [
    "ROOT",
    "Run",
    "create_run",
    "create_run_at",
    "newest_model",
    "newest_unfinished_run",
    "plugin_of_resumed_run",
    "runs_of",
]

ROOT = Path("runs")
"""The folder of all runs, below the working directory."""
NEWEST = "newest"
"""The value of `--resume` that means the newest unfinished run."""


@dataclass(frozen=True, init=False)
class Run:
    """The folder of one run. `seqforge.display(run)` shows its loss curves in a notebook.

    >>> Run("runs/abc/0001").model.name
    'model.safetensors'
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        check_path("folder", folder, "the path of a folder")
        object.__setattr__(self, "folder", Path(folder))

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

    def display(self) -> Display:
        """Return what Jupyter shows for the run: the curves of its losses and of its learning rate."""
        return display_curves(self.metrics)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.display()._repr_mimebundle_()

    def plugin(self) -> str:
        """Return the plugin's name, "" if the config cannot be read."""
        return str(self.config_value("plugin") or "")

    def config_value(self, name: str) -> Any:
        """Return a value of config.toml, None if it has none or cannot be read."""
        try:
            return tomllib.loads(self.config.read_text(encoding="utf-8")).get(name)
        except (OSError, ValueError):
            return None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the folder within a `with` block; remove the temporary files of a killed process first.

        Raises:
            RunError: If another training holds the lock.
        """
        with lock_folder(self.folder):
            remove_temporary_files(self.folder, "model|state|metrics|config|skipped")
            remove_temporary_files(self.samples, r"\d+")
            yield

    def is_finished(self) -> bool:
        """Return whether the training has used up its budget."""
        try:
            return bool(TensorFile(self.state, "state").metadata["trainer"]["finished"])
        except (DamagedFileError, KeyError, TypeError):
            return False

    def corpus(self) -> list[str]:
        """Return the names and absolute paths of the corpora in config.toml; [] if there is no such file."""
        names = self.config_values().get("corpus", [])
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def split(self) -> dict[str, Any]:
        """Return the values of the split that the user chose, as in config.toml; {} for the default."""
        values = self.config_values()
        return {name: values[name] for name in ("split", "valid", "test") if name in values}

    def config_values(self) -> dict[str, Any]:
        """Return the content of config.toml; {} if it cannot be read."""
        try:
            return tomllib.loads(self.config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def check_new(self) -> None:
        """Check that the folder contains no run. A folder without state and model is new.

        Raises:
            RunError: If it contains a run.
        """
        if self.state.exists():
            raise RunError(
                f"{self.folder} contains a run already; set `resume` to continue it, or choose another folder"
            )
        if self.model.exists():
            raise RunError(f"{self.folder} contains a model already; choose another folder")

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
                if t and values["t"] <= t and values["event"] != "end":  # a run that starts again repeats all
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
    run.check_new()
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


def plugin_of_resumed_run(folder: str) -> str:
    """Return the name of the plugin of a run that is resumed.

    Args:
        folder: The folder of the run. If there is no such folder, "newest" is the newest unfinished run of all plugins.

    Raises:
        RunError: If there is no such run.
    """
    if folder != NEWEST or Path(folder).exists():
        name = Run(folder).plugin()
        if not name:
            raise RunError(f"{folder} is no folder of a run: it has no config.toml that names the plugin")
        return name
    unfinished: list[Run] = []
    for path in ROOT.iterdir() if ROOT.is_dir() else ():
        with contextlib.suppress(RunError):
            unfinished.append(newest_unfinished_run(path.name))
    if not unfinished:
        raise RunError(f"there is no unfinished run in {ROOT}; start one without `resume`")
    return max(unfinished, key=lambda run: run.state.stat().st_mtime).plugin()


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, Path):
            value = str(value)
        lines.append(f"{name} = {json.dumps(_toml_value(value), ensure_ascii=False)}")
    return lines


def _toml_value(value: Any) -> Any:
    """Return a value whose strings are valid in TOML: lone surrogates, as in names that are not UTF-8, are escaped."""
    if isinstance(value, list | tuple):
        return [_toml_value(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
