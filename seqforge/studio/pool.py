"""Worker processes, one per model: each has a queue of jobs, and is started again after a crash."""

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError
from seqforge.studio.worker import run_worker

__all__ = ["BusyError", "Job", "JobError", "Pool"]

MAX_WAITING = 64
"""The largest number of jobs of one model that wait."""
MAX_WORKERS = 4
"""The largest number of processes; the one that was idle longest makes room for another model."""
CRASHED = "the process of the model ended unexpectedly; it is started again for the next request"
GRACE_SECONDS = 10.0
"""The time between the request to stop a job and the end of its process."""

OnEvent = Callable[["Job", str, Any], None]


class BusyError(SeqforgeError):
    """Too many jobs wait, or all processes are busy with other models."""


class JobError(SeqforgeError):
    """A job failed.

    Args:
        values: What the worker says: message, field, and whether the request is at fault.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values["message"])
        self.values = values


@dataclass(eq=False)
class Job:
    """One job of a worker.

    Attributes:
        number: Its number.
        name: What is done: "take", "open", "file", "score", "next".
        values: The values of the job.
        on_event: Called in the event loop with the job, "queued", "started", "grown", "done" or "failed", and values.
        limit_s: The time limit, in seconds from its start; a job that does not stop then ends with its process.
    """

    number: int
    name: str
    values: Any
    on_event: OnEvent
    limit_s: float
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    result: tuple[str, Any] = ("", None)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def end(self, event: str, values: Any) -> None:
        """Record the result, and tell it."""
        for timer in self.timers:
            timer.cancel()
        if not self.finished.is_set():
            self.result = (event, values)
            self.finished.set()
            self.on_event(self, event, values)


class Pool:
    """The worker processes. All methods are called in the event loop.

    Args:
        folder: The folder of the session.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._workers: dict[Path, _Worker] = {}
        self._number = 0

    def submit(
        self, model: Path, name: str, values: Any, on_event: OnEvent = lambda *_: None, *, limit_s: float = 120.0
    ) -> Job:
        """Queue a job.

        Raises:
            BusyError: If too many jobs wait.
        """
        worker = self._workers.get(model)
        if worker is None:
            self._make_room()
            worker = self._workers[model] = _Worker(self, model)
        if len(worker.jobs) >= MAX_WAITING:
            raise BusyError(f"{MAX_WAITING} jobs of this model are waiting; try again later")
        self._number += 1
        job = Job(self._number, name, values, on_event, limit_s)
        worker.submit(job)
        self._workers[model] = self._workers.pop(model)  # the most recently used one is the last
        return job

    async def call(self, model: Path, name: str, values: Any, *, limit_s: float = 120.0) -> dict[str, Any]:
        """Return the result of a job.

        Raises:
            BusyError: If too many jobs wait.
            JobError: If the job fails.
        """
        job = self.submit(model, name, values, limit_s=limit_s)
        try:
            await job.finished.wait()
        except asyncio.CancelledError:
            self.cancel(job)
            raise
        event, result = job.result
        if event == "failed":
            raise JobError(result)
        content: dict[str, Any] = result
        return content

    def cancel(self, job: Job) -> None:
        """Stop a job at its next step, or before it starts."""
        for worker in self._workers.values():
            if job.number in worker.jobs:
                worker.cancel(job)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def _make_room(self) -> None:
        if len(self._workers) < MAX_WORKERS:
            return
        idle = next((model for model, worker in self._workers.items() if not worker.jobs), None)
        if idle is None:
            raise BusyError(f"{MAX_WORKERS} models are busy; wait until one of them has finished")
        self._workers.pop(idle).close()


class _Worker:
    """The process of one model, and its jobs in the order in which they run."""

    def __init__(self, pool: Pool, model: Path) -> None:
        self.pool, self.model = pool, model
        self.jobs: dict[int, Job] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, child = context.Pipe()
        arguments = (child, str(self.model), str(self.pool.folder))
        self._process = context.Process(target=run_worker, args=arguments, name="seqforge-studio", daemon=True)
        self._process.start()
        child.close()
        reader = threading.Thread(target=self._read, args=(self._connection,), daemon=True)
        reader.start()

    def submit(self, job: Job) -> None:
        if not self._process.is_alive():
            self._fail_all(CRASHED)
            self._start()
        self.jobs[job.number] = job
        self._send(("job", job.number, job.name, job.values))
        self._tell_positions()

    def cancel(self, job: Job) -> None:
        is_running = next(iter(self.jobs), None) == job.number
        self._send(("cancel", job.number))
        if is_running:
            job.timers.append(self._loop.call_later(GRACE_SECONDS, self._end_process, self._process))

    def close(self) -> None:
        self._closed = True
        self._connection.close()
        self._process.terminate()
        self._process.join(5)
        self._fail_all("the worker was stopped")

    def _send(self, message: Any) -> None:
        try:
            self._connection.send(message)
        except (OSError, ValueError):
            return  # the process has ended, which the reading thread reports

    def _read(self, connection: Connection) -> None:
        """Pass what the process sends to the event loop, until it ends."""
        while True:
            try:
                number, event, values = connection.recv()
            except (EOFError, OSError, TypeError):
                break
            self._call(self._handle, number, event, values)
        self._call(self._handle_end, connection)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return  # the loop is closed: the server ends

    def _handle(self, number: int, event: str, values: Any) -> None:
        job = self.jobs.get(number)
        if job is None:
            return
        if event in ("done", "failed"):
            del self.jobs[number]
            job.end(event, values)
            self._tell_positions()
            return
        if event == "started":
            job.timers.append(self._loop.call_later(job.limit_s, self._stop_late, job))
        job.on_event(job, event, values)

    def _stop_late(self, job: Job) -> None:
        if job.number in self.jobs:
            self.cancel(job)

    def _end_process(self, process: Any) -> None:
        if process is self._process:
            process.terminate()

    def _handle_end(self, connection: Connection) -> None:
        if self._closed or connection is not self._connection:
            return
        self._fail_all(CRASHED)
        self.pool._workers.pop(self.model, None)
        self._connection.close()

    def _fail_all(self, message: str) -> None:
        for job in list(self.jobs.values()):
            job.end("failed", {"message": message, "field": "", "usage": False, "crash": True})
        self.jobs.clear()

    def _tell_positions(self) -> None:
        for position, job in enumerate(self.jobs.values()):
            if position:
                job.on_event(job, "queued", {"position": position})
