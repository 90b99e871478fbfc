"""Trainings that the page starts, each in a process of its own, and the runs that it shows."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.api.runs import ROOT, Run, create_run
from seqforge.core.locks import is_locked
from seqforge.core.options import build_options, flag_name
from seqforge.corpus import installed_corpora
from seqforge.errors import RequestError, SeqforgeError, listing
from seqforge.plugin import registry
from seqforge.studio.forms import form_of
from seqforge.studio.models import all_runs
from seqforge.studio.run_view import messages, run_view
from seqforge.studio.session import safe_name
from seqforge.training.config import SIZES

__all__ = ["Trainings"]

MAX_FILES, MAX_BYTES = 2000, 200_000_000
STOPPED = (143, -15)
"""The exit codes of a training that was stopped: after it saved its state, and before it had one."""


@dataclass(eq=False)
class _Training:
    """A training that runs in a child process."""

    process: "subprocess.Popen[bytes]"
    log: Path


@dataclass(eq=False)
class _Upload:
    """Files of a person, in a folder of the session."""

    folder: Path
    names: list[str] = field(default_factory=list)
    size: int = 0


class Trainings:
    """The trainings of one server, and all runs below ./runs.

    Args:
        folder: The folder of the session.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, _Training] = {}
        self._uploads: dict[str, _Upload] = {}

    def choices(self) -> dict[str, Any]:
        """Return what can be trained: plugins with their options, installed corpora, and the runs."""
        plugins = []
        for entry in registry.installed():
            try:
                plugin = registry.load(entry.name)
            except SeqforgeError:
                continue
            reads = [*plugin.reads, *plugin.imports]
            plugins.append(
                {"name": plugin.name, "summary": plugin.summary, "options": form_of(plugin.Options), "reads": reads}
            )
        corpora = [
            {"name": corpus.name, "domain": corpus.domain, "licence": corpus.licence} for corpus in installed_corpora()
        ]
        return {"plugins": plugins, "corpora": corpora, "sizes": list(SIZES), "runs": self.runs()}

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs below ./runs, the newest first."""
        return [
            {
                "id": run.folder.relative_to(ROOT).as_posix(),
                "plugin": run.plugin(),
                "running": self._is_running(run),
                "finished": run.is_finished(),
                "model": run.model.exists(),
            }
            for run in all_runs()[:200]
        ]

    def add_file(self, upload: str, name: str, data: bytes) -> dict[str, Any]:
        """Write a training file into a folder of the session.

        Raises:
            RequestError: If there are too many, or they are too large.
        """
        if upload not in self._uploads:
            if len(self._uploads) >= 20:
                raise RequestError("too many collections of files; start the server again", field="files")
            folder = self.folder / "corpora" / f"c{len(self._uploads) + 1}"
            folder.mkdir(parents=True)
            self._uploads[upload] = _Upload(folder)
        files = self._uploads[upload]
        files.size += len(data)
        if len(files.names) >= MAX_FILES or files.size > MAX_BYTES:
            raise RequestError(
                f"at most {MAX_FILES:,} files and {MAX_BYTES:,} bytes can be uploaded; train from a terminal",
                field="files",
            )
        plain = f"{len(files.names) + 1:04d}-{safe_name(name)}"
        (files.folder / plain).write_bytes(data)
        files.names.append(plain)
        return {"files": len(files.names), "bytes": files.size}

    def start(self, values: Mapping[str, Any]) -> str:
        """Start a training, and return the id of its run.

        Raises:
            RequestError: If a value is not allowed.
        """
        if sum(training.process.poll() is None for training in self._running.values()) >= 2:
            raise RequestError("two trainings are running already; wait until one of them ends", field="plugin")
        plugin = registry.load(str(values.get("plugin", "")))
        options = values.get("options", {})
        if not isinstance(options, dict):
            raise RequestError("`options` must be an object", field="options")
        build_options(plugin.Options, options, owner=f"the plugin {plugin.name!r}")
        minutes, size = values.get("minutes", 5), values.get("size", "medium")
        if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 0 < minutes <= 600:
            raise RequestError.invalid("minutes", str(minutes)[:40], "above 0 and at most 600")
        if size not in SIZES:
            raise RequestError.invalid("size", str(size)[:40], f"one of {listing(SIZES)}")
        command = ["--plugin", plugin.name, "--minutes", f"{minutes:g}", "--size", size]
        for corpus in self._corpora(plugin.name, values):
            command += ["--corpus", corpus]
        for name, value in options.items():
            if isinstance(value, bool):
                command.append(flag_name(name) if value else "--no-" + flag_name(name)[2:])
            elif value is not None:
                command.append(f"{flag_name(name)}={value}")
        run = create_run(plugin.name)
        self._launch(run, [*command, "--run", str(run.folder.resolve())])
        return run.folder.relative_to(ROOT).as_posix()

    def resume(self, name: Any) -> None:
        """Resume a run.

        Raises:
            RequestError: If it runs, or has no state.
        """
        run = self.find(name)
        if self._is_running(run):
            raise RequestError("this training is running already", field="run")
        if not run.state.exists():
            raise RequestError("this run has no state from which it could be resumed", field="run")
        self._launch(run, ["--plugin", run.plugin(), "--resume", str(run.folder.resolve())])

    def stop(self, name: Any) -> None:
        """Ask a training that this server started to save and stop.

        Raises:
            RequestError: If this server did not start it.
        """
        run = self.find(name)
        if not self._is_started_here(run):
            raise RequestError("this server does not run this training; stop it where it was started", field="run")
        self._running[str(run.folder)].process.terminate()

    def find(self, name: Any) -> Run:
        """Return a run by its id.

        Raises:
            RequestError: If there is none.
        """
        runs = {run.folder.relative_to(ROOT).as_posix(): run for run in all_runs()}
        started = {Path(folder).relative_to(ROOT).as_posix(): Run(folder) for folder in self._running}
        runs = {**started, **runs}  # a training that fails early removes its empty folder
        if not isinstance(name, str) or name not in runs:
            raise RequestError("there is no such run", field="run")
        return runs[name]

    def show(self, name: Any, after: int = 0) -> dict[str, Any]:
        """Return the curves of a run from a line of its metrics on, its samples, and what was skipped.

        Args:
            name: The id of the run.
            after: The number of events that the page has.
        """
        run = self.find(name)
        training = self._running.get(str(run.folder))
        return {
            **run_view(run, after),
            "id": name,
            "running": self._is_running(run),
            "stoppable": self._is_started_here(run),
            "messages": messages(training.log) if training else [],
            "failed": bool(training and training.process.poll() not in (None, 0, *STOPPED)),
        }

    def close(self) -> None:
        """Ask all trainings to save and stop, and wait for them."""
        for training in self._running.values():
            if training.process.poll() is None:
                training.process.terminate()
        for training in self._running.values():
            try:
                training.process.wait(20)
            except subprocess.TimeoutExpired:
                training.process.kill()

    def _corpora(self, plugin: str, values: Mapping[str, Any]) -> list[str]:
        upload, corpus = values.get("upload"), values.get("corpus")
        if upload:
            if upload not in self._uploads:
                raise RequestError("there are no such files; choose them again", field="upload")
            return [str(self._uploads[upload].folder)]
        if corpus is None:
            return []
        known = [item.name for item in installed_corpora() if item.domain == plugin]
        if corpus not in known:
            raise RequestError.invalid("corpus", str(corpus)[:80], f"one of {listing(known)}")
        return [corpus]

    def _launch(self, run: Run, arguments: list[str]) -> None:
        log = self.folder / f"training-{len(self._running) + 1}.log"
        command = [sys.executable, "-m", "seqforge", "train", *arguments]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        self._running[str(run.folder)] = _Training(process, log)

    def _is_running(self, run: Run) -> bool:
        """Return whether a run is in training, by this server or by another process."""
        return self._is_started_here(run) or is_locked(run.folder)

    def _is_started_here(self, run: Run) -> bool:
        training = self._running.get(str(run.folder))
        return training is not None and training.process.poll() is None
