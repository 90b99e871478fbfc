"""Check mutants of every kind of file, print a table, and fail if there is a fault.

A fault is an exception that is no SeqforgeError, more than 5 s of processor time, more than 1 GB of memory, or the
death of the process. Mutants with faults are saved with the command that makes them again.

Usage:
    python -m tools.fuzz                                     # 100,000 mutants of all kinds
    python -m tools.fuzz --count 2000 --kind read-abc --seed 7
    python -m tools.fuzz --kind model --seed 0 --first 12345 --count 1
"""

import argparse
import os
import sys
from pathlib import Path

from tools.fuzz.campaign import KindResult, run_campaign
from tools.fuzz.seeds import build_seeds
from tools.fuzz.targets import TARGETS


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="Number of mutants of all kinds together.")
    parser.add_argument("--kind", action="append", choices=TARGETS, help="Kind of file; repeatable. Default: all.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the mutations.")
    parser.add_argument("--first", type=int, default=0, help="Index of the first mutant of each kind.")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="Number of processes.")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="Folder of seed files and faults.")
    values = parser.parse_args(arguments)
    seeds = values.out.resolve() / "seeds"
    build_seeds(seeds)
    kinds = values.kind or list(TARGETS)
    total = sum(TARGETS[kind].share for kind in kinds)
    counts = {kind: -(-values.count * TARGETS[kind].share // total) for kind in kinds}
    results = run_campaign(
        counts, seeds=seeds, folder=values.out / "faults", seed=values.seed, first=values.first, workers=values.workers
    )
    sys.stdout.write(table(results))
    return int(any(result.faults for result in results.values()))


def table(results: dict[str, KindResult]) -> str:
    """Return a table of the results, and a list of the faults."""
    lines = [f"{'kind':<18}{'mutants':>9}{'refused':>9}{'accepted':>10}{'faults':>8}"]
    rows = {
        kind: [result.counts[name] for name in ("refused", "accepted", "faults")] for kind, result in results.items()
    }
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines += [f"{kind:<18}{sum(row):>9,}{row[0]:>9,}{row[1]:>10,}{row[2]:>8,}" for kind, row in rows.items()]
    for kind, result in results.items():
        for signature, indices in sorted(result.faults.items(), key=lambda item: -len(item[1])):
            lines.append(f"{kind}: {len(indices)} x {signature} (first: {indices[0]})")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
