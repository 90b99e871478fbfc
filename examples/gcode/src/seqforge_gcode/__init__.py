"""Paths of a pen or a laser in G-code: each step is a move of two real numbers, in mm, and the bit of the tool.

The plugin reads and writes programs of absolute moves: `G0 X1 Y2` moves with the tool off, `G1 X1 Y2` with the tool on,
and `M2` ends a program. The constraint keeps the tool inside the bed: the network reads the move that was bounded.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

import seqforge
from seqforge import Constraint, Example, Mixture, Origin, Piece, Prompt, ReadError, flag

WORD = re.compile(r"([A-Z])\s*([-+]?[0-9.]+)")
GRID = 100
"""Positions are multiples of 0.01 mm."""
LARGEST = 1000 * GRID
"""Positions beyond one metre are no path of this machine."""

Moves = tuple[tuple[int, int, bool], ...]
"""The content of a piece: the positions after each move, in 0.01 mm, and whether the tool was on."""


@dataclass(frozen=True)
class GCodeRequest:
    """What is generated."""

    width: float = flag(200.0, help="Width of the bed in mm.", unit="MM")
    height: float = flag(200.0, help="Height of the bed in mm.", unit="MM")

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            if not 1 <= getattr(self, name) <= 1000:
                raise seqforge.OptionsError.invalid(name, getattr(self, name), "from 1 to 1000")


@dataclass(frozen=True)
class Bed(Constraint):
    """The tool stays on the bed, and a program has at least one move with the tool on."""

    corner: tuple[int, int]

    def start(self) -> Hashable:
        return (0, 0, False)  # the position, and whether the tool was on

    def allowed(self, state: Any) -> np.ndarray:
        return np.ones((1, 2), np.bool_)

    def project(self, state: Any, step: np.ndarray) -> np.ndarray:
        target = np.round(np.array(state[:2]) + step[:2] * GRID).clip(0, self.corner)
        return np.append((target - state[:2]) / GRID, step[2]).astype(np.float32)

    def may_end(self, state: Any) -> bool:
        return bool(state[2])

    def to_end(self, state: Any) -> int:
        return int(not state[2])

    def advance(self, state: Any, step: Any) -> Hashable:
        return (state[0] + round(step[0] * GRID), state[1] + round(step[1] * GRID), state[2] or step[2] > 0)


class GCodeCodec(seqforge.Codec[Moves, seqforge.NoOptions, GCodeRequest]):
    """Encodes each move as (dx, dy, tool) in mm. The core standardises dx and dy, so no scale is chosen here."""

    space = Mixture(reals=2, bits=1)

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Moves]], options: seqforge.NoOptions) -> Self:
        return cls()

    def encode(self, piece: Piece[Moves]) -> Example:
        points = np.array([(0, 0, 0), *piece.content], np.float64)
        moves = np.column_stack([np.diff(points[:, :2], axis=0) / GRID, points[1:, 2]])
        return Example(moves.astype(np.float32))

    def decode(self, example: Example) -> Piece[Moves]:
        positions = np.round(example.steps[:, :2].astype(np.float64) * GRID).cumsum(axis=0).astype(np.int64)
        if np.abs(positions).max(initial=0) > LARGEST:
            raise seqforge.DecodeError("the path is larger than 1 m")
        tool = example.steps[:, 2] > 0
        return Piece(tuple((x, y, on) for (x, y), on in zip(positions.tolist(), tool.tolist(), strict=True)))

    def canonical(self, piece: Piece[Moves]) -> Piece[Moves]:
        return Piece(piece.content)

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def task(self, request: GCodeRequest) -> seqforge.Task[Moves]:
        bed = Bed((round(request.width * GRID), round(request.height * GRID)))
        return seqforge.Task([Prompt(Example(np.zeros((0, 3), np.float32)), bed)])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: seqforge.NoOptions) -> Self:
        return cls()


class GCode(seqforge.Plugin[Moves, seqforge.NoOptions, GCodeRequest]):
    """Reads and writes programs of straight moves."""

    name = "gcode"
    summary = "paths of a pen or a laser in G-code"
    unit = "move"
    reads = writes = multi_piece = (".gcode",)
    Request = GCodeRequest
    codec = GCodeCodec
    native = False
    training_defaults: ClassVar[Mapping[str, Any]] = {"hidden": 128, "batch_size": 32}

    def read(self, path: Path, options: seqforge.NoOptions) -> Iterator[Piece[Moves] | ReadError]:
        """Yield the programs of a file; G0 and G1 with X and Y are read, other commands are ignored."""
        moves: list[tuple[int, int, bool]] = []
        position, first, mode = {"X": 0.0, "Y": 0.0}, 1, "0"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate([*lines, "M2"], 1):
            words = [(letter, value) for letter, value in WORD.findall(line.partition(";")[0].upper())]
            try:
                values = [(letter, float(value)) for letter, value in words]
            except ValueError:
                yield ReadError("a number is not valid", file=str(path), line=number)
                continue
            mode = next((f"{value:g}" for letter, value in values if letter == "G" and value in (0, 1)), mode)
            position |= {letter: value for letter, value in values if letter in position}
            if any(abs(value) * GRID > LARGEST for value in position.values()):
                yield ReadError("the position is beyond 1 m", file=str(path), line=number)
                position, moves = {"X": 0.0, "Y": 0.0}, []
            elif any(letter in position for letter, _ in values):
                moves.append((round(position["X"] * GRID), round(position["Y"] * GRID), mode == "1"))
            if ("M", 2) in values:
                if moves:
                    yield Piece(tuple(moves), origin=Origin(str(path), f"line {first}"))
                moves, position, first = [], {"X": 0.0, "Y": 0.0}, number + 1

    def write(self, pieces: Sequence[Piece[Moves]], path: Path) -> None:
        lines = []
        for piece in pieces:
            lines += ["G21 ; millimetres", "G90 ; absolute"]
            lines += [f"G{int(on)} X{x / GRID:.2f} Y{y / GRID:.2f}" for x, y, on in piece.content]
            lines.append("M2")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
