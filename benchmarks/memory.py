"""Peak memory of preparing and training on a large text, compared with a hundredth of it.

    python benchmarks/memory.py --megabytes 1000

The text is tinyshakespeare, repeated. Each size is prepared and trained on for a few steps by `seqforge train` in a
process of its own; the figure is the largest resident memory of the process and its workers. If memory does not depend
on the size of the corpus, the ratio of the two figures stays near one.
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
    """Write train/ and valid/; train/ has one file of about this size."""
    (path,) = find_corpus("tinyshakespeare").paths()
    text = Path(path).read_bytes()
    for split, copies in (("train", max(1, round(megabytes * 1e6 / len(text)))), ("valid", 1)):
        (folder / split).mkdir(parents=True)
        with (folder / split / "all.txt").open("wb") as file:
            for _ in range(copies):
                file.write(text)


def peak_megabytes(megabytes: float, steps: int) -> float:
    """Return the largest resident memory in MB of `seqforge train` on a text of a given size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "corpus", megabytes)
        command = [sys.executable, "-m", "seqforge", "train", "--plugin", "text", "--corpus", str(folder / "corpus")]
        command += ["--steps", str(steps), "--run", str(folder / "run"), "--quiet", "--size", "small"]
        subprocess.run(command, check=True, env={**os.environ, "SEQFORGE_CACHE": str(folder / "cache")})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def main() -> None:
    """Measure the small text first, because the figure is the maximum over all child processes so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    small = peak_megabytes(arguments.megabytes / 100, arguments.steps)
    large = peak_megabytes(arguments.megabytes, arguments.steps)
    print(json.dumps({"small_peak_mb": round(small), "large_peak_mb": round(large), "ratio": round(large / small, 2)}))
    print(f"100 times the text takes {large / small:.2f} times the memory")


if __name__ == "__main__":
    main()
