"""The loss of a model of drawings without texts, in nats per point, with and without their kind as label.

    python benchmarks/sketches.py --steps 300
    python benchmarks/sketches.py --data quickdraw/ --minutes 60

Without --data, the drawings are synthetic (`tools.sketches`). --data names a folder with .ndjson files of Quick, Draw!,
one per kind (https://github.com/googlecreativelab/quickdraw-dataset, simplified drawings). The split is that of the
corpus, or 90 %, 5 % and 5 % of the drawings. A point has the unit of length of the training data: the root mean square
of an offset; `nats per point in eighths` is the same density for offsets in eighths of the size of the drawing.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import seqforge

sys.path.insert(0, str(Path(__file__).parents[1]))
from tools.sketches import write_sketches


def main() -> None:
    """Train on the drawings and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with .ndjson files; default: synthetic drawings")
    parser.add_argument("--count", type=int, default=300, help="number of synthetic drawings of each kind")
    parser.add_argument("--steps", type=int, help="training steps")
    parser.add_argument("--minutes", type=float, help="training time")
    parser.add_argument("--hidden", type=int, default=128, help="hidden units")
    arguments = parser.parse_args()
    limits: dict[str, Any] = {"minutes": arguments.minutes} if arguments.minutes else {"steps": arguments.steps or 300}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.data or Path(name) / "data"
        if arguments.data is None:
            write_sketches(folder, arguments.count)
        for title, dropout in (("with the kind", 0.1), ("without the kind", 1.0 - 1e-6)):
            model = seqforge.train(
                "handwriting", corpus=str(folder), encoding="sketch", run=Path(name) / title, hidden=arguments.hidden,
                layers=1, ema=0, label_dropout=dropout, threads=1, patience=0, **limits,
            )  # fmt: skip
            scale = model.codec.scale  # type: ignore[attr-defined]
            loss = model.evaluate(str(folder), split="test").nats_per_unit
            figures = {"nats per point": round(loss, 4), "in eighths": round(loss + 2 * math.log(scale), 4)}
            print(title, json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
