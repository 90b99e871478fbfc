"""How long commands take from start to end, against `python -c "import torch"`.

    python benchmarks/startup.py

Whole processes by turns, several rounds; the median of each, and the ratios.
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 7
COMMANDS = {
    "import torch": ["-c", "import torch"],
    "seqforge --help": ["-m", "seqforge", "--help"],
    "seqforge plugins": ["-m", "seqforge", "plugins"],
    "seqforge generate (shipped, 500 characters)": [
        *["-m", "seqforge", "generate", "--plugin", "text", "--model", "shipped"],
        *["--prompt", "ROMEO:", "--length", "500"],
    ],
}


def main() -> None:
    """Time every command by turns and print medians and ratios."""
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            took[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in took.items()}
    base = medians["import torch"]
    print(
        json.dumps(
            {name: {"seconds": round(t, 2), "ratio": round(t / base, 2)} for name, t in medians.items()}, indent=2
        )
    )


if __name__ == "__main__":
    main()
