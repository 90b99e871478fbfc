"""A campaign: mutants of many kinds, checked by worker processes that are replaced if they die."""

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.fuzz.targets import mutant_of

__all__ = ["KindResult", "run_campaign"]

BATCH = 200
WATCHDOG_SECONDS = 120.0
"""Time after which a worker that reports nothing is killed."""
SAVED_PER_SIGNATURE = 2
ROOT = Path(__file__).parents[2]


@dataclass
class KindResult:
    """The results of the mutants of one kind.

    Attributes:
        counts: Number of mutants by result: refused, accepted, faults.
        faults: Indices of the mutants of each fault, by its signature (exception and place).
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[int]] = field(default_factory=dict)


class _Campaign:
    def __init__(self, seeds: Path, seed: int, folder: Path) -> None:
        self.seeds, self.seed, self.folder = seeds, seed, folder
        self.tasks: queue.Queue[tuple[str, int, int]] = queue.Queue()
        self.results: dict[str, KindResult] = {}
        self.lock = threading.Lock()

    def record(self, kind: str, index: int, result: Mapping[str, Any]) -> None:
        with self.lock:
            kind_result = self.results[kind]
            if "fault" not in result:
                kind_result.counts[result["result"]] += 1
                return
            kind_result.counts["faults"] += 1
            indices = kind_result.faults.setdefault(result["fault"], [])
            indices.append(index)
            if len(indices) <= SAVED_PER_SIGNATURE:
                self._save(kind, index, result)

    def _save(self, kind: str, index: int, result: Mapping[str, Any]) -> None:
        mutant = mutant_of(kind, self.seed, index, self.seeds)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{kind}-{self.seed}-{index}-{mutant.name}"
        path.write_bytes(mutant.data)
        path.with_name(path.name + ".fault.txt").write_text(
            f"{result['fault']}\npython -m tools.fuzz --kind {kind} --seed {self.seed} --first {index} --count 1\n\n"
            f"{result['detail']}",
            encoding="utf-8",
        )

    def work(self) -> None:
        """Run tasks with one worker process until there are none left."""
        process: subprocess.Popen[bytes] | None = None
        while True:
            try:
                kind, first, end = self.tasks.get_nowait()
            except queue.Empty:
                break
            while first < end:
                if process is None:
                    process = self._start()
                first, alive = self._run(process, kind, first, end)
                if not alive:
                    process.kill()
                    process.wait()
                    process = None
        if process is not None:
            process.communicate()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tools.fuzz.worker", str(self.seeds), str(self.seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=ROOT,
        )  # fmt: skip

    def _run(self, process: "subprocess.Popen[bytes]", kind: str, first: int, end: int) -> tuple[int, bool]:
        """Run a part of a task; return the first index that is left, and whether the worker can go on."""
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps({"kind": kind, "first": first, "count": end - first}).encode() + b"\n")
        except BrokenPipeError:
            raise RuntimeError(f"a worker ended before it began (exit code {process.wait()})") from None
        index, buffer = first, b""
        while True:
            if not select.select([process.stdout], [], [], WATCHDOG_SECONDS)[0]:
                self.record(kind, index, {"fault": f"no result in {WATCHDOG_SECONDS:g} s", "detail": ""})
                return index + 1, False
            block = os.read(process.stdout.fileno(), 1 << 16)
            if not block:
                self.record(kind, index, {"fault": f"the process died (exit code {process.wait()})", "detail": ""})
                return index + 1, False
            *lines, buffer = (buffer + block).split(b"\n")
            for line in lines:
                result = json.loads(line)
                if not result:
                    return end, True
                self.record(kind, index, result)
                index += 1
                if "fault" in result and ("MemoryError" in result["fault"] or "GB" in result["fault"]):
                    return index, False  # its memory may be fragmented: the next mutants get a new process


def run_campaign(
    counts: Mapping[str, int], *, seeds: Path, folder: Path, seed: int = 0, first: int = 0, workers: int = 1
) -> dict[str, KindResult]:
    """Check mutants of several kinds and return the results by kind.

    Args:
        counts: Number of mutants of each kind.
        seeds: The folder of the seed files, see `build_seeds`.
        folder: The folder in which mutants with faults are saved.
        seed: Seed of the mutations.
        first: Index of the first mutant of each kind.
        workers: Number of processes.
    """
    campaign = _Campaign(seeds, seed, folder)
    for kind, count in counts.items():
        campaign.results[kind] = KindResult()
        for start in range(first, first + count, BATCH):
            campaign.tasks.put((kind, start, min(start + BATCH, first + count)))
    with ThreadPoolExecutor(workers) as threads:
        for future in [threads.submit(campaign.work) for _ in range(workers)]:
            future.result()
    return campaign.results
