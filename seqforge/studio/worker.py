"""The process that holds one model: it generates takes, reads files and writes downloads, one job after the other.

The server sends ("job", id, name, values) and ("cancel", id) through a pipe, and gets (id, event, values) back:
"started" and "grown" while a job runs, then "done" or "failed".
"""

import logging
import os
import queue
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError, UsageError
from seqforge.studio.jobs import Jobs

__all__ = ["run_worker"]

MAX_PIECES = 64
"""The number of pieces that are remembered; others are made again from their recipe."""

Send = Callable[[str, Any], None]


def run_worker(connection: Connection, model: str, folder: str) -> None:
    """Serve one model until the pipe is closed.

    Args:
        connection: The pipe to the server.
        model: The path of the model file.
        folder: The folder of the session, in which files of takes are written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, which closes the pipe
    empty = Path(folder) / "empty"
    empty.mkdir(exist_ok=True)
    os.chdir(empty)  # a text of a request that looks like the name of a file names none
    waiting: queue.SimpleQueue[tuple[int, str, Any] | None] = queue.SimpleQueue()
    stops: dict[int, threading.Event] = {}
    thread = threading.Thread(target=_receive, args=(connection, waiting, stops), daemon=True)
    thread.start()
    jobs: Jobs | None = None
    while (item := waiting.get()) is not None:
        number, name, values = item
        notes = _Notes()
        logging.getLogger("seqforge").addHandler(notes)

        def send(event: str, content: Any, number: int = number) -> None:
            connection.send((number, event, content))

        try:
            send("started", {})
            jobs = jobs or Jobs(Path(model), Path(folder), OrderedDict(), MAX_PIECES)
            result = getattr(jobs, f"do_{name}")(values, stops[number], send)
            send("done", {**result, "notes": notes.texts})
        except (BrokenPipeError, EOFError):
            return
        except Exception as error:
            send("failed", describe(error))
        finally:
            logging.getLogger("seqforge").removeHandler(notes)
            stops.pop(number, None)


def describe(error: Exception) -> dict[str, Any]:
    """Return what a client learns of an error: one sentence, and the field that has the wrong value."""
    if isinstance(error, UsageError):
        return {"message": str(error), "field": error.field, "usage": True}
    if isinstance(error, SeqforgeError):
        return {"message": str(error), "field": "", "usage": False}
    if isinstance(error, MemoryError):
        return {"message": "there is not enough memory for this request", "field": "", "usage": False}
    return {
        "message": f"internal error of seqforge: {type(error).__name__}: {error}"[:500],
        "field": "",
        "usage": False,
    }


def _receive(
    connection: Connection,
    waiting: "queue.SimpleQueue[tuple[int, str, Any] | None]",
    stops: dict[int, threading.Event],
) -> None:
    """Put jobs into the queue, and set the events of those that are cancelled, until the pipe is closed."""
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            waiting.put(None)
            for stop in list(stops.values()):
                stop.set()
            return
        if message[0] == "cancel":
            if (known := stops.get(message[1])) is not None:
                known.set()
        else:
            _, number, name, values = message
            stops[number] = threading.Event()
            waiting.put((number, name, values))


class _Notes(logging.Handler):
    """Collects the warnings of a job."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:500]
        if len(self.texts) < 20 and text not in self.texts:  # a draft repeats the warnings of the result
            self.texts.append(text)
