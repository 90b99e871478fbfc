"""A pool of worker processes that run tasks in order; little work is done in this process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from seqforge import errors
from seqforge.corpus.worker import ChunkWorker
from seqforge.errors import CorpusError, SeqforgeError

SMALL_BYTES = 1 << 20
"""Below this total size no process is started."""


def run_tasks(
    local: ChunkWorker, work: Mapping[str, Any], tasks: list[dict[str, Any]], *, workers: int, size: int
) -> Iterator[dict[str, Any]]:
    """Yield the result of each task, in order. The results do not depend on the number of workers.

    Args:
        local: Runs the tasks in this process if there is little to do.
        work: The same work as plain JSON, for worker processes (`worker.worker_from_json`).
        tasks: The tasks, as `ChunkWorker.run` takes them.
        workers: The number of processes.
        size: The size of all files in bytes.

    Raises:
        CorpusError: If a worker dies; the message names the file that it was reading.
    """
    if workers <= 1 or len(tasks) <= 1 or size < SMALL_BYTES:
        yield from map(local.run, tasks)
        return
    count = min(workers, len(tasks))
    idle: SimpleQueue[_WorkerProcess] = SimpleQueue()
    processes = [_WorkerProcess(work) for _ in range(count)]
    for process in processes:
        idle.put(process)

    def run(task: dict[str, Any]) -> dict[str, Any]:
        process = idle.get()
        try:
            return process.run(task)
        finally:
            idle.put(process)

    try:
        with ThreadPoolExecutor(count) as threads:
            try:
                yield from threads.map(run, tasks)
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
                for process in processes:
                    process.stop()
    finally:
        for process in processes:
            process.stop()


class _WorkerProcess:
    def __init__(self, work: Mapping[str, Any]) -> None:
        self._work = work
        # Ctrl-C is handled by this process: a worker inherits that the signal is ignored.
        in_main_thread = threading.current_thread() is threading.main_thread()
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seqforge.corpus"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
        self._send(work)

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Run a task and return its result."""
        self._send(task)
        assert self._process.stdout is not None
        message: dict[str, Any] = {"reading": self._work["chunks"][task["chunk"]][0]}
        while "reading" in message:
            number = message["reading"]
            line = self._process.stdout.readline()
            if not line:
                raise CorpusError(
                    f"the process that was reading {self._work['files'][number]['path']} died (exit code"
                    f" {self._process.wait()}); move that file elsewhere and try again"
                )
            message = json.loads(line)
        if "error" in message:
            kind = getattr(errors, message["class"], SeqforgeError)
            raise kind(message["error"])
        return message

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None and not pipe.closed:
                    pipe.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the missing result tells that the process died
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
