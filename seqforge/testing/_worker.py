"""Checks in a process of their own: a plugin that hangs or crashes fails one check, and the others are made."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge import errors
from seqforge.errors import PluginError
from seqforge.testing._results import Result

START_S = 120.0


class Worker:
    """A child process that makes one check after the other.

    Args:
        plugin: its name.
        samples: see `check_plugin`.
        options: see `check_plugin`.
        requests: see `check_plugin`.
        limit_s: seconds that one call into the plugin may take.
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
            "samples": None if samples is None else lasting(samples),
            "options": dict(options),
            "requests": [dict(request) for request in requests],
        }
        self.limit_s = limit_s
        self.samples = ""
        self._child: subprocess.Popen[str] | None = None
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._failed: list[str] = []

    def start(self) -> None:
        """Start the process, unless it runs.

        Raises:
            SeqforgeError: the plugin cannot be loaded, or there is nothing to try it on.
        """
        if self._child is not None:
            return
        spec = json.dumps({**self.spec, "failed": self._failed}, default=str)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "seqforge.testing", spec, "checks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=None,
        )
        self._said = queue.Queue()
        threading.Thread(target=_listen, args=(self._child, self._said), daemon=True).start()
        try:
            told = self._said.get(timeout=max(START_S, self.limit_s))
        except queue.Empty:
            told = None
        if told is None or "error" in told:
            code = self.close()
            if told is None:
                raise PluginError(f"the plugin {self.spec['plugin']!r} breaks the process that loads it (code {code})")
            raise getattr(errors, told["kind"], errors.SeqforgeError)(told["error"])
        self.samples = told["samples"]

    def run(self, check: str) -> Result:
        """Return what a check finds."""
        self.start()
        assert self._child is not None and self._child.stdin is not None
        doing = "it began"
        try:
            self._child.stdin.write(check + "\n")
            self._child.stdin.flush()
            while True:
                told = self._said.get(timeout=self.limit_s)
                if told is None:
                    code = self.close()
                    return self._lost(check, f"{doing} ends the process (code {code}); catch what is wrong instead")
                if "note" in told:
                    doing = told["note"]
                else:
                    return Result(check, told["outcome"], told["message"])
        except queue.Empty:
            self.close()
            return self._lost(check, f"{doing} takes longer than {self.limit_s:g} s")
        except OSError:
            code = self.close()
            return self._lost(check, f"the process has ended (code {code})")

    def close(self) -> int | None:
        """End the process, if it runs, and return how it ended."""
        child, self._child = self._child, None
        if child is None:
            return None
        code = child.poll()
        if code is None:
            child.kill()
        ended = child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        return ended

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lost(self, check: str, message: str) -> Result:
        self._failed.append(check)
        return Result(check, "failed", message)


def lasting(samples: str | Path) -> str:
    """Return a path such that it means the same from another folder, as it is where there is nothing."""
    return str(Path(samples).absolute()) if Path(samples).exists() else str(samples)


def _listen(child: "subprocess.Popen[str]", said: "queue.Queue[dict[str, Any] | None]") -> None:
    assert child.stdout is not None
    try:
        for line in child.stdout:
            said.put(json.loads(line))
    except ValueError:  # closed, or cut in the middle of a line
        pass
    said.put(None)
