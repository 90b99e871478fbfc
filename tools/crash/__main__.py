"""Kill train, prepare and generate at random moments and at every file operation, resume them, and compare the files.

Prints a table, and fails if a file differs from that of an undisturbed run, if nothing continues after a kill (a dead
end), or if a temporary file is left over in the end. The folders of trials that failed are kept.

Usage:
    python -m tools.crash
    python -m tools.crash --scenario train --moments 0 --seed 3
"""

import argparse
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tools.crash.scenarios import SCENARIOS
from tools.crash.trials import TrialResult, run_trials


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--scenario", action="append", choices=SCENARIOS, help="What is killed; repeatable. Default: all."
    )
    parser.add_argument(
        "--moments", type=int, default=100, help="Number of kills at random moments, over all scenarios."
    )
    parser.add_argument(
        "--operations", type=int, default=None, help="Kills at file operations per scenario; default: all."
    )
    parser.add_argument("--seed", type=int, default=0, help="Seed of the moments.")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="Number of trials at the same time.")
    parser.add_argument("--out", type=Path, default=Path("out/crash"), help="Folder of the trials.")
    values = parser.parse_args(arguments)
    import seqforge.api.train
    import seqforge.cli.main  # noqa: F401 - imported once, before the processes are forked

    names = values.scenario or list(SCENARIOS)
    shutil.rmtree(values.out, ignore_errors=True)
    results = run_trials(
        values.out.resolve(),
        moments={name: -(-values.moments // len(names)) for name in names},
        operations=values.operations,
        seed=values.seed,
        workers=values.workers,
    )
    sys.stdout.write(table(names, results))
    return int(any(result.differing or result.dead_end or result.leftovers for result in results))


def table(names: Sequence[str], results: Sequence[TrialResult]) -> str:
    """Return a table of the results by scenario, and a list of the faults."""
    titles, widths = ("kills", "operations", "moments", "differing", "dead ends", "leftovers"), (8, 12, 9, 11, 11, 11)
    lines = ["scenario    " + "".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))]
    for name in names:
        trials = [result for result in results if result.kill.scenario == name and result.killed]
        at_operations = sum(result.kill.operation > 0 for result in trials)
        counts = [len(trials), at_operations, len(trials) - at_operations]
        counts += [sum(bool(value) for value in column) for column in (
            [r.differing for r in trials], [r.dead_end for r in trials], [r.leftovers for r in trials])]  # fmt: skip
        lines.append(f"{name:<12}" + "".join(f"{count:>{width}}" for count, width in zip(counts, widths, strict=True)))
    faults = Counter(
        f"{result.kill.scenario}: {_fault(result)}"
        for result in results
        if result.differing or result.dead_end or result.leftovers
    )
    lines += [f"{count} x {fault}" for fault, count in faults.most_common()]
    return "\n".join(lines) + "\n"


def _fault(result: TrialResult) -> str:
    if result.dead_end:
        return result.dead_end
    kind, names = ("differs", result.differing) if result.differing else ("is left over", result.leftovers)
    return f"{kind}: {', '.join(list(names)[:3])}"


if __name__ == "__main__":
    sys.exit(main())
