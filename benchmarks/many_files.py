"""Files per second and memory of the preparation of a corpus of many small files, interrupted and continued.

    python benchmarks/many_files.py --files 10000 40000
    python benchmarks/many_files.py --files 1000000 --kill-after 600 1500 --folder /tmp/many

The files are short MIDI files, copies of one another with changed pitches, or short texts. `seqforge prepare` runs in
processes of its own. `--kill N` also kills it N times with SIGKILL, evenly over its duration, and starts it again;
`same_content` says whether the files are those of a run without an interruption. `--kill-after S1 S2` prepares the
files once, without that comparison: the first process is killed after S1 seconds, the second after S2, and the last one
ends.

The memory of a process is its peak of anonymous memory (RssAnon of /proc/PID/status, sampled every 0.5 s), which leaves
out mapped files, since the system drops those when it needs memory.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

NOTES = 24
FILES_PER_FOLDER = 1000
INTERVAL_S = 0.5


def midi_file(number: int) -> bytes:
    """Return a MIDI file of one track; the pitches depend on the number of the file."""
    rng = random.Random(number)
    events = bytearray()
    for _ in range(NOTES):
        pitch = rng.randint(48, 84)
        events += bytes([0x60, 0x90, pitch, 80]) + bytes([0x60, 0x80, pitch, 0])
    track = bytes(events) + b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track


def text_file(number: int) -> bytes:
    """Return a text of 24 words; they depend on the number of the file."""
    rng = random.Random(number)
    return " ".join("".join(rng.choices("aeioulmnrst", k=rng.randint(2, 9))) for _ in range(NOTES)).encode()


def write_files(folder: Path, count: int, plugin: str = "midi") -> None:
    """Write files into subfolders, those that are missing."""
    suffix, content = (".mid", midi_file) if plugin == "midi" else (".txt", text_file)
    for number in range(count):
        path = folder / f"{number // FILES_PER_FOLDER:05d}" / f"{number:07d}{suffix}"
        if number % FILES_PER_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content(number))


class MemoryWatch(threading.Thread):
    """Samples the anonymous memory of a process and of its children until it is stopped."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.parent, self.child = process, 0, 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(INTERVAL_S):
            self.parent = max(self.parent, anonymous_kib(self.process))
            for child in children_of(self.process):
                self.child = max(self.child, anonymous_kib(child))


def children_of(process: int) -> list[int]:
    """Return the direct children of a process."""
    children: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == process:
                children.append(int(path.parent.name))
    return children


def anonymous_kib(process: int) -> int:
    """Return the anonymous memory of a process in KiB, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def prepare(plugin: str, corpus: Path, cache: Path, workers: int, kill_at: float | None) -> dict[str, float]:
    """Run `seqforge prepare`, and kill it after `kill_at` seconds if that is set; return its time and memory."""
    command = [sys.executable, "-m", "seqforge", "prepare", "--plugin", plugin, "--corpus", str(corpus)]
    command += ["--workers", str(workers)]
    environment = {**os.environ, "SEQFORGE_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    watch = MemoryWatch(process.pid)
    watch.start()
    killer = threading.Thread(target=kill_after, args=(process, kill_at), daemon=True)
    if kill_at is not None:
        killer.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.stopped.set()
    watch.join()
    return {
        "exit_code": process.returncode,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "parent_mib": watch.parent / 1024,
        "worker_mib": watch.child / 1024,
    }


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Kill a process and its children after a duration."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)


def digest_of(cache: Path) -> str:
    """Return a digest of the names and contents of all files of the prepared corpora in a cache."""
    digest = hashlib.sha256()
    for path in sorted((cache / "datasets").rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def prepare_with_kills(
    arguments: argparse.Namespace, corpus: Path, cache: Path, times: list[float]
) -> list[dict[str, float]]:
    """Prepare a corpus in processes that are killed after these durations, and in a last one that ends by itself."""
    return [prepare(arguments.plugin, corpus, cache, arguments.workers, seconds) for seconds in [*times, None]]


def measure(arguments: argparse.Namespace, corpus: Path, cache: Path) -> dict[str, Any]:
    """Return the figures of a preparation, and whether one that is killed repeatedly leaves the same files."""
    clean = prepare(arguments.plugin, corpus, cache, arguments.workers, None)
    result: dict[str, Any] = {name: round(value, 1) for name, value in clean.items()}
    if arguments.kill:
        expected = digest_of(cache)
        shutil.rmtree(cache)
        share = clean["seconds"] / (arguments.kill + 1)
        runs = prepare_with_kills(arguments, corpus, cache, [share] * arguments.kill)
        result["exit_codes"] = [run["exit_code"] for run in runs]
        result["cpu_seconds_with_kills"] = round(sum(run["cpu_seconds"] for run in runs), 1)
        result["same_content"] = digest_of(cache) == expected
    return result


def measure_kills(arguments: argparse.Namespace, corpus: Path, cache: Path) -> dict[str, Any]:
    """Return the figures of one preparation in several processes, all of which but the last are killed."""
    runs = prepare_with_kills(arguments, corpus, cache, arguments.kill_after)
    totals = {name: round(sum(run[name] for run in runs), 1) for name in ("seconds", "cpu_seconds")}
    largest = {name: round(max(run[name] for run in runs), 1) for name in ("parent_mib", "worker_mib")}
    by_process = {"process_cpu_seconds": [round(run["cpu_seconds"], 1) for run in runs]}
    return {**totals, **largest, **by_process, "exit_codes": [run["exit_code"] for run in runs]}


def main() -> None:
    """Measure each number of files, and print a line of JSON for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 40_000])
    parser.add_argument("--plugin", choices=["midi", "text"], default="midi")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kill", type=int, default=0, help="number of times that the command is killed")
    parser.add_argument("--kill-after", type=float, nargs="+", metavar="S", help="seconds after which processes end")
    parser.add_argument("--folder", type=Path, default=None, help="folder for the files, which are kept there")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="many-files-"))
    for count in arguments.files:
        corpus = folder / f"{arguments.plugin}-{count}"
        write_files(corpus, count, arguments.plugin)
        cache = folder / f"cache-{count}"
        shutil.rmtree(cache, ignore_errors=True)
        result = measure_kills(arguments, corpus, cache) if arguments.kill_after else measure(arguments, corpus, cache)
        result = {"files": count, **result, "files_per_cpu_second": round(count / result["cpu_seconds"], 1)}
        print(json.dumps(result), flush=True)
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
