"""Forks of this process that run a function and are killed at a file operation or after some time."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ProcessResult", "run_forked"]

OPERATIONS = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
)
"""Audit events of operations that change a file or folder; opening a file for writing is one as well."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class ProcessResult:
    """How a process ended.

    Attributes:
        code: Its exit code, negative if a signal ended it.
        operations: Number of its file operations, 0 if it was killed.
        seconds: Duration.
        output: What it printed.
    """

    code: int
    operations: int
    seconds: float
    output: str


class _Operations:
    """Counts the file operations below a folder, and kills the process at one of them."""

    def __init__(self, folder: Path, kill_at: int | None) -> None:
        self.folder, self.kill_at, self.count = str(folder), kill_at, 0

    def install(self) -> None:
        sys.addaudithook(self._on_event)
        fsync = os.fsync

        def counted_fsync(fd: Any) -> None:
            self.add()
            fsync(fd)

        os.fsync = counted_fsync

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING and isinstance(path, str | os.PathLike):
                self._add_if_inside(path)
        elif event in OPERATIONS:
            self._add_if_inside(arguments[0])

    def _add_if_inside(self, path: Any) -> None:
        if isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(self.folder):
            self.add()

    def add(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def run_forked(
    function: Callable[[], int], folder: Path, *, kill_at: int | None = None, kill_after: float | None = None
) -> ProcessResult:
    """Run a function in a fork of this process, with a folder as working folder.

    Args:
        function: Returns the exit code.
        folder: The working folder; file operations below it are counted.
        kill_at: The number, from 1, of the file operation before which the process is killed; None for none.
        kill_after: The time in seconds after which it is killed; None for no limit.
    """
    log = folder.with_name(folder.name + ".log")
    started = time.monotonic()
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        _run_child(function, folder, log, writer, kill_at)
    os.close(writer)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        operations = int(pipe.read() or 0)
    _, status = os.waitpid(process, 0)
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return ProcessResult(os.waitstatus_to_exitcode(status), operations, time.monotonic() - started, output)


def _run_child(function: Callable[[], int], folder: Path, log: Path, writer: int, kill_at: int | None) -> None:
    """Run a function in this process, write the number of file operations to a pipe, and exit."""
    code = 70
    try:
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(folder)
        operations = _Operations(folder, kill_at)
        operations.install()
        code = function()
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(writer, str(operations.count).encode())
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
