"""The speed of training on this machine and of bfloat16, measured once and cached."""

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
from seqforge.network import lstm_kernel
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
    return _cached("precision", "speed_up", {}, measure)


def fastest_operations(precision: str, measure: Callable[[str], float]) -> float:
    """Return the operations per second of training steps on this machine.

    Every call measures, and the cache keeps the largest result, because other work on the machine slows a measurement.

    Example:
        fastest_operations("float32", measure_operations)  # 2.1e11

    Args:
        precision: "float32" or "bfloat16".
        measure: Function that returns the operations per second at a precision.

    Raises:
        WriteError: If the result cannot be cached.
    """
    machine = _machine({"precision": precision, "kernel": "torch" if lstm_kernel.library() is None else "amx"})
    path = _cache_path("operations", machine)
    measured = measure(precision)
    cached = _read(path, "per_second", machine)
    if cached is not None and cached >= measured:
        return cached
    _write(path, "per_second", machine, measured)
    return measured


def _cached(name: str, key: str, conditions: dict[str, str], measure: Callable[[], float]) -> tuple[Path, float]:
    """Return a measurement of this machine, and the file in which it is cached."""
    machine = _machine(conditions)
    path = _cache_path(name, machine)
    value = _read(path, key, machine)
    if value is None:
        measured = measure()
        value = _read(path, key, machine)  # another process may have measured at the same time
        if value is None:
            value = measured
            _write(path, key, machine, value)
    return path, value


def _machine(conditions: dict[str, str]) -> dict[str, Any]:
    """Return what a measurement depends on."""
    return {"cpu": cpu_model(), "torch": torch.__version__, "threads": torch.get_num_threads(), **conditions}


def _cache_path(name: str, machine: dict[str, Any]) -> Path:
    """Return the file in which a measurement of a machine is cached."""
    digest = hashlib.sha256(canonical_json(machine).encode()).hexdigest()[:16]
    return make_folder(cache_folder()) / f"{name}-{digest}.json"


def _write(path: Path, key: str, machine: dict[str, Any], value: float) -> None:
    """Write a number to a file of the cache."""
    write_text(path, canonical_json({"format": FORMAT, **machine, key: value}) + "\n")


def _read(path: Path, key: str, machine: dict[str, Any]) -> float | None:
    """Return the number in a file of the cache; None if the file is missing, damaged or of another machine."""
    try:
        if path.stat().st_size > MAX_CACHE_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        value = content.pop(key)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if content != {"format": FORMAT, **machine} or type(value) is not float:
        return None
    return value if math.isfinite(value) and value > 0 else None


def measure_speed_up() -> float:
    """Return the speed of bfloat16 divided by that of float32, for the training of an LSTM layer on this CPU.

    The two precisions alternate, so that other work on the machine slows both, and the medians are compared. It takes
    about one second.

    Example:
        measure_speed_up()  # 1.7
    """
    layer = _layer()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_bfloat16, durations in seconds.items():
            durations.append(_seconds_of_step(layer, is_bfloat16=is_bfloat16))
    float32, bfloat16 = (statistics.median(seconds[is_bfloat16][1:]) for is_bfloat16 in (False, True))
    return float32 / bfloat16


def _layer() -> LSTM:
    layer = LSTM(WIDTH, WIDTH)
    layer.initialise(torch.Generator().manual_seed(0))
    return layer


def _seconds_of_step(layer: LSTM, *, is_bfloat16: bool) -> float:
    """Return the duration of a forward and a backward pass of a layer."""
    inputs = torch.ones(POSITIONS, ROWS, WIDTH)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16):
        outputs, _state = layer(inputs, layer.zero_state(ROWS), None)
    torch.autograd.backward(outputs.float().sum())
    return time.perf_counter() - start


def cpu_model() -> str:
    """Return the name of the CPU model, such as "AMD EPYC 9654 96-Core Processor"."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        text = ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()
