"""Peak memory of preparing and training on a large text, beside a hundredth of it.

    python benchmarks/memory.py --megabytes 1000

The text is tinyshakespeare, repeated. Each size is prepared and trained for a few steps by
`seqforge train` in a process of its own; what counts is the largest resident memory of it and of its
workers. Flat means that the ratio of the two stays near one, while the data grow a hundredfold.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from seqforge.corpus import find_corpus


def write_corpus(folder: Path, megabytes: float) -> None:
    """Write train/ and valid/, the first of about so many megabytes in one file."""
    (path,) = find_corpus("tinyshakespeare").paths()
    text = Path(path).read_bytes()
    for side, copies in (("train", max(1, round(megabytes * 1e6 / len(text)))), ("valid", 1)):
        (folder / side).mkdir(parents=True)
        with (folder / side / "all.txt").open("wb") as file:
            for _ in range(copies):
                file.write(text)


def peak_megabytes(megabytes: float, steps: int) -> float:
    """Return the largest resident memory, in MB, of a whole `seqforge train` on so much text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "corpus", megabytes)
        command = [sys.executable, "-m", "seqforge", "train", "--plugin", "text", "--corpus", str(folder / "corpus")]
        command += ["--steps", str(steps), "--run", str(folder / "run"), "--quiet", "--size", "small"]
        subprocess.run(command, check=True, env={**os.environ, "SEQFORGE_CACHE": str(folder / "cache")})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def main() -> None:
    """Measure the small text first, for the figure of children only grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    small = peak_megabytes(asked.megabytes / 100, asked.steps)
    large = peak_megabytes(asked.megabytes, asked.steps)
    print(json.dumps({"small_peak_mb": round(small), "large_peak_mb": round(large), "ratio": round(large / small, 2)}))
    print(f"100 times the text takes {large / small:.2f} times the memory")


if __name__ == "__main__":
    main()
