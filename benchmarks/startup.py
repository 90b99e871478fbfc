"""Measure the run time of short commands, relative to `python -c "import torch"`.

    python benchmarks/startup.py

Each command is a process of its own. The commands alternate for several rounds; the medians and ratios are printed.
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 7
BASELINE = "import torch"
COMMANDS = {
    BASELINE: ["-c", "import torch"],
    "seqforge --help": ["-m", "seqforge", "--help"],
    "seqforge plugins": ["-m", "seqforge", "plugins"],
    "seqforge generate (shipped, 500 characters)": [
        *["-m", "seqforge", "generate", "--plugin", "text", "--model", "shipped"],
        *["--prompt", "ROMEO:", "--length", "500"],
    ],
}


def main() -> None:
    """Time the commands alternately, and print medians and ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    summary = {
        name: {"seconds": round(median, 2), "ratio": round(median / medians[BASELINE], 2)}
        for name, median in medians.items()
    }
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
