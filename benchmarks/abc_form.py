"""The form of generated tunes beside that of real ones: what returns, where, and how much is copied.

    python benchmarks/abc_form.py -n 1000

The rows are those of `seqforge_abc.structure`, which `seqforge evaluate abc --samples N` prints, too.

The held-out tunes are those of the splits test and valid, on which no model was trained. Tunes with 16 equal intervals
in a row are in one split, so the longest run of a held-out tune is short. Beside it, a sample of training tunes is
compared with the other training tunes.
"""

import argparse
import json
from collections.abc import Sequence

from _tunes import tunes
from abc_tunes import longest_copies

from seqforge import load
from seqforge.api.model_paths import resolve_model
from seqforge_abc import Tune
from seqforge_abc.structure import melody_intervals, structure

SAMPLE_EVERY = 20
"""Every twentieth training tune is compared with the other nineteen twentieths."""


def copies(tunes: Sequence[Tune], others: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the median and the maximum of the longest runs of notes that tunes have in common with other tunes."""
    lengths = longest_copies(tunes, others)
    return {
        "longest run of notes in a training tune, median": lengths[len(lengths) // 2],
        "longest run of notes in a training tune, maximum": lengths[-1],
    }


def print_table(columns: dict[str, dict[str, float]]) -> None:
    """Print one row per statistic and one column per set of tunes."""
    rows = list(next(iter(columns.values())))
    width = max(map(len, rows))
    print(" " * width, *(f"{name:>16}" for name in columns))
    for row in rows:
        print(f"{row:<{width}}", *(f"{column[row]:16.4g}" for column in columns.values()))


def main() -> None:
    """Generate tunes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200, help="number of tunes")
    parser.add_argument("--model", action="append", help="model file, run folder or name; may be repeated")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    models = {name: load(resolve_model(name, plugin="abc").path) for name in args.model or ["shipped"]}
    splits = tunes()[1]
    training = [piece.content for piece in splits["train"]]
    others = [melody_intervals(tune) for at, tune in enumerate(training) if at % SAMPLE_EVERY]
    index = list(map(melody_intervals, training))
    held_out = [piece.content for piece in (*splits["test"], *splits["valid"])]
    columns: dict[str, dict[str, float]] = {
        "held out": structure(held_out) | copies(held_out, index),
        "training": structure(training) | copies(training[::SAMPLE_EVERY], others),
    }
    for name, model in models.items():
        generated = [piece.content for piece in model.generate(args.n, seed=1, temperature=args.temperature)]
        columns[name[-16:]] = structure(generated) | copies(generated, index)
    if args.json:
        print(json.dumps(columns, indent=2))
    else:
        print_table(columns)


if __name__ == "__main__":
    main()
