"""A worker process: it makes and checks mutants, each with limits of time and memory, and writes a JSON line for each.

Input lines: {"kind": ..., "first": index, "count": number}. Output lines: {"index": ..., "result": "refused" or
"accepted"}, or {"index": ..., "fault": signature, "detail": traceback}. What the code under test prints is discarded.
"""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

from seqforge.errors import SeqforgeError
from tools.fuzz.targets import TARGETS, mutant_of

__all__ = ["LIMIT_BYTES", "LIMIT_SECONDS", "check_mutant", "main"]

LIMIT_SECONDS = 5.0
"""Processor time that a mutant may use."""
LIMIT_BYTES = 1 << 30
"""Memory that a mutant may use beyond that of the process."""
MARGIN_BYTES = 1 << 28


class TooSlow(BaseException):
    """A mutant has used up its time; not an Exception, so that no code under test catches it."""


def check_mutant(kind: str, name: str, data: bytes, seeds: Path) -> dict[str, Any]:
    """Write a mutant to a new folder, check it, and return the result as plain JSON."""
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    started, memory = time.process_time(), _peak_bytes()
    try:
        path = folder / name
        path.write_bytes(data)
        signal.setitimer(signal.ITIMER_PROF, LIMIT_SECONDS + 0.5)
        try:
            result: dict[str, Any] = {"result": "accepted" if TARGETS[kind].check(path, seeds) else "refused"}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except SeqforgeError as error:
        result = {"result": "refused"} if "\n" not in str(error) else _fault(error, "message with several lines")
    except (Exception, TooSlow, SystemExit) as error:
        result = _fault(error, type(error).__name__)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.process_time() - started
    if "fault" not in result and seconds > LIMIT_SECONDS:
        result = {"fault": f"over {LIMIT_SECONDS:g} s", "detail": f"{seconds:.1f} s"}
    if "fault" not in result and _peak_bytes() - memory > LIMIT_BYTES:
        result = {"fault": "over 1 GB", "detail": f"{(_peak_bytes() - memory) / 1e9:.1f} GB"}
    return result


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _fault(error: BaseException, name: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "seqforge" in frame.filename]
    frame = own[-1] if own else frames[-1]
    signature = f"{name} at {Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}"
    lines = traceback.format_exception(error)
    return {"fault": signature, "detail": "".join(lines)[-8000:]}


def _limit_memory() -> None:
    """Make large allocations fail, so that a mutant cannot exhaust the machine."""
    if sys.platform != "linux":
        return
    status = Path("/proc/self/status").read_text(encoding="ascii")
    used = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData"))
    limit = used + LIMIT_BYTES + MARGIN_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def main(seeds: Path, seed: int) -> None:
    """Check the mutants that the lines of standard input name."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as results:
        with Path(os.devnull).open("w") as devnull:
            for stream in (1, 2):
                os.dup2(devnull.fileno(), stream)
        os.environ.update(COLUMNS="80", NO_COLOR="1")
        warnings.simplefilter("error", RuntimeWarning)
        import torch

        import seqforge

        torch.set_num_threads(1)
        seqforge.load("text:default")  # what every mutant needs is loaded before the limits
        signal.signal(signal.SIGPROF, _too_slow)
        with tempfile.TemporaryDirectory(prefix="seqforge-fuzz-") as folder:
            os.chdir(folder)
            os.environ["SEQFORGE_CACHE"] = str(Path(folder) / "cache")
            limited = False
            for line in sys.stdin:
                task = json.loads(line)
                for index in range(task["first"], task["first"] + task["count"]):
                    mutant = mutant_of(task["kind"], seed, index, seeds)
                    if not limited:
                        _limit_memory()
                        limited = True
                    result = check_mutant(task["kind"], mutant.name, mutant.data, seeds)
                    results.write(json.dumps({"index": index, **result}) + "\n")
                    results.flush()
                results.write("{}\n")
                results.flush()
            os.chdir("/")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
