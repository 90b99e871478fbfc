"""The log-loss on IAM-OnDB by the protocol of Graves, in nats per line and per point.

    python benchmarks/iam.py --data iam-ondb/ --minutes 600
    python benchmarks/iam.py --data iam-ondb/ --model runs/handwriting/0001/model.safetensors

IAM-OnDB is free for research after registration: https://fki.tic.heia-fr.ch/databases/iam-on-line-handwriting-database.
The folder holds lineStrokes/, ascii/ and the files of the task: trainset.txt, testset_v.txt, testset_t.txt and
testset_f.txt (in the folder itself or in one below it, such as task1/).

Protocol: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, sections 4.2 and 5.3. Each
line is a sequence. The training set, the test set and the larger validation set are for training, the smaller
validation set (testset_v) is for early stopping and for the figures. He divides offsets by their standard deviation in
training, so densities are converted to this unit: the loss of a line grows by the logarithm of the ratio of both units
for every coordinate. Compare with his tables 3 (without the text) and 4 (with it).
Points are not thinned (`simplify` 0). A model that was trained with thinned points is measured on thinned points; its
figures cannot be compared with his.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import seqforge
from seqforge import Piece, ReadError
from seqforge_handwriting import Handwriting
from seqforge_handwriting.ink import Ink, to_offsets
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.stroke_json import json_line

TRAIN, VALID = ("trainset.txt", "testset_f.txt", "testset_t.txt"), ("testset_v.txt",)


def forms(folder: Path, names: Iterable[str]) -> list[str]:
    """Return the forms that the files of the task name."""
    listed: list[str] = []
    for name in names:
        paths = sorted(folder.rglob(name))
        if not paths:
            raise SystemExit(f"{folder} has no file {name}; it comes with the tasks of IAM-OnDB")
        listed += paths[0].read_text(encoding="utf-8").split()
    return listed


def line_files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the files of the lines of forms such as a01-000u."""
    for form in names:
        lines = folder / "lineStrokes" / form.split("-")[0] / form.rstrip("abcdefghijklmnopqrstuvwxyz")
        yield from sorted(lines.glob(f"{form}-*.xml"))


def write_split(paths: Iterable[Path], output: Path) -> tuple[int, list[str]]:
    """Write lines as JSON, and return their number and the errors of files that cannot be read."""
    count, errors = 0, []
    with output.open("w", encoding="utf-8") as file:
        for path in paths:
            for sample in read_ink(path):
                if isinstance(sample, ReadError):
                    errors.append(str(sample))
                    continue
                file.write(json_line(sample.ink) + "\n")
                count += 1
    return count, errors


def pieces(path: Path, options: Any) -> tuple[list[Piece[Ink]], int]:
    """Return the lines that the plugin accepts, and the number of lines that it refuses."""
    items = list(Handwriting().read(path, options))
    accepted = [item for item in items if isinstance(item, Piece)]
    return accepted, len(items) - len(accepted)


def offset_deviations(path: Path) -> np.ndarray:
    """Return the standard deviations of dx and dy in the lines of a file."""
    samples = [sample for sample in read_ink(path) if not isinstance(sample, ReadError)]
    return np.concatenate([to_offsets(sample.ink)[1:, :2] for sample in samples]).std(axis=0)


def nats_per_line(model: Any, lines: list[Piece[Ink]], deviations: np.ndarray) -> np.ndarray:
    """Return the nats of each line for offsets in units of these deviations."""
    scores = model.score_many(lines)
    heights = np.array([model.codec.encode(line).extras["frame"]["x_height"] for line in lines])
    points = np.array([len(line.content.points) for line in lines])
    change = 2 * np.log(heights * model.codec.scale) - np.log(deviations).sum()
    return np.array([score.nats for score in scores]) + points * change


def main() -> None:
    """Train or load a model, and print its losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of IAM-OnDB")
    parser.add_argument("--model", help="model to measure; default: train one")
    parser.add_argument("--minutes", type=float, help="training time")
    parser.add_argument("--steps", type=int, help="training steps")
    parser.add_argument("--hidden", type=int, default=400, help="hidden units of each of the three layers")
    parser.add_argument("--run", type=Path, help="folder of the run; default: a temporary one")
    arguments = parser.parse_args()
    limit: dict[str, Any] = {"steps": arguments.steps} if arguments.steps else {"minutes": arguments.minutes or 60}
    with tempfile.TemporaryDirectory() as name:
        files = {"train": Path(name) / "train.jsonl", "valid": Path(name) / "valid.jsonl"}
        for split, tasks in (("train", TRAIN), ("valid", VALID)):
            count, errors = write_split(line_files(arguments.data, forms(arguments.data, tasks)), files[split])
            print(f"{split}: {count} lines", *errors[:5], sep="\n", flush=True)
            if not count:
                raise SystemExit(f"{arguments.data} has no lines of the {split} split in lineStrokes/")
        if arguments.model:
            model = seqforge.load(arguments.model)
        else:
            model = seqforge.train(
                "handwriting", corpus=[str(path) for path in files.values()], valid=str(files["valid"]), simplify=0.0,
                hidden=arguments.hidden, run=arguments.run or Path(name) / "run", **limit,
            )  # fmt: skip
        lines, refused = pieces(files["valid"], model.options)
        nats = nats_per_line(model, lines, offset_deviations(files["train"]))
        count = sum(len(line.content.points) for line in lines)
    figures = {
        "lines": len(lines), "refused lines": refused, "points": count, "nats per line": round(float(nats.mean()), 1),
        "nats per point": round(float(nats.sum()) / count, 4), "thinned points": model.options.simplify > 0,
    }  # fmt: skip
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
