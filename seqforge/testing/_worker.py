"""Checks in a child process: a plugin that hangs or crashes fails one check, and the other checks still run."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge import errors
from seqforge.errors import ContractError
from seqforge.testing._results import Result

START_S, END_S = 120.0, 5.0
"""Seconds that a process has to load a plugin, and to end after it closed its output."""


class Worker:
    """A child process that runs one check after the other; it is started again after a crash.

    Temporary files of the checks and of the plugin lie in a folder of its own, which is removed at the end.

    Args:
        plugin: The name of the plugin.
        samples: As for `check_plugin`.
        options: As for `check_plugin`.
        requests: As for `check_plugin`.
        limit_s: Time limit of one call of the plugin, in seconds.

    Attributes:
        samples: The samples in words, after `start`.
    """

    def __init__(
        self,
        plugin: str,
        *,
        samples: str | Path | None,
        options: Mapping[str, Any],
        requests: Sequence[Mapping[str, Any]],
        limit_s: float,
    ) -> None:
        self.spec: dict[str, Any] = {
            "path": sys.path,
            "plugin": plugin,
            "samples": None if samples is None else absolute(samples),
            "options": dict(options),
            "requests": [dict(request) for request in requests],
        }
        self.limit_s = limit_s
        self.samples = ""
        self._child: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._failed: list[str] = []

    def start(self) -> None:
        """Start the process unless it runs.

        Raises:
            SeqforgeError: If the plugin cannot be loaded, or there are no samples.
        """
        if self._child is not None:
            return
        spec = json.dumps({**self.spec, "failed": self._failed}, default=str)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="seqforge-check-", ignore_cleanup_errors=True)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "seqforge.testing", spec, "checks"],
            env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(self._child, self._answers), daemon=True).start()
        try:
            answer = self._answers.get(timeout=max(START_S, self.limit_s))
        except queue.Empty:
            answer = None
        if answer is None:
            code = self.close(grace_s=END_S)
            raise ContractError(f"the plugin {self.spec['plugin']!r} ends the process that loads it (exit code {code})")
        if "error" in answer:
            self.close()
            raise getattr(errors, answer["kind"], errors.SeqforgeError)(answer["error"])
        self.samples = answer["samples"]

    def run(self, check: str) -> Result:
        """Run a check and return its result."""
        self.start()
        assert self._child is not None and self._child.stdin is not None
        call = "the start of the check"
        try:
            self._child.stdin.write(check + "\n")
            self._child.stdin.flush()
            while True:
                answer = self._answers.get(timeout=self.limit_s)
                if answer is None:
                    code = self.close(grace_s=END_S)
                    return self._failure(check, f"{call} ends the process (exit code {code}); raise an error instead")
                if "call" not in answer:
                    return Result(check, answer["outcome"], answer["message"])
                call = answer["call"]
        except queue.Empty:
            self.close()
            return self._failure(check, f"{call} takes longer than {self.limit_s:g} s")
        except OSError:
            code = self.close(grace_s=END_S)
            return self._failure(check, f"the process has ended (exit code {code})")

    def close(self, *, grace_s: float = 0.0) -> int | None:
        """End the process if it runs, and return its exit code.

        Args:
            grace_s: Time in seconds that a process has to end on its own, before it is killed.
        """
        child, self._child = self._child, None
        if child is None:
            return None
        try:
            code = child.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        return code

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.remove_folder()

    def remove_folder(self) -> None:
        """Remove the temporary folder of the processes."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _failure(self, check: str, message: str) -> Result:
        self._failed.append(check)
        return Result(check, "failed", message)


def absolute(samples: str | Path) -> str:
    """Return an existing path as an absolute one; another string unchanged, so that it is named in the error."""
    return str(Path(samples).absolute()) if Path(samples).exists() else str(samples)


def _listen(child: "subprocess.Popen[str]", answers: "queue.Queue[dict[str, Any] | None]") -> None:
    assert child.stdout is not None
    try:
        for line in child.stdout:
            answers.put(json.loads(line))
    except ValueError:  # the pipe was closed, or ended in the middle of a line
        pass
    answers.put(None)
