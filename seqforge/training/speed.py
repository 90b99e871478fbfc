"""The speed of bfloat16 on this machine, measured once and cached."""

import hashlib
import json
import math
import platform
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from seqforge.core.cache import cache_folder
from seqforge.core.files import make_folder, write_text
from seqforge.core.tensorfile import canonical_json
from seqforge.network.recurrent import LSTM

FORMAT = 1
MAX_CACHE_BYTES = 1 << 16
WIDTH, POSITIONS, ROWS = 512, 32, 32
"""Units of the measured layer, and the positions and rows of its batch."""
ROUNDS = 9
"""Number of measurements of each precision; the first is not counted."""


def cached_speed_up(measure: Callable[[], float]) -> tuple[Path, float]:
    """Return the speed of bfloat16 divided by that of float32 on this machine, and the file in which it is cached.

    The cache holds one file for each CPU model, version of torch and number of threads. A damaged file is replaced by a
    new measurement.

    Example:
        path, speed_up = cached_speed_up(measure_speed_up)

    Args:
        measure: Function that returns the speed-up; it is called only if nothing is cached.

    Raises:
        WriteError: If the result cannot be cached.
    """
    machine = {"cpu": cpu_model(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    digest = hashlib.sha256(canonical_json(machine).encode()).hexdigest()[:16]
    path = make_folder(cache_folder()) / f"precision-{digest}.json"
    speed_up = _read(path, machine)
    if speed_up is None:
        measured = measure()
        speed_up = _read(path, machine)  # another process may have measured at the same time
        if speed_up is None:
            speed_up = measured
            write_text(path, canonical_json({"format": FORMAT, **machine, "speed_up": speed_up}) + "\n")
    return path, speed_up


def _read(path: Path, machine: dict[str, Any]) -> float | None:
    """Return the speed-up in a file of the cache; None if the file is missing, damaged or of another machine."""
    try:
        if path.stat().st_size > MAX_CACHE_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        speed_up = content.pop("speed_up")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if content != {"format": FORMAT, **machine} or type(speed_up) is not float:
        return None
    return speed_up if math.isfinite(speed_up) and speed_up > 0 else None


def measure_speed_up() -> float:
    """Return the speed of bfloat16 divided by that of float32, for the training of an LSTM layer on this CPU.

    The two precisions alternate, so that other work on the machine slows both, and the medians are compared. It takes
    about one second.

    Example:
        measure_speed_up()  # 1.7
    """
    layer = LSTM(WIDTH, WIDTH)
    layer.initialise(torch.Generator().manual_seed(0))
    inputs = torch.ones(POSITIONS, ROWS, WIDTH)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_bfloat16, durations in seconds.items():
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16):
                outputs, _state = layer(inputs, layer.zero_state(ROWS), None)
            torch.autograd.backward(outputs.float().sum())
            durations.append(time.perf_counter() - start)
    float32, bfloat16 = (statistics.median(seconds[is_bfloat16][1:]) for is_bfloat16 in (False, True))
    return float32 / bfloat16


def cpu_model() -> str:
    """Return the name of the CPU model, such as "AMD EPYC 9654 96-Core Processor"."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        text = ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()
