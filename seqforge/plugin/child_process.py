"""A child process of a plugin, for native libraries that may crash their process or take long to import."""

import contextlib
import importlib.util
import os
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

__all__ = ["ChildError", "ChildProcess"]

_PROGRAM = str(Path(__file__).with_name("child_program.py"))


class ChildError(Exception):
    """A call failed in a child process; the message is a clause such as "crashed (signal 11)"."""


class ChildProcess:
    """A process that runs a function of a plugin again and again, and is replaced if it crashes.

    `start` lets the process import its module while the caller does something else, such as sampling. The process
    ends with the caller. Calls from several threads wait for each other.

    Example:
        engraver = ChildProcess("seqforge_chess.diagrams", "draw")
        engraver.start()
        ...
        picture = engraver.call(board, 400, seconds=60)

    Args:
        module: The name of the module. The child runs its file in a new interpreter with the search path of the caller;
            the packages that contain the module are imported only if it imports them.
        function: The name of the function in it; its arguments and its result can be pickled.
    """

    def __init__(self, module: str, function: str) -> None:
        self.module, self.function = module, function
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = os.getpid()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process if it is not running."""
        with self._lock:
            self._running()

    def call(self, *arguments: Any, seconds: float) -> Any:
        """Return what the function returns.

        Args:
            arguments: The arguments of the function.
            seconds: The time limit. The process is ended when the call takes longer.

        Raises:
            ChildError: If the function raises an error, the process crashes, or the time is over.
        """
        request = pickle.dumps(arguments)
        with self._lock:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            late = threading.Event()

            def end() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(seconds, end)
            timer.start()
            try:
                process.stdin.write(request)
                process.stdin.flush()
                error, result = pickle.load(process.stdout)  # the answer of our own child
            except (EOFError, OSError, pickle.UnpicklingError):
                self._process = None
                _end(process)
                if late.is_set():
                    raise ChildError(f"took more than {seconds:g} seconds") from None
                code = process.returncode
                how = f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"
                raise ChildError(how) from None
            except BaseException:  # such as an interrupt: the answer to this call must not be read by the next
                self._process = None
                process.kill()
                _end(process)
                raise
            finally:
                timer.cancel()
        if error:
            raise ChildError(f"failed ({error})")
        return result

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process, started if there is none; a process that was forked from the caller has its own."""
        if self._parent != os.getpid():
            self._process, self._parent = None, os.getpid()
        if self._process is None or self._process.poll() is not None:
            paths = os.pathsep.join(path for path in sys.path if path)  # "", the working directory, is not searched
            self._process = subprocess.Popen(
                [sys.executable, "-P", _PROGRAM, self.module, self.function, _file_of(self.module)],
                env={**os.environ, "PYTHONPATH": paths},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            weakref.finalize(self, _end, self._process)
        return self._process


def _file_of(module: str) -> str:
    """Return the path of the file of a module; "" if it has none, and the child will say why it cannot be imported."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    return spec.origin if spec is not None and spec.origin is not None and spec.has_location else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a process, which then ends, and wait for it."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
