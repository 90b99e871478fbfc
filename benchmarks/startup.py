"""Measure whole commands, relative to `python -c "import numpy"`.

    python benchmarks/startup.py
    python benchmarks/startup.py --before OTHER/.venv/bin/python    # also with another installation, in the same run

Each command is a process of its own. The commands alternate for several rounds; the medians and ratios are printed,
of the duration and of the processor time, because the duration depends on what else the machine does.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASELINE = "import numpy"
GENERATE = ("-m", "seqforge", "generate", "--force", "--quiet")
COMMANDS = {
    BASELINE: ("-c", "import numpy"),
    "import torch": ("-c", "import torch"),
    "seqforge --version": ("-m", "seqforge", "--version"),
    "a line of text": (*GENERATE, "--model", "text", "--length", "60", "-o", "line.txt"),
    "a 16-bar tune .abc": (*GENERATE, "--model", "abc", "--bars", "16", "-o", "tune.abc"),
    "a 16-bar tune .svg": (*GENERATE, "--model", "abc", "--bars", "16", "-o", "tune.svg"),
    "a chorale .mid": (*GENERATE, "--model", "chorales", "-o", "chorale.mid"),
    "a line of handwriting .svg": (*GENERATE, "--model", "handwriting", "--text", "Hello there", "-o", "line.svg"),
}


def main() -> None:
    """Time the commands alternately, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="Number of rounds.")
    parser.add_argument("--before", help="The Python of another installation, measured in the same run.")
    arguments = parser.parse_args()
    pythons = {"now": sys.executable, **({"before": arguments.before} if arguments.before else {})}
    results: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            for name, command in COMMANDS.items():
                for label, python in pythons.items():
                    results.setdefault((name, label), []).append(measure([python, *command], Path(folder)))
    baseline, processor_baseline = (statistics.median(values) for values in zip(*results[BASELINE, "now"], strict=True))
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for (name, label), times in results.items():
        wall, processor = (statistics.median(values) for values in zip(*times, strict=True))
        summary.setdefault(name, {})[label] = {
            "seconds": round(wall, 2),
            "ratio": round(wall / baseline, 2),
            "processor seconds": round(processor, 3),
            "processor ratio": round(processor / processor_baseline, 2),
        }
    print(json.dumps(summary, indent=2))


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the duration and the processor time of a command in seconds, its children included."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
