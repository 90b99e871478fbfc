"""Nats per move of a pen with and without the standardisation of real numbers, in one run.

    python benchmarks/standardise.py --steps 600

The moves are those of the bundled UNIPEN lines, whose coordinates are read as multiples of 0.1 mm. The codec returns
them in 0.01 mm, 0.1 mm or mm. Without standardisation, the space of the codec states the centre 0 and the scale 1, so
the network reads and predicts the numbers as they are. Each row is a training from the same seed with the same number
of steps; losses are those of the test split, as densities in 0.1 mm, so that all rows can be compared.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import seqforge
from seqforge import Codec, Example, Mixture, NoRequest, Piece, Plugin, Prompt, ReadError, Task, flag
from seqforge.corpus import find_corpus

Moves = tuple[tuple[int, int, bool], ...]
"""The moves of a line in 0.1 mm, and whether the pen was down."""


@dataclass(frozen=True)
class PenOptions:
    """How moves are encoded."""

    unit: float = flag(0.1, help="Unit of the moves that the network reads.", unit="MM")
    standardise: bool = flag(True, help="Whether the core standardises the moves.")


class PenCodec(Codec[Moves, PenOptions, NoRequest]):
    """Encodes a line as moves in the unit of the options."""

    def __init__(self, options: PenOptions) -> None:
        self.factor = 0.1 / options.unit
        unchanged = () if options.standardise else ((0.0, 1.0), (0.0, 1.0))
        self.space = Mixture(reals=2, bits=1, standardisation=unchanged)

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Moves]], options: PenOptions) -> Self:
        return cls(options)

    def encode(self, piece: Piece[Moves]) -> Example:
        return Example(np.array(piece.content, np.float32) * np.float32([self.factor, self.factor, 1]))

    def decode(self, example: Example) -> Piece[Moves]:
        moves = np.round(example.steps[:, :2] / self.factor).astype(int).tolist()
        return Piece(tuple((x, y, bool(down)) for (x, y), down in zip(moves, example.steps[:, 2], strict=True)))

    def canonical(self, piece: Piece[Moves]) -> Piece[Moves]:
        return Piece(piece.content)

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def task(self, request: NoRequest) -> Task[Moves]:
        return Task([Prompt(Example(np.zeros((0, 3), np.float32)))])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: PenOptions) -> Self:
        return cls(options)


class Pen(Plugin[Moves, PenOptions, NoRequest]):
    """Reads lines of handwriting as moves."""

    name = "pen"
    summary = "moves of a pen"
    unit = "move"
    reads = writes = multi_piece = (".jsonl",)
    Options = PenOptions
    codec = PenCodec

    def read(self, path: Path, options: PenOptions) -> Iterator[Piece[Moves] | ReadError]:
        for line in path.read_text(encoding="utf-8").splitlines():
            moves: list[tuple[int, int, bool]] = []
            for stroke in json.loads(line)["strokes"]:
                pairs = zip(stroke[::2], stroke[1::2], strict=True)
                moves += [(x, y, number > 0) for number, (x, y) in enumerate(pairs)]
            yield Piece(tuple(moves))

    def write(self, pieces: Sequence[Piece[Moves]], path: Path) -> None:
        lines = (json.dumps({"strokes": strokes_of(piece.content)}) for piece in pieces)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def strokes_of(moves: Moves) -> list[list[int]]:
    """Return the strokes of a line, each as a flat list of moves."""
    strokes: list[list[int]] = []
    for x, y, down in moves:
        if not down or not strokes:
            strokes.append([])
        strokes[-1] += [x, y]
    return strokes


def announce(folder: Path) -> None:
    """Announce the plugin of this module to this process and to those that prepare the corpus."""
    metadata = folder / "pen-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pen\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[seqforge.plugins]\npen = standardise:Pen\n")
    added = [str(folder), str(Path(__file__).parent)]
    sys.path[:0] = added
    os.environ["PYTHONPATH"] = os.pathsep.join([*added, os.environ.get("PYTHONPATH", "")])


def main() -> None:
    """Train with and without standardisation, and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=float, nargs="+", default=[0.01, 0.1, 1.0], help="units of the codec in mm")
    parser.add_argument("--steps", type=int, default=600, help="training steps of each row")
    parser.add_argument("--hidden", type=int, default=128, help="hidden units")
    parser.add_argument("--seed", type=int, default=1, help="seed of the trainings")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        corpus = str(Path(name) / "lines")
        for split in ("train", "valid", "test"):
            shutil.copytree(find_corpus("unipen").folder / split, Path(corpus) / split)
        announce(Path(name))
        for unit in arguments.units:
            for standardise in (False, True):
                model = seqforge.train(
                    "pen", corpus=corpus, run=Path(name) / f"{unit}-{standardise}", unit=unit, standardise=standardise,
                    steps=arguments.steps, hidden=arguments.hidden, layers=1, ema=0, patience=0, threads=1,
                    seed=arguments.seed,
                )  # fmt: skip
                loss = model.evaluate(corpus, split="test").nats_per_unit - 2 * math.log(0.1 / unit)
                row = {"unit in mm": unit, "standardised": standardise, "nats per move in 0.1 mm": round(loss, 3)}
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
