"""A pool of worker processes that run tasks in order; little work is done in this process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from seqforge import errors
from seqforge.core.options import options_to_json
from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.worker import ChunkWorker
from seqforge.errors import CorpusError, SeqforgeError

SMALL_BYTES = 1 << 20
"""Below this total size no process is started, unless the plugin reads with a native library."""
ENDING_SIGNALS = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
"""Signals that end a worker from outside, which is not the fault of the file that it reads."""
READ_SECONDS, READ_SECONDS_PER_MIB = 300.0, 60.0
"""Longest time in which a reader must yield the next piece of a file: a constant, and more per MiB of the file."""
TICK_SECONDS = 0.25
"""How often the time limit of a reader is checked."""


class ReaderCrashError(CorpusError):
    """The process that read a file has ended, by itself or after the time limit.

    Args:
        number: The index of the file.
        reason: The reason that is reported for the file.
        path: The path of the file.
    """

    def __init__(self, number: int, reason: str, path: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.number, self.reason = number, reason


class Pool:
    """Runs the tasks of a preparation, in worker processes if that is faster or safer. It is a context manager.

    The results do not depend on the number of workers. Processes are started when they are needed and kept until the
    pool is closed.

    Example:
        with Pool(worker, files, chunks, workers=4, size=size) as pool:
            results = list(pool.run([{"run": "scan", "chunk": 0}]))

    Args:
        worker: The worker that runs the tasks in this process; it also describes the work for the processes.
        files: All files, in order. Those of a chunk are sent with its task.
        chunks: The indices of the files of each chunk, a run of numbers.
        workers: The largest number of processes.
        size: The size of all files in bytes.
    """

    def __init__(
        self, worker: ChunkWorker, files: Sequence[SourceFile], chunks: Sequence[range], *, workers: int, size: int
    ) -> None:
        self.worker, self.files, self.chunks, self.workers, self.size = worker, files, chunks, workers, size
        self._work = {
            "plugin": worker.plugin.name,
            "options": options_to_json(worker.options),
            "folder": str(worker.folder),
        }
        self._processes: list[_WorkerProcess] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        for process in self._processes:
            process.stop()
        self._processes = []

    def run(self, tasks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the result of each task, in order.

        A file that ends its worker, or exceeds the time limit (READ_SECONDS), is skipped by a scan, which is repeated
        without it. Tasks that run in this process have no time limit.

        Raises:
            ReaderCrashError: If a worker ends while it encodes a file that the scan could read, or probes a file.
            CorpusError: If a worker cannot be started, or is ended by a signal from outside.
        """
        count = min(self.workers, len(tasks))
        if not self.worker.plugin.native and (self.workers <= 1 or len(tasks) <= 1 or self.size < SMALL_BYTES):
            count = 0
        if not count:
            yield from (self.worker.run(self._with_files(task)) for task in tasks)
            return
        self._processes += [_WorkerProcess(self._work) for _ in range(count - len(self._processes))]
        idle: SimpleQueue[_WorkerProcess] = SimpleQueue()
        for process in self._processes[:count]:
            idle.put(process)

        def run(task: Mapping[str, Any]) -> dict[str, Any]:
            process = idle.get()
            try:
                return _run_without_crashes(process, self._with_files(task))
            finally:
                idle.put(process)

        with ThreadPoolExecutor(count) as threads:
            try:
                yield from threads.map(run, tasks)
            except BaseException:
                self._stop()  # the threads must not wait for results that nobody needs
                raise
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _with_files(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Return a task with the files of its chunk."""
        chunk = self.chunks[task["chunk"]]
        return {**task, "first": chunk.start, "files": [self.files[number].to_json() for number in chunk]}


def _run_without_crashes(process: "_WorkerProcess", task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a task; a scan is repeated without the files that end the process."""
    crashed = dict(task.get("crashed", {}))
    while True:
        try:
            return process.run({**task, "crashed": crashed})
        except ReaderCrashError as error:
            if task["run"] != "scan":
                raise
            crashed[str(error.number)] = error.reason


class _WorkerProcess:
    """A worker in a process of its own; if it has ended, the next task starts a new process.

    Args:
        work: The work as plain JSON (`worker.worker_from_json`).
    """

    def __init__(self, work: Mapping[str, Any]) -> None:
        self._work = work
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._start()

    def _start(self) -> "subprocess.Popen[str]":
        # Ctrl-C is handled by this process: a worker inherits that the signal is ignored, or ignores it itself.
        in_main_thread = threading.current_thread() is threading.main_thread()
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "seqforge.corpus"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
        _send(process, self._work)
        return process

    def run(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Run a task and return its result.

        Raises:
            ReaderCrashError: If the process ends while it reads a file, or takes too long to read it.
            CorpusError: If it ends before it reads a file, or by a signal from outside.
        """
        if self._stopped:
            raise CorpusError("the preparation was stopped")
        process = self._process or self._start()
        assert process.stdout is not None
        _send(process, task)
        number: int | None = None
        message: dict[str, Any] = {"ready": True}
        with _TimeLimit(process) as limit:
            while "reading" in message or "ready" in message:
                if "reading" in message:
                    number = message["reading"]
                    limit.restart(_seconds_to_read(_path_of(task, number)))
                line = process.stdout.readline()
                if not line:
                    raise self._ended(process, None if number is None else (number, _path_of(task, number)), limit)
                message = json.loads(line)
        if "error" in message:
            kind = getattr(errors, message["class"], SeqforgeError)
            raise kind(message["error"])
        return message

    def _ended(
        self, process: "subprocess.Popen[str]", file: tuple[int, str] | None, limit: "_TimeLimit"
    ) -> CorpusError:
        """Return the error of a process that has ended, and forget the process.

        Args:
            process: The process.
            file: The index and the path of the file that it was reading, None if it was reading none.
            limit: The time limit of its task.
        """
        code = process.wait()
        _close_pipes(process)
        self._process = None
        signals = {-getattr(signal, name) for name in ENDING_SIGNALS if hasattr(signal, name)}
        if file is None or self._stopped or code in signals:
            return CorpusError(f"a process that reads the corpus was ended (exit code {code}); run the command again")
        number, path = file
        if limit.is_exceeded:
            reason = f"the reader was stopped, because it yielded no piece for {limit.seconds:g} s"
            return ReaderCrashError(number, reason, path)
        return ReaderCrashError(number, f"the reader crashed (exit code {code})", path)

    def stop(self) -> None:
        """End the process for good."""
        self._stopped = True
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.kill()
            process.wait()
        _close_pipes(process)


class _TimeLimit:
    """Kills a process that takes too long. It is a context manager; the time starts at the first `restart`.

    The time is counted in short waits, so the time for which the computer sleeps or the job is suspended is left out.

    Args:
        process: The process.

    Attributes:
        seconds: The time limit since the last `restart`.
        is_exceeded: Whether the process was killed.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.seconds, self.is_exceeded = float("inf"), False
        self._elapsed = 0.0
        self._lock, self._finished = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_TimeLimit":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finished.set()
        self._thread.join()

    def restart(self, seconds: float) -> None:
        """Count the time from now on."""
        with self._lock:
            self.seconds, self._elapsed = seconds, 0.0

    def _watch(self) -> None:
        while not self._finished.wait(TICK_SECONDS):
            with self._lock:
                self._elapsed += TICK_SECONDS
                self.is_exceeded = self._elapsed >= self.seconds
            if self.is_exceeded:
                self._process.kill()
                return


def _path_of(task: Mapping[str, Any], number: int) -> str:
    """Return the path of a file of a task by its index."""
    return str(SourceFile.from_json(task["files"][number - task["first"]]).path)


def _seconds_to_read(path: str) -> float:
    """Return the time limit for a file."""
    try:
        size = Path(path).stat().st_size
    except OSError:
        size = 0
    return READ_SECONDS + READ_SECONDS_PER_MIB * (size >> 20)


def _send(process: "subprocess.Popen[str]", message: Mapping[str, Any]) -> None:
    """Send a message to a process; if the process has ended, its missing result tells so."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()


def _close_pipes(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None and not pipe.closed:
                pipe.close()
