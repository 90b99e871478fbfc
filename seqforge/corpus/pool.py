"""A pool of workers that answer tasks in order; for little work, this process does it itself."""

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
from seqforge.corpus.worker import Chunks
from seqforge.errors import CorpusError, SeqforgeError

SMALL = 1 << 20


def run_tasks(
    here: Chunks, work: Mapping[str, Any], tasks: list[dict[str, Any]], *, workers: int, size: int
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each task, in their order; the answers do not depend on the number of workers.

    Args:
        here: does the tasks in this process.
        work: the same as plain JSON, for workers (`worker.chunks_from_json`).
        tasks: what `worker.Chunks.do` reads.
        workers: how many processes.
        size: bytes of all files: with little to do, no process is started.

    Raises:
        CorpusError: a worker died; the message names the files it was reading.
    """
    if workers <= 1 or len(tasks) <= 1 or size < SMALL:
        yield from map(here.do, tasks)
        return
    count = min(workers, len(tasks))
    idle: SimpleQueue[_Worker] = SimpleQueue()
    pool = [_Worker(work) for _ in range(count)]
    for each in pool:
        idle.put(each)

    def ask(task: dict[str, Any]) -> dict[str, Any]:
        worker = idle.get()
        try:
            return worker.ask(task)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(count) as threads:
            try:
                yield from threads.map(ask, tasks)
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
                for each in pool:
                    each.stop()
    finally:
        for each in pool:
            each.stop()


class _Worker:
    def __init__(self, work: Mapping[str, Any]) -> None:
        self._work = work
        # Ctrl-C is for this process: a worker inherits that the signal is ignored
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seqforge.corpus"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        if in_main:
            signal.signal(signal.SIGINT, before)
        self._send(work)

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """Have a task done."""
        self._send(task)
        assert self._process.stdout is not None
        answer: dict[str, Any] = {"reading": self._work["chunks"][task["chunk"]][0]}
        while "reading" in answer:
            number = answer["reading"]
            line = self._process.stdout.readline()
            if not line:
                raise CorpusError(
                    f"the process that was reading {self._work['files'][number]['path']} died (exit code"
                    f" {self._process.wait()}); move that file elsewhere and try again"
                )
            answer = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["class"], SeqforgeError)
            raise kind(answer["error"])
        return answer

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
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer that does not come tells it
