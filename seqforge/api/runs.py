"""Run folders: runs/NAME/NNNN with a model, a state, metrics, the config and samples. Light: no torch."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.errors import DamagedFileError, RunError
from seqforge.core.files import explain, make_folder, write_text
from seqforge.core.tensorfile import TensorFile

ROOT = Path("runs")


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    folder: Path

    @property
    def model(self) -> Path:
        """The best model so far."""
        return self.folder / "model.safetensors"

    @property
    def state(self) -> Path:
        """What the run is resumed from."""
        return self.folder / "state.safetensors"

    @property
    def metrics(self) -> Path:
        """What was measured, a JSON object a line."""
        return self.folder / "metrics.jsonl"

    @property
    def config(self) -> Path:
        """Everything that is needed to repeat the run."""
        return self.folder / "config.toml"

    @property
    def samples(self) -> Path:
        """What the model wrote while it was trained."""
        return self.folder / "samples"

    def plugin(self) -> str:
        """Return the plugin's name, or "" where the config does not tell."""
        try:
            return str(tomllib.loads(self.config.read_text(encoding="utf-8"))["plugin"])
        except (OSError, ValueError, KeyError):
            return ""

    def finished(self) -> bool:
        """Return whether the run came to its end."""
        try:
            return bool(TensorFile(self.state, "state").metadata["trainer"]["finished"])
        except (DamagedFileError, KeyError, TypeError):
            return False

    def write_config(self, values: Mapping[str, Any]) -> None:
        """Write config.toml: plain values, and tables of them.

        Raises:
            WriteError: it cannot be written.
        """
        plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        lines = _toml(plain)
        for name, table in values.items():
            if isinstance(table, Mapping):
                lines += ["", f"[{name}]", *_toml(table)]
        write_text(self.config, "\n".join(lines) + "\n")

    def write_skipped(self, reasons: Sequence[str]) -> None:
        """Write skipped.txt: why each piece or file that could not be read was left out.

        Raises:
            WriteError: it cannot be written.
        """
        if reasons:
            write_text(self.folder / "skipped.txt", "\n".join(reasons) + "\n")

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line to the metrics.

        Raises:
            WriteError: it cannot be written.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(line)) + "\n")
        except OSError as error:
            raise explain(error, self.metrics) from error

    def cut_metrics(self, t: int) -> None:
        """Forget what was measured after step t, which a resumed run measures again, and that it ended."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                told = json.loads(line)
                if told["t"] <= t and told["event"] != "end":
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                continue
        write_text(self.metrics, "".join(kept))


def new_run(name: str, root: Path | None = None) -> Run:
    """Make the next folder runs/NAME/NNNN.

    Raises:
        WriteError: it cannot be made.
    """
    parent = make_folder((root or ROOT) / name)
    number = max((int(p.name) for p in parent.iterdir() if p.name.isdigit()), default=0)
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


def run_at(folder: Path) -> Run:
    """Make a run's folder at a place of the person's choice.

    Raises:
        RunError: there is a run already.
        WriteError: it cannot be made.
    """
    run = Run(folder)
    if run.state.exists() or run.model.exists():
        raise RunError(f"{folder} holds a run already; give --resume to go on with it, or another folder")
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
    numbered = [path for path in parent.iterdir() if path.name.isdigit() and path.is_dir()]
    return [Run(path) for path in sorted(numbered, key=lambda path: int(path.name), reverse=True)]


def newest_model(name: str) -> Path | None:
    """Return the model of the newest finished run of a plugin under ./runs, None where there is none."""
    return next((run.model for run in runs_of(name) if run.model.exists() and run.finished()), None)


def resumable(name: str) -> Run:
    """Return the newest run of a plugin under ./runs that is not finished.

    Raises:
        RunError: there is none.
    """
    for run in runs_of(name):
        if run.state.exists() and not run.finished():
            return run
    raise RunError(f"no unfinished run of {name!r} under {ROOT / name}; start one without --resume")


def _toml(values: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, Path):
            value = str(value)
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    return lines


__all__ = ["ROOT", "Run", "new_run", "newest_model", "resumable", "run_at", "runs_of"]
